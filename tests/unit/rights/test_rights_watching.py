"""Re-reads after an erasure: each system has its look, and by every address that was known."""

from __future__ import annotations

from typing import Any

import pytest
from support.accounts import Crm, List
from support.rights_desk import Desk
from support.world import World

from hub.api import Misconfigured, Unavailable
from hub.domain.audit import Event
from hub.domain.rights import Right
from hub.rights import matches, watch
from hub.rights.decide import CannotDecide
from hub.store import audit
from hub.vault.database import read_only

CRM, MAILER, WEBINAR = "crowst-crm", "crowst-mailer", "joint-webinar"
DOUBLE = "aino.toinen@posti.example"


def _erased(desk: Desk, address: str) -> int:
    number = desk.run(Right.ERASURE, address)
    desk.confirm(number)
    desk.close(number)
    return number


def _events(desk: Desk, number: int, event: Event) -> int:
    with read_only(desk.deployment.database).connect() as connection:
        entries = audit.entries(connection, subjects=[f"request {number}"])
        return sum(one.entry.event is event for one in entries)


def test_a_system_that_is_down_has_its_look_when_it_can_be_read(
    world: World, desk: Desk, aino: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = _erased(desk, aino)
    for days in (1.1, 6):
        desk.watch(days)
    assert desk.row(number).watched == 2
    Crm(world, "crowst").add(aino, first_name="Aino")
    List(world, "crowst-tapahtumat").add(aino)

    def down(*_: object) -> None:
        raise Unavailable("down")

    with monkeypatch.context() as patch:
        patch.setattr(desk.opened(MAILER).connector, "locate", down)
        world.clock.advance(24 * 86_400)
        watch.round_(desk.deployment, desk.opened)  # the last look
        assert desk.tasks(number)[CRM, "records"].reason == "reappeared"
        assert desk.row(number).watched == 2
    desk.work()
    for _ in range(2):
        desk.watch(0.1)
    assert desk.row(number).watched == 3
    assert desk.row(number).watch_at is None
    assert Crm(world, "crowst").id_of(aino) is None
    assert List(world, "crowst-tapahtumat").member(aino) is None
    assert _events(desk, number, Event.REAPPEARED) == 2


def test_a_person_is_told_of_a_system_that_cannot_be_watched(desk: Desk, aino: str) -> None:
    number = _erased(desk, aino)

    def open_system(name: str) -> Any:
        if name == WEBINAR:
            raise Misconfigured("no token", mend="give one")
        return desk.opened(name)

    for hours in (20, 5, 1, 1):
        desk.world.clock.advance(hours * 3600)
        watch.round_(desk.deployment, open_system)
    assert _events(desk, number, Event.REQUEST_ATTENTION) == 0
    for _ in range(60):
        desk.world.clock.advance(3600)
        watch.round_(desk.deployment, open_system)
    assert _events(desk, number, Event.REQUEST_ATTENTION) == 1, "once"
    task = desk.tasks(number)[WEBINAR, "records"]
    assert (task.state, task.reason) == ("not_held", "not-watched")
    assert desk.row(number).watched == 0
    desk.watch(0.1)
    assert desk.row(number).watched == 1
    assert desk.tasks(number)[WEBINAR, "records"].reason == ""


def test_who_is_back_under_another_address_that_was_known_is_found(
    world: World, desk: Desk, aino: str
) -> None:
    crm = Crm(world, "crowst")
    kept = crm.id_of(aino) or ""
    world.clock.advance(60)
    double = crm.add(DOUBLE, first_name="Aino", last_name="Kukkamaa")
    crm.subscribes(DOUBLE, "1001")
    world.sync()
    world.clock.advance(60)
    crm.merge(kept, double)
    world.sync(full=True)
    number = _erased(desk, aino)
    crm.add(DOUBLE, first_name="Aino")
    List(world, "crowst-tapahtumat").add(DOUBLE)  # a lagging import brings her other address back
    desk.watch(1.1)
    assert desk.row(number).watched == 1
    assert crm.id_of(DOUBLE) is None
    assert List(world, "crowst-tapahtumat").member(DOUBLE) is None


def test_a_connectors_own_fault_holds_up_no_other(
    world: World, desk: Desk, aino: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = _erased(desk, aino)
    Crm(world, "crowst").add(aino, first_name="Aino")

    def faulty(*_: object) -> None:
        raise TypeError("a fault")

    monkeypatch.setattr(desk.opened(MAILER).connector, "locate", faulty)
    desk.watch(1.1)
    assert desk.tasks(number)[CRM, "records"].watched == 1
    assert Crm(world, "crowst").id_of(aino) is None
    assert desk.tasks(number)[MAILER, "records"].watched == 0, "it has its look when it can"


def test_a_closed_request_takes_nobody_else_in(world: World, desk: Desk, aino: str) -> None:
    """Who is somebody else to the hub has a request of their own, with a plan that is approved."""
    number = desk.run(Right.ERASURE, aino, phone="+358401234567")
    desk.confirm(number)
    desk.close(number)
    crm = Crm(world, "crowst")
    other = crm.add("aila.toinen@posti.example", first_name="Aila", phone="+358401234567")
    world.sync()
    crm.add(aino, first_name="Aino")  # a lagging import
    desk.watch(1.1)
    task = desk.tasks(number)[CRM, "records"]
    assert task.reason == "weak-match"
    (weak,) = matches.weak(desk.deployment, task.id, desk.who)
    assert weak.id == other
    with pytest.raises(CannotDecide, match="open a request"):
        matches.judge(desk.deployment, task.id, desk.second, same=True)
    assert desk.row(number).state == "watching"
    matches.judge(desk.deployment, task.id, desk.second, same=False)
    desk.work()
    assert desk.states(number)[CRM] == "verified"
    assert crm.id_of(aino) is None
    assert crm.id_of("aila.toinen@posti.example") == other
