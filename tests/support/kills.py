"""Killing the hub's process after any step: a commit that changed something, or a write call.

Nothing else leaves a trace. To die before a commit, before a call or beside something that only
reads is to die after the step before.

A killed process does nothing more: whatever still runs in it is killed at its next step too. What
was not committed is lost, what a vendor has received stays received.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import httpx
from sqlalchemy import Engine


class Killed(BaseException):
    """The process is no more. Not an Exception: nothing may catch it and go on."""


class Killer:
    """Counts the steps of a process and kills it at step `at` (None: only counts)."""

    def __init__(self, at: int | None = None) -> None:
        self.at = at
        self.steps = 0
        self.where: list[str] = []
        self.dead = False
        self._lock = threading.Lock()

    def step(self, name: str) -> None:
        """A point at which the process may die. Raises Killed."""
        with self._lock:
            if self.dead:
                raise Killed(name)
            self.steps += 1
            self.where.append(name)
            if self.steps == self.at:
                self.dead = True
                raise Killed(name)

    def transport(self, system: str, inner: httpx.BaseTransport) -> httpx.BaseTransport:
        """As `small_world` takes `transports`."""
        return _Deadly(self, system, inner)

    def watch(self, engine: Engine, name: str) -> None:
        """Die before and after the commits of a database."""
        commit: Callable[[Any], None] = engine.dialect.do_commit
        changes: dict[int, int] = {}  # of each connection, when it committed last

        def deadly(connection: Any) -> None:
            raw = connection.driver_connection
            if self.dead:
                raise Killed(name)
            if engine.dialect.name == "sqlite":
                changed = changes.get(id(raw), 0) != raw.total_changes
                changes[id(raw)] = raw.total_changes
            else:  # only what changes something has a number
                asked = raw.execute("SELECT pg_current_xact_id_if_assigned()")
                changed = asked.fetchone()[0] is not None
            commit(connection)
            if changed:
                self.step(f"commit to {name}")

        engine.dialect.do_commit = deadly  # type: ignore[method-assign]  # this engine's only


_READS = ("/search", "/read", "/oauth/token")
"""How paths end that are called by POST and change nothing that anybody holds."""


class _Deadly(httpx.BaseTransport):
    def __init__(self, killer: Killer, system: str, inner: httpx.BaseTransport) -> None:
        self._killer = killer
        self._system = system
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self._killer.dead:
            raise Killed(self._system)
        if request.method == "GET" or request.url.path.endswith(_READS):
            return self._inner.handle_request(request)
        response = self._inner.handle_request(request)
        self._killer.step(f"{request.method} to {self._system}")
        return response
