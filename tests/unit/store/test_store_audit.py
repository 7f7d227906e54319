"""Entries of the audit log are chained when their transaction commits."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine
from support.store_world import AT

from hub.domain.audit import Event
from hub.store import audit
from hub.store.together import commit


def tell(connection: Connection, number: int) -> None:
    audit.record(connection, AT, Event.REQUEST_RECEIVED, "hub", f"request {number}")


def told(store: Engine) -> list[str]:
    with store.connect() as connection:
        broken, last = audit.check(connection)
        assert broken is None
        found = [one.entry.subject for one in audit.entries(connection)]
        assert last.seq == len(found)
        return found


def test_they_follow_one_another_over_transactions(store: Engine) -> None:
    for first in (1, 3):
        with store.begin() as connection:
            tell(connection, first)
            tell(connection, first + 1)
    assert told(store) == [f"request {n}" for n in (1, 2, 3, 4)]


def test_what_is_rolled_back_is_not_told(store: Engine) -> None:
    with pytest.raises(KeyError), store.begin() as connection:
        tell(connection, 1)
        raise KeyError
    with store.begin() as connection:
        tell(connection, 2)
    assert told(store) == ["request 2"]


def test_a_savepoint_takes_back_its_own(store: Engine) -> None:
    with store.begin() as connection:
        tell(connection, 1)
        with pytest.raises(KeyError), connection.begin_nested():
            tell(connection, 2)
            raise KeyError
        with connection.begin_nested():
            tell(connection, 3)
    assert told(store) == ["request 1", "request 3"]


def test_a_transaction_reads_its_own(store: Engine) -> None:
    with store.begin() as connection:
        tell(connection, 1)
        assert audit.head(connection).seq == 1
        tell(connection, 2)
        assert [one.entry.subject for one in audit.entries(connection)] == [
            "request 1",
            "request 2",
        ]


def test_what_is_no_code_is_refused_at_once(store: Engine) -> None:
    with store.begin() as connection, pytest.raises(ValueError, match="actor"):
        audit.record(connection, AT, Event.REQUEST_RECEIVED, "Aino Virtanen")


def test_nobody_waits_for_a_transaction_that_is_not_over(store: Engine) -> None:
    """Whoever has told something holds nobody up until it commits."""
    if store.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    with store.begin() as connection:
        tell(connection, 1)
        with store.begin() as other:
            tell(other, 2)
    assert told(store) == ["request 2", "request 1"]


def test_many_at_once_make_one_chain(store: Engine) -> None:
    ready = threading.Barrier(8)

    def work(number: int) -> None:
        ready.wait(10)
        for n in range(5):
            commit(store, lambda connection, n=n: tell(connection, 10 * number + n))  # type: ignore[misc]  # bound as it is now

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert sorted(told(store)) == sorted(
        f"request {10 * a + b}" for a in range(8) for b in range(5)
    )
