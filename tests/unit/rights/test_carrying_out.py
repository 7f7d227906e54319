"""How tasks are carried out: side by side, again and again, and never done without their proof."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from support.accounts import Crm, List
from support.rights_desk import Desk
from support.world import World

from hub.api import Unavailable
from hub.domain.audit import Event
from hub.domain.rights import Right
from hub.rights import decide, matches, own, slices, worker
from hub.store import audit, deliveries, people, requests
from hub.store.deliveries import Lane
from hub.testing.sandbox import Fault, FaultKind
from hub.vault import VaultError
from hub.vault.database import read_only

DAY = 86_400.0
MAILER, CRM = "crowst-mailer", "crowst-crm"


def due_in(desk: Desk, number: int, system: str) -> float:
    task = desk.tasks(number)[system, "records"]
    return float((task.due_at - desk.deployment.now()).total_seconds())


def test_a_failing_vendor_is_asked_again_with_growing_pauses_for_ever(
    world: World, desk: Desk, aino: str
) -> None:
    box = world.sandbox(MAILER)
    box.faults.append(Fault(FaultKind.SERVER_ERROR))
    number = desk.open(Right.ERASURE, aino)
    desk.identify(number)
    desk.approve(number)
    pauses = []
    for _ in range(14):
        for system in (CRM, MAILER, "joint-webinar"):
            slices.work(desk.deployment, system, desk.opened)
        task = desk.tasks(number)[MAILER, "records"]
        assert task.waiting, "never given up"
        pauses.append(due_in(desk, number, MAILER))
        world.clock.advance(max(pauses[-1], 0.1))
    assert pauses == sorted(pauses)
    assert pauses[-1] == pytest.approx(DAY, abs=1)
    assert desk.states(number)[CRM] == "verified"
    assert desk.states(number)[MAILER] == "attention: unavailable"
    assert desk.row(number).state == "attention"
    assert desk.states(number)["hub"] == "pending"
    box.faults.clear()
    desk.work()
    assert desk.states(number)[MAILER] == "verified"
    assert desk.states(number)["hub"] == "verified"


def test_a_connectors_own_fault_holds_up_nobody_else(
    world: World, desk: Desk, aino: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(f"something about {aino}")

    connector = type(desk.opened(MAILER).connector)
    with monkeypatch.context() as patch:
        patch.setattr(connector, "locate", broken)
        number = desk.open(Right.ERASURE, aino)
        desk.identify(number)
        desk.approve(number)
        slices.work(desk.deployment, MAILER, desk.opened)
        slices.work(desk.deployment, CRM, desk.opened)
    assert desk.states(number)[CRM] == "verified"
    assert desk.states(number)[MAILER] == "pending: connector-fault"
    desk.work()
    assert desk.states(number)[MAILER] == "verified"


def test_a_task_that_takes_long_holds_up_no_other(
    world: World, desk: Desk, aino: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others of its system go on, also those that become due meanwhile."""
    crm = Crm(world, "crowst")
    others = [f"joku.{n}@posti.example" for n in range(12)]
    for one in others:
        crm.add(one, first_name="Joku", last_name=one.split("@")[0])
    world.sync()
    numbers = [desk.open(Right.ACCESS, one) for one in (aino, *others)]
    for number in numbers:
        desk.identify(number)
        desk.approve(number)
    slow = desk.tasks(numbers[0])[CRM, "records"].id
    done: list[int] = []
    all_others = threading.Event()
    attempt = worker.attempt

    def watched(deployment: Any, opened: Any, task_id: int, why: str = "") -> None:
        if task_id == slow:
            assert all_others.wait(30), "the others waited for the slow one"
        attempt(deployment, opened, task_id, why)
        done.append(task_id)
        if len(done) == len(others):
            all_others.set()

    monkeypatch.setattr(worker, "attempt", watched)
    slices.work(desk.deployment, CRM, desk.opened)
    assert done[-1] == slow
    assert len(done) == len(set(done)) == len(numbers), "each once"
    assert {desk.states(number)[CRM] for number in numbers} == {"verified"}


def test_what_a_log_still_holds_is_not_verified(
    desk: Desk, aino: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader keeps the write-ahead log from being emptied: the hub's own copy is not gone yet."""
    with monkeypatch.context() as patch:
        patch.setattr(own, "checkpoint", lambda _: False)
        number = desk.open(Right.ERASURE, aino)
        desk.identify(number)
        desk.approve(number)
        for system in (CRM, MAILER, "joint-webinar", "hub"):
            slices.work(desk.deployment, system, desk.opened)
        assert desk.states(number)["hub"] == "sent"
    desk.work()
    assert desk.states(number)["hub"] == "verified"


def test_a_record_that_a_handler_says_is_hers_brings_its_person_along(
    world: World, desk: Desk, aino: str
) -> None:
    """A second contact without an address is somebody else to the hub, until a handler knows."""
    crm = Crm(world, "crowst")
    nameless = crm.add(None, first_name="Aino", last_name="Kukkamaa", phone="+358401234567")
    world.sync()
    number = desk.open(Right.ERASURE, aino)
    desk.identify(number)
    desk.approve(number)
    desk.work()
    assert desk.states(number)[CRM] == "attention: weak-match"
    before = requests.persons_of(desk.row(number))
    task = desk.tasks(number)[CRM, "records"].id
    matches.judge(desk.deployment, task, desk.second, same=True)
    desk.work()
    row = desk.row(number)
    assert (row.state, row.reason) == ("planned", "plan-grew")
    joined = set(requests.persons_of(row)) - set(before)
    assert len(joined) == 1
    desk.approve(number)
    desk.work()
    assert desk.states(number)[CRM] == "verified", desk.states(number)
    assert desk.states(number)["hub"] == "verified"
    assert crm.box.account.find(nameless) is None
    with desk.deployment.database.connect() as connection:
        profiles = connection.scalars(
            sa.select(people.person.c.profile).where(people.person.c.id.in_(joined))
        ).all()
        assert profiles == [b""]
        kind = f"{CRM}/contacts/"
        digests = desk.deployment.identities.blocks("crowst", kind, nameless)
        assert people.blocked(connection, "crowst", kind, list(digests)), "it may not come back"


def test_two_people_at_one_newsletter_do_not_meet(world: World, desk: Desk, aino: str) -> None:
    eetu = "eetu.saarelma@posti.example"
    Crm(world, "crowst").add(eetu, first_name="Eetu", last_name="Saarelma")
    Crm(world, "crowst").subscribes(eetu, "1001")
    world.sync()
    numbers = [desk.open(Right.ERASURE, one) for one in (aino, eetu)]
    for number in numbers:
        desk.identify(number)
        desk.approve(number)
    desk.work()
    for number in numbers:
        assert desk.states(number)["hub"] == "verified", desk.states(number)
    assert List(world, "crowst-uutiset").member(eetu) is None
    assert List(world, "crowst-uutiset").member(aino) is None


def test_a_crash_between_the_rows_and_the_keys(
    desk: Desk, aino: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tombstone is there, and its key still is: the next attempt goes on from there."""

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    number = desk.open(Right.ERASURE, aino)
    desk.identify(number)
    desk.approve(number)
    for system in (CRM, MAILER, "joint-webinar"):
        slices.work(desk.deployment, system, desk.opened)
    persons = requests.persons_of(desk.row(number))
    with desk.deployment.database.connect() as connection:
        query = sa.select(people.person.c.key_id).where(people.person.c.id.in_(persons))
        keys = list(connection.scalars(query))
    with monkeypatch.context() as patch:
        patch.setattr(own, "_shredder", killed)
        with pytest.raises(Killed):
            slices.work(desk.deployment, "hub", desk.opened)
    assert desk.states(number)["hub"] == "sent"
    assert desk.deployment.vault.open_keys(keys)
    desk.work()
    assert desk.states(number)["hub"] == "verified"
    assert not desk.deployment.vault.open_keys(keys)


def test_a_task_that_cannot_be_read_holds_up_no_other(
    world: World, desk: Desk, aino: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [f"joku.{n}@posti.example" for n in range(10)]
    numbers = [desk.open(Right.ACCESS, one) for one in (aino, *others)]
    for number in numbers:
        desk.identify(number)
        desk.approve(number)
    bad = desk.tasks(numbers[0])[CRM, "records"].id
    attempt = worker.attempt

    def fails(deployment: Any, opened: Any, task_id: int, why: str = "") -> None:
        if task_id == bad:
            raise VaultError("unreadable")
        attempt(deployment, opened, task_id, why)

    with monkeypatch.context() as patch:
        patch.setattr(worker, "attempt", fails)
        with pytest.raises(VaultError):
            slices.work(desk.deployment, CRM, desk.opened)
    assert desk.states(numbers[0])[CRM] == "pending"
    assert {desk.states(number)[CRM] for number in numbers[1:]} == {"not_held"}


def test_a_record_that_the_hub_never_knew_may_not_come_back_either(
    world: World, desk: Desk, aino: str
) -> None:
    """Found by telephone only, and said to be hers by a handler: it is blocked as the others."""
    crm = Crm(world, "crowst")
    nameless = crm.add(None, first_name="Aino", last_name="Kukkamaa", phone="+358401234567")
    number = desk.open(Right.ERASURE, aino)
    desk.identify(number)
    desk.approve(number)
    desk.work()
    task = desk.tasks(number)[CRM, "records"].id
    matches.judge(desk.deployment, task, desk.second, same=True)
    desk.work()
    assert desk.states(number)[CRM] == "verified", desk.states(number)
    kind = f"{CRM}/contacts/"
    digests = desk.deployment.identities.blocks("crowst", kind, nameless)
    with desk.deployment.database.connect() as connection:
        assert people.blocked(connection, "crowst", kind, list(digests))


def test_what_does_not_show_for_a_day_is_told_and_read_back_all_the_same(
    world: World, desk: Desk, aino: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector: Any = desk.opened(MAILER).connector
    verify = connector.verify

    def lagging(*given: Any) -> list[Any]:
        return [replace(one, done=False, code="still-there") for one in verify(*given)]

    with monkeypatch.context() as patch:
        patch.setattr(connector, "verify", lagging)
        number = desk.open(Right.ERASURE, aino)
        desk.identify(number)
        desk.approve(number)
        for _ in range(20):
            desk.work(1)
            world.clock.advance(3600)
        assert desk.states(number)[MAILER] == "sent: still-there"
        for _ in range(20):
            desk.work(1)
            world.clock.advance(3600)
        assert desk.states(number)[MAILER] == "attention: never-shown"
        assert desk.row(number).state == "attention"
        task = desk.tasks(number)[MAILER, "records"]
        with read_only(desk.deployment.database).connect() as connection:
            told = audit.entries(connection, subjects=[f"task {task.id}"])
            assert [one.entry.event for one in told] == [Event.TASK_ATTENTION]
    desk.work()
    assert desk.states(number)[MAILER] == "verified"


def test_a_vendor_that_asks_for_a_year_is_asked_again_tomorrow(
    desk: Desk, aino: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = desk.open(Right.ERASURE, aino)
    desk.identify(number)

    def busy(*_: object) -> None:
        raise Unavailable("busy", retry_after=1e15)

    monkeypatch.setattr(desk.opened("crowst-mailer").connector, "locate", busy)
    desk.approve(number)
    for _ in range(3):
        desk.work(1)
        task = desk.tasks(number)["crowst-mailer", "records"]
        assert task.due_at <= desk.deployment.now() + timedelta(days=1)
        desk.world.clock.advance(86_400)
    assert (task.state, task.reason) == ("attention", "unavailable")


def test_nothing_leaves_once_the_request_is_held(
    world: World, desk: Desk, aino: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = desk.open(Right.ERASURE, aino)
    desk.identify(number)
    connector = desk.opened("crowst-mailer").connector
    locate = connector.locate

    def held_meanwhile(*asked: Any) -> Any:
        found = locate(*asked)
        decide.hold(desk.deployment, number, desk.who, on=True)
        return found

    desk.approve(number)
    with monkeypatch.context() as patch:
        patch.setattr(connector, "locate", held_meanwhile)
        desk.work()
    assert List(world, "crowst-uutiset").status(aino) == "subscribed"
    decide.hold(desk.deployment, number, desk.who, on=False)
    desk.work()
    assert List(world, "crowst-uutiset").member(aino) is None
    assert desk.states(number)["crowst-mailer"] == "verified"


@pytest.mark.parametrize("system", [MAILER, "hub"])
def test_a_write_that_nobody_settles_is_told(
    world: World, desk: Desk, aino: str, system: str
) -> None:
    """The sync of a system stopped for good while a write of its was out."""
    number = desk.open(Right.ERASURE, aino)
    desk.identify(number)
    desk.approve(number)
    # to a system of old, only the hub's own copy waits for it
    place = ("former-mailer" if system == "hub" else system, "members", "crowst-uutiset")
    now, delivery = world.clock.now(), deliveries.delivery
    row = deliveries.row(9_000, place, 1, None, Lane.RECORD, now)
    with world.deployment.database.begin() as connection:
        connection.execute(sa.insert(delivery).values(**{**row, "state": "sent", "sent_at": now}))
    desk.work()
    desk.confirm(number)
    desk.work()
    assert desk.states(number)[system] == "pending", "it may be settled any moment"
    world.clock.advance(60)
    desk.work()
    assert desk.states(number)[system] == "attention: write-in-flight"
    with world.deployment.database.begin() as connection:
        settled = sa.update(delivery).where(delivery.c.id == 9_000)
        connection.execute(settled.values(state="done", settled_at=now))
    world.clock.advance(3600)
    desk.work()
    assert desk.states(number)[system] == "verified"


@pytest.mark.parametrize("right", [Right.RECTIFICATION, Right.RESTRICTION])
def test_a_record_that_vanishes_while_it_is_worked_on_holds_nothing_up(
    world: World, desk: Desk, aino: str, monkeypatch: pytest.MonkeyPatch, right: Right
) -> None:
    crm = Crm(world, "crowst")
    new = {"last_name": "Uusi"} if right is Right.RECTIFICATION else {}
    number = desk.open(right, aino, corrections=new)
    desk.identify(number)
    connector = desk.opened(CRM).connector
    locate = connector.locate

    def deleted_meanwhile(*asked: Any) -> Any:
        found = locate(*asked)
        if crm.id_of(aino):
            crm.delete(crm.id_of(aino) or "")
        return found

    monkeypatch.setattr(connector, "locate", deleted_meanwhile)
    desk.approve(number)
    desk.work()
    world.clock.advance(DAY)
    desk.work()
    assert desk.states(number)[CRM] == "verified"
