"""One attempt at a task: claim it, let the handler do it, record how it ended.

No exception leaves `run`: for the engine underneath an escaped exception would be final.
"""

from __future__ import annotations

import contextvars
import re
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePath

import structlog

from hub.api.errors import ConnectorError, Unavailable
from hub.engine.backoff import Backoff
from hub.engine.ledger import Ledger
from hub.engine.types import Again, Attempt, Claim, Done, Failed, Handler, Lease, Outcome

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Running:
    """An attempt that is under way in this process."""

    kind: str
    key: str
    n: int
    since: datetime


class Runner:
    """Runs claimed attempts with the handlers it was given."""

    def __init__(
        self,
        ledger: Ledger,
        handlers: Mapping[str, Handler],
        *,
        worker: str,
        clock: Callable[[], datetime],
        lease: timedelta,
        stopping: threading.Event,
        backoff: Backoff,
    ) -> None:
        self._ledger = ledger
        self._handlers = handlers
        self._worker = worker
        self._clock = clock
        self._lease = lease
        self._stopping = stopping
        self._backoff = backoff
        self._lock = threading.Lock()
        self._running: dict[str, Running] = {}

    @property
    def running(self) -> Mapping[str, Running]:
        """What runs here now, by attempt id."""
        with self._lock:
            return dict(self._running)

    def run(self, kind: str, key: str, n: int) -> Attempt | None:
        """Do attempt `n` and return the one to follow, if any.

        None also where the attempt is not ours to do, and where the application's database did
        not answer: the task then stays open there, and the sweep finds it.
        """
        now = self._clock()
        attempt = Attempt(kind, key, n, now)
        with self._lock:
            if attempt.id in self._running or self._stopping.is_set():
                return None
            self._running[attempt.id] = Running(kind, key, n, now)
        try:
            return self._run(attempt)
        except Exception as error:
            log.warning("attempt.unrecorded", kind=kind, key=key, n=n, **_describe(error))
            return None
        finally:
            with self._lock:
                del self._running[attempt.id]

    def _run(self, attempt: Attempt) -> Attempt | None:
        kind, key, n = attempt.kind, attempt.key, attempt.n
        lease = self._ledger.claim(kind, key, n, self._worker, self._clock() - self._lease)
        if lease is None:
            log.debug("attempt.superseded", kind=kind, key=key, n=n)
            return None
        started = time.monotonic()
        outcome = self._handle(attempt, lease)
        following = self._settle(attempt, lease, outcome)
        _report(attempt, lease, outcome, time.monotonic() - started)
        return following

    def _handle(self, attempt: Attempt, lease: Lease) -> Outcome:
        handler = self._handlers.get(attempt.kind)
        if handler is None:
            # a newer or differently configured worker may know it: the task is never dropped
            return Failed("no-handler")
        claim = Claim(
            attempt.kind,
            attempt.key,
            attempt.n,
            lease.epoch,
            self._worker,
            lease.failures,
            self._stopping,
        )
        try:
            # in a context of its own: what the handler calls is not part of a workflow
            outcome = contextvars.Context().run(handler, claim)
        except (Exception, SystemExit) as error:
            level = log.warning if lease.failures == 0 else log.debug
            level("attempt.raised", kind=attempt.kind, key=attempt.key, **_describe(error))
            retry_after = error.retry_after if isinstance(error, Unavailable) else None
            return Failed(_code(type(error).__name__), retry_after)
        if not isinstance(outcome, Done | Again | Failed):
            return Failed("no-outcome")
        return outcome

    def _settle(self, attempt: Attempt, lease: Lease, outcome: Outcome) -> Attempt | None:
        match outcome:
            case Done():
                return self._ledger.finish(attempt.kind, attempt.key, lease.epoch)
            case Again(delay_seconds=pause, reason=reason):
                failed = False
            case Failed(reason=reason, retry_after=retry_after):
                failed = True
                pause = self._backoff.pause(lease.failures + 1, retry_after)
        due = self._clock() + timedelta(seconds=pause)
        return self._ledger.again(
            attempt.kind, attempt.key, lease.epoch, due, reason, failed=failed
        )


def _report(attempt: Attempt, lease: Lease, outcome: Outcome, seconds: float) -> None:
    """Once when a task starts to fail, once when it is well again; the rest is for debugging."""
    facts = {
        "kind": attempt.kind,
        "key": attempt.key,
        "n": attempt.n,
        "epoch": lease.epoch,
        "outcome": type(outcome).__name__.lower(),
        "seconds": round(seconds, 3),
    }
    match outcome:
        case Failed(reason=reason):
            level = log.warning if lease.failures == 0 else log.debug
            level("attempt.failed", reason=reason, failures=lease.failures + 1, **facts)
        case Again(reason=reason):
            log.debug("attempt.again", reason=reason, **facts)
        case Done():
            log.debug("attempt.done", **facts)
    if lease.failures and not isinstance(outcome, Failed):
        log.info("attempt.recovered", after=lease.failures, **facts)


def _describe(error: BaseException) -> dict[str, str]:
    """What may be logged of an exception: its class and place, and its text only where the
    contract of the class (`hub.api.errors`) keeps personal data out of it."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{PurePath(f.filename).name}:{f.lineno}" for f in frames[-4:]]
    described = {"error": type(error).__name__, "at": " > ".join(places)}
    if isinstance(error, ConnectorError):
        described["detail"] = str(error)
    return described


def _code(name: str) -> str:
    """An exception's class name as a reason code: `AuthFailed` becomes `auth-failed`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
    code = re.sub(r"[^a-z0-9]+", "-", words).strip("-")[:60]
    return code if code[:1].isalpha() else "failed"
