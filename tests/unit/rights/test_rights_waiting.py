"""An erasure that waits between its approval and its beginning: what changes meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.accounts import Crm
from support.rights_desk import Desk
from support.world import World

from hub.domain.deadline import helsinki_day
from hub.domain.exemption import ExemptionGround
from hub.domain.plan import Exemption
from hub.domain.rights import DataCategory, Right
from hub.rights import decide, watch
from hub.testing.world import LIVE_PROJECT

WAIT = timedelta(days=3)


@pytest.fixture(autouse=True)
def cooling_off(world: World) -> None:
    landscape = world.deployment.landscape
    policy = replace(landscape.rights, cooling_off=WAIT)
    world.deployment = replace(world.deployment, landscape=replace(landscape, rights=policy))


def _begun(desk: Desk, number: int) -> None:
    desk.world.clock.advance(WAIT.total_seconds())
    watch.start_cooled(desk.deployment)
    desk.work()
    if desk.row(number).state == "planned":  # somebody is looked at whom nobody has approved
        desk.approve(number)
        _begun(desk, number)


def test_who_comes_meanwhile_is_no_newcomer(world: World, desk: Desk, aino: str) -> None:
    number = desk.open(Right.ERASURE, aino, "bangeri")
    desk.identify(number)
    desk.approve(number)
    assert desk.row(number).state == "cooling_off"
    bangeri = Crm(world, "bangeri")
    world.clock.advance(3600)
    bangeri.add(aino, first_name="Aino")
    world.sync()
    _begun(desk, number)
    assert bangeri.id_of(aino) is None
    assert desk.states(number)["bangeri-crm"] == "verified"


def test_a_ground_that_ended_meanwhile_keeps_nothing(world: World, desk: Desk, aino: str) -> None:
    number = desk.open(Right.ERASURE, aino)
    desk.identify(number)
    until = helsinki_day(world.clock.now()) + timedelta(days=1)
    kept = Exemption("crowst-crm", DataCategory.BILLING, ExemptionGround.ACCOUNTING, until)
    decide.exempt(desk.deployment, number, [kept], "Lasku on maksamatta.", desk.who)
    desk.approve(number)
    _begun(desk, number)
    assert Crm(world, "crowst").id_of(aino) is None
    assert desk.states(number)["crowst-crm"] == "verified"


def test_what_crosses_meanwhile_is_erased_too(world: World, desk: Desk, aino: str) -> None:
    number = desk.open(Right.ERASURE, aino)
    desk.identify(number)
    desk.approve(number)
    crm, bangeri = Crm(world, "crowst"), Crm(world, "bangeri")
    world.clock.advance(3600)
    crm.edit(crm.id_of(aino) or "", projects=LIVE_PROJECT)
    world.sync()
    assert bangeri.id_of(aino), "it has her only from there"
    world.clock.advance(WAIT.total_seconds())
    watch.start_cooled(desk.deployment)
    assert (desk.row(number).state, desk.row(number).reason) == ("planned", "plan-grew")
    desk.approve(number)
    _begun(desk, number)
    assert bangeri.id_of(aino) is None
    assert desk.states(number)["bangeri-crm"] == "verified"
