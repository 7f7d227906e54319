"""A clock that only moves when it is told to, or when someone sleeps on it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta


class ManualClock:
    """A `hub.connect.clock.Clock` for tests: sleeping returns at once and moves the time on.

    Give `clock.now` to sandboxes and to the hub, and the whole world shares one time.
    """

    def __init__(self, start: datetime = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)) -> None:
        self._start = start
        self._passed = 0.0
        self._lock = threading.Lock()
        self.slept: list[float] = []

    def now(self) -> datetime:
        """The wall clock."""
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._passed

    def sleep(self, seconds: float) -> None:
        """Move the time on, and note for how long."""
        with self._lock:
            self.slept.append(seconds)
            self._passed += max(0.0, seconds)

    def advance(self, seconds: float) -> None:
        """Move the time on without anyone sleeping."""
        with self._lock:
            self._passed += seconds
