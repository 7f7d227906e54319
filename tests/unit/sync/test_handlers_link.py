"""A handler says whose a record is: a person of the company that sees it, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.events_world import CRM, LISTED, OTHER, WEBINAR, EventsWorld, events_world

from hub.store import questions
from hub.sync.review import CannotDecide, Decision, decide

AINO, NEW = "aino@posti.example", "aino.uusi@posti.example"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EventsWorld]:
    with events_world(tmp_path) as made:
        yield made


def asked(world: EventsWorld) -> int:
    with world.deployment.database.connect() as connection:
        (row,) = [one for one in questions.reviews(connection) if one.kind == "identity"]
    return int(row.id)


def test_a_person_of_the_other_company_is_refused(world: EventsWorld) -> None:
    world.tools[CRM].register("c1", AINO, scope="", first_name="Eetu")
    world.tools[OTHER].register("b1", AINO, scope="", first_name="Aino")
    world.sync()
    world.tools[CRM].register("c2", AINO, scope="", first_name="Aino")
    world.run(CRM)
    theirs = world.person(AINO, "bangeri")
    assert theirs is not None
    with pytest.raises(CannotDecide, match="bangeri"):
        decide(world.deployment, asked(world), Decision.LINK, "test", theirs.id)


def test_of_a_joint_record_each_company_has_its_own_person(world: EventsWorld) -> None:
    """Both know the address under another first name; crowst's handler names crowst's person."""
    for system, id_ in ((CRM, "c1"), (OTHER, "b1")):
        world.tools[system].register(id_, AINO, scope="", first_name="Eetu")
        world.run(system)
    world.webinar.register("1", AINO, first_name="Aino")
    world.run()
    mine = world.person(AINO)
    assert mine is not None
    decide(world.deployment, asked(world), Decision.LINK, "test", mine.id)
    for controller in ("crowst", "bangeri"):
        person = world.person(AINO, controller)
        assert person is not None
        systems = {(one.system, one.controller) for one in person.links}
        assert {whose for _, whose in systems} == {controller}
        assert ((WEBINAR, controller) in systems) is (controller == "crowst")
    world.run()
    assert asked(world), "bangeri's is asked for"


def test_an_address_that_is_another_persons_is_not_taken_over(world: EventsWorld) -> None:
    crm = world.tools[CRM]
    crm.register("c1", AINO, scope="", first_name="Aino")
    crm.register("c2", NEW, scope="", first_name="Aino")
    world.sync()
    world.clock.advance(60)
    crm.register("c1", NEW, scope="", first_name="Aino")
    world.run(CRM)
    with world.deployment.database.connect() as connection:
        rows = {row.kind: row.id for row in questions.reviews(connection)}
    assert rows.keys() == {"identity", "conflict"}
    with pytest.raises(CannotDecide, match="another person"):
        decide(world.deployment, rows["conflict"], Decision.THEIRS, "test")
    decide(world.deployment, rows["conflict"], Decision.OURS, "test")


def test_what_had_crossed_to_one_of_two_merged_addresses_ends(tmp_path: Path) -> None:
    with events_world(tmp_path, LISTED) as world:
        crm = world.tools[CRM]
        for id_, address in (("c1", AINO), ("c2", NEW)):
            crm.register(id_, address, scope="", first_name="Aino", projects=["syksy"])
        assert world.sync()
        assert {*world.members(AINO), *world.members(NEW)} == {"crowst", "bangeri"}
        world.clock.advance(60)
        crm.register("c1", NEW, scope="", first_name="Aino", projects=["syksy"])
        world.run(CRM)
        decide(world.deployment, asked(world), Decision.MERGE, "test")
        assert world.sync()
        kept = world.person(NEW)
        assert kept is not None
        former = AINO if kept.email == NEW else NEW
        assert "bangeri" not in world.members(former)
        assert world.members(str(kept.email))["bangeri"] == {"crossed:crowst"}
