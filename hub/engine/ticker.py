"""APScheduler says when: each slot of each schedule is announced once in this process.

It keeps no state. That a slot fires once among all processes is the ledger's doing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from apscheduler.events import EVENT_JOB_SUBMITTED, JobSubmissionEvent
from apscheduler.executors.debug import DebugExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from hub.domain.landscape import Schedule
from hub.engine import slots

Announce = Callable[[str, str, datetime], None]
"""Takes the kind, the key and the slot. Must not raise and not block for long."""


class Ticker:
    """Announces slots from `start` to `stop`.

    A process that was busy or asleep announces only the last slot it missed, and only if that is
    not older than `grace`.
    """

    def __init__(self, announce: Announce, *, grace: timedelta) -> None:
        self._announce = announce
        self._grace = grace
        self._scheduler = BackgroundScheduler(timezone=UTC, executors={"default": DebugExecutor()})
        self._scheduler.add_listener(self._submitted, EVENT_JOB_SUBMITTED)

    def start(self) -> None:
        """Begin to announce."""
        self._scheduler.start()

    def stop(self) -> None:
        """Announce nothing more."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def replace(self, kind: str, schedules: Mapping[str, Schedule]) -> None:
        """Let these be the schedules of that kind. Raises ValueError for an impossible one."""
        for schedule in schedules.values():
            slots.check(schedule)
        for job in self._scheduler.get_jobs():
            if job.id.partition(" ")[0] == kind:
                self._scheduler.remove_job(job.id)
        for key, schedule in schedules.items():
            self._scheduler.add_job(
                _nothing,
                _Slots(schedule),
                id=f"{kind} {key}",
                coalesce=True,
                misfire_grace_time=max(1, int(self._grace.total_seconds())),
            )

    def _submitted(self, event: JobSubmissionEvent) -> None:
        kind, _, key = event.job_id.partition(" ")
        for slot in event.scheduled_run_times:
            self._announce(kind, key, slot.astimezone(UTC))


class _Slots(BaseTrigger):  # type: ignore[misc]  # APScheduler 3 ships no types
    """The slots of a schedule, as APScheduler asks for them."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        return slots.next_slot(self._schedule, previous or now)


def _nothing() -> None:
    """APScheduler wants a callable; the work is started by the listener, which knows the slot."""
