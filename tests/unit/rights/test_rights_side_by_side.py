"""Attempts that run while something else happens to their request: a plan that grows, a hold,
another process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from support.accounts import Crm, List
from support.rights_desk import Desk
from support.world import World

from hub.domain.rights import Right
from hub.rights import decide, lease, slices, worker
from hub.store import deliveries, requests
from hub.vault.database import read_only

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


def test_two_processes_do_not_do_one_act_twice(
    world: World, desk: Desk, aino: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two commands at two terminals, say, and no daemon."""
    number = desk.open(Right.ERASURE, aino)
    desk.identify(number)
    desk.approve(number)
    claims = []

    def another() -> None:
        slices.work(desk.deployment, CRM, desk.opened)
        decide.retry(desk.deployment, number, "cli:handler")  # does not take it away either
        slices.work(desk.deployment, CRM, desk.opened)
        claims.append(desk.tasks(number)[CRM, "records"].epoch)

    _during(monkeypatch, desk, CRM, "erase", another)
    slices.work(desk.deployment, CRM, desk.opened)
    assert claims == [1]
    desk.work()
    sent = [one for one in world.sandbox(CRM).journal if str(one["route"]).endswith("/gdpr-delete")]
    assert len(sent) == 1
    with read_only(desk.deployment.database).connect() as connection:
        rows = deliveries.of_task(connection, desk.tasks(number)[CRM, "records"].id)
    assert [one.state for one in rows] == ["done"]


def test_a_task_is_kept_while_the_vendor_takes_its_time(
    world: World, desk: Desk, aino: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "BEAT", 0.01)
    number = desk.open(Right.ACCESS, aino)
    desk.identify(number)
    desk.approve(number)

    def held_until() -> Any:
        return desk.tasks(number)[CRM, "records"].held_until

    def long() -> None:
        for _ in range(3):
            world.clock.advance(4)
            until = world.clock.now() + lease.LEASE
            prolonged = threading.Event()
            for _ in range(500):
                if held_until() == until:
                    break
                prolonged.wait(0.01)
            assert held_until() == until
        slices.work(desk.deployment, CRM, desk.opened)
        assert desk.tasks(number)[CRM, "records"].epoch == 1

    _during(monkeypatch, desk, CRM, "export", long)
    slices.work(desk.deployment, CRM, desk.opened)
    assert desk.states(number)[CRM] == "verified"
    assert held_until() is None


def test_what_a_dead_process_had_is_taken_over_in_seconds(
    world: World, desk: Desk, aino: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = desk.open(Right.ACCESS, aino)
    desk.identify(number)
    desk.approve(number)

    class _KilledError(BaseException):
        pass

    def killed() -> None:
        raise _KilledError

    _during(monkeypatch, desk, CRM, "export", killed)
    with pytest.raises(_KilledError):
        slices.work(desk.deployment, CRM, desk.opened)
    wait = slices.work(desk.deployment, CRM, desk.opened)
    assert wait == pytest.approx(lease.LEASE.total_seconds())
    assert desk.tasks(number)[CRM, "records"].epoch == 1
    world.clock.advance(wait or 0)
    slices.work(desk.deployment, CRM, desk.opened)
    assert desk.states(number)[CRM] == "verified"


def test_of_two_that_saw_a_task_due_one_claims_it(desk: Desk, aino: str) -> None:
    """Both had looked before either claimed: the claim itself decides."""
    number = desk.open(Right.ACCESS, aino)
    desk.identify(number)
    desk.approve(number)
    task, now = desk.tasks(number)[CRM, "records"].id, desk.deployment.now()
    until = now + lease.LEASE
    with desk.deployment.database.begin() as connection:
        first = requests.claim(connection, task, now, until)
        assert first is not None
        assert requests.claim(connection, task, now, until) is None
        assert requests.keep(connection, task, until, None)
        second = requests.claim(connection, task, now, until)
        assert second is not None
        assert second.epoch == first.epoch + 1
