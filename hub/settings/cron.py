"""Checks cron expressions before the daemon is started with them.

The five fields are minute, hour, day of month, month, day of week, in Helsinki time. Two traps of
other cron dialects are kept out: weekdays are written by name, because a number means another day
to cron (0 is Sunday) than to the scheduler (0 is Monday); and day of month and day of week must
both match where both are given.
"""

from __future__ import annotations

import re

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("a minute", 0, 59, ()),
    ("an hour", 0, 23, ()),
    ("a day of the month", 1, 31, ()),
    ("a month", 1, 12, _MONTHS),
    ("a weekday", 0, 6, _WEEKDAYS),
)
_PART = re.compile(r"(?:\*|([0-9]+|[a-z]{3})(?:-([0-9]+|[a-z]{3}))?)(?:/([0-9]{1,2}))?")

EXAMPLE = "five fields: minute hour day month weekday, such as */10 7-20 * * mon-fri"


def check_cron(text: str) -> str:
    """The expression with its spaces made single. Raises ValueError that says what is expected."""
    fields = text.lower().split()
    if len(fields) != len(_FIELDS):
        raise ValueError(EXAMPLE)
    chosen = [_values(part, *bounds) for part, bounds in zip(fields, _FIELDS, strict=True)]
    if not any(day <= _DAYS[month - 1] for month in chosen[3] for day in chosen[2]):
        raise ValueError("a day that the month has")
    return " ".join(fields)


def _values(text: str, name: str, low: int, high: int, names: tuple[str, ...]) -> set[int]:
    """The numbers that one field stands for."""
    values: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"{name} that can be read; {EXAMPLE}")
        first, last, step = match.groups()
        if names and first and (step or (last and first.isdigit() != last.isdigit())):
            raise ValueError(
                f"{name}, a list or a range such as {names[0]},{names[2]} or "
                f"{names[0]}-{names[2]}, without a step"
            )
        start = low if first is None else _number(first, name, low, high, names)
        end = _number(last, name, low, high, names) if last else start
        if last is None and (first is None or step):
            end = high
        if end < start:
            raise ValueError(f"{name} range that begins before it ends")
        if step and not 0 < int(step) <= end - start:
            raise ValueError(f"{name} step that fits in its range")
        values.update(range(start, end + 1, int(step or 1)))
    return values


def _number(text: str, name: str, low: int, high: int, names: tuple[str, ...]) -> int:
    """A number or a name of the field as a number."""
    if text in names:
        return low + names.index(text)
    if names is _WEEKDAYS:
        raise ValueError(
            f"weekdays by name ({', '.join(names)}): a number means another day to "
            "cron than to the scheduler"
        )
    if not text.isdigit() or not low <= int(text) <= high:
        raise ValueError(f"{name} between {low} and {high}")
    return int(text)
