"""Who is taken off a joint project's list is off it at both companies, and nothing more crosses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.events_world import CRM, LISTED, OTHER, EventsWorld, events_world

from hub.api import RecordState

AINO = "aino@posti.example"
MINUTE = 60.0
WEEK = 8 * 86_400.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EventsWorld]:
    with events_world(tmp_path, LISTED) as made:
        yield made


def listed(world: EventsWorld, first_name: str = "Aino", *, on: bool = True) -> None:
    """Crowst's CRM has Aino, on the project's list or not."""
    world.clock.advance(MINUTE)
    projects = ["syksy"] if on else []
    world.tools[CRM].register("c1", AINO, scope="", first_name=first_name, projects=projects)


def title(world: EventsWorld) -> None:
    """Bängeri knows her too, and something of its own."""
    world.tools[OTHER].register("b1", AINO, scope="", title="Myyjä")


def held(world: EventsWorld) -> object:
    return world.tools[OTHER].held["", "b1"].fields.get("first_name")


def test_two_views_of_one_human_do_not_keep_each_other_in(world: EventsWorld) -> None:
    """Each gives the other something; the list was the only reason that either was a member."""
    listed(world)
    title(world)
    assert world.sync()
    assert world.members(AINO) == {"crowst": {"crowst-crm:projects"}, "bangeri": {"crossed:crowst"}}
    assert held(world) == "Aino"
    listed(world, on=False)
    assert world.sync()
    assert world.members(AINO) == {}
    listed(world, "Aino Maria", on=False)
    assert world.sync()
    assert held(world) == "Aino"


def test_nor_after_a_registration_that_both_have(world: EventsWorld) -> None:
    listed(world, on=False)
    title(world)
    world.webinar.register("1", AINO)
    assert world.sync()
    assert {"crossed:bangeri"} < world.members(AINO)["crowst"]
    assert {"crossed:crowst"} < world.members(AINO)["bangeri"]
    world.webinar.register("1", AINO, state=RecordState.ARCHIVED)
    assert world.sync()
    assert world.members(AINO) == {}
    listed(world, "Aino Maria", on=False)
    assert world.sync()
    assert held(world) == "Aino"


def test_a_record_that_is_gone_lists_nobody(world: EventsWorld) -> None:
    listed(world)
    world.sync()
    world.tools[CRM].remove("c1", scope="")
    world.clock.advance(WEEK)
    assert world.sync()
    assert world.members(AINO) == {}


@pytest.mark.parametrize("state", [RecordState.ARCHIVED, RecordState.GONE])
def test_nor_does_one_put_aside_that_shows_no_list(world: EventsWorld, state: RecordState) -> None:
    listed(world)
    world.sync()
    world.clock.advance(MINUTE)
    world.tools[CRM].register("c1", AINO, scope="", state=state)
    assert world.sync()
    assert world.members(AINO) == {}


def test_a_rule_that_is_taken_away_keeps_nobody(tmp_path: Path, world: EventsWorld) -> None:
    listed(world)
    world.sync()
    world.deployment.database.dispose()
    fewer = LISTED.replace(", {system: crowst-crm, field: projects, value: syksy}", "")
    with events_world(tmp_path, fewer, before=world) as again:
        assert again.sync()
        assert again.members(AINO) == {}


def test_two_values_of_one_field_are_two_ways_in(tmp_path: Path) -> None:
    more = LISTED.replace(
        "value: syksy}", "value: syksy}, {system: crowst-crm, field: projects, value: talvi}"
    )
    with events_world(tmp_path, more) as world:
        listed(world)
        assert world.sync()
        assert world.members(AINO)["crowst"] == {"crowst-crm:projects"}


def test_what_crossed_when_two_records_were_two_people_ends_with_their_merge(
    world: EventsWorld,
) -> None:
    """The address of the record that was merged away is no member's any more, at either."""
    other = "a.esimerkki@tyo.example"
    listed(world)
    world.tools[CRM].register("c2", other, scope="", first_name="Aino", projects=["syksy"])
    assert world.sync()
    assert world.members(other)["bangeri"] == {"crossed:crowst"}
    world.tools[CRM].merge("c1", "c2")
    assert world.sync()
    assert "bangeri" not in world.members(other)
    assert world.members(AINO)["bangeri"] == {"crossed:crowst"}


def test_a_notice_that_is_owed_outlives_a_merge(world: EventsWorld) -> None:
    """Bängeri knows her by itself too, under another address; its staff merge the contacts."""
    listed(world)
    world.tools[OTHER].register("b1", "a.esimerkki@tyo.example", scope="", first_name="Aino")
    assert world.sync()
    crossed = world.person(AINO, "bangeri")
    assert crossed is not None
    assert crossed.notice_due is not None
    (record,) = (one.external_id for one in crossed.links)
    world.clock.advance(MINUTE)
    world.tools[OTHER].merge("b1", record)
    assert world.sync()
    merged = world.person(AINO, "bangeri")
    assert merged is not None
    assert merged.id != crossed.id
    assert merged.notice_due == crossed.notice_due
