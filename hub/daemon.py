"""The daemon: schedules fire, systems are synced, what one tool says reaches the others at once.

What is done, each kind keyed by the system:

- `sync`  read the system and write to it; fired by its schedule, and by `hub sync`;
- `send`  only write: triggered when another system's reading made something ready for this one,
          so that a withdrawal does not wait for the next schedule; and when a write is due later;
- `rights` carry out what rights requests ask of the system, or of the hub's own copy ("hub");
- `watch` every minute: what of the requests has a date;
- `tidy`  once a night: keys that nothing refers to, old history, notices that are due.

A system that cannot run is told of once, by name and with the mend, and once when it is back; the
engine tries it again with growing pauses while the others run on.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta

import structlog

from hub.api import Misconfigured
from hub.domain.landscape import Schedule
from hub.engine import Again, Attempt, Backoff, Claim, Done, Engine, Failed, Lease, Outcome
from hub.opening import MISSING_MEND, NEEDS_MENDING, Hub, Trouble, missing, trouble_of
from hub.rights import notices, slices, watch
from hub.rights.targets import HUB
from hub.store import overview, requests
from hub.store.progress import Fenced
from hub.store.tasks import Tasks
from hub.sync.run import Bounds, Report, run_system
from hub.vault import SuspiciousOrphans
from hub.vault.database import read_only

log = structlog.get_logger(__name__)

SYNC, SEND, TIDY, RIGHTS, WATCH = "sync", "send", "tidy", "rights", "watch"
NIGHTLY = Schedule(cron="17 3 * * *")
MINUTELY = Schedule(every=timedelta(minutes=1))

PAGES = 400
"""Groups of at least 500 records in one slice. Deletions are only inferred from an enumeration
that one slice brought to its end, so this is far above what most systems hold."""
BATCHES = 50
"""Batches sent in one slice."""
PAUSE = 5.0
"""Seconds, at least, between two tries at what a run could not send."""
BELL = 0.5
"""Seconds between two looks for what requests ask: other processes approve them too."""
SWEEP = 1.0
"""Seconds between two looks for work that a dead process has left."""
ORPHAN_AGE = timedelta(days=1)
KEEP_RUNS = timedelta(days=90)
KEEP_CANCELLED = timedelta(days=7)


class Daemon:
    """The hub at work. `start` returns at once; `stop` hands back what is under way.

    `poll` and `backoff` are the engine's, for tests.
    """

    def __init__(self, hub: Hub, *, poll: float = 0.2, backoff: Backoff | None = None) -> None:
        self.hub = hub
        self._down: dict[str, Trouble] = {}
        self._checked: set[str] = set()
        self._lock = threading.Lock()
        self._rung: set[str] = set()
        self._bell = threading.Event()
        self._leaving = threading.Event()
        self._listener = threading.Thread(target=self._listen, name="hub-bell", daemon=True)
        self.engine = Engine(
            hub.settings.engine,
            Tasks(hub.deployment.database, Attempt, Lease),
            {
                SYNC: self.sync,
                SEND: self.send,
                TIDY: self.tidy,
                RIGHTS: self.rights,
                WATCH: self.watch,
            },
            urgent=(RIGHTS,),
            clock=hub.deployment.now,
            poll=poll,
            sweep=SWEEP,
            backoff=backoff,
        )

    def start(self) -> None:
        """Take up work and follow the schedules. Raises what opening the engine raises."""
        self.engine.schedule({one.id: one.schedule for one in self.hub.synced}, SYNC)
        self.engine.schedule({HUB: NIGHTLY}, TIDY)
        self.engine.schedule({HUB: MINUTELY}, WATCH)
        self.engine.start()
        for name in missing(self.hub.settings, self.hub.deployment.database):
            reason = "it holds people, and is not in the configuration any more"
            log.warning("system is missing", system=name, reason=reason, mend=MISSING_MEND)
        for one in self.hub.synced:
            # whoever starts the hub wants to see it work, also what was failing before
            self.engine.trigger(SYNC, one.id, force=True)
        self._listener.start()

    def stop(self, grace: float) -> int:
        """Let work finish or hand back; answers how much still ran after `grace` seconds."""
        self._leaving.set()
        self._bell.set()
        if self._listener.is_alive():
            self._listener.join(grace)
        return len(self.engine.stop(grace))

    # what the engine calls

    def sync(self, claim: Claim) -> Outcome:
        """One slice of a system's run."""
        return self._run(claim, read=True)

    def send(self, claim: Claim) -> Outcome:
        """Write what is ready for a system; wait where the next is due later."""
        wait = self._until_due(claim.key)
        if wait is None:
            return Done()
        return Again(wait, "due-later") if wait > 0 else self._run(claim, read=False)

    def tidy(self, _claim: Claim) -> Outcome:
        """The nightly housekeeping."""
        deployment = self.hub.deployment
        now = deployment.now()
        with deployment.database.begin() as connection:
            runs = overview.prune_runs(connection, now - KEEP_RUNS)
            cancelled = overview.prune_cancelled(connection, now - KEEP_CANCELLED)
        with read_only(deployment.database).connect() as connection:
            try:
                keys = deployment.vault.collect_orphans(
                    lambda page: overview.keys_in_use(connection, page), ORPHAN_AGE
                )
            except SuspiciousOrphans as error:
                log.error("keys kept", reason=str(error))
                keys = 0
        notices.escalate(deployment)
        log.info("tidied", runs=runs, deliveries=cancelled, keys=keys)
        return Done()

    def rights(self, claim: Claim) -> Outcome:
        """What requests ask of one system now."""
        self._send_ready(claim.key)
        wait = slices.work(
            self.hub.deployment, claim.key, self.hub.open_system, claim.stopping.is_set
        )
        self.serve_requests()  # a last proof makes the hub's own copy due
        if claim.stopping.is_set():
            return Again(0, "more")
        return Done() if wait is None else Again(wait, "due-later")

    def watch(self, _claim: Claim) -> Outcome:
        """What of the requests has a date."""
        watch.round_(self.hub.deployment, self.hub.open_system)
        self.serve_requests()
        return Done()

    def serve_requests(self, systems: Iterable[str] = ()) -> None:
        """Have tasks of requests looked at: those systems', and whatever else is due. Returns at
        once; what was asked is in the database, and is done also if this process ends now."""
        with self._lock:
            self._rung.update(systems)
        self._bell.set()

    def _listen(self) -> None:
        """Pass on what rang, once for however many rang meanwhile; look also when nobody did."""
        down = False
        while not self._leaving.is_set():
            self._bell.wait(BELL)
            self._bell.clear()
            with self._lock:
                rung, self._rung = self._rung, set()
            try:
                with read_only(self.hub.deployment.database).connect() as connection:
                    now = self.hub.deployment.now()
                    rung.update(requests.unserved(connection, RIGHTS, now))
                for system in rung:
                    self.engine.trigger(RIGHTS, system, force=True)
                down = False
            except Exception as error:  # what is due is found again
                if not down:
                    log.warning("requests are not looked at", error=type(error).__name__)
                down = True

    def _send_ready(self, system: str) -> None:
        """A refusal that a request brought goes out at once."""
        if system in self.hub.settings.landscape.systems and self._until_due(system) == 0.0:
            self.engine.trigger(SEND, system)

    def _run(self, claim: Claim, *, read: bool) -> Outcome:
        name = claim.key
        system = self.hub.settings.landscape.systems.get(name)
        if system is None or not system.synced:
            return Done()  # taken out of the configuration since the task was opened
        try:
            opened = self.hub.open_system(name)
        except Misconfigured as error:
            return self._is_down(trouble_of(self.hub.settings, name, error))
        if name not in self._checked:
            trouble = self.hub.look_over(opened)
            if trouble is not None:
                return self._is_down(trouble)
            self._checked.add(name)
        bounds = Bounds(
            pages=PAGES,
            batches=BATCHES,
            stopping=claim.stopping.is_set,
            fanned=self._reach_others,
        )
        try:
            report = run_system(self.hub.deployment, opened, claim.owner, read=read, bounds=bounds)
        except Fenced:
            return Again(1, "fenced")  # a person's decision or command took its turn
        self._reach_others([other for other in report.fanned if other != name])
        return self._outcome(claim, report)

    def _outcome(self, claim: Claim, report: Report) -> Outcome:
        name = claim.key
        if report.state == "failed":
            # a mended configuration or account is looked at again from the start
            self._checked.discard(name)
            return self._is_down(Trouble(name, report.reason, report.mend, code="run-failed"))
        self._is_back(name)
        if report.state == "handed-back":
            return Again(0, "more")
        wait = self._until_due(name) if report.state == "done" else None
        if wait is None:
            return Done()
        if claim.kind == SEND:
            return Again(max(wait, PAUSE), "due-later")
        self.engine.trigger(SEND, name)
        return Done()

    def _reach_others(self, names: Sequence[str]) -> None:
        for other in names:
            self.engine.trigger(SEND, other)

    def _until_due(self, name: str) -> float | None:
        """Seconds until the next write of a system is due; None where none waits."""
        deployment = self.hub.deployment
        with read_only(deployment.database).connect() as connection:
            due = overview.next_due(connection, name)
        return None if due is None else max(0.0, (due - deployment.now()).total_seconds())

    def _is_down(self, trouble: Trouble) -> Failed:
        with self._lock:
            known = self._down.get(trouble.system)
            self._down[trouble.system] = trouble
        if known is None or known.message != trouble.message:
            log.warning(
                "system is down",
                system=trouble.system,
                reason=trouble.message,
                mend=trouble.mend or None,
                at=trouble.place or None,
            )
        return Failed(trouble.code if trouble.code in NEEDS_MENDING else "misconfigured")

    def _is_back(self, name: str) -> None:
        with self._lock:
            known = self._down.pop(name, None)
        if known is not None:
            log.info("system is back", system=name)


def run_until(
    daemon: Daemon,
    stop: threading.Event,
    grace: float,
    beside: AbstractContextManager[object] | None = None,
) -> int:
    """Run until `stop` is set; answers how much work still ran after `grace` seconds. `beside` is
    open meanwhile, and ends before the work does."""
    daemon.start()
    try:
        with beside or nullcontext():
            stop.wait()
    finally:
        left = daemon.stop(grace)
    return left


def describe(schedule: Schedule) -> str:
    """A schedule in words."""
    if schedule.every is None and schedule.cron is None:
        return "never: by hand"
    if schedule.every is None:
        return f"cron {schedule.cron}"
    seconds = round(schedule.every.total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds % size == 0:
            return f"every {seconds // size} {unit}"
    return f"every {seconds} s"
