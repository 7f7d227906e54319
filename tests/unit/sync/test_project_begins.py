"""A project that begins, or is to do otherwise, finds also whom nothing changes for at a vendor."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from support.events_world import CRM, LISTED, OTHER, EventsWorld, events_world

from hub.sync.dryrun import dry_run

AINO = "aino@posti.example"
BEFORE = timedelta(days=5).total_seconds()
AFTER = timedelta(days=60).total_seconds()
RULE = ", {system: crowst-crm, field: projects, value: syksy}"


def listed(world: EventsWorld) -> None:
    world.tools[CRM].register(
        "c1", AINO, scope="", first_name="Aino", title="Myyjä", projects=["syksy"]
    )


def crossed(world: EventsWorld) -> list[object]:
    return [one.fields.get("title") for one in world.tools[OTHER].held.values()]


def test_who_is_on_its_list_before_its_first_day(tmp_path: Path) -> None:
    with events_world(tmp_path, LISTED) as world:
        world.clock.advance(-BEFORE)
        listed(world)
        assert world.sync()
        assert crossed(world) == []
        world.clock.advance(BEFORE)
        assert world.sync()
        assert crossed(world) == ["Myyjä"]
        assert world.run(CRM).quiet


def test_a_field_that_is_added_and_a_dry_run_that_tells_of_it(tmp_path: Path) -> None:
    fewer = LISTED.replace("first_name, job_title]", "first_name]")
    with events_world(tmp_path, fewer) as world:
        listed(world)
        assert world.sync()
        assert crossed(world) == [None]
    with events_world(tmp_path, LISTED, before=world) as again:
        told = dry_run(again.deployment, list(again.deployment.systems), tmp_path)
        assert told[OTHER].fields == {"job_title": 1}
        assert again.sync()
        assert crossed(again) == ["Myyjä"]


def test_a_way_in_that_is_added(tmp_path: Path) -> None:
    with events_world(tmp_path, LISTED.replace(RULE, "")) as world:
        listed(world)
        assert world.sync()
        assert crossed(world) == []
    with events_world(tmp_path, LISTED, before=world) as again:
        assert again.sync()
        assert crossed(again) == ["Myyjä"]


def test_its_end_has_nothing_read_again_and_an_end_put_off_has(tmp_path: Path) -> None:
    with events_world(tmp_path, LISTED) as world:
        listed(world)
        assert world.sync()
        world.clock.advance(AFTER)
        assert world.sync(full=True)
        assert world.run(CRM, full=True).read["changed"] == 0
    longer = LISTED.replace("ends: 2026-11-30", "ends: 2027-11-30")
    with events_world(tmp_path, longer, before=world) as again:
        assert again.run(CRM).read["changed"] == 1
