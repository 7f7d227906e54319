"""The permission ledger's rows give back the events that they were made of."""

from __future__ import annotations

from datetime import timedelta

from support.store_world import AT, HOUR, Kit

from hub.domain.landscape import Ground
from hub.domain.permission import EventKind, PermissionEvent
from hub.store import ledger

CONSENT = PermissionEvent(
    "news", EventKind.CONSENT, AT, at=AT - HOUR, act="double-opt-in", system="mailer"
)
GROUND = PermissionEvent(
    "news", EventKind.GROUND, AT + timedelta(microseconds=1), ground=Ground.CUSTOMER, system="crm"
)
OBJECTION = PermissionEvent("news", EventKind.OBJECTION, AT + HOUR, system="crm")


def test_events_come_back_as_they_were_oldest_first(kit: Kit) -> None:
    with kit.store.begin() as connection:
        one, other = kit.person(connection).id, kit.person(connection).id
        ledger.append(
            connection,
            [
                ledger.row(3, one, OBJECTION),
                ledger.row(1, one, CONSENT, evidence=b"sealed", key_id=7),
                ledger.row(2, one, GROUND),
                ledger.row(4, other, CONSENT),
            ],
        )
        assert list(ledger.of_persons(connection, [one])) == [
            (one, CONSENT),
            (one, GROUND),
            (one, OBJECTION),
        ]
        assert list(ledger.of_persons(connection, [])) == []


def test_a_merge_loses_no_event_and_no_evidence(kit: Kit) -> None:
    with kit.store.begin() as connection:
        loser, winner = kit.person(connection).id, kit.person(connection).id
        ledger.append(
            connection,
            [
                ledger.row(1, loser, OBJECTION, evidence=b"sealed", key_id=7),
                ledger.row(2, winner, CONSENT),
            ],
        )
        ledger.move(connection, loser, winner)
        assert list(ledger.of_persons(connection, [winner])) == [
            (winner, OBJECTION),
            (winner, CONSENT),
        ]
        evidence = ledger.event.select().where(ledger.event.c.id == 1)
        row = connection.execute(evidence).one()
        assert (row.evidence, row.key_id) == (b"sealed", 7)
