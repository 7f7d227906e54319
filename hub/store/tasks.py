"""Durable work in the application's database: what the engine asks of it (`hub.engine.Ledger`).

    ledger = Tasks(database, Attempt, Lease)        # the engine's own two values
    engine = Engine(url, ledger, handlers)

Store and engine do not import each other. The contract stands in `hub.engine.ledger`, and whoever
joins the two names the classes that the engine wants its answers in.

Every method is one short transaction. One that decides by a task's row locks the row first (SQLite
locks the database), so several threads and processes may call at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, Row

from hub.store import tables
from hub.store.sql import table_of
from hub.vault.database import read_only, upsert

tasks = table_of(tables.Task)
workers = table_of(tables.Worker)

FORGET_AFTER = timedelta(days=1)
"""How long a silent worker is remembered."""

A_co = TypeVar("A_co", covariant=True)
L_co = TypeVar("L_co", covariant=True)


class MakesAttempt(Protocol[A_co]):
    """`hub.engine.Attempt`: the `n`th try at a task, to be started at `due_at`."""

    def __call__(self, kind: str, key: str, n: int, due_at: datetime) -> A_co: ...


class MakesLease(Protocol[L_co]):
    """`hub.engine.Lease`: a granted claim."""

    def __call__(self, epoch: int, failures: int) -> L_co: ...


class Tasks(Generic[A_co, L_co]):
    """The ledger of workers and tasks; `hub.engine.ledger` has the whole of what it promises."""

    def __init__(
        self, database: Engine, attempt: MakesAttempt[A_co], lease: MakesLease[L_co]
    ) -> None:
        self._database = database
        self._reader = read_only(database)
        self._attempt = attempt
        self._lease = lease

    # workers

    def beat(self, worker: str, at: datetime) -> None:
        """Note that the worker lives, and forget workers that were silent for a day."""
        with self._database.begin() as connection:
            row = {"id": worker, "beat_at": at}
            upsert(connection, workers, [row], key=["id"], update=["beat_at"])
            # A row that another process is at is left to it: two workers that wake up after a
            # day, each forgetting the other, would wait for one another.
            silent = sa.select(workers.c.id).where(workers.c.beat_at < at - FORGET_AFTER)
            connection.execute(
                sa.delete(workers).where(workers.c.id.in_(silent.with_for_update(skip_locked=True)))
            )

    def leave(self, worker: str) -> None:
        """Forget the worker: what it still holds may be taken at once."""
        with self._database.begin() as connection:
            connection.execute(sa.delete(workers).where(workers.c.id == worker))

    def alive(self, since: datetime) -> set[str]:
        """Workers whose last beat is at `since` or later."""
        with self._reader.connect() as connection:
            return set(
                connection.scalars(sa.select(workers.c.id).where(workers.c.beat_at >= since))
            )

    # tasks

    def open(self, kind: str, key: str, at: datetime, *, force: bool = False) -> A_co:
        """See to it that the task is looked at after this call, and say by which attempt."""
        with self._database.begin() as connection:
            row = _lock_or_make(connection, kind, key, at)
            if not row.open:
                return self._reopen(connection, row, at)
            if row.holder is not None:
                _set(connection, row, woken_at=row.woken_at or at)
            elif row.due_at > at and (force or not row.failures):
                return self._issue(connection, row, at)
            return self._attempt(kind, key, row.n, row.due_at)

    def fire(self, kind: str, key: str, slot: datetime, at: datetime) -> A_co | None:
        """Open the task for a slot of its schedule, once however many processes ask."""
        with self._database.begin() as connection:
            row = _lock_or_make(connection, kind, key, at)
            if row.slot is not None and row.slot >= slot:
                return None
            _set(connection, row, slot=slot)
            return None if row.open else self._reopen(connection, row, at)

    def claim(self, kind: str, key: str, n: int, worker: str, since: datetime) -> L_co | None:
        """Take the attempt, unless another living worker holds it: the epoch rises, and earlier
        ones may commit no more."""
        with self._database.begin() as connection:
            row = _lock(connection, kind, key)
            if row is None or not _free(connection, row, n, worker, since):
                return None
            epoch = row.epoch + 1
            _set(connection, row, epoch=epoch, holder=worker, woken_at=None)
            return self._lease(epoch, row.failures)

    def holds(self, kind: str, key: str, epoch: int) -> bool:
        """Whether that epoch may still commit, as of now: a commit that has to be sure checks a
        row of its own transaction (`progress.check`)."""
        with self._reader.connect() as connection:
            return _held(connection.execute(_row_of(kind, key)).first(), epoch)

    def finish(self, kind: str, key: str, epoch: int) -> A_co | None:
        """Close the task; if it was woken while it was held, the attempt that sees to that."""
        with self._database.begin() as connection:
            row = _lock(connection, kind, key)
            if row is None or not _held(row, epoch):
                return None
            over = {"holder": None, "woken_at": None, "failures": 0, "reason": ""}
            if row.woken_at is not None:
                return self._issue(connection, row, row.woken_at, **over)
            _set(connection, row, open=False, **over)
            return None

    def again(
        self, kind: str, key: str, epoch: int, due_at: datetime, reason: str, *, failed: bool
    ) -> A_co | None:
        """Keep the task open with a new attempt at `due_at`, or earlier if it was woken."""
        with self._database.begin() as connection:
            row = _lock(connection, kind, key)
            if row is None or not _held(row, epoch):
                return None
            if row.woken_at is not None and not failed:
                due_at = min(due_at, row.woken_at)
            failures = row.failures + 1 if failed else 0
            return self._issue(
                connection,
                row,
                due_at,
                holder=None,
                woken_at=None,
                failures=failures,
                reason=reason,
            )

    def reissue(self, kind: str, key: str, n: int, worker: str, since: datetime) -> A_co | None:
        """Replace attempt `n`, which ended without saying how."""
        with self._database.begin() as connection:
            row = _lock(connection, kind, key)
            if row is None or not _free(connection, row, n, worker, since):
                return None
            return self._issue(connection, row, row.due_at, holder=None, woken_at=None)

    def open_tasks(self, limit: int, after: tuple[str, str] | None = None) -> Sequence[A_co]:
        """Current attempts of open tasks in the order of (kind, key), those past `after`."""
        query = (
            sa.select(tasks.c.kind, tasks.c.key, tasks.c.n, tasks.c.due_at)
            .where(tasks.c.open)
            .order_by(tasks.c.kind, tasks.c.key)
            .limit(limit)
        )
        if after is not None:
            query = query.where(sa.tuple_(tasks.c.kind, tasks.c.key) > sa.tuple_(*after))
        with self._reader.connect() as connection:
            return [self._attempt(*row) for row in connection.execute(query)]

    def _issue(
        self, connection: Connection, row: Row[Any], due_at: datetime, **values: Any
    ) -> A_co:
        """The task's next attempt, with what else changes."""
        _set(connection, row, n=row.n + 1, due_at=due_at, **values)
        return self._attempt(row.kind, row.key, row.n + 1, due_at)

    def _reopen(self, connection: Connection, row: Row[Any], at: datetime) -> A_co:
        return self._issue(connection, row, at, open=True, failures=0, reason="")


def _row_of(kind: str, key: str) -> sa.Select[Any]:
    return sa.select(tasks).where(tasks.c.kind == kind, tasks.c.key == key)


def _lock(connection: Connection, kind: str, key: str) -> Row[Any] | None:
    """The task's row, which nobody else changes until this transaction ends."""
    return connection.execute(_row_of(kind, key).with_for_update()).first()


def _lock_or_make(connection: Connection, kind: str, key: str, at: datetime) -> Row[Any]:
    """The task's row, made closed and without an attempt where there is none."""
    row = _lock(connection, kind, key)
    if row is None:
        fresh = {
            "kind": kind,
            "key": key,
            "n": 0,
            "open": False,
            "due_at": at,
            "epoch": 0,
            "failures": 0,
            "reason": "",
        }
        upsert(connection, tasks, [fresh], key=["kind", "key"], update=[])
        row = _lock(connection, kind, key)
        assert row is not None  # rows of tasks are never deleted
    return row


def _set(connection: Connection, row: Row[Any], **values: Any) -> None:
    connection.execute(
        sa.update(tasks).where(tasks.c.kind == row.kind, tasks.c.key == row.key).values(**values)
    )


def _held(row: Row[Any] | None, epoch: int) -> bool:
    return row is not None and row.open and row.holder is not None and row.epoch == epoch


def _free(connection: Connection, row: Row[Any], n: int, worker: str, since: datetime) -> bool:
    """Whether that worker may take attempt `n`. Asked with the row locked, in a statement of its
    own, so that it sees the beat that came before the holder's claim."""
    if not row.open or row.n != n:
        return False
    if row.holder is None or row.holder == worker:
        return True
    beating = sa.select(workers.c.id).where(workers.c.id == row.holder, workers.c.beat_at >= since)
    return connection.execute(beating).first() is None
