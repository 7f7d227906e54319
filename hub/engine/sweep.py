"""Brings the engine's tables and the application's rows back in line, in both directions.

Started workflows whose worker no longer beats are put back into their queue, and so are those
under our own name that do not run here (a restart of the database can strand a claim). Open tasks
for which no workflow is on its way get one. Age decides nothing: a long step of a worker that
beats is left alone, however long it takes.

Every worker sweeps. Two that act at once cannot do harm: the ledger's claim turns away the second
of two workers as long as the first one beats, and numbers are handed out once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Protocol

import structlog

from hub.engine.durable import Pending
from hub.engine.ledger import Ledger
from hub.engine.types import Attempt

log = structlog.get_logger(__name__)


class Workflows(Protocol):
    """What the sweep needs of `Durable`."""

    def enqueue(self, attempt: Attempt) -> None: ...
    def pending(self) -> Sequence[Pending]: ...
    def resume(self, ids: Sequence[str], queue: str) -> None: ...
    def live(self, ids: Sequence[str]) -> dict[str, bool]: ...


class Sweep:
    """Called every couple of seconds. `running` names the attempts that run in this process."""

    def __init__(
        self,
        ledger: Ledger,
        workflows: Workflows,
        *,
        worker: str,
        clock: Callable[[], datetime],
        lease: timedelta,
        running: Callable[[], Collection[str]],
        page: int = 500,
    ) -> None:
        self._ledger = ledger
        self._workflows = workflows
        self._worker = worker
        self._clock = clock
        self._lease = lease
        self._running = running
        self._page = page
        self._last: datetime | None = None
        self._suspects: frozenset[str] = frozenset()
        self._after: tuple[str, str] | None = None

    def __call__(self) -> None:
        """Sweep once."""
        now = self._clock()
        away = self._last is not None and now - self._last > self._lease
        self._last = now
        if away:
            # The machine may have slept: then nobody has beaten, and nobody is dead.
            self._ledger.beat(self._worker, now)
            return
        self._release()
        self._reissue()

    def _release(self) -> None:
        """Put back what dead workers had started, and what got lost under our own name."""
        pending = self._workflows.pending()
        # Read after the list: whoever started one of these had beaten before.
        alive = self._ledger.alive(self._clock() - self._lease)
        running = self._running()
        ours = {p.id for p in pending if p.worker == self._worker and p.id not in running}
        # Seen twice: between being taken and running, and between the end and its record,
        # there is a moment in which a healthy one looks lost.
        lost = ours & self._suspects
        self._suspects = frozenset(ours - lost)
        dead = {p.id for p in pending if p.worker != self._worker and p.worker not in alive}
        taken = sorted((p for p in pending if p.id in lost or p.id in dead), key=lambda p: p.queue)
        for queue, group in groupby(taken, key=lambda p: p.queue):
            ids = [p.id for p in group]
            log.info("engine.resumed", queue=queue, ids=ids)
            self._workflows.resume(ids, queue)

    def _reissue(self) -> None:
        """See to it that open tasks are on their way; one page of them each time."""
        page = self._ledger.open_tasks(self._page, self._after)
        self._after = (page[-1].kind, page[-1].key) if len(page) == self._page else None
        live = self._workflows.live([task.id for task in page])
        running = self._running()
        for task in page:
            if task.id not in live:
                self._workflows.enqueue(task)
            elif not live[task.id] and task.id not in running:
                since = self._clock() - self._lease
                following = self._ledger.reissue(task.kind, task.key, task.n, self._worker, since)
                if following is not None:
                    log.info("engine.reissued", kind=task.kind, key=task.key, n=following.n)
                    self._workflows.enqueue(following)
