"""A human whose address changes stays one human: at the partner, and where it was erased."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.events_world import CRM, LISTED, OTHER, EventsWorld, events_world

from hub.store import people
from hub.vault.rows import ids

AINO, NEW = "aino@posti.example", "aino.uusi@posti.example"
MINUTE = 60.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EventsWorld]:
    with events_world(tmp_path, LISTED) as made:
        yield made


def crowst_has(
    world: EventsWorld, address: str, *, listed: bool = True, first_name: str = "Aino"
) -> None:
    world.clock.advance(MINUTE)
    projects = ["syksy"] if listed else []
    crm = world.tools[CRM]
    crm.register("c1", address, scope="", first_name=first_name, projects=projects)


def addresses(world: EventsWorld) -> list[object]:
    """Of the contacts in bangeri's CRM."""
    return [one.fields["email"] for one in world.tools[OTHER].held.values()]


def test_whom_the_partner_knows_only_from_here_is_not_made_twice(world: EventsWorld) -> None:
    crowst_has(world, AINO)
    assert world.sync()
    crowst_has(world, NEW)
    assert world.sync()
    assert world.owners() == ["bangeri", "crowst"]
    assert addresses(world) == [NEW]


def test_nor_is_whom_it_knows_by_itself(world: EventsWorld) -> None:
    crowst_has(world, AINO)
    world.tools[OTHER].register("b1", AINO, scope="", title="Myyjä")
    assert world.sync()
    crowst_has(world, NEW)
    assert world.sync()
    assert world.owners() == ["bangeri", "crowst"]
    assert addresses(world) == [AINO], "its own value is never replaced"
    crowst_has(world, NEW, listed=False)
    assert world.sync()
    assert world.members(NEW) == {}, "and the membership ends with the one that brought it"


def test_a_change_together_with_the_end_of_the_membership(world: EventsWorld) -> None:
    crowst_has(world, AINO)
    assert world.sync()
    crowst_has(world, NEW, listed=False)
    assert world.sync()
    assert world.members(AINO) == {}


def test_an_address_that_is_somebody_elses_there_ends_what_the_former_one_brought(
    world: EventsWorld,
) -> None:
    crowst_has(world, AINO)
    world.tools[OTHER].register("b2", NEW, scope="", title="Johtaja")
    assert world.sync()
    crowst_has(world, NEW)
    assert world.sync()
    assert "bangeri" not in world.members(AINO)
    assert world.members(NEW)["bangeri"] == {"crossed:crowst"}
    assert world.owners() == ["bangeri", "bangeri", "crowst"]


def test_a_contact_that_was_given_to_somebody_else(world: EventsWorld) -> None:
    """Another first name and another address: the successor is nobody whom the partner knew."""
    crowst_has(world, AINO)
    assert world.sync()
    crowst_has(world, NEW, first_name="Eetu")
    assert world.sync()
    assert world.owners() == ["bangeri", "bangeri", "crowst"]
    assert sorted(map(str, addresses(world))) == [NEW, AINO]
    assert "bangeri" not in world.members(AINO)


def test_nor_is_a_successor_held_off(world: EventsWorld) -> None:
    erased(world, AINO, "bangeri")
    crowst_has(world, AINO)
    assert world.sync()
    crowst_has(world, NEW, first_name="Eetu")
    assert world.sync()
    assert addresses(world) == [NEW]


def test_outside_a_live_project_nobody_is_followed(world: EventsWorld) -> None:
    crowst_has(world, AINO, listed=False)
    world.tools[OTHER].register("b1", AINO, scope="", title="Myyjä")
    assert world.sync()
    crowst_has(world, NEW, listed=False)
    assert world.sync()
    assert world.person(NEW, "bangeri") is None


def erased(world: EventsWorld, address: str, controller: str) -> None:
    """An erasure's block stands, for somebody whom the other company knows by itself."""
    identities = world.deployment.identities
    with world.deployment.database.begin() as connection:
        (number,) = ids(connection, people.block, 1)
        row = {
            "id": number,
            "controller": controller,
            "kind": "email",
            "digest": identities.block(controller, "email", address),
            "at": world.clock.now(),
        }
        people.add_block(connection, row)


@pytest.mark.parametrize("listed", [True, False])
def test_who_was_erased_at_the_partner_does_not_come_back_under_a_new_address(
    world: EventsWorld, *, listed: bool
) -> None:
    erased(world, AINO, "bangeri")
    crowst_has(world, AINO)
    assert world.sync()
    assert addresses(world) == []
    crowst_has(world, NEW, listed=listed)
    assert world.sync()
    crowst_has(world, NEW)
    assert world.sync()
    assert addresses(world) == []
    assert world.owners() == ["crowst"]


def test_a_corrected_address_blocks_nobody_whom_the_partner_knows(world: EventsWorld) -> None:
    """Crowst's contact had the address of somebody erased by mistake."""
    erased(world, AINO, "bangeri")
    world.tools[OTHER].register("b1", NEW, scope="", title="Myyjä")
    crowst_has(world, AINO)
    assert world.sync()
    crowst_has(world, NEW)
    assert world.sync()
    person = world.person(NEW, "bangeri")
    assert person is not None
    assert not person.blocked
