"""A thread that does one thing at an interval, whatever that thing raises."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)


class Pulse:
    """Calls `act` every `every` seconds, give or take `jitter` of that, until it is stopped.

    An exception is logged when it is the first in a row, and its end is logged too: a database
    that is away for an hour makes two lines.
    """

    def __init__(
        self, name: str, act: Callable[[], None], every: float, *, jitter: float = 0.0
    ) -> None:
        self._name = name
        self._act = act
        self._every = every
        self._jitter = jitter
        self._stop = threading.Event()
        self._down = False
        self._thread = threading.Thread(target=self._run, name=f"hub-{name}", daemon=True)

    def start(self) -> None:
        """Start the thread; the first call of `act` comes at once."""
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Ask it to stop, and wait that many seconds for a call that is under way."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            try:
                self._act()
            except Exception as error:
                if not self._down:
                    log.warning("engine.trouble", part=self._name, error=type(error).__name__)
                self._down = True
            else:
                if self._down:
                    log.info("engine.recovered", part=self._name)
                self._down = False
            spread = random.uniform(1 - self._jitter, 1 + self._jitter)  # noqa: S311 -- no secret
            if self._stop.wait(self._every * spread):
                return
