"""When a schedule fires: pure arithmetic, the same in every process.

A slot is a moment that follows from the schedule alone, never from when a process was started,
so that several processes on one database compute the same slots and each fires once.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from apscheduler.triggers.cron import CronTrigger

from hub.domain.landscape import HELSINKI, Schedule

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")  # cron counts from Sunday = 0


def check(schedule: Schedule) -> None:
    """Raises ValueError, saying what is wrong, where the schedule can never fire as written."""
    if (schedule.every is None) == (schedule.cron is None):
        raise ValueError("a schedule is either an interval (every) or a cron expression (cron)")
    if schedule.every is not None:
        if schedule.every < timedelta(seconds=1):
            raise ValueError("an interval is one second at least")
        return
    assert schedule.cron is not None
    if _cron(schedule.cron).get_next_fire_time(None, datetime(2024, 1, 1, tzinfo=UTC)) is None:
        raise ValueError("the cron expression names a day that does not exist")


def next_slot(schedule: Schedule, after: datetime) -> datetime:
    """The first slot later than `after`, in UTC.

    Intervals count from 1970-01-01T00:00Z. Cron expressions are read in Helsinki's time: a moment
    that the clocks skip in spring fires when they have moved on, and where an hour is repeated in
    autumn an expression with fixed hours fires in the first one only. Where both a day of the
    month and a weekday are given, both have to match.
    """
    check(schedule)
    if schedule.every is not None:
        return _EPOCH + ((after - _EPOCH) // schedule.every + 1) * schedule.every
    assert schedule.cron is not None
    trigger = _cron(schedule.cron)
    every_hour = "*" in schedule.cron.split()[1]
    while True:
        fire = trigger.get_next_fire_time(None, (after + _TICK).astimezone(HELSINKI))
        assert fire is not None  # check() saw it fire
        after = fire.astimezone(UTC)
        if every_hour or not after.astimezone(HELSINKI).fold:
            return after


def latest_slot(schedule: Schedule, at: datetime, within: timedelta) -> datetime | None:
    """The last slot at or before `at`, in UTC; None where there is none `within` that time."""
    if schedule.every is not None:
        check(schedule)
        slot = _EPOCH + ((at - _EPOCH) // schedule.every) * schedule.every
        return slot if slot > at - within else None
    last = None
    slot = next_slot(schedule, at - within)
    while slot <= at:
        last, slot = slot, next_slot(schedule, slot)
    return last


@lru_cache(maxsize=256)
def _cron(expression: str) -> CronTrigger:
    fields = expression.split()
    if len(fields) != 5:
        raise ValueError("a cron expression has five fields: minute hour day month weekday")
    minute, hour, day, month, weekday = fields
    return CronTrigger(
        minute=minute,
        hour=hour,
        day=day,
        month=month,
        day_of_week=_weekdays(weekday),
        timezone=HELSINKI,
    )


def _weekdays(field: str) -> str:
    """Weekdays as names: APScheduler 3 counts them from Monday, crontab(5) from Sunday."""
    names: list[str] = []
    for part in field.lower().split(","):
        span, _, step = part.partition("/")
        if span == "*":
            first, last = 0, 6
        else:
            start, dash, end = span.partition("-")
            first = _weekday(start)
            last = _weekday(end) if dash else (6 if step else first)
            if last < first:
                last += 7  # fri-mon
        if step and not (step.isdigit() and int(step)):
            raise ValueError("a weekday's step is a number above zero")
        names += [_DAYS[d % 7] for d in range(first, last + 1, int(step or 1))]
    return ",".join(dict.fromkeys(names))


def _weekday(text: str) -> int:
    if text.isdigit() and int(text) <= 7:
        return int(text)
    if text in _DAYS:
        return _DAYS.index(text)
    raise ValueError("a weekday is 0 to 7 (0 and 7 are Sunday) or sun to sat")
