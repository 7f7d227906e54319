"""An erasure at one company is no erasure at the other: whom that one gets to know by itself, then
or later, is its own. What had crossed to it is gone, and stays so."""

from __future__ import annotations

import pytest
from support.accounts import Crm, List
from support.rights_desk import Desk
from support.world import World

from hub.domain.rights import Right
from hub.rights import worker
from hub.store import people
from hub.testing.world import LIVE_PROJECT
from hub.vault.database import read_only

OONA = "oona.yhteinen@posti.example"


@pytest.fixture
def crossed(world: World) -> World:
    """Oona is Crowst's, and known to Bängeri only through their project."""
    Crm(world, "crowst").add(OONA, last_name="Yhteinen", projects=LIVE_PROJECT)
    world.sync()
    assert Crm(world, "bangeri").value(OONA, "last_name") == "Yhteinen"
    return world


def blocked(world: World, controller: str) -> bool:
    """Whether her address is blocked at that company."""
    identities = world.deployment.identities
    with read_only(world.deployment.database).connect() as connection:
        digests = identities.blocks(controller, "email", OONA)
        return bool(people.blocked(connection, controller, "email", digests))


def erased(world: World, desk: Desk) -> None:
    number = desk.run(Right.ERASURE, OONA)
    desk.confirm(number)
    desk.close(number)
    world.clock.advance(3600)


def own_relation(world: World) -> None:
    """Bängeri's staff add her, and she subscribes to their newsletter: both are Bängeri's own."""
    other = Crm(world, "bangeri")
    other.add(OONA, first_name="Oona", last_name="Omanimi", company="Oma Oy")
    List(world, "bangeri-uutiset").subscribes(OONA, last_name="Omanimi")
    world.sync()
    assert List(world, "bangeri-uutiset").member(OONA).merge_fields["COMPANY"] == "Oma Oy"


def test_once_what_had_crossed_is_gone_the_other_may_get_to_know_her(
    crossed: World, desk: Desk
) -> None:
    erased(crossed, desk)
    assert Crm(crossed, "bangeri").id_of(OONA) is None
    assert (blocked(crossed, "crowst"), blocked(crossed, "bangeri")) == (True, False)
    own_relation(crossed)
    assert Crm(crossed, "crowst").id_of(OONA) is None


def test_where_the_other_had_nobody_nothing_is_blocked_there(world: World, desk: Desk) -> None:
    Crm(world, "crowst").add(OONA, last_name="Yhteinen")
    world.sync()
    erased(world, desk)
    assert (blocked(world, "crowst"), blocked(world, "bangeri")) == (True, False)
    own_relation(world)


def test_the_record_that_had_crossed_does_not_come_back(crossed: World, desk: Desk) -> None:
    other = Crm(crossed, "bangeri")
    id_ = other.id_of(OONA) or ""
    erased(crossed, desk)
    shown = {"email": OONA, "lastname": "Yhteinen"}
    other.box.seed({"contacts": [{"id": id_, "properties": shown}]})  # as a lagging system would
    before = crossed.writes()
    crossed.sync(full=True)
    assert crossed.writes() == before
    assert not _living(crossed, "bangeri")
    desk.watch(1.1)
    assert other.id_of(OONA) is None


def _living(world: World, controller: str) -> bool:
    digest = world.deployment.identities.email(controller, OONA)
    with read_only(world.deployment.database).connect() as connection:
        return bool(people.find(connection, controller, "email", [digest]))


def test_while_it_is_carried_out_nothing_is_written_there_and_an_own_record_is_left(
    crossed: World, desk: Desk
) -> None:
    number = desk.open(Right.ERASURE, OONA)
    desk.identify(number)
    desk.approve(number)
    assert blocked(crossed, "bangeri")
    other = Crm(crossed, "bangeri")
    other.delete(other.id_of(OONA) or "")
    own = other.add(OONA, last_name="Omanimi", company="Oma Oy")
    before = crossed.writes()["bangeri-crm"]
    crossed.run("bangeri-crm")
    assert crossed.writes()["bangeri-crm"] == before
    desk.work()
    desk.confirm(number)
    desk.close(number)
    assert other.id_of(OONA) == own
    crossed.sync(full=True)
    assert other.value(OONA, "company") == "Oma Oy"
    assert _living(crossed, "bangeri")


def test_two_requests_that_reach_one_record_at_once_take_turns(
    crossed: World, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [desk.open(Right.ERASURE, OONA, whose) for whose in ("crowst", "bangeri")]
    for number in numbers:
        desk.identify(number)
        desk.approve(number)
    opened = desk.opened("bangeri-crm")
    erase = type(opened.connector).erase
    second = desk.tasks(numbers[1])["bangeri-crm", "records"].id
    met = []

    def meanwhile(self: object, *given: object) -> object:
        if not met:
            met.append(second)
            worker.attempt(desk.deployment, opened, second)
            assert desk.states(numbers[1])["bangeri-crm"] == "pending"
        return erase(self, *given)

    monkeypatch.setattr(type(opened.connector), "erase", meanwhile)
    first = desk.tasks(numbers[0])["bangeri-crm", "records"].id
    worker.attempt(desk.deployment, opened, first)
    assert met
    desk.work()
    assert {desk.states(number)["bangeri-crm"] for number in numbers} <= {"verified", "not_held"}


def test_an_erasure_at_the_other_too_stays_a_block_there(crossed: World, desk: Desk) -> None:
    first = desk.open(Right.ERASURE, OONA)
    second = desk.open(Right.ERASURE, OONA, "bangeri")
    for number in (first, second):
        desk.identify(number)
        desk.approve(number)
    desk.work()
    assert {desk.row(first).state, desk.row(second).state} <= {"notifying", "awaiting_external"}
    assert (blocked(crossed, "crowst"), blocked(crossed, "bangeri")) == (True, True)
