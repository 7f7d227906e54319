"""Art. 14: who must be told by when, telling of it, and closing it."""

from __future__ import annotations

from collections import namedtuple
from datetime import date, timedelta

import pytest
from support.accounts import Crm
from support.world import World

from hub.domain.audit import Event
from hub.domain.deadline import Escalation
from hub.rights import notices
from hub.rights.decide import CannotDecide
from hub.rights.notices import Way
from hub.store import audit, subjects
from hub.store import notices as rows
from hub.vault.database import read_only

MEMBER = "veera.niemela@posti.example"


@pytest.fixture
def crossed(world: World) -> int:
    """Bängeri's person of somebody whom only Crowst knew, on 2 November 2026."""
    crm = Crm(world, "crowst")
    crm.add(MEMBER, first_name="Veera", projects="webinaari-syksy-2026")
    world.sync()
    (owed,) = notices.owed(world.deployment)
    assert owed.controller == "bangeri"
    return owed.person


def told(world: World) -> list[tuple[str, str]]:
    with read_only(world.deployment.database).connect() as connection:
        return [
            (one.entry.subject, one.entry.detail["level"])
            for one in audit.entries(connection)
            if one.entry.event is Event.NOTICE_DUE
        ]


def test_it_is_owed_within_one_month(world: World, crossed: int) -> None:
    (owed,) = notices.owed(world.deployment)
    assert owed.due.ends == date(2026, 12, 2)
    assert owed.level is Escalation.NONE
    assert notices.owed(world.deployment, ["crowst"]) == []
    assert [one.person for one in notices.owed(world.deployment, ["bangeri"])] == [crossed]


def test_the_first_message_brings_it_forward(
    world: World, crossed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = world.clock.now() + timedelta(days=9)
    monkeypatch.setattr(rows, "first_subscribed", lambda _c, persons: dict.fromkeys(persons, at))
    (owed,) = notices.owed(world.deployment)
    assert owed.due.ends == date(2026, 11, 11)
    assert owed.subscribed == at


def test_the_first_disclosure_brings_it_forward(
    world: World, crossed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To somebody else, Art. 14(3)(c): their own controller's tools are nobody else."""
    Written = namedtuple("Written", "person_id system at")
    now = world.clock.now()

    def written(_: object, persons: list[int]) -> list[Written]:
        days = (("bangeri-crm", 0), ("joint-webinar", 9), ("crowst-mailer", 12), ("gone", 1))
        return [Written(one, name, now + timedelta(days=n)) for one in persons for name, n in days]

    monkeypatch.setattr(rows, "first_written", written)
    (owed,) = notices.owed(world.deployment)
    assert owed.due.ends == date(2026, 11, 11)
    assert owed.disclosed == now + timedelta(days=9)


def test_its_time_is_told_once_for_each_level(world: World, crossed: int) -> None:
    subject = f"person {crossed}"
    notices.escalate(world.deployment)
    assert told(world) == []
    expected = []
    for days, level in ((22, "ten-days"), (3, "five-days"), (3, "two-days"), (3, "late")):
        world.clock.advance(timedelta(days=days).total_seconds())
        notices.escalate(world.deployment)
        notices.escalate(world.deployment)
        expected.append((subject, level))
        assert told(world) == expected


def test_giving_it_closes_it_with_its_version(world: World, crossed: int) -> None:
    given = notices.give(world.deployment, [crossed, 999], "v3", Way.LETTER, "cli:aino")
    assert (given.persons, given.none_due) == ([crossed], [999])
    assert notices.owed(world.deployment) == []
    with read_only(world.deployment.database).connect() as connection:
        (row,) = rows.given(connection, [crossed])
    assert (row.version, row.how, row.by) == ("v3", "letter", "cli:aino")
    again = notices.give(world.deployment, [crossed], "v3", Way.LETTER, "cli:aino")
    assert (again.persons, again.none_due) == ([], [crossed])
    world.sync(full=True)
    assert notices.owed(world.deployment) == []
    world.clock.advance(timedelta(days=40).total_seconds())
    notices.escalate(world.deployment)
    assert told(world) == []


def test_a_sync_that_had_read_the_person_before_does_not_bring_it_back(
    world: World, crossed: int
) -> None:
    deployment = world.deployment
    with read_only(deployment.database).connect() as connection:
        before = subjects.load(connection, deployment.vault, deployment.identities, [crossed])
    notices.give(deployment, [crossed], "v3", Way.EMAIL, "cli:aino")
    with read_only(deployment.database).connect() as connection:
        after = subjects.load(connection, deployment.vault, deployment.identities, [crossed])
    assert after[crossed].version > before[crossed].version


@pytest.mark.parametrize("version", ["", "Syksyn seloste", "aino@posti.example"])
def test_a_version_is_a_code(world: World, crossed: int, version: str) -> None:
    with pytest.raises(CannotDecide):
        notices.give(world.deployment, [crossed], version, Way.EMAIL, "cli:aino")
    assert len(notices.owed(world.deployment)) == 1
