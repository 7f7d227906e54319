"""What the engine needs of the application's database. That database is the truth about work:
the engine's own tables may be lost or lag behind, and are brought back in line with it.

Every method is one transaction, is safe to call from several threads and processes, and raises
whatever the database raises: the engine then tries again later.

A task is a row (kind, key):

    n         number of the current attempt; rises, never reused, the row is never deleted
    open      whether there is something left to do
    due_at    when attempt `n` should start
    epoch     rises with each claim
    holder    the worker that claimed attempt `n`, or none
    failures  failed attempts in a row
    woken_at  set when the task was opened while it was held: once more, then
    slot      the last schedule slot that fired
    reason    why the last attempt did not finish the task
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from hub.engine.types import Attempt, Lease


class Ledger(Protocol):
    """The application's rows on workers and tasks. All times are aware."""

    # Workers

    def beat(self, worker: str, at: datetime) -> None:
        """Note that the worker lives. May forget workers that were silent for a day."""

    def leave(self, worker: str) -> None:
        """Forget the worker: it has stopped, what it still holds may be taken at once."""

    def alive(self, since: datetime) -> set[str]:
        """Workers whose last beat is at `since` or later."""

    # Tasks

    def open(self, kind: str, key: str, at: datetime, *, force: bool = False) -> Attempt:
        """See to it that the task is looked at after this call, and say by which attempt.

        - unknown or closed: opened with the next number, due at `at`, failures forgotten;
        - open and held: `woken_at` is set if it was not, the running attempt is returned;
        - open and due by `at`: returned as it is;
        - open and waiting for later: a new number due at `at`, unless it waits after a failure
          and `force` is false: then returned as it is, so that a stream of triggers does not
          hammer a system that is down.
        """

    def fire(self, kind: str, key: str, slot: datetime, at: datetime) -> Attempt | None:
        """Open the task for a slot of its schedule, once however many processes ask.

        None where that slot or a later one has fired already, and where the task is open (the
        slot is then spent: it coalesces with the work that is under way).
        """

    def claim(self, kind: str, key: str, n: int, worker: str, since: datetime) -> Lease | None:
        """Take the attempt: the epoch rises, `woken_at` is cleared, the worker becomes holder.

        None where the task is closed, `n` is not its current attempt, or another worker that has
        beaten at `since` or later holds it.
        """

    def holds(self, kind: str, key: str, epoch: int) -> bool:
        """Whether that epoch may still commit: the task is open, held, and at this epoch."""

    def finish(self, kind: str, key: str, epoch: int) -> Attempt | None:
        """Close the task and forget its failures; if it was woken while it was held, keep it open
        with the next number, due at `woken_at`, and return that. Nothing without the epoch."""

    def again(
        self, kind: str, key: str, epoch: int, due_at: datetime, reason: str, *, failed: bool
    ) -> Attempt | None:
        """Keep the task open with the next number, due at `due_at`, held by nobody.

        `failed` adds to its failures, otherwise they are forgotten, and a task that was woken
        while it was held is due at `woken_at` if that is earlier. None without the epoch.
        """

    def reissue(self, kind: str, key: str, n: int, worker: str, since: datetime) -> Attempt | None:
        """Give the next number to a task whose attempt `n` ended without saying how.

        `due_at` stays. None where the task is closed, is past `n`, or is held by another worker
        that has beaten at `since` or later.
        """

    def open_tasks(self, limit: int, after: tuple[str, str] | None = None) -> Sequence[Attempt]:
        """Current attempts of open tasks in the order of (kind, key), those past `after`."""
