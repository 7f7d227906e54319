"""How often something may happen for each caller, counted in this process."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable

_REMEMBERED = 4096
"""Callers; beyond that the one that was quiet longest is forgotten."""


class Throttle:
    """At most `most` times in `seconds`, for each key. `clock` answers seconds that never go
    back."""

    def __init__(self, most: int, seconds: float, clock: Callable[[], float]) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._times: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, key: str) -> float:
        """Count one more. 0 where it may happen; else it is not counted, and the seconds until it
        may are answered."""
        now = self._clock()
        with self._lock:
            times = self._times.setdefault(key, deque())
            self._times.move_to_end(key)
            while len(self._times) > _REMEMBERED:
                self._times.popitem(last=False)
            while times and times[0] <= now - self._seconds:
                times.popleft()
            if len(times) >= self._most:
                return max(times[0] + self._seconds - now, 0.001)
            times.append(now)
            return 0.0
