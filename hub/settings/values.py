"""Short notations of the configuration: durations, rates, dates.

Each parser raises ValueError whose text completes "expected …" and never repeats the input.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal

from hub.api import Rate

_MICROSECOND = timedelta(microseconds=1)
_MONTH = timedelta(days=30, hours=10, minutes=30)  # 365.25 days / 12, exactly
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "month": _MONTH,
    "year": 12 * _MONTH,
}
_WORDS = {
    "second": "s",
    "sec": "s",
    "minute": "m",
    "min": "m",
    "hour": "h",
    "day": "d",
    "week": "w",
}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_RATE = re.compile(r"(\d+)\s*/\s*(.+)", re.ASCII)
_LONGEST = timedelta(days=365 * 100)

DURATION_PATTERN = (
    r"^\d+(\.\d+)?\s*"
    r"(ms|s|m|h|d|w|secs?|seconds?|mins?|minutes?|hours?|days?|weeks?|months?|years?)$"
)
RATE_PATTERN = r"^\d+\s*/\s*(\d+(\.\d+)?\s*)?[a-z]+$"

_DURATION_EXPECTED = "a duration such as 90s, 5m, 24h, 7d, 2w or 24 months"
_RATE_EXPECTED = "a rate such as 190/10s (calls / period)"


def parse_duration(text: str) -> timedelta:
    """ "90s", "5m", "24h", "7d", "2w", "24 months", "2 years", also with words ("5 minutes").

    A month is a twelfth of 365.25 days, so "24 months" is 730 days and 12 hours: good for
    comparing ages, a day or so off the calendar's date. Raises ValueError for anything else, for
    zero, and for more than a hundred years.
    """
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(_DURATION_EXPECTED)
    number, word = match.groups()
    unit = _unit(word)
    if unit is None:
        raise ValueError(_DURATION_EXPECTED)
    microseconds = Decimal(number) * (unit // _MICROSECOND)
    if microseconds != int(microseconds):
        raise ValueError(f"{_DURATION_EXPECTED}, no finer than a microsecond")
    if not 0 < microseconds <= _LONGEST // _MICROSECOND:
        raise ValueError(f"{_DURATION_EXPECTED}, above zero and at most a hundred years")
    return int(microseconds) * _MICROSECOND


def _unit(word: str) -> timedelta | None:
    """The unit by its letter, its word, or the word's plural."""
    if word in _UNITS:
        return _UNITS[word]
    singular = word.removesuffix("s") if len(word) > 2 else word
    return _UNITS.get(_WORDS.get(singular, singular if singular in {"month", "year"} else ""))


def format_duration(duration: timedelta) -> str:
    """The shortest notation that `parse_duration` reads back as the same duration."""
    for unit in ("w", "d", "h", "m", "s", "ms"):
        if duration % _UNITS[unit] == timedelta(0):
            return f"{duration // _UNITS[unit]}{unit}"
    return f"{Decimal(duration // _MICROSECOND) / 1000}ms"


def parse_rate(text: str) -> Rate:
    """ "190/10s" is at most 190 calls in any 10 seconds; "5/s" is short for "5/1s".

    Raises ValueError for anything else and for a count of zero.
    """
    match = _RATE.fullmatch(text.strip())
    if match is None:
        raise ValueError(_RATE_EXPECTED)
    count, period = match.groups()
    if not 0 < len(count) < 10 or int(count) == 0:
        raise ValueError(f"{_RATE_EXPECTED}, with at least one call")
    try:
        per = parse_duration(period if period[:1].isdigit() else f"1{period}")
    except ValueError:
        raise ValueError(_RATE_EXPECTED) from None
    return Rate(int(count), per.total_seconds())


def format_rate(rate: Rate) -> str:
    """The notation that `parse_rate` reads back as the same rate."""
    return f"{rate.count}/{format_duration(timedelta(seconds=rate.seconds))}"


def parse_date(text: str) -> date:
    """A calendar date, "2026-09-01". Raises ValueError for anything else."""
    expected = "a date such as 2026-09-01"
    if not _DATE.fullmatch(text):
        raise ValueError(expected)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{expected} that exists in the calendar") from None
