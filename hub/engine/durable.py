"""DBOS, and nothing but DBOS: the one workflow, its two queues, and what the sweep asks of them.

DBOS is one to a process, and so is a `Durable` that is started. Facts that shaped this module,
each measured: an exception that escapes a workflow ends it for good; enqueueing the id of a
finished workflow silently does nothing; peers never recover a dead worker's workflows by
themselves, and these keep blocking their partition; recorded steps are replayed, so the claim is
made in the step that does the work, lest a takeover replays the claim of the worker that it
fences out.
"""

from __future__ import annotations

import contextvars
import math
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from dbos import (
    DBOS,
    DBOSConfig,
    DBOSPortableJSONSerializer,
    SetEnqueueOptions,
    SetWorkflowID,
)

from hub.engine.quiet import hush
from hub.engine.types import Attempt
from hub.vault.database import use_write_ahead_log

_T = TypeVar("_T")

APPLICATION_VERSION = "1"
"""Raised only when `attempt` changes its steps: work in flight stays with the version it has."""

_LIVE = ("ENQUEUED", "DELAYED", "PENDING")
_ENDED = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
_BUSY_SECONDS = 30.0

Work = Callable[[str, str, int], Attempt | None]
"""Claims and does attempt `n` of (kind, key), records how it ended, and returns the next one."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A workflow that some worker has started."""

    id: str
    queue: str
    worker: str


class Durable:
    """Runs attempts durably, one at a time for each (queue, key), on SQLite or PostgreSQL.

    `url` is `sqlite:///FILE` (a file of its own, never the application's) or `postgresql://…`
    (the application's database will do: the tables live in a schema `dbos`).
    `poll` is in seconds. `width` is how many attempts of a queue a worker runs side by side.
    """

    def __init__(
        self,
        url: str,
        *,
        worker: str,
        work: Work,
        clock: Callable[[], datetime],
        poll: float = 0.2,
        width: int = 16,
        urgent: Iterable[str] = (),
    ) -> None:
        self._url = url
        self._worker = worker
        self._work = work
        self._clock = clock
        self._poll = poll
        self._width = width
        self._urgent = frozenset(urgent)

    def start(self) -> None:
        """Open (and where needed create) the engine's tables and start taking work."""
        global _current  # noqa: PLW0603 -- DBOS itself is one to a process
        with _starting:
            if _current is not None:
                raise RuntimeError("an engine is already running in this process")
            _current = self
        try:
            hush()
            DBOS(config=self._config())
            DBOS.launch()
            for queue in (_QUEUE, _URGENT):
                DBOS.register_queue(
                    queue,
                    polling_interval_sec=self._poll,
                    partition_concurrency=1,
                    worker_concurrency=self._width,
                    on_conflict="always_update",
                )
        except BaseException:
            DBOS.destroy()
            _current = None
            raise

    def stop(self, grace: float) -> None:
        """Take no more work, wait up to `grace` seconds for what runs, close the database."""
        global _current  # noqa: PLW0603 -- see start
        DBOS.destroy(workflow_completion_timeout_sec=math.ceil(grace))
        _current = None

    def enqueue(self, attempt: Attempt) -> None:
        """Have the attempt run when it is due. Does nothing where its id is already known.

        May be called from inside a handler: it then stands outside the running workflow.
        """
        _outside(lambda: self._enqueue(attempt))

    def pending(self) -> Sequence[Pending]:
        """What workers have started and not finished, dead workers' included."""
        found = _outside(
            lambda: DBOS.list_workflows(
                status="PENDING", name=_NAME, load_input=False, load_output=False
            )
        )
        return [
            Pending(one.workflow_id, self._queue(one.workflow_id.split("/", 1)[0]), one.executor_id)
            for one in found
            if one.executor_id is not None
        ]

    def resume(self, ids: Sequence[str], queue: str) -> None:
        """Put started workflows back into their queue, for any worker to take."""
        _outside(lambda: DBOS.resume_workflows(list(ids), queue_name=queue))

    def live(self, ids: Sequence[str]) -> dict[str, bool]:
        """For each id that is known: whether it still is to run or to end. Unknown ids lack."""
        if not ids:
            return {}
        found = _outside(
            lambda: DBOS.list_workflows(workflow_ids=list(ids), load_input=False, load_output=False)
        )
        return {one.workflow_id: one.status in _LIVE for one in found}

    def prune(self, older: timedelta, limit: int) -> int:
        """Delete workflows that ended longer ago than that, `limit` at most. Returns how many."""
        before = (self._clock().astimezone(UTC) - older).isoformat()

        def delete() -> int:
            ended = DBOS.list_workflows(
                status=list(_ENDED),
                name=_NAME,
                completed_before=before,
                limit=limit,
                load_input=False,
                load_output=False,
            )
            if ended:
                DBOS.delete_workflows([one.workflow_id for one in ended])
            return len(ended)

        return _outside(delete)

    def _queue(self, kind: str) -> str:
        return _URGENT if kind in self._urgent else _QUEUE

    def _enqueue(self, attempt: Attempt) -> None:
        wait = (attempt.due_at - self._clock()).total_seconds()
        with (
            SetWorkflowID(attempt.id),
            SetEnqueueOptions(
                queue_partition_key=attempt.key, delay_seconds=wait if wait > 0 else None
            ),
        ):
            DBOS.enqueue_workflow(
                self._queue(attempt.kind), _attempt, attempt.kind, attempt.key, attempt.n
            )

    def _config(self) -> DBOSConfig:
        config = DBOSConfig(
            name="hub",
            system_database_url=self._url,
            executor_id=self._worker,
            application_version=APPLICATION_VERSION,
            serializer=DBOSPortableJSONSerializer(),
            log_level="WARNING",
            enable_otlp=False,
        )
        if self._url.startswith("sqlite:"):
            _write_ahead(self._url)
            config["db_engine_kwargs"] = {
                "connect_args": {"factory": _Connection, "timeout": _BUSY_SECONDS}
            }
        else:
            config["sys_db_pool_size"] = 10
            # a process that is paused or cut off inside a transaction locks rows that the
            # others need: the server ends that after so many seconds
            config["sys_db_idle_transaction_timeout_sec"] = 10.0
        return config


class _Connection(sqlite3.Connection):
    """Synchronous NORMAL, which a connection has to be told each time.

    A power cut may then undo the last workflows' endings; the application's rows, written with
    FULL, say what is still to do, and the sweep starts it again.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute("PRAGMA synchronous=NORMAL")


def _write_ahead(url: str) -> None:
    """Write-ahead logging is a property of the file: set once, before anyone uses it."""
    path = Path(url.removeprefix("sqlite:///"))
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS)
    try:
        use_write_ahead_log(connection)
    finally:
        connection.close()


def _outside(call: Callable[[], _T]) -> _T:
    """Run the call in an empty context, so that DBOS does not take it for a part of a workflow."""
    return contextvars.Context().run(call)


_NAME = "attempt"
_QUEUE = "work"
_URGENT = "urgent"
_current: Durable | None = None
_starting = threading.Lock()


@DBOS.step(name="work")
def _work(kind: str, key: str, n: int) -> list[Any] | None:
    assert _current is not None  # only a started engine takes work
    following = _current._work(kind, key, n)
    return None if following is None else [following.n, following.due_at.timestamp()]


@DBOS.workflow(name=_NAME, max_recovery_attempts=None)
def _attempt(kind: str, key: str, n: int) -> None:
    following = _work(kind, key, n)
    if following is not None:
        assert _current is not None
        number, due = following
        _current._enqueue(Attempt(kind, key, number, datetime.fromtimestamp(due, UTC)))
