"""Two who do something at the same moment, on PostgreSQL, where both transactions really run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.accounts import Crm, open_accounts
from support.commands import varied
from support.rights_desk import Desk
from support.world import World, small_world

from hub.domain.audit import Event
from hub.domain.rights import Right
from hub.rights import decide, intake, manual, notices
from hub.rights.notices import Way
from hub.store import audit, requests, subjects
from hub.store import notices as rows
from hub.testing.world import LIVE_PROJECT
from hub.vault.database import read_only

AINO = "aino.kukkamaa@posti.example"


@pytest.fixture
def world(tmp_path: Path, pg_url: str) -> Iterator[World]:
    change = ("database: sqlite:///var/sandbox/hub.db", f"database: {pg_url}")
    config = varied(tmp_path / "config", change)
    with small_world(tmp_path / "hub", config=config) as made:
        open_accounts(made)
        yield made


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """What each came to, done by as many threads: an answer or an exception."""
    came_to: list[Any] = [None] * len(acts)

    def run(n: int) -> None:
        try:
            came_to[n] = acts[n]()
        except Exception as error:
            came_to[n] = error

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(acts))]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    return came_to


def happened(desk: Desk) -> Sequence[Event]:
    with read_only(desk.deployment.database).connect() as connection:
        broken, _ = audit.check(connection)
        assert broken is None
        return [one.entry.event for one in audit.entries(connection)]


def test_the_same_request_is_received_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    both, real = threading.Barrier(2), requests.open_twin

    def neither_sees_the_other(*given: Any) -> int | None:
        found = real(*given)
        if not both.broken:
            try:
                both.wait(10)
                both.abort()
            except threading.BrokenBarrierError:
                pass
        return found

    monkeypatch.setattr(requests, "open_twin", neither_sees_the_other)
    asked = intake.Asked(Right.OBJECTION, ["crowst"], AINO, desk.deployment.now())
    came_to = at_once(*[lambda: intake.open_request(desk.deployment, asked, "cli:a")] * 2)
    assert sorted(one.fresh for one in came_to) == [False, True], came_to
    assert len({one.number for one in came_to}) == 1
    assert happened(desk).count(Event.REQUEST_RECEIVED) == 1


@pytest.mark.parametrize("approved", [False, True], ids=["received", "approved"])
def test_a_notice_and_a_request_for_the_same_person(
    world: World, desk: Desk, monkeypatch: pytest.MonkeyPatch, approved: bool
) -> None:
    """Both hold her row and write to the audit log: neither waits for the other crosswise."""
    Crm(world, "crowst").add(AINO, first_name="Aino", projects=LIVE_PROJECT)
    world.sync()
    (owed,) = notices.owed(desk.deployment)
    held, told = threading.Event(), threading.Event()
    real, load = rows.add, subjects.load

    def add(*given: Any) -> None:
        real(*given)
        held.set()  # her row is this transaction's
        told.wait(1)

    def waits_for_her(*given: Any, **more: Any) -> Any:
        if more.get("lock"):
            told.set()
        return load(*given, **more)

    monkeypatch.setattr(rows, "add", add)
    right = Right.RESTRICTION if approved else Right.OBJECTION
    number = 0
    if approved:
        number = desk.open(right, AINO, owed.controller)
        desk.identify(number)
    monkeypatch.setattr(subjects, "load", waits_for_her)

    def asks() -> None:
        held.wait(10)
        if approved:
            desk.approve(number)
        else:
            desk.open(right, AINO, owed.controller)

    def gives() -> Any:
        return notices.give(desk.deployment, [owed.person], "v1", Way.EMAIL, "cli:a")

    came_to = at_once(gives, asks)
    assert not [one for one in came_to if isinstance(one, Exception)], came_to
    assert {Event.NOTICE_GIVEN, Event.REQUEST_STARTED} <= set(happened(desk))


def test_what_is_undone_leaves_nothing_in_the_log(world: World, desk: Desk) -> None:
    number = desk.open(Right.ACCESS, AINO)
    before = happened(desk)
    with pytest.raises(decide.CannotDecide), desk.deployment.database.begin() as connection:
        audit.record(connection, desk.deployment.now(), Event.NOTE_ADDED, "cli:a")
        raise decide.CannotDecide("no", "no")
    with pytest.raises(ValueError, match="actor"), desk.deployment.database.begin() as connection:
        audit.record(connection, desk.deployment.now(), Event.NOTE_ADDED, AINO)
    assert happened(desk) == before
    decide.hold(desk.deployment, number, "cli:a", on=True)
    assert happened(desk) == [*before, Event.REQUEST_HELD]


def test_a_task_that_two_confirm_has_one_name(
    world: World, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    Crm(world, "crowst").add(AINO, first_name="Aino")
    world.sync()
    number = desk.run(Right.NO_AUTOMATED_DECISIONS, AINO)
    (task, *_) = [one for one in desk.tasks(number).values() if one.state == "awaiting_external"]
    both, real = threading.Barrier(2), manual._request_of

    def both_have_read_it(*given: Any, **more: Any) -> Any:
        both.wait(10)
        return real(*given, **more)

    def confirms(name: str) -> None:
        with desk.deployment.database.begin() as connection:
            manual.confirm(connection, desk.deployment, task.id, name, "Done by hand.")

    monkeypatch.setattr(manual, "_request_of", both_have_read_it)
    came_to = at_once(lambda: confirms("Maija Mallikas"), lambda: confirms("Matti Mallikas"))
    refused = [one for one in came_to if isinstance(one, manual.CannotConfirm)]
    assert (len(refused), came_to.count(None)) == (1, 1), came_to
    assert happened(desk).count(Event.TASK_CONFIRMED) == 1
    assert desk.receipt(number, task.system).confirmed_by in ("Maija Mallikas", "Matti Mallikas")
