"""Worker processes that a test starts, pauses and kills, and the databases they share."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.engine_ledgers import SqlLedger

_TESTS = Path(__file__).parents[1]


def until(what: str, condition: Callable[[], Any], seconds: float) -> Any:
    """Wait for the condition and return what it returned. Fails after that many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"not in {seconds} s: {what}"
        time.sleep(0.05)  # between two looks at a condition


@dataclass
class World:
    """The databases, and the worker processes that the test has started."""

    engine: str
    app: str
    folder: Path
    ledger: SqlLedger
    workers: dict[str, subprocess.Popen[str]] = field(default_factory=dict)

    def start(self, *names: str, **options: Any) -> None:
        """Start workers of those names side by side and wait until all are ready."""
        for name in names:
            given = {
                "engine": self.engine,
                "app": self.app,
                "worker": name,
                "lease": 5.0,
                "sweep": 2.0,
                "work": 0.0,
                "every": {},
                **options,
            }
            with (self.folder / f"{name}.log").open("w") as log:
                self.workers[name] = subprocess.Popen(
                    [
                        sys.executable,
                        str(Path(__file__).with_name("engine_worker.py")),
                        json.dumps(given),
                    ],
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    env={**os.environ, "PYTHONPATH": str(_TESTS)},
                )
        for name in names:
            pipe = self.workers[name].stdout
            assert pipe is not None
            assert pipe.readline() == "ready\n", (self.folder / f"{name}.log").read_text()

    def kill(self, name: str) -> None:
        """As the power switch would."""
        process = self.workers.pop(name)
        process.kill()
        self._reap(process)

    def pause(self, name: str) -> None:
        """Stop a process where it stands, but not while it holds a lock of a database."""

        def stopped_without_a_lock() -> bool:
            self.workers[name].send_signal(signal.SIGSTOP)
            if self._writable():
                return True
            self.wake(name)
            return False

        until("a pause outside a transaction", stopped_without_a_lock, 10)

    def wake(self, name: str) -> None:
        self.workers[name].send_signal(signal.SIGCONT)

    def stop(self) -> dict[str, int]:
        """Ask all to stop. Returns their exit codes."""
        for process in self.workers.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        codes = {name: process.wait(30) for name, process in self.workers.items()}
        for process in self.workers.values():
            self._reap(process)
        self.workers.clear()
        return codes

    def end(self) -> None:
        for name in list(self.workers):
            self.kill(name)
        self.ledger.close()

    def count(self, table: str, where: str = "1 = 1") -> int:
        [(count,)] = self.ledger.rows(f"SELECT count(*) FROM {table} WHERE {where}")
        return int(count)

    def _writable(self) -> bool:
        if self.app.startswith("postgresql"):
            # (DBOS's keeper of delays always has an open transaction, which locks no table.)
            [(idle,)] = self.ledger.rows(
                """SELECT count(*) FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid
                WHERE a.datname = current_database() AND l.mode = 'RowExclusiveLock'
                AND a.state IN ('idle in transaction', 'idle in transaction (aborted)')"""
            )
            return not idle
        for path in (self.app, self.engine.removeprefix("sqlite:///")):
            connection = sqlite3.connect(path, timeout=0.2, isolation_level=None)
            try:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
            except sqlite3.OperationalError:
                return False
            finally:
                connection.close()
        return True

    @staticmethod
    def _reap(process: subprocess.Popen[str]) -> None:
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()
