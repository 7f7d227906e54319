"""Who is still to be told, and who was; the audit log's check. On each kind of database."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from support.store_world import AT, HOUR, PLACE, Kit

from hub.domain.audit import Broken, Event, Fault, Head
from hub.store import audit, notices, people, subjects
from hub.store.deliveries import Lane
from hub.vault.rows import ids


def owing(kit: Kit, connection: object, days: int) -> int:
    made = kit.person(connection)  # type: ignore[arg-type]  # a connection
    made.notice_due = AT + 24 * days * HOUR
    made.changed = True
    subjects.save(connection, [made], AT)  # type: ignore[arg-type]  # as above
    return made.id


def test_the_first_due_stands_on_top_and_merged_persons_are_left_out(kit: Kit) -> None:
    with kit.store.begin() as connection:
        later, sooner, merged = (owing(kit, connection, days) for days in (9, 3, 1))
        kit.person(connection)  # owed nothing
        people.update(connection, [{"id": merged, "merged_into": sooner}])
        assert [row.id for row in notices.due(connection)] == [sooner, later]


def test_only_a_subscription_that_was_sent_lets_a_message_through(kit: Kit) -> None:
    with kit.store.begin() as connection:
        one, other = owing(kit, connection, 3), owing(kit, connection, 3)
        kit.sent(connection, one, lane=Lane.RECORD)
        kit.ready(connection, one, lane=Lane.CONSENT)
        assert notices.first_subscribed(connection, [one, other]) == {}
        kit.sent(connection, other, lane=Lane.CONSENT, place=(*PLACE[:2], "x"))
        assert notices.first_subscribed(connection, [one, other]) == {other: AT}


def test_the_first_write_to_each_system_is_found(kit: Kit) -> None:
    with kit.store.begin() as connection:
        one, other = owing(kit, connection, 3), owing(kit, connection, 3)
        kit.sent(connection, one, lane=Lane.RECORD)
        kit.ready(connection, other, lane=Lane.RECORD)
        found = notices.first_written(connection, [one, other])
        assert [tuple(row) for row in found] == [(one, PLACE[0], AT)]


def test_closing_answers_whom_it_closed_and_keeps_what_was_given(kit: Kit) -> None:
    with kit.store.begin() as connection:
        one = owing(kit, connection, 3)
        told = kit.person(connection).id
    with kit.store.begin() as connection:
        assert notices.close(connection, [told, one, one, 999_999], AT) == [one]
        assert notices.close(connection, [one], AT) == []
        (number,) = ids(connection, notices.notice, 1)
        row = {"id": number, "person_id": one, "version": "v3", "how": "email", "at": AT}
        notices.add(connection, [{**row, "by": "cli:aino"}])
        (given,) = notices.given(connection, [one, told])
        assert (given.person_id, given.version, given.at) == (one, "v3", AT)
        assert people.versions(connection, [one])[one][0] == 3  # saved twice, closed once


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("UPDATE audit_event SET actor = 'hub' WHERE seq = 2", Broken(Fault.EDITED, 2)),
        ("UPDATE audit_event SET event = 'gossip' WHERE seq = 2", Broken(Fault.EDITED, 2)),
        ("DELETE FROM audit_event WHERE seq = 2", Broken(Fault.REMOVED, 3)),
        ("DELETE FROM audit_event WHERE seq = 3", Broken(Fault.TRUNCATED, 3)),
        ("UPDATE audit_event SET subject = '' WHERE seq = -1", None),
    ],
)
def test_the_log_is_checked_against_an_exported_head(
    kit: Kit, change: str, expected: Broken | None
) -> None:
    with kit.store.begin() as connection:
        for n in range(3):
            audit.record(connection, AT, Event.NOTE_ADDED, "cli:aino", f"request {n}")
    with kit.store.begin() as connection:
        head = audit.head(connection)
        assert audit.check(connection, head) == (None, head)
        connection.execute(text(change))
        broken, last = audit.check(connection, head)
        assert broken == expected
        assert isinstance(last, Head)
