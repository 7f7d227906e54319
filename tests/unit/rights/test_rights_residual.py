"""What a vendor may have kept of somebody whose record is gone there already."""

from __future__ import annotations

from support.accounts import Crm, Webinar
from support.rights_desk import Desk
from support.world import World

from hub.domain.rights import Right
from hub.testing.world import HELD


def test_reports_are_asked_for_where_the_host_deleted_the_registration(
    world: World, desk: Desk, aino: str
) -> None:
    webinar = Webinar(world, HELD)
    webinar.registers(aino, name="Aino Kukkamaa")
    world.sync()
    world.clock.advance(30 * 86_400)
    webinar.is_held([aino])
    world.sync(full=True)
    webinar.deletes(aino)
    world.sync(full=True)
    number = desk.run(Right.ERASURE, aino)
    states = desk.states(number)
    assert states["joint-webinar"] == "not_held"
    assert states["joint-webinar residual:reports"].startswith("awaiting_external"), states
    assert desk.row(number).state == "awaiting_external"


def test_what_a_deleted_contact_left_behind_is_asked_for(
    world: World, desk: Desk, aino: str
) -> None:
    crm = Crm(world, "crowst")
    account = crm.box.account
    account.remove(account.by_email(aino))
    number = desk.run(Right.ERASURE, aino)
    states = desk.states(number)
    assert states["crowst-crm"] == "not_held", states
    assert states["crowst-crm residual:engagements"].startswith("awaiting_external")
    assert "joint-webinar residual:reports" not in states  # she never was there


def test_an_access_asks_for_what_no_call_can_copy_where_the_person_was_found(
    world: World, desk: Desk, aino: str
) -> None:
    Webinar(world, HELD).registers(aino, name="Aino Kukkamaa")
    world.sync()
    number = desk.run(Right.ACCESS, aino)
    states = desk.states(number)
    assert states["joint-webinar"] == "verified"
    assert states["joint-webinar residual:recordings-copy"].startswith("awaiting_external")
    assert "joint-webinar residual:reports" not in states  # those are for an erasure
    assert desk.row(number).state == "awaiting_external"


def test_an_access_by_who_was_never_there_waits_for_nobody(
    world: World, desk: Desk, aino: str
) -> None:
    number = desk.run(Right.ACCESS, aino)
    assert not [one for one in desk.states(number) if "residual" in one]
