from __future__ import annotations

from datetime import datetime

import pytest
from apscheduler.triggers.cron import CronTrigger
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.landscape import HELSINKI
from hub.settings.cron import check_cron

NOW = datetime(2026, 9, 1, 12, 0, tzinfo=HELSINKI)


def field(low: int, high: int, names: str = "") -> st.SearchStrategy[str]:
    """One field of a cron expression, often right."""
    number = st.integers(low, high + 2).map(str)
    atoms = st.one_of(number, st.sampled_from(names.split())) if names else number
    part = st.one_of(
        st.just("*"),
        atoms,
        st.tuples(atoms, atoms).map("-".join),
        st.integers(0, 70).map("*/{}".format),
        st.tuples(atoms, st.integers(0, 12)).map(lambda pair: f"{pair[0]}/{pair[1]}"),
        st.tuples(number, number, st.integers(0, 12)).map(lambda t: f"{t[0]}-{t[1]}/{t[2]}"),
    )
    return st.lists(part, min_size=1, max_size=3).map(",".join)


EXPRESSIONS = st.tuples(
    field(0, 59),
    field(0, 23),
    field(1, 31),
    field(1, 12, "jan feb dec"),
    st.one_of(st.just("*"), field(0, 6, "mon tue fri sun"), st.sampled_from(["mon-fri", "sat"])),
).map(" ".join)


@given(EXPRESSIONS)
def test_the_scheduler_takes_and_fires_whatever_passes(text: str) -> None:
    try:
        passed = check_cron(text)
    except ValueError:
        return
    trigger = CronTrigger.from_crontab(passed, timezone=HELSINKI)
    assert trigger.get_next_fire_time(None, NOW) is not None


@pytest.mark.parametrize(
    "text",
    ["*/10 7-20 * * *", "0 6 * * mon-fri", "0,30 * 1-7 jan,jul *", "5 4 29 2 *", "0 0 * */3 sun"],
)
def test_common_expressions_pass(text: str) -> None:
    assert check_cron(text) == text


def test_spaces_and_capitals_do_not_matter() -> None:
    assert check_cron("  0  6 * *   MON-FRI ") == "0 6 * * mon-fri"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "five fields"),
        ("* * * *", "five fields"),
        ("60 * * * *", "a minute between 0 and 59"),
        ("* 24 * * *", "an hour between 0 and 23"),
        ("* * 0 * *", "a day of the month between 1 and 31"),
        ("* * * 13 *", "a month between 1 and 12"),
        ("* * * * 1", "weekdays by name"),
        ("* * * * 1-5", "weekdays by name"),
        ("* * * * fri-mon", "a weekday range that begins before it ends"),
        ("20-7 * * * *", "a minute range that begins before it ends"),
        ("*/0 * * * *", "a minute step that fits"),
        ("*/90 * * * *", "a minute step that fits"),
        ("* * * jan/2 *", "without a step"),
        ("* * * jan-3 *", "without a step"),
        ("0 0 31 2 *", "a day that the month has"),
        ("a * * * *", "a minute that can be read"),
        ("every day at six", "five fields"),
        ("every weekday at six o'clock", "a minute that can be read"),
    ],
)
def test_what_is_refused_and_how(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        check_cron(text)
