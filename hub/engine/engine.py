"""The engine as the daemon sees it: handlers, triggers and schedules in; durable attempts out."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from hub.domain.landscape import Schedule
from hub.engine import slots
from hub.engine.backoff import Backoff
from hub.engine.durable import Durable
from hub.engine.ledger import Ledger
from hub.engine.pulse import Pulse
from hub.engine.runner import Runner, Running
from hub.engine.sweep import Sweep
from hub.engine.ticker import Ticker
from hub.engine.types import Attempt, Handler, check_key, check_kind

log = structlog.get_logger(__name__)

_PRUNE_EVERY = 60.0
_PRUNE_PAGE = 1000


def worker_name() -> str:
    """A name for this process that no other has or ever had: host, process id, chance."""
    host = "".join(c if c.isalnum() else "-" for c in socket.gethostname())[:40]
    return f"{host}-{os.getpid()}-{secrets.token_hex(4)}"


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """What this worker is doing, as of now."""

    worker: str
    alive: frozenset[str]  # workers that beat, this one included
    running: tuple[Running, ...]  # in this process
    next_slots: Mapping[tuple[str, str], datetime]  # by kind and key


class Engine:
    """Runs handlers durably: one attempt at a time for each key, keys side by side.

    - `url`: the engine's own database, `sqlite:///FILE` or `postgresql://…` (see `Durable`).
    - `handlers`: what to do, by kind. A kind that no worker handles waits, it is never dropped.
    - `urgent`: kinds with a queue of their own, which never wait for the others' slow work, not
      even for the same key.
    - `worker_id`: must be new for each start of a process; None makes one up.
    - `lease`: a worker silent for that long is taken for dead. It beats every `beat` seconds from
      a thread of its own. Clocks of several machines have to agree within a second or two.
    - `sweep`, `poll`: seconds between two sweeps, and between two looks into a queue.
    - `width`: attempts that this worker runs side by side, for each of the two queues.
    - `misfire_grace`: a slot that was missed fires late if it is not older than this.
    - `keep`: how long ended workflows (ids and times only) can still be looked up.

    One engine at a time in a process. Restored an older application database? Delete the engine's
    own file: it is rebuilt from the application's rows.
    """

    def __init__(
        self,
        url: str,
        ledger: Ledger,
        handlers: Mapping[str, Handler],
        *,
        worker_id: str | None = None,
        clock: Callable[[], datetime] = utc_now,
        urgent: Iterable[str] = (),
        poll: float = 0.2,
        beat: float = 1.0,
        lease: timedelta = timedelta(seconds=5),
        sweep: float = 2.0,
        width: int = 16,
        backoff: Backoff | None = None,
        misfire_grace: timedelta = timedelta(hours=1),
        keep: timedelta = timedelta(days=1),
    ) -> None:
        for kind in handlers:
            check_kind(kind)
        self.worker = worker_id or worker_name()
        self._ledger = ledger
        self._clock = clock
        self._lease = lease
        self._keep = keep
        self._misfire_grace = misfire_grace
        self._stopping = threading.Event()
        self._started = False
        self._schedules: dict[tuple[str, str], Schedule] = {}
        self._missed: dict[tuple[str, str], datetime] = {}
        self._runner = Runner(
            ledger,
            handlers,
            worker=self.worker,
            clock=clock,
            lease=lease,
            stopping=self._stopping,
            backoff=backoff or Backoff(),
        )
        self._durable = Durable(
            url,
            worker=self.worker,
            work=self._runner.run,
            clock=clock,
            poll=poll,
            width=width,
            urgent=urgent,
        )
        self._sweep = Sweep(
            ledger,
            self._durable,
            worker=self.worker,
            clock=clock,
            lease=lease,
            running=self._running_ids,
        )
        self._ticker = Ticker(self._fire, grace=misfire_grace)
        self._beats = Pulse("heartbeat", self._beat, beat)
        self._sweeps = Pulse("sweep", self._sweep_once, sweep, jitter=0.2)
        self._prunes = Pulse("prune", self._prune, _PRUNE_EVERY, jitter=0.2)

    def start(self) -> None:
        """Take up work. Raises what opening either database raises. An engine starts once."""
        self._beat()  # before anything is taken under this name
        self._durable.start()
        self._started = True
        for pulse in (self._beats, self._sweeps, self._prunes):
            pulse.start()
        self._ticker.start()
        self._catch_up(self._schedules)
        log.info("engine.started", worker=self.worker)

    def stop(self, grace: float = 30.0) -> tuple[Running, ...]:
        """Take no more work, let handlers finish or hand back, and leave.

        Handlers see `claim.stopping`. Returns those that still ran after `grace` seconds: their
        tasks are free for other workers, what they commit from now on is refused, and the process
        may be ended. Takes a second at least while anything runs.
        """
        if not self._started:
            return ()
        self._started = False
        self._stopping.set()
        self._ticker.stop()
        self._sweeps.stop()
        self._prunes.stop()
        self._durable.stop(grace if self._runner.running else 0)
        left = tuple(self._runner.running.values())
        self._beats.stop()
        self._ledger.leave(self.worker)
        log.info("engine.stopped", worker=self.worker, unfinished=len(left))
        return left

    def trigger(self, kind: str, key: str, *, force: bool = False) -> Attempt:
        """Have the task looked at soon, once more if it is running now. Safe inside handlers.

        A task that waits after a failure goes on waiting, unless `force` (a person asks). The
        request is durable when this returns; before `start` and in processes without an engine
        `Ledger.open` does the same, a worker's sweep picks it up. Raises what the ledger raises.
        """
        attempt = self._ledger.open(check_kind(kind), check_key(key), self._clock(), force=force)
        self._enqueue(attempt)
        return attempt

    def schedule(self, schedules: Mapping[str, Schedule], kind: str = "sync") -> None:
        """Let these be the schedules of that kind, by key. Raises ValueError for a wrong one.

        The latest slot fires now, if no process has fired it and it is within `misfire_grace`.
        """
        check_kind(kind)
        for key in schedules:
            check_key(key)
        self._ticker.replace(kind, schedules)
        new = {(kind, key): schedule for key, schedule in schedules.items()}
        self._schedules = {k: s for k, s in self._schedules.items() if k[0] != kind} | new
        if self._started:
            self._catch_up(new)

    def status(self) -> EngineStatus:
        """What this worker is doing. Raises what the ledger raises."""
        now = self._clock()
        return EngineStatus(
            worker=self.worker,
            alive=frozenset(self._ledger.alive(now - self._lease)),
            running=tuple(self._runner.running.values()),
            next_slots={k: slots.next_slot(s, now) for k, s in self._schedules.items()},
        )

    def _running_ids(self) -> frozenset[str]:
        return frozenset(self._runner.running)

    def _beat(self) -> None:
        self._ledger.beat(self.worker, self._clock())

    def _prune(self) -> None:
        while self._durable.prune(self._keep, _PRUNE_PAGE) == _PRUNE_PAGE:
            if self._stopping.is_set():
                return

    def _sweep_once(self) -> None:
        for (kind, key), slot in list(self._missed.items()):
            self._fire(kind, key, slot)
        self._sweep()

    def _catch_up(self, schedules: Mapping[tuple[str, str], Schedule]) -> None:
        now = self._clock()
        for (kind, key), schedule in schedules.items():
            slot = slots.latest_slot(schedule, now, self._misfire_grace)
            if slot is not None:
                self._fire(kind, key, slot)

    def _fire(self, kind: str, key: str, slot: datetime) -> None:
        """Fire a slot, or keep it for the sweep to try again if the database does not answer."""
        try:
            attempt = self._ledger.fire(kind, key, slot, self._clock())
        except Exception as error:
            self._missed[kind, key] = slot
            log.warning("slot.delayed", kind=kind, key=key, error=type(error).__name__)
            return
        self._missed.pop((kind, key), None)
        if attempt is not None:
            log.info("slot.fired", kind=kind, key=key, slot=slot.isoformat(), n=attempt.n)
            self._enqueue(attempt)

    def _enqueue(self, attempt: Attempt) -> None:
        """Queue an attempt that the ledger already holds; where that fails the sweep will do it."""
        if not self._started:
            return
        try:
            self._durable.enqueue(attempt)
        except Exception as error:
            log.warning(
                "attempt.unqueued",
                kind=attempt.kind,
                key=attempt.key,
                n=attempt.n,
                error=type(error).__name__,
            )
