"""Who has a live record in the joint webinar is a member of its project."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from support.events_world import FIRST, OTHER, SECOND, WEBINAR, EventsWorld, events_world

from hub.api import RecordState

AINO = "aino@posti.example"
WEEK = timedelta(days=8).total_seconds()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EventsWorld]:
    with events_world(tmp_path) as made:
        yield made


def member(world: EventsWorld, controller: str = "crowst") -> set[str]:
    subject = world.person(AINO, controller)
    assert subject is not None
    return subject.memberships.get("syksy", set())


def test_a_registration_makes_a_member_at_both_companies(world: EventsWorld) -> None:
    world.webinar.register("1", AINO)
    assert world.run().read["joined"] == 2
    assert member(world) == member(world, "bangeri") == {f"{WEBINAR}/{FIRST}"}
    assert world.run().quiet


def test_a_denied_registration_makes_none(world: EventsWorld) -> None:
    world.webinar.register("1", AINO, state=RecordState.ARCHIVED)
    world.run()
    assert member(world) == set()


@pytest.mark.parametrize("state", [RecordState.ARCHIVED, RecordState.GONE])
def test_a_cancellation_ends_it(world: EventsWorld, state: RecordState) -> None:
    world.webinar.register("1", AINO)
    world.run()
    world.webinar.register("1", AINO, state=state)
    assert world.run().read["left"] == 2
    assert member(world) == member(world, "bangeri") == set()


def test_it_is_taken_up_again(world: EventsWorld) -> None:
    for state in (RecordState.LIVE, RecordState.ARCHIVED, RecordState.LIVE):
        world.webinar.register("1", AINO, state=state)
        world.run()
    assert member(world) == {f"{WEBINAR}/{FIRST}"}


def test_a_deleted_record_ends_it(world: EventsWorld) -> None:
    world.webinar.register("1", AINO)
    world.run()
    world.webinar.remove("1")
    world.clock.advance(WEEK)
    report = world.run()
    assert (report.read["gone"], report.read["left"]) == (2, 2)
    assert member(world) == member(world, "bangeri") == set()
    assert world.run().quiet


def test_each_webinar_is_a_reason_of_its_own(world: EventsWorld) -> None:
    for scope in (FIRST, SECOND):
        world.webinar.register("1", AINO, scope=scope)
    world.run()
    assert member(world) == {f"{WEBINAR}/{FIRST}", f"{WEBINAR}/{SECOND}"}
    world.webinar.register("1", AINO, scope=FIRST, state=RecordState.ARCHIVED)
    world.run()
    assert member(world) == {f"{WEBINAR}/{SECOND}"}


def test_what_only_one_company_knows_crosses_to_the_other(world: EventsWorld) -> None:
    """The first name is crowst's own; the registration makes Aino a member, so it may cross."""
    crm = world.tools["crowst-crm"]
    crm.register("c1", AINO, scope="", first_name="Aino")
    assert world.sync()
    assert world.tools[OTHER].held == {}
    world.webinar.register("1", AINO)
    assert world.sync()
    (held,) = world.tools[OTHER].held.values()
    assert held.fields["first_name"] == "Aino"
