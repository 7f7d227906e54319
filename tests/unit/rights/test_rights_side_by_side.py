"""Attempts that run while something else happens to their request: a plan that grows, a hold,
another process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from support.accounts import Crm, List
from support.rights_desk import Desk
from support.world import World

from hub.domain.rights import Right
from hub.rights import decide, slices, worker

CRM, MAILER = "crowst-crm", "crowst-mailer"
DOUBLE = "aino.toinen@posti.example"


def _merged(world: World, aino: str) -> None:
    """Crowst's CRM merges two contacts of hers; the hub has read neither the second nor that."""
    crm = Crm(world, "crowst")
    kept = crm.id_of(aino) or ""
    world.clock.advance(60)
    double = crm.add(DOUBLE, first_name="Aino", last_name="Kukkamaa")
    world.clock.advance(60)
    crm.merge(kept, double)


def _during(
    monkeypatch: pytest.MonkeyPatch, desk: Desk, system: str, call: str, then: Callable[[], None]
) -> None:
    """Let something happen while the first such call to a system is out."""
    connector: Any = desk.opened(system).connector
    real = getattr(connector, call)
    calls: list[int] = []

    def slow(*given: Any) -> Sequence[Any]:
        calls.append(1)
        if len(calls) == 1:
            then()
        found: Sequence[Any] = real(*given)
        return found

    monkeypatch.setattr(connector, call, slow)


@pytest.mark.parametrize("right", [Right.ACCESS, Right.RESTRICTION, Right.ERASURE])
def test_an_attempt_proves_nothing_of_whom_the_plan_gained_meanwhile(
    world: World, desk: Desk, aino: str, monkeypatch: pytest.MonkeyPatch, right: Right
) -> None:
    _merged(world, aino)
    number = desk.open(right, DOUBLE)
    desk.identify(number)
    desk.approve(number)

    def grows() -> None:
        for _ in range(3):
            slices.work(desk.deployment, CRM, desk.opened)
            world.clock.advance(1)
        if right is Right.ERASURE:  # a quick approver
            assert desk.row(number).reason == "plan-grew"
            desk.approve(number)

    _during(monkeypatch, desk, MAILER, "locate", grows)
    task = desk.tasks(number)[MAILER, "records"]
    worker.attempt(desk.deployment, desk.opened(MAILER), task.id)
    assert desk.states(number)[MAILER] == "pending"
    desk.work()
    desk.confirm(number)
    desk.work()
    assert desk.states(number)[MAILER] == "verified"
    assert desk.row(number).state == "notifying"
    if right is Right.ERASURE:
        assert List(world, "crowst-uutiset").member(aino) is None


def test_an_attempt_on_a_plan_that_waits_for_approval_proves_nothing(
    world: World, desk: Desk, aino: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _merged(world, aino)
    number = desk.open(Right.ERASURE, DOUBLE)
    desk.identify(number)
    desk.approve(number)

    def grows() -> None:
        for _ in range(3):
            slices.work(desk.deployment, CRM, desk.opened)
            world.clock.advance(1)

    _during(monkeypatch, desk, MAILER, "locate", grows)
    task = desk.tasks(number)[MAILER, "records"]
    worker.attempt(desk.deployment, desk.opened(MAILER), task.id)
    assert desk.row(number).state == "planned"
    assert desk.states(number)[MAILER] == "pending"


def test_a_task_that_a_hold_met_goes_on_when_the_request_is_released(desk: Desk, aino: str) -> None:
    number = desk.open(Right.ERASURE, aino)
    desk.identify(number)
    desk.approve(number)
    task = desk.tasks(number)[CRM, "records"]  # due, and then held before it is claimed
    decide.hold(desk.deployment, number, "cli:handler", on=True)
    worker.attempt(desk.deployment, desk.opened(CRM), task.id)
    assert desk.states(number)[CRM] == "pending"
    decide.hold(desk.deployment, number, "cli:handler", on=False)
    desk.work()
    assert desk.states(number)[CRM] == "verified"
