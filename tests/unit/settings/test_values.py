from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.api import Rate
from hub.settings.values import (
    DURATION_PATTERN,
    format_duration,
    format_rate,
    parse_date,
    parse_duration,
    parse_rate,
)

DURATIONS = st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=36500))


@given(DURATIONS)
def test_a_duration_survives_being_written_and_read(duration: timedelta) -> None:
    import re

    written = format_duration(duration)
    assert parse_duration(written) == duration
    assert re.fullmatch(DURATION_PATTERN, written)


@given(st.integers(1, 10**8), DURATIONS)
def test_a_rate_survives_being_written_and_read(count: int, per: timedelta) -> None:
    rate = Rate(count, per.total_seconds())
    assert parse_rate(format_rate(rate)) == rate


@given(st.text(max_size=12))
def test_any_text_is_a_duration_or_refused_without_being_repeated(text: str) -> None:
    try:
        assert parse_duration(text) > timedelta(0)
    except ValueError as error:
        assert str(error).startswith("a duration such as")


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
        ("24h", timedelta(days=1)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(days=14)),
        ("1.5h", timedelta(minutes=90)),
        ("5 minutes", timedelta(minutes=5)),
        ("1 day", timedelta(days=1)),
        ("24 months", timedelta(days=730, hours=12)),
        ("2 years", timedelta(days=730, hours=12)),
        ("1 month", timedelta(days=30, hours=10, minutes=30)),
        ("250ms", timedelta(milliseconds=250)),
    ],
)
def test_durations(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text", ["", "5", "m", "5 mo", "-5m", "0s", "5mm", "1h30m", "101 years", "9" * 400 + "d", "٥m"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="a duration such as"):
        parse_duration(text)


def test_rates() -> None:
    assert parse_rate("190/10s") == Rate(190, 10.0)
    assert parse_rate("5/1s") == parse_rate("5/s") == Rate(5, 1.0)
    assert parse_rate("100 / 1 minute") == Rate(100, 60.0)


@pytest.mark.parametrize("text", ["", "190", "0/10s", "190/", "190/10", "x/10s", "1/0s", "1.5/s"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(ValueError, match="a rate such as 190/10s"):
        parse_rate(text)


def test_dates_are_written_in_full() -> None:
    assert parse_date("2026-09-01") == date(2026, 9, 1)
    for text in ("20260901", "1788220800", "2026-9-1", "1.9.2026", "2026-02-30"):
        with pytest.raises(ValueError, match="a date such as 2026-09-01"):
            parse_date(text)
