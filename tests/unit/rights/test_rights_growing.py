"""Requests whose plan grows: by a merge, or by what a system shows that the hub did not know."""

from __future__ import annotations

import pytest
from support.accounts import Crm, List
from support.rights_desk import Desk
from support.world import World

from hub.domain.rights import Right
from hub.rights.decide import CannotDecide, withdraw
from hub.store import questions, requests
from hub.sync.review import Decision, decide
from hub.testing.world import LIVE_PROJECT
from hub.vault.database import read_only

DOUBLE = "aino.toinen@posti.example"


def _merged(world: World, aino: str, *, known: bool) -> None:
    crm = Crm(world, "crowst")
    kept = crm.id_of(aino) or ""
    world.clock.advance(60)
    double = crm.add(DOUBLE, first_name="Aino", last_name="Kukkamaa")
    if known:
        world.sync()
    world.clock.advance(60)
    crm.merge(kept, double)


def test_a_restriction_that_grew_stops_sending_to_whom_it_gained(
    world: World, desk: Desk, aino: str
) -> None:
    crm = Crm(world, "crowst")
    crm.add(DOUBLE, first_name="Aino", last_name="Kukkamaa")
    crm.subscribes(DOUBLE, "1001")
    world.sync()
    double, kept = crm.id_of(DOUBLE) or "", crm.id_of(aino) or ""
    assert List(world, "crowst-uutiset").status(DOUBLE) == "subscribed"
    number = desk.run(Right.RESTRICTION, aino)
    desk.confirm(number)
    assert desk.row(number).state == "notifying", desk.states(number)
    world.clock.advance(60)
    crm.merge(kept, double)
    world.sync(full=True)
    with pytest.raises(CannotDecide, match="concerns more"):
        desk.close(number)
    desk.work()
    desk.confirm(number)
    assert List(world, "crowst-uutiset").status(DOUBLE) == "archived"
    desk.close(number)
    assert desk.row(number).state == "closed"
    crm.edit(kept, last_name="Uusi")
    before = world.sandbox("crowst-mailer").journal[-1]["n"]
    world.sync(full=True)
    wrote = [
        one
        for one in world.sandbox("crowst-mailer").journal[before:]
        if one["method"] not in ("GET",)
    ]
    assert wrote == []


def test_an_address_that_only_a_system_knows_brings_its_person_in(
    world: World, desk: Desk, aino: str
) -> None:
    _merged(world, aino, known=False)
    number = desk.run(Right.ERASURE, DOUBLE)
    if desk.row(number).state == "planned":
        desk.approve(number)
        desk.work()
    desk.confirm(number)
    assert desk.row(number).state == "notifying", desk.states(number)
    assert Crm(world, "crowst").id_of(aino) is None
    assert List(world, "crowst-uutiset").member(aino) is None
    assert desk.states(number)["hub"] == "verified"


def test_who_is_not_read_yet_is_restricted_before_they_are(world: World, desk: Desk) -> None:
    crm = Crm(world, "crowst")
    unread = "oona.uusi@posti.example"
    crm.add(unread, first_name="Oona")
    crm.subscribes(unread, "1001")
    number = desk.run(Right.RESTRICTION, unread)
    desk.confirm(number)
    assert desk.row(number).state == "notifying", desk.states(number)
    world.sync(full=True)
    assert List(world, "crowst-uutiset").member(unread) is None


def test_what_was_begun_is_not_taken_back(world: World, desk: Desk, aino: str) -> None:
    _merged(world, aino, known=False)
    number = desk.run(Right.ERASURE, DOUBLE)
    assert desk.row(number).state == "planned"
    assert desk.row(number).reason == "plan-grew"
    with pytest.raises(CannotDecide, match="cannot be withdrawn"):
        withdraw(desk.deployment, number, "cli:handler")


@pytest.mark.parametrize("right", [Right.ERASURE, Right.RESTRICTION])
def test_a_merge_at_the_other_company_brings_nobody_of_theirs_in(
    world: World, desk: Desk, aino: str, right: Right
) -> None:
    """Their own person is named in the plan, so that the request knows of the merge, and stays."""
    crowst, bangeri = Crm(world, "crowst"), Crm(world, "bangeri")
    crowst.edit(crowst.id_of(aino) or "", projects=LIVE_PROJECT)
    kept = bangeri.add(aino, first_name="Aino", phone="+358501234567")
    double = bangeri.add(DOUBLE, first_name="Aino", last_name="Kukkamaa", job_title="Ostaja")
    world.sync()
    number = desk.open(right, aino)
    desk.identify(number)
    desk.approve(number)
    world.clock.advance(60)
    bangeri.merge(kept, double)
    world.sync(full=True)
    desk.work()
    if desk.row(number).state == "planned":
        desk.approve(number)
        desk.work()
    desk.confirm(number)
    assert desk.row(number).state == "notifying", desk.states(number)
    held = bangeri.box.account.by_email(aino)
    assert held is not None
    assert held.properties.get("hub_restricted") != "true"
    assert held.properties["phone"] == "+358501234567"
    desk.close(number)
    assert desk.row(number).state == "closed"
    world.sync(full=True)  # only now the two persons are made one
    assert Crm(world, "bangeri").value(aino, "job_title") == "Ostaja"


def test_who_is_read_after_the_approval_is_erased_all_the_same(world: World, desk: Desk) -> None:
    """Both addresses are one contact's, and the hub reads it between approval and task."""
    crm = Crm(world, "crowst")
    main = "aino.kukkamaa@posti.example"
    kept = crm.add(main, first_name="Aino", last_name="Kukkamaa")
    crm.merge(kept, crm.add(DOUBLE, first_name="Aino", last_name="Kukkamaa"))
    number = desk.open(Right.ERASURE, DOUBLE)
    desk.identify(number)
    desk.approve(number)
    world.clock.advance(60)
    world.sync(full=True)
    desk.work()
    assert desk.row(number).reason == "plan-grew"
    desk.approve(number)
    desk.work()
    desk.confirm(number)
    assert desk.row(number).state == "notifying", desk.states(number)
    assert crm.id_of(main) is None
    assert desk.states(number)["hub"] == "verified"


def test_who_is_admitted_while_an_erasure_is_open_is_left_alone(
    world: World, desk: Desk, aino: str
) -> None:
    number = desk.open(Right.ERASURE, aino)
    desk.identify(number)
    desk.approve(number)
    world.clock.advance(3600)
    List(world, "crowst-tapahtumat").subscribes(aino, first_name="Aino")
    world.sync(full=True)
    with read_only(world.deployment.database).connect() as connection:
        (review,) = [one.id for one in questions.reviews(connection) if one.kind == "returned"]
    decide(world.deployment, review, Decision.ADMIT, "handler")
    desk.work()
    desk.confirm(number)
    assert desk.row(number).state == "notifying", desk.states(number)
    assert List(world, "crowst-tapahtumat").status(aino) == "subscribed"
    assert List(world, "crowst-uutiset").member(aino) is None


@pytest.mark.parametrize("right", [Right.ERASURE, Right.RESTRICTION])
def test_who_joined_and_was_erased_meanwhile_holds_nothing_up(
    desk: Desk, aino: str, right: Right
) -> None:
    """By another request: nothing is left of them that a plan could name."""
    number = desk.open(right, aino)
    desk.identify(number)
    desk.approve(number)
    with desk.deployment.database.begin() as connection:
        row = requests.get(connection, number, lock=True)
        assert row is not None
        requests.change(connection, row, merged="4711")
    desk.work()
    desk.confirm(number)
    assert desk.row(number).state == "notifying", desk.states(number)
    with desk.deployment.database.begin() as connection:
        row = requests.get(connection, number, lock=True)
        assert row is not None
        assert row.merged == ""
        requests.change(connection, row, merged="4711")
    desk.close(number)
    assert desk.row(number).state in ("closed", "watching")
