"""The engine's ledger over the application's tables."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from support.engine_ledger_contract import AT, LONG_AGO, SECOND, LedgerContract

from hub.engine import Attempt, Claim, Done, Lease, Ledger
from hub.engine import Engine as Work
from hub.store.schema import open_store
from hub.store.tasks import Tasks, tasks, workers

Ledgers = Tasks[Attempt, Lease]


@pytest.fixture
def ledger(store: Engine) -> Ledgers:
    return Tasks(store, Attempt, Lease)


class TestTasks(LedgerContract):
    """All that the engine's own ledgers promise, on SQLite and PostgreSQL."""


def test_it_has_the_methods_of_the_protocol_as_they_are_declared() -> None:
    declared = {
        name: method
        for name, method in vars(Ledger).items()
        if inspect.isfunction(method) and not name.startswith("_")
    }
    assert len(declared) == 11
    for name, method in declared.items():
        wanted = inspect.signature(method).parameters.values()
        given = inspect.signature(getattr(Tasks, name)).parameters.values()
        assert [(p.name, p.kind, p.default, p.annotation) for p in given] == [
            (p.name, p.kind, p.default, p.annotation) for p in wanted
        ], name


def test_workers_silent_for_a_day_are_forgotten(ledger: Ledgers, store: Engine) -> None:
    ledger.beat("old", AT - timedelta(days=1, seconds=1))
    ledger.beat("quiet", AT - timedelta(hours=23))
    ledger.beat("new", AT)
    with store.connect() as connection:
        assert set(connection.scalars(select(workers.c.id))) == {"quiet", "new"}


def test_an_open_task_that_is_due_is_not_opened_again(ledger: Ledgers) -> None:
    ledger.open("sync", "crm", AT)
    ledger.claim("sync", "crm", 1, "a", LONG_AGO)
    ledger.again("sync", "crm", 1, AT - SECOND, "unavailable", failed=True)
    assert ledger.open("sync", "crm", AT, force=True) == Attempt("sync", "crm", 2, AT - SECOND)


def test_the_reason_stays_until_the_task_is_well(ledger: Ledgers, store: Engine) -> None:
    def reason() -> str | None:
        with store.connect() as connection:
            return connection.scalar(select(tasks.c.reason))

    ledger.open("sync", "crm", AT)
    ledger.claim("sync", "crm", 1, "a", LONG_AGO)
    ledger.again("sync", "crm", 1, AT, "unavailable", failed=True)
    assert reason() == "unavailable"
    ledger.claim("sync", "crm", 2, "a", LONG_AGO)
    assert reason() == "unavailable"
    ledger.finish("sync", "crm", 2)
    assert reason() == ""


@pytest.fixture
def crowd(database_url: str, store: Engine) -> Iterator[Callable[..., list[Any]]]:
    """Runs a call on eight ledgers at once, each with connections of its own, as processes."""
    engines = [open_store(database_url) for _ in range(8)]

    def run(call: Callable[[Ledgers, int], Any]) -> list[Any]:
        ready = threading.Barrier(len(engines))
        results: list[Any] = []

        def one(engine: Engine, number: int) -> None:
            own = Tasks(engine, Attempt, Lease)
            own.alive(AT)  # connected before the start
            ready.wait()
            results.append(call(own, number))

        threads = [
            threading.Thread(target=one, args=(engine, number))
            for number, engine in enumerate(engines)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(results) == len(engines)
        return results

    yield run
    for engine in engines:
        engine.dispose()


def test_of_many_that_claim_at_once_one_gets_it(
    ledger: Ledgers, crowd: Callable[..., list[Any]]
) -> None:
    ledger.open("sync", "crm", AT)

    def claim(own: Ledgers, number: int) -> Lease | None:
        own.beat(f"w{number}", AT)
        return own.claim("sync", "crm", 1, f"w{number}", AT - SECOND)

    assert [one for one in crowd(claim) if one] == [Lease(1, 0)]


def test_of_many_that_open_an_unknown_task_at_once_all_get_the_same_attempt(
    ledger: Ledgers, crowd: Callable[..., list[Any]]
) -> None:
    opened = crowd(lambda own, _: own.open("sync", "crm", AT))
    assert opened == [Attempt("sync", "crm", 1, AT)] * 8


def test_of_many_that_reissue_at_once_one_does(
    ledger: Ledgers, crowd: Callable[..., list[Any]]
) -> None:
    ledger.open("sync", "crm", AT)
    ledger.claim("sync", "crm", 1, "dead", LONG_AGO)
    given = crowd(lambda own, number: own.reissue("sync", "crm", 1, f"w{number}", AT))
    assert [one for one in given if one] == [Attempt("sync", "crm", 2, AT)]


def test_workers_that_forget_each_other_do_not_wait_for_one_another(
    store: Engine, crowd: Callable[..., list[Any]]
) -> None:
    """All were away for more than a day, and wake up together."""
    own = Tasks(store, Attempt, Lease)
    for number in range(8):
        own.beat(f"w{number}", AT)
    crowd(lambda each, number: each.beat(f"w{number}", AT + timedelta(days=2)))
    with store.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(workers)) >= 1


def test_the_engine_works_on_it(store: Engine, ledger: Ledgers, tmp_path: Any) -> None:
    done = threading.Event()

    def handle(claim: Claim) -> Done:
        assert ledger.holds(claim.kind, claim.key, claim.epoch)
        done.set()
        return Done()

    work = Work(f"sqlite:///{tmp_path}/engine.db", ledger, {"sync": handle}, poll=0.05)
    work.start()
    try:
        work.trigger("sync", "crm")
        assert done.wait(30)
    finally:
        work.stop(30)
    assert ledger.open_tasks(10) == []
