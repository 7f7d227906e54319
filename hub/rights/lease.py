"""One attempt at a task at a time, whoever makes it: a daemon, another one, a command without any.

An attempt has its task for a few seconds and has them prolonged while it lives, however long a
vendor takes to answer. What a dead process had is free when they are over. That is apart from the
epoch, which says whose steps count: an attempt that was fenced may still have a call out, and until
that returned nobody starts another.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from types import TracebackType

from hub.delivery.deployment import Deployment
from hub.store import requests
from hub.store.together import commit
from hub.vault.database import SQLAlchemyError

LEASE = timedelta(seconds=4)
"""After which a process that does not prolong it is taken for dead: sooner than the engine takes
it, so that whoever takes the engine's work over finds the tasks free."""
BEAT = 1.0
"""Seconds between prolongations."""


class Lease:
    """The claimed task's, prolonged in the background while the block runs."""

    def __init__(self, deployment: Deployment, task_id: int, held: datetime) -> None:
        self._deployment = deployment
        self._task_id = task_id
        self._held = held
        self._over = threading.Event()
        self._beating = threading.Thread(target=self._beat, name="rights-lease", daemon=True)

    def __enter__(self) -> Lease:
        self._beating.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._beating.join()

    def release(self) -> None:
        """Give the task free where no step did: the attempt was fenced, or came to nothing."""
        self._over.set()
        self._beating.join()
        self._set(None)

    def _beat(self) -> None:
        while not self._over.wait(BEAT):
            until = self._deployment.now() + LEASE
            try:
                if not self._set(until):
                    return  # the attempt has just ended, or another has the task
            except SQLAlchemyError:
                continue  # busy for a moment: the next beat is soon enough
            self._held = until

    def _set(self, until: datetime | None) -> bool:
        return commit(
            self._deployment.database,
            lambda connection: requests.keep(connection, self._task_id, self._held, until),
        )
