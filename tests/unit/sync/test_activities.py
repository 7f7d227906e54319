"""What people did: read, collected, kept once, followed by a value, and never in the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.events_world import FIRST, WEBINAR, EventsWorld, events_world

AINO = "aino@posti.example"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EventsWorld]:
    with events_world(tmp_path) as made:
        yield made


def test_an_activity_is_each_controllers_persons(world: EventsWorld) -> None:
    world.webinar.register("1", AINO, first_name="Aino")
    world.webinar.did("1", "registered")
    report = world.run()
    assert report.read["activity"] == 2, "once for each controller of the joint system"
    assert world.kinds(AINO) == world.kinds(AINO, "bangeri") == ["registered"]


def test_reading_again_brings_nothing(world: EventsWorld) -> None:
    world.webinar.register("1", AINO)
    for _ in range(6):
        world.webinar.did("1", "question")
    assert world.sync()
    again = world.run()
    assert again.read["activity-known"] == 6, "the overlap, for each controller"
    assert again.quiet
    assert len(world.kinds(AINO)) == 6


def test_attendance_is_written_to_the_crm(world: EventsWorld) -> None:
    world.webinar.register("1", AINO)
    world.webinar.did("1", "attended")
    assert world.sync()
    (held,) = world.tools["crowst-crm"].held.values()
    assert held.fields["webinars"] == [f"{FIRST} attended"]
    assert held.fields["email"] == AINO
    assert WEBINAR in {one.system for one in world.reports}
