"""Slots follow from the schedule alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.landscape import HELSINKI, Schedule
from hub.engine import check_schedule
from hub.engine.slots import latest_slot, next_slot

moments = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
schedules = st.one_of(
    st.integers(1, 90_000).map(lambda s: Schedule(every=timedelta(seconds=s))),
    st.timedeltas(timedelta(seconds=1), timedelta(days=3)).map(lambda t: Schedule(every=t)),
    st.sampled_from(
        ["* * * * *", "*/7 * * * *", "30 3 * * *", "15 2-5 * * *", "0 6 * * 1-5", "5 0 1,15 * *"]
    ).map(lambda c: Schedule(cron=c)),
)


def _slots(schedule: Schedule, start: datetime, end: datetime) -> list[datetime]:
    """What a process that starts at `start` fires before `end`."""
    found = []
    slot = next_slot(schedule, start)
    while slot < end and len(found) < 200:
        found.append(slot)
        slot = next_slot(schedule, slot)
    return found


@given(schedules, moments, st.timedeltas(timedelta(0), timedelta(days=2)))
def test_processes_started_at_any_two_times_compute_equal_slots(
    schedule: Schedule, start: datetime, later: timedelta
) -> None:
    end = start + later + timedelta(days=2)
    second = _slots(schedule, start + later, end)
    # the first one may have stopped counting at 200: compare what both have seen
    first = _slots(schedule, start, end)
    horizon = min([end, *first[199:], *second[199:]])
    assert [s for s in first if start + later < s < horizon] == [s for s in second if s < horizon]
    assert second == sorted(set(second))
    assert all(s.tzinfo is UTC for s in second)


@given(schedules, moments)
def test_the_latest_slot_is_the_one_before_the_next(schedule: Schedule, at: datetime) -> None:
    within = timedelta(hours=2)
    latest = latest_slot(schedule, at, within)
    after = at - within if latest is None else latest
    if latest is not None:
        assert at - within < latest <= at
    assert next_slot(schedule, after) > at


def test_intervals_count_from_the_epoch() -> None:
    schedule = Schedule(every=timedelta(minutes=5))
    start = datetime(2026, 3, 2, 9, 3, 17, tzinfo=UTC)
    assert next_slot(schedule, start) == datetime(2026, 3, 2, 9, 5, tzinfo=UTC)
    assert latest_slot(schedule, start, timedelta(hours=1)) == datetime(
        2026, 3, 2, 9, 0, tzinfo=UTC
    )
    on_the_dot = datetime(2026, 3, 2, 9, 5, tzinfo=UTC)
    assert next_slot(schedule, on_the_dot) == datetime(2026, 3, 2, 9, 10, tzinfo=UTC)
    assert latest_slot(schedule, on_the_dot, timedelta(hours=1)) == on_the_dot


def test_cron_is_read_in_helsinki() -> None:
    schedule = Schedule(cron="30 6 * * *")
    winter = next_slot(schedule, datetime(2026, 1, 5, tzinfo=UTC))
    summer = next_slot(schedule, datetime(2026, 7, 5, tzinfo=UTC))
    assert winter == datetime(2026, 1, 5, 4, 30, tzinfo=UTC)
    assert summer == datetime(2026, 7, 5, 3, 30, tzinfo=UTC)


def test_a_moment_that_spring_skips_fires_once_when_the_clocks_have_moved() -> None:
    slots = _slots(
        Schedule(cron="30 3 * * *"),
        datetime(2026, 3, 28, 12, tzinfo=UTC),
        datetime(2026, 3, 30, 12, tzinfo=UTC),
    )
    assert [s.astimezone(HELSINKI).strftime("%d %H:%M") for s in slots] == ["29 04:30", "30 03:30"]


def test_an_hour_that_autumn_repeats_counts_once_for_fixed_hours() -> None:
    start, end = datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 25, 12, tzinfo=UTC)
    assert _slots(Schedule(cron="30 3 * * *"), start, end) == [
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    ]
    assert len(_slots(Schedule(cron="0 * * * *"), start, end)) == 23


@pytest.mark.parametrize(
    ("weekday", "fires"),
    [
        ("0", {"Sun"}),
        ("7", {"Sun"}),
        ("1", {"Mon"}),
        ("1-5", {"Mon", "Tue", "Wed", "Thu", "Fri"}),
        ("mon-fri", {"Mon", "Tue", "Wed", "Thu", "Fri"}),
        ("5-7", {"Fri", "Sat", "Sun"}),
        ("sat-mon", {"Sat", "Sun", "Mon"}),
        ("*/3", {"Sun", "Wed", "Sat"}),
        ("2,sun", {"Tue", "Sun"}),
    ],
)
def test_weekdays_are_those_of_crontab(weekday: str, fires: set[str]) -> None:
    start = datetime(2026, 3, 2, tzinfo=UTC)
    slots = _slots(Schedule(cron=f"0 12 * * {weekday}"), start, start + timedelta(days=7))
    assert {s.astimezone(HELSINKI).strftime("%a") for s in slots} == fires


def test_a_day_and_a_weekday_must_both_match() -> None:
    first_monday = Schedule(cron="0 6 1-7 * mon")
    slot = next_slot(first_monday, datetime(2026, 3, 3, tzinfo=UTC))
    assert slot == datetime(2026, 4, 6, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule(),
        Schedule(every=timedelta(minutes=1), cron="* * * * *"),
        Schedule(every=timedelta(0)),
        Schedule(every=timedelta(milliseconds=200)),
        Schedule(cron="* * * *"),
        Schedule(cron="61 * * * *"),
        Schedule(cron="0 0 31 2 *"),
        Schedule(cron="0 0 * * 8"),
        Schedule(cron="0 0 * * 1/0"),
        Schedule(cron="0 0 * * 1-"),
    ],
)
def test_an_impossible_schedule_is_refused(schedule: Schedule) -> None:
    with pytest.raises(ValueError):
        check_schedule(schedule)
