"""A question whose answer turned up by itself asks nobody any more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.events_world import CRM, EventsWorld, events_world

from hub.store import questions

AINO = "aino@posti.example"
MINUTE = 60.0
WEEK = 8 * 86_400.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EventsWorld]:
    with events_world(tmp_path) as made:
        yield made


def asked(world: EventsWorld) -> list[str]:
    with world.deployment.database.connect() as connection:
        return [one.external_id for one in questions.reviews(connection)]


def test_a_contact_that_was_deleted_and_made_anew(world: EventsWorld) -> None:
    crm = world.tools[CRM]
    crm.register("c1", AINO, scope="", first_name="Aino")
    world.run(CRM)
    crm.remove("c1", scope="")
    world.clock.advance(MINUTE)
    crm.register("c2", AINO, scope="", first_name="Aino")
    world.run(CRM)
    assert asked(world) == ["c2"], "the first one may still be there"
    world.clock.advance(WEEK)
    world.run(CRM)
    assert world.run(CRM, full=True).read["new-link"] == 1
    assert asked(world) == []


def test_a_registration_that_one_company_cannot_tell_whose_it_is(world: EventsWorld) -> None:
    world.tools[CRM].register("c1", AINO, scope="", first_name="Eetu")
    world.run(CRM)
    world.webinar.register("1", AINO, first_name="Aino")
    world.run()
    assert asked(world) == ["1"], "the other has its person"
    world.clock.advance(MINUTE)
    world.tools[CRM].register("c1", AINO, scope="", first_name="Aino")
    world.run(CRM)
    world.run(full=True)
    assert asked(world) == []
