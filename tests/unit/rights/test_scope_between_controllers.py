"""Whom a request reaches: the addressed company, joint data, and nothing of the other's own."""

from __future__ import annotations

from support.accounts import Crm, List
from support.rights_desk import Desk
from support.world import World

from hub.domain.rights import Right
from hub.rights import decide
from hub.testing.world import LIVE_PROJECT

AINO = "aino.kukkamaa@posti.example"


def test_the_others_independent_person_stays(world: World, desk: Desk, aino: str) -> None:
    other = Crm(world, "bangeri")
    other.add(AINO, first_name="Aino", last_name="Kukkamaa", company="Bängerin tieto Oy")
    world.sync()
    number = desk.run(Right.ERASURE, aino, "crowst")
    mine = {"crowst-crm", "crowst-mailer", "joint-webinar", "hub"}
    assert {system for system, _ in desk.tasks(number)} == mine
    assert other.value(AINO, "company") == "Bängerin tieto Oy"
    world.sync(full=True)
    assert Crm(world, "crowst").id_of(AINO) is None


def test_what_crossed_and_is_known_from_nowhere_else_goes_too(world: World, desk: Desk) -> None:
    crm = Crm(world, "crowst")
    crm.add(
        AINO, first_name="Aino", last_name="Kukkamaa", company="Kukka Oy", projects=LIVE_PROJECT
    )
    world.sync()
    assert Crm(world, "bangeri").value(AINO, "company") == "Kukka Oy"
    number = desk.run(Right.ERASURE, AINO, "crowst")
    assert desk.states(number)["bangeri-crm"] == "verified"
    assert Crm(world, "bangeri").id_of(AINO) is None
    world.sync(full=True)
    assert Crm(world, "bangeri").id_of(AINO) is None


def test_of_an_independent_person_only_what_crossed_goes(world: World, desk: Desk) -> None:
    Crm(world, "bangeri").add(AINO, first_name="Aino", last_name="Kukkamaa")
    world.sync()
    crowst = Crm(world, "crowst")
    crowst.add(
        AINO, first_name="Aino", last_name="Kukkamaa", job_title="Myyjä", projects=LIVE_PROJECT
    )
    world.sync()
    assert Crm(world, "bangeri").value(AINO, "job_title") == "Myyjä"
    number = desk.run(Right.ERASURE, AINO, "crowst")
    assert desk.states(number)["bangeri-crm crossed"] == "verified", desk.states(number)
    assert Crm(world, "bangeri").id_of(AINO) is not None
    assert not Crm(world, "bangeri").value(AINO, "job_title")
    assert Crm(world, "bangeri").value(AINO, "last_name") == "Kukkamaa"
    world.sync(full=True)
    assert not Crm(world, "bangeri").value(AINO, "job_title")


def test_the_other_joins_once_the_person_says_so(world: World, desk: Desk, aino: str) -> None:
    Crm(world, "bangeri").add(AINO, first_name="Aino", last_name="Kukkamaa")
    world.sync()
    number = desk.open(Right.ERASURE, aino, "crowst")
    desk.identify(number)
    decide.confirm_scope(desk.deployment, number, ["bangeri"], "cli:handler")
    desk.approve(number)
    desk.work()
    assert Crm(world, "bangeri").id_of(AINO) is None
    assert List(world, "crowst-uutiset").member(AINO) is None
