"""Transactions that are ready at the same moment are committed together, and each stands alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine
from support.store_world import AT

from hub.store import tables
from hub.store.sql import table_of
from hub.store.together import Gathered, commit

workers = table_of(tables.Worker)


def adds(name: str) -> Callable[[Connection], str]:
    def act(connection: Connection) -> str:
        connection.execute(sa.insert(workers).values(id=name, beat_at=AT + timedelta(0)))
        return name

    return act


def names(store: Engine) -> set[str]:
    with store.connect() as connection:
        return set(connection.scalars(sa.select(workers.c.id)))


def test_it_answers_once_it_is_durable(store: Engine) -> None:
    assert commit(store, adds("a")) == "a"
    assert names(store) == {"a"}


def test_what_raises_leaves_nothing_behind(store: Engine) -> None:
    def fails(connection: Connection) -> None:
        adds("a")(connection)
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        commit(store, fails)
    assert names(store) == set()


def test_many_at_once_each_with_its_own_end(store: Engine) -> None:
    """While the first is carried out the others gather; one of them fails, and only that one."""
    commits = 0

    def count(_: Connection) -> None:
        nonlocal commits
        commits += 1

    sa.event.listen(store, "commit", count)
    begun, go = threading.Event(), threading.Event()

    def first(connection: Connection) -> str:
        begun.set()
        assert go.wait(10)
        return adds("first")(connection)

    def fails(connection: Connection) -> str:
        adds("half")(connection)
        raise LookupError("no")

    with ThreadPoolExecutor(12) as pool:
        leading = pool.submit(commit, store, first)
        assert begun.wait(10)
        others: list[Future[str]] = [pool.submit(commit, store, adds(f"n{n}")) for n in range(9)]
        failing = pool.submit(commit, store, fails)
        threading.Event().wait(0.2)  # they come to the queue
        go.set()
        assert leading.result() == "first"
        assert {one.result() for one in others} == {f"n{n}" for n in range(9)}
        with pytest.raises(LookupError):
            failing.result()
    assert names(store) == {"first", *(f"n{n}" for n in range(9))}
    if store.dialect.name == "sqlite":
        assert commits < 11


def test_what_ends_the_leader_reaches_all_who_waited() -> None:
    """A process that is told to end must not leave threads waiting for ever."""
    begun, go = threading.Event(), threading.Event()

    class Ended(BaseException):
        pass

    def carry_out(items: Sequence[int]) -> list[int]:
        begun.set()
        assert go.wait(10)
        raise Ended

    gathered: Gathered[int, int] = Gathered(carry_out)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(gathered, 1)
        assert begun.wait(10)
        others = [pool.submit(gathered, n) for n in range(3)]
        go.set()
        for one in (first, *others):
            with pytest.raises(Ended):
                one.result(timeout=10)


def test_a_caller_who_comes_later_is_carried_out_too() -> None:
    gathered: Gathered[int, int] = Gathered(lambda items: [2 * one for one in items])
    assert [gathered(n) for n in range(5)] == [0, 2, 4, 6, 8]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(gathered, range(300))) == [2 * n for n in range(300)]
