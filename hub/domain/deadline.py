"""When a data subject must have their answer: GDPR Art. 12(3)-(4), Art. 14(3), Regulation 1182/71.

How a period in months is counted (Regulation (EEC, Euratom) 1182/71, Art. 3):

- the day of receipt is not part of it; it ends when the day of the same date is over, or the last
  day of the month where that month has no such date: 31 January -> 28 or 29 February (3(2)(c));
- a last day on which nothing falls due gives way to the next working day (3(4), `closed_days`);
- days are those of Helsinki, where the two companies are.

What stops the clock: only a question about identity (Art. 12(6)), from the day it was asked to the
day it was answered, and only when it was asked promptly. EDPB Guidelines 01/2022 (section 5.3)
let the time stand still where the question came "without undue delay"; the hub reads that as three
days (PROMPTLY), counted like any period, from the receipt, or from an answer that did not suffice.
A later question is allowed, but the clock runs on. Nothing that fails on our side stops it.

Restriction and objection (Arts. 18, 21) take effect at once, `rights.acts_at_once`: what stands
here is the deadline of telling the person so.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from hub.domain.closed_days import Closed, closed_in_finland
from hub.domain.landscape import HELSINKI

PROMPTLY = timedelta(days=3)
"""How soon an identity question must be asked for the clock to stop."""

MONTHS = 1  # Art. 12(3), 12(4), 14(3)(a)
EXTENDED_MONTHS = 3  # one and two further, counted from the receipt


class ExtensionReason(StrEnum):
    """Why more time is needed: the only two grounds of Art. 12(3)."""

    COMPLEX = "complex"
    NUMBER = "number"  # many requests


class Escalation(StrEnum):
    """How near a deadline is."""

    NONE = "none"
    TEN_DAYS = "ten-days"  # ten or fewer are left
    FIVE_DAYS = "five-days"
    TWO_DAYS = "two-days"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class IdentityQuestion:
    """What was asked to know who is asking, and when it was answered. Aware moments."""

    asked: datetime
    answered: datetime | None = None  # None: not yet

    def __post_init__(self) -> None:
        if self.answered is not None and self.answered < self.asked:
            raise ValueError("an identity question is answered before it was asked")


@dataclass(frozen=True, slots=True)
class Extension:
    """Two further months, of which the person was told."""

    notified: datetime  # aware
    reason: ExtensionReason


@dataclass(frozen=True, slots=True)
class Due:
    """The last day of a period, Helsinki's calendar. None: the clock stands still."""

    target: date | None  # the same date in the month of the end: what to aim for
    ends: date | None  # the last day in law, on a working day; never before the target

    def days_left(self, today: date) -> int | None:
        """Days to the last one: 0 on it, negative when late, None while the clock stands still."""
        return None if self.ends is None else (self.ends - today).days

    def escalation(self, today: date) -> Escalation:
        """How near the end is on that day. NONE while the clock stands still."""
        left = self.days_left(today)
        if left is None:
            return Escalation.NONE
        if left < 0:
            return Escalation.LATE
        for most, level in _LEVELS:
            if left <= most:
                return level
        return Escalation.NONE

    def late(self, at: datetime) -> bool:
        """Whether the last day is over at that moment."""
        return self.escalation(helsinki_day(at)) is Escalation.LATE


_LEVELS = (
    (2, Escalation.TWO_DAYS),
    (5, Escalation.FIVE_DAYS),
    (10, Escalation.TEN_DAYS),
)


@dataclass(frozen=True, slots=True)
class Deadline(Due):
    """When a request must be answered."""

    first: Due  # its first month: a refusal and the notice of an extension are due in it
    paused_days: int  # how far answered identity questions have moved the end
    paused: bool  # an identity question is open
    extended: bool  # an extension counts


def helsinki_day(at: datetime) -> date:
    """The date in Helsinki at that moment. Raises ValueError where it has no time zone."""
    if at.utcoffset() is None:
        raise ValueError("a moment needs a time zone")
    return at.astimezone(HELSINKI).date()


def months_after(day: date, months: int) -> date:
    """The same date so many months later, or the last day of a month that is too short."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def working_day(day: date, closed: Closed = closed_in_finland) -> date:
    """That day, or the next on which something can fall due."""
    while closed(day):
        day += timedelta(days=1)
    return day


def answer_by(
    received: datetime,
    *,
    questions: Iterable[IdentityQuestion] = (),
    extension: Extension | None = None,
    closed: Closed = closed_in_finland,
) -> Deadline:
    """When a request received at that moment must be answered.

    Questions may come in any order; one that does not stop the clock is passed over, and so is an
    extension of which the person was told too late: it has no effect in law (`stops_the_clock` and
    `may_extend` say so beforehand). Raises ValueError for a moment without a time zone, and for a
    question asked before the request was received.
    """
    start = helsinki_day(received)
    days, paused = _pause(start, _by_day(start, questions), closed)
    first = _due(start, MONTHS, days, paused, closed)
    extended = extension is not None and (
        first.ends is None or helsinki_day(extension.notified) <= first.ends
    )
    whole = _due(start, EXTENDED_MONTHS, days, paused, closed) if extended else first
    return Deadline(whole.target, whole.ends, first, days, paused, extended)


def may_extend(deadline: Deadline, notified: datetime) -> bool:
    """Whether telling the person at that moment extends the deadline: once, in the first month."""
    in_time = deadline.first.ends is None or helsinki_day(notified) <= deadline.first.ends
    return in_time and not deadline.extended


def stops_the_clock(
    received: datetime,
    asked: datetime,
    *,
    earlier: Iterable[IdentityQuestion] = (),
    closed: Closed = closed_in_finland,
) -> bool:
    """Whether an identity question asked at that moment would stop the clock, if answered later
    than on the same day; `earlier` are those that were asked before it."""
    start = helsinki_day(received)
    days = _by_day(start, [*earlier, IdentityQuestion(asked)])
    return _pause(start, days, closed)[1]


def notice_by(
    obtained: datetime,
    *,
    first_message: datetime | None = None,
    first_disclosure: datetime | None = None,
    closed: Closed = closed_in_finland,
) -> Due:
    """When a person must be told of data that came from elsewhere (Art. 14(3)).

    One month from when the data was obtained; earlier, in the first message to the person (b) or
    when the data is first given to somebody else (c). Those are occasions and no periods: their day
    gives way to no other, and a day before the data was obtained counts as that day.
    """
    start = helsinki_day(obtained)
    month = _due(start, MONTHS, 0, False, closed)
    occasions = [helsinki_day(at) for at in (first_message, first_disclosure) if at is not None]
    if not occasions or month.ends is None or min(occasions) > month.ends:
        return month
    day = max(start, min(occasions))
    return Due(day if month.target is None else min(day, month.target), day)


_Days = tuple[date, date | None]


def _by_day(start: date, questions: Iterable[IdentityQuestion]) -> list[_Days]:
    """The days on which the questions were asked and answered, in order."""
    days: list[_Days] = [
        (helsinki_day(q.asked), None if q.answered is None else helsinki_day(q.answered))
        for q in questions
    ]
    days.sort(key=lambda one: (one[0], one[1] or date.max))
    if days and days[0][0] < start:
        raise ValueError("an identity question is asked before the request was received")
    return days


def _pause(start: date, questions: Iterable[_Days], closed: Closed) -> tuple[int, bool]:
    """By how many days answered questions move the end, and whether an open one holds it."""
    moved = 0
    since = start  # what the next question must follow promptly
    counted_to = start  # the days before it are counted: questions may overlap
    for asked, answered in questions:
        end = working_day(months_after(start, MONTHS) + timedelta(days=moved), closed)
        if asked > working_day(since + PROMPTLY, closed) or asked > end:
            continue
        if answered is None:
            return moved, True
        moved += max(0, (answered - max(asked, counted_to)).days)
        counted_to = max(counted_to, answered)
        since = max(since, answered)
    return moved, False


def _due(start: date, months: int, moved: int, paused: bool, closed: Closed) -> Due:
    if paused:
        return Due(None, None)
    target = months_after(start, months) + timedelta(days=moved)
    return Due(target, working_day(target, closed))
