"""Two ledgers for tests: one in memory, one in SQL (sqlite3 or psycopg, the same statements)."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from hub.engine import Attempt, Lease


@dataclass(frozen=True)
class Row:
    n: int
    open: bool
    due_at: datetime
    epoch: int = 0
    holder: str | None = None
    failures: int = 0
    woken_at: datetime | None = None
    slot: datetime | None = None
    reason: str = ""


class MemoryLedger:
    """The protocol in plain Python, to read beside the SQL."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Row] = {}
        self.beats: dict[str, datetime] = {}
        self._lock = threading.RLock()

    def beat(self, worker: str, at: datetime) -> None:
        with self._lock:
            self.beats[worker] = at

    def leave(self, worker: str) -> None:
        with self._lock:
            self.beats.pop(worker, None)

    def alive(self, since: datetime) -> set[str]:
        with self._lock:
            return {worker for worker, at in self.beats.items() if at >= since}

    def open(self, kind: str, key: str, at: datetime, *, force: bool = False) -> Attempt:
        with self._lock:
            row = self.rows.get((kind, key), Row(0, False, at))
            if not row.open:
                row = replace(row, n=row.n + 1, open=True, due_at=at, failures=0, reason="")
            elif row.holder is not None:
                row = replace(row, woken_at=row.woken_at or at)
            elif row.due_at > at and (force or not row.failures):
                row = replace(row, n=row.n + 1, due_at=at)
            return self._put(kind, key, row)

    def fire(self, kind: str, key: str, slot: datetime, at: datetime) -> Attempt | None:
        with self._lock:
            row = self.rows.get((kind, key), Row(0, False, at))
            if row.slot is not None and row.slot >= slot:
                return None
            was_open = row.open
            self.rows[kind, key] = replace(row, slot=slot)
            return None if was_open else self.open(kind, key, at)

    def claim(self, kind: str, key: str, n: int, worker: str, since: datetime) -> Lease | None:
        with self._lock:
            row = self.rows.get((kind, key))
            if row is None or not self._free(row, n, worker, since):
                return None
            row = replace(row, epoch=row.epoch + 1, holder=worker, woken_at=None)
            self._put(kind, key, row)
            return Lease(row.epoch, row.failures)

    def holds(self, kind: str, key: str, epoch: int) -> bool:
        with self._lock:
            row = self.rows.get((kind, key))
            return row is not None and row.open and row.holder is not None and row.epoch == epoch

    def finish(self, kind: str, key: str, epoch: int) -> Attempt | None:
        with self._lock:
            if not self.holds(kind, key, epoch):
                return None
            row = replace(self.rows[kind, key], holder=None, failures=0, reason="")
            if row.woken_at is None:
                self._put(kind, key, replace(row, open=False))
                return None
            row = replace(row, n=row.n + 1, due_at=row.woken_at, woken_at=None)
            return self._put(kind, key, row)

    def again(
        self, kind: str, key: str, epoch: int, due_at: datetime, reason: str, *, failed: bool
    ) -> Attempt | None:
        with self._lock:
            if not self.holds(kind, key, epoch):
                return None
            row = self.rows[kind, key]
            if row.woken_at is not None and not failed:
                due_at = min(due_at, row.woken_at)
            failures = row.failures + 1 if failed else 0
            row = replace(row, n=row.n + 1, due_at=due_at, holder=None, woken_at=None)
            return self._put(kind, key, replace(row, failures=failures, reason=reason))

    def reissue(self, kind: str, key: str, n: int, worker: str, since: datetime) -> Attempt | None:
        with self._lock:
            row = self.rows.get((kind, key))
            if row is None or not self._free(row, n, worker, since):
                return None
            return self._put(kind, key, replace(row, n=n + 1, holder=None, woken_at=None))

    def open_tasks(self, limit: int, after: tuple[str, str] | None = None) -> Sequence[Attempt]:
        with self._lock:
            found = sorted(
                at for at, row in self.rows.items() if row.open and (after is None or at > after)
            )
            return [Attempt(*at, self.rows[at].n, self.rows[at].due_at) for at in found[:limit]]

    def _free(self, row: Row, n: int, worker: str, since: datetime) -> bool:
        held = row.holder not in (None, worker) and row.holder in self.alive(since)
        return row.open and row.n == n and not held

    def _put(self, kind: str, key: str, row: Row) -> Attempt:
        self.rows[kind, key] = row
        return Attempt(kind, key, row.n, row.due_at)


SCHEMA = """
CREATE TABLE IF NOT EXISTS worker (id TEXT PRIMARY KEY, beat_at DOUBLE PRECISION NOT NULL);
CREATE TABLE IF NOT EXISTS task (
  kind TEXT NOT NULL, key TEXT NOT NULL, n INTEGER NOT NULL, open INTEGER NOT NULL,
  due_at DOUBLE PRECISION NOT NULL, epoch INTEGER NOT NULL DEFAULT 0, holder TEXT,
  failures INTEGER NOT NULL DEFAULT 0, woken_at DOUBLE PRECISION, slot DOUBLE PRECISION,
  reason TEXT NOT NULL DEFAULT '', PRIMARY KEY (kind, key));
CREATE TABLE IF NOT EXISTS start
  (kind TEXT, key TEXT, n INTEGER, epoch INTEGER, worker TEXT, at DOUBLE PRECISION);
CREATE TABLE IF NOT EXISTS completion (kind TEXT, key TEXT, epoch INTEGER);
CREATE TABLE IF NOT EXISTS fired (kind TEXT, key TEXT, slot DOUBLE PRECISION, worker TEXT);
CREATE TABLE IF NOT EXISTS result (kind TEXT, key TEXT, epoch INTEGER, worker TEXT);
"""

_FREE = """open = 1 AND n = :n AND (holder IS NULL OR holder = :worker OR NOT EXISTS
  (SELECT 1 FROM worker WHERE worker.id = task.holder AND worker.beat_at >= :since))"""
_HELD = "kind = :kind AND key = :key AND epoch = :epoch AND open = 1 AND holder IS NOT NULL"


class SqlLedger:
    """The protocol in SQL. Beside the tasks it writes down what happened, for tests to count."""

    def __init__(self, target: str) -> None:
        self._lock = threading.Lock()
        self._sqlite = not target.startswith("postgresql")
        if self._sqlite:
            self._connection: Any = sqlite3.connect(
                target, timeout=30, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode=WAL")
        else:
            import psycopg

            self._connection = psycopg.connect(target.replace("+psycopg", "", 1))

    def create(self) -> None:
        with self.transaction() as run:
            for statement in SCHEMA.split(";"):
                if statement.strip():
                    run(statement)

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        with self._lock:
            if self._sqlite:
                self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._run
                self._connection.commit()
            except BaseException:
                self._connection.rollback()
                raise

    def _run(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        if not self._sqlite:
            for name in sorted(values, key=len, reverse=True):
                statement = statement.replace(f":{name}", f"%({name})s")
        cursor = self._connection.execute(statement, values)
        return list(cursor.fetchall()) if cursor.description else []

    def rows(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        with self.transaction() as run:
            return list(run(statement, **values))

    def beat(self, worker: str, at: datetime) -> None:
        with self.transaction() as run:
            run(
                """INSERT INTO worker (id, beat_at) VALUES (:worker, :at)
                ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at""",
                worker=worker,
                at=at.timestamp(),
            )

    def leave(self, worker: str) -> None:
        with self.transaction() as run:
            run("DELETE FROM worker WHERE id = :worker", worker=worker)

    def alive(self, since: datetime) -> set[str]:
        found = self.rows("SELECT id FROM worker WHERE beat_at >= :at", at=since.timestamp())
        return {worker for (worker,) in found}

    def open(self, kind: str, key: str, at: datetime, *, force: bool = False) -> Attempt:
        later = """(task.open = 0 OR (task.holder IS NULL AND task.due_at > :at
          AND (task.failures = 0 OR :force = 1)))"""
        statement = f"""INSERT INTO task (kind, key, n, open, due_at)
          VALUES (:kind, :key, 1, 1, :at)
          ON CONFLICT (kind, key) DO UPDATE SET
            n = CASE WHEN {later} THEN task.n + 1 ELSE task.n END,
            due_at = CASE WHEN {later} THEN :at ELSE task.due_at END,
            failures = CASE WHEN task.open = 0 THEN 0 ELSE task.failures END,
            woken_at = CASE WHEN task.holder IS NOT NULL
              THEN COALESCE(task.woken_at, :at) ELSE NULL END,
            open = 1
          RETURNING n, due_at"""
        values = {"kind": kind, "key": key, "at": at.timestamp(), "force": int(force)}
        [(n, due)] = self.rows(statement, **values)
        return _attempt(kind, key, n, due)

    def fire(self, kind: str, key: str, slot: datetime, at: datetime) -> Attempt | None:
        values: dict[str, Any] = {"kind": kind, "key": key, "at": at.timestamp()}
        values["slot"] = slot.timestamp()
        with self.transaction() as run:
            run(
                """INSERT INTO task (kind, key, n, open, due_at) VALUES (:kind, :key, 0, 0, :at)
                ON CONFLICT (kind, key) DO NOTHING""",
                kind=kind,
                key=key,
                at=values["at"],
            )
            if not run(
                """UPDATE task SET slot = :slot WHERE kind = :kind AND key = :key
                AND (slot IS NULL OR slot < :slot) RETURNING 1""",
                **values,
            ):
                return None
            opened = run(
                """UPDATE task SET n = n + 1, open = 1, due_at = :at, failures = 0
                WHERE kind = :kind AND key = :key AND open = 0 RETURNING n, due_at""",
                **values,
            )
        return _attempt(kind, key, *opened[0]) if opened else None

    def claim(self, kind: str, key: str, n: int, worker: str, since: datetime) -> Lease | None:
        taken = self.rows(
            f"""UPDATE task SET epoch = epoch + 1, holder = :worker, woken_at = NULL
            WHERE kind = :kind AND key = :key AND {_FREE} RETURNING epoch, failures""",
            kind=kind,
            key=key,
            n=n,
            worker=worker,
            since=since.timestamp(),
        )
        return Lease(*taken[0]) if taken else None

    def holds(self, kind: str, key: str, epoch: int) -> bool:
        found = self.rows(f"SELECT 1 FROM task WHERE {_HELD}", kind=kind, key=key, epoch=epoch)
        return bool(found)

    def finish(self, kind: str, key: str, epoch: int) -> Attempt | None:
        values = {"kind": kind, "key": key, "epoch": epoch}
        with self.transaction() as run:
            closed = run(
                f"""UPDATE task SET open = CASE WHEN woken_at IS NULL THEN 0 ELSE 1 END,
                n = CASE WHEN woken_at IS NULL THEN n ELSE n + 1 END,
                due_at = COALESCE(woken_at, due_at), holder = NULL, woken_at = NULL,
                failures = 0, reason = '' WHERE {_HELD} RETURNING open, n, due_at""",
                **values,
            )
            if closed:
                run("INSERT INTO completion VALUES (:kind, :key, :epoch)", **values)
        return _attempt(kind, key, *closed[0][1:]) if closed and closed[0][0] else None

    def again(
        self, kind: str, key: str, epoch: int, due_at: datetime, reason: str, *, failed: bool
    ) -> Attempt | None:
        opened = self.rows(
            f"""UPDATE task SET n = n + 1, holder = NULL, woken_at = NULL, reason = :reason,
            failures = CASE WHEN :failed = 1 THEN failures + 1 ELSE 0 END,
            due_at = CASE WHEN :failed = 0 AND woken_at < :due THEN woken_at ELSE :due END
            WHERE {_HELD} RETURNING n, due_at""",
            kind=kind,
            key=key,
            epoch=epoch,
            due=due_at.timestamp(),
            reason=reason,
            failed=int(failed),
        )
        return _attempt(kind, key, *opened[0]) if opened else None

    def reissue(self, kind: str, key: str, n: int, worker: str, since: datetime) -> Attempt | None:
        opened = self.rows(
            f"""UPDATE task SET n = n + 1, holder = NULL, woken_at = NULL
            WHERE kind = :kind AND key = :key AND {_FREE} RETURNING n, due_at""",
            kind=kind,
            key=key,
            n=n,
            worker=worker,
            since=since.timestamp(),
        )
        return _attempt(kind, key, *opened[0]) if opened else None

    def open_tasks(self, limit: int, after: tuple[str, str] | None = None) -> Sequence[Attempt]:
        kind, key = after or ("", "")
        found = self.rows(
            """SELECT kind, key, n, due_at FROM task WHERE open = 1
            AND (kind, key) > (:kind, :key) ORDER BY kind, key LIMIT :top""",
            kind=kind,
            key=key,
            top=limit,
        )
        return [_attempt(*row) for row in found]


def _attempt(kind: str, key: str, n: int, due: float) -> Attempt:
    return Attempt(kind, key, n, datetime.fromtimestamp(due, UTC))
