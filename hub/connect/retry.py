"""When a call that failed is repeated, and after how long."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from hub.api import Unavailable
from hub.connect.clock import Clock


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one call may be tried before it is handed back with its `retry_after`."""

    tries: int = 4
    seconds: float = 30.0  # from the first try to the end of the last wait
    turn: float = 60.0  # for our own rate limit to let the call out
    first: float = 0.5  # upper bound of the first wait; doubles with every try
    longest: float = 8.0  # upper bound of a wait that the vendor has not asked for


class Again(Exception):
    """A try failed and may be repeated. `failure` is what to raise when it is not."""

    def __init__(self, failure: Unavailable) -> None:
        super().__init__()
        self.failure = failure


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for, never negative; None where it is not understood.

    Seconds and an HTTP date are RFC 9110's forms; an ISO date-time is what Zoom sends.
    """
    text = (value or "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        at = _date(text)
        if at is None:
            return None
        seconds = (at - now).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _date(text: str) -> datetime | None:
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            at = parse(text)
            # a date without a zone is UTC in both forms
            return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None


def retrying(
    clock: Clock, patience: Patience, jitter: Callable[[float, float], float] = random.uniform
) -> Retrying:
    """A tenacity loop that repeats what raises `Again`, and at the end raises the last of them.

    It waits for as long as the vendor asks, otherwise by full jitter. The first argument of the
    function called must have `started`, the monotonic second at which its call began: one loop
    serves every thread of a client.
    """

    def wait(state: RetryCallState) -> float:
        asked = _failure(state).retry_after
        if asked is not None:
            return asked
        bound = patience.first * 2 ** (state.attempt_number - 1)
        return jitter(0.0, min(patience.longest, bound))

    def stop(state: RetryCallState) -> bool:
        spent: float = clock.monotonic() - state.args[0].started
        return (
            state.attempt_number >= patience.tries
            or spent + state.upcoming_sleep > patience.seconds
        )

    return Retrying(
        retry=retry_if_exception_type(Again), wait=wait, stop=stop, sleep=clock.sleep, reraise=True
    )


def _failure(state: RetryCallState) -> Unavailable:
    error = state.outcome.exception() if state.outcome is not None else None
    assert isinstance(error, Again)
    return error.failure
