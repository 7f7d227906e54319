"""The eight rights over the vendors' sandboxes: what each means there, and that it is proved."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.accounts import Crm, List, Webinar
from support.rights_desk import Desk
from support.world import World

from hub.domain.rights import Right
from hub.rights import dryrun, package, slices
from hub.testing.world import COMING


def test_an_erasure_is_everywhere_and_proved(world: World, desk: Desk, aino: str) -> None:
    number = desk.run(Right.ERASURE, aino)
    assert desk.row(number).state == "awaiting_external", desk.states(number)
    desk.confirm(number)
    assert desk.row(number).state == "notifying", desk.states(number)
    assert Crm(world, "crowst").id_of(aino) is None
    assert List(world, "crowst-uutiset").member(aino) is None
    assert desk.states(number) == {
        "crowst-crm": "verified",
        "crowst-crm residual:engagements": "confirmed: residual-engagements",
        "crowst-mailer": "verified",
        "joint-webinar": "not_held",
        "hub": "verified",
    }
    desk.close(number)
    assert desk.row(number).state == "closed"
    world.sync(full=True)
    assert Crm(world, "crowst").id_of(aino) is None


def test_nobody_known_is_a_complete_answer(desk: Desk) -> None:
    number = desk.run(Right.ERASURE, "tuntematon@posti.example", "crowst", "bangeri")
    assert desk.row(number).state == "notifying"
    assert set(desk.states(number).values()) == {"not_held"}


def test_an_access_gathers_everything(desk: Desk, aino: str) -> None:
    number = desk.run(Right.ACCESS, aino)
    assert desk.row(number).state == "notifying", desk.states(number)
    answer = package.assemble(desk.deployment, number)
    assert answer["hub"][0]["profile"]["last_name"]["value"] == "Kukkamaa"
    assert answer["systems"]["crowst-crm"]["records"][0]["values"]
    assert answer["systems"]["crowst-mailer"]["records"]
    assert answer["complaint"]


def test_an_access_tells_what_the_hub_keeps_of_what_she_did(
    world: World, desk: Desk, aino: str
) -> None:
    """Also where the tool tells of it no more."""
    webinar = Webinar(world, COMING)
    webinar.registers(aino)
    world.sync()
    webinar.deletes(aino)
    number = desk.run(Right.ACCESS, aino)
    (own,) = package.assemble(desk.deployment, number)["hub"]
    (one,) = own["activities"]
    assert (one["kind"], one["system"], one["scope"]) == ("registered", "joint-webinar", COMING)


def test_a_rectification_reaches_every_holder(world: World, desk: Desk, aino: str) -> None:
    number = desk.run(Right.RECTIFICATION, aino, corrections={"last_name": "Kukkanen"})
    assert desk.row(number).state == "notifying", desk.states(number)
    assert Crm(world, "crowst").value(aino, "last_name") == "Kukkanen"
    member = List(world, "crowst-uutiset").member(aino)
    assert member.merge_fields["LNAME"] == "Kukkanen"
    before = world.writes()
    world.sync(full=True)
    assert world.writes() == before


def test_an_objection_is_at_once(world: World, desk: Desk, aino: str) -> None:
    number = desk.open(Right.OBJECTION, aino)
    assert desk.row(number).state == "executing"
    world.sync()
    desk.work()
    assert desk.row(number).state == "notifying", desk.states(number)
    assert List(world, "crowst-uutiset").status(aino) == "unsubscribed"
    assert Crm(world, "crowst").status(aino, "1001") == "UNSUBSCRIBED"


def test_a_restriction_stops_sending(world: World, desk: Desk, aino: str) -> None:
    number = desk.run(Right.RESTRICTION, aino)
    assert desk.states(number)["crowst-mailer"] == "verified"
    assert desk.states(number)["crowst-crm"] == "verified"
    assert List(world, "crowst-uutiset").status(aino) == "archived"
    world.sync(full=True)
    assert List(world, "crowst-uutiset").status(aino) == "archived"


def test_only_what_rests_on_consent_or_contract_is_portable(world: World, desk: Desk) -> None:
    Crm(world, "crowst").add("eetu@posti.example", first_name="Eetu")
    world.sync()
    number = desk.run(Right.PORTABILITY, "eetu@posti.example")
    answer = package.assemble(desk.deployment, number)
    assert answer["not_portable"]
    assert not answer["hub"]
    assert not any(part["records"] for part in answer["systems"].values())


def test_a_dry_run_writes_nothing(world: World, desk: Desk, aino: str) -> None:
    number = desk.open(Right.ERASURE, aino)
    desk.identify(number)
    before = world.writes(), desk.row(number)
    shown = dryrun.preview(desk.deployment, number, desk.opened, "cli:handler")
    assert (world.writes(), desk.row(number)) == before
    assert {one.system: one.held for one in shown.systems} == {
        "crowst-crm": 1,
        "crowst-mailer": 1,
        "joint-webinar": 0,
    }
    assert {one.article for one in shown.applies} >= {"17(1)(b)"}


@pytest.mark.parametrize("right", [Right.ERASURE, Right.ACCESS])
def test_a_system_that_was_taken_out_before_is_never_taken_for_done(
    world: World, desk: Desk, aino: str, right: Right
) -> None:
    """The hub still knows of her record there."""
    landscape, mailer = world.deployment.landscape, "crowst-mailer"
    left = {name: one for name, one in landscape.systems.items() if name != mailer}
    world.deployment = replace(world.deployment, landscape=replace(landscape, systems=left))
    number = desk.open(right, aino)
    desk.identify(number)
    found = dryrun.preview(desk.deployment, number, desk.opened, "token:1").systems
    assert [one.problem for one in found if one.system == mailer] == ["system-missing"]
    desk.approve(number)
    desk.work()
    slices.work(desk.deployment, mailer, desk.opened)
    desk.confirm(number)
    assert desk.states(number)[mailer] == "attention: system-missing"
    assert desk.row(number).state == "attention"
    world.deployment = replace(world.deployment, landscape=landscape)  # it is brought back
    world.clock.advance(3600)
    desk.work()
    assert desk.states(number)[mailer] == "verified"
