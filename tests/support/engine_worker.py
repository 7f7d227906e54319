"""A worker process for the acceptance tests: `engine_worker.py JSON`.

It writes every start of a handler into the application's database, says `ready` on its standard
output, and stops cleanly on SIGTERM.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from datetime import timedelta
from typing import Any

import structlog

from hub.domain.landscape import Schedule
from hub.engine import Again, Attempt, Claim, Done, Engine, utc_now
from support.engine_ledgers import SqlLedger


class Recorder(SqlLedger):
    """A ledger that also writes down which slots it fired."""

    worker = ""

    def fire(self, kind: str, key: str, slot: Any, at: Any) -> Attempt | None:
        fired = super().fire(kind, key, slot, at)
        if fired is not None:
            self.rows(
                "INSERT INTO fired VALUES (:kind, :key, :slot, :worker)",
                kind=kind,
                key=key,
                slot=slot.timestamp(),
                worker=self.worker,
            )
        return fired


def main() -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    options = json.loads(sys.argv[1])
    ledger = Recorder(options["app"])
    ledger.worker = options["worker"]

    def started(claim: Claim) -> None:
        ledger.rows(
            "INSERT INTO start VALUES (:kind, :key, :n, :epoch, :worker, :at)",
            kind=claim.kind,
            key=claim.key,
            n=claim.n,
            epoch=claim.epoch,
            worker=claim.owner,
            at=utc_now().timestamp(),
        )

    def quick(claim: Claim) -> Done:
        started(claim)
        return Done()

    def slow(claim: Claim) -> Done | Again:
        """Works for a while, then commits a result under its epoch, as a sync run does."""
        started(claim)
        if claim.stopping.wait(options["work"]):
            return Again(0, "stopping")
        ledger.rows(
            """INSERT INTO result SELECT :kind, :key, :epoch, :worker FROM task
            WHERE task.kind = :kind AND task.key = :key AND task.epoch = :epoch
            AND task.open = 1 AND task.holder IS NOT NULL""",
            kind=claim.kind,
            key=claim.key,
            epoch=claim.epoch,
            worker=claim.owner,
        )
        return Done()

    def sliced(claim: Claim) -> Done | Again:
        """Three slices, each of them a new attempt as long as the one before was recorded."""
        started(claim)
        claim.stopping.wait(options["work"])
        return Done() if claim.n >= 3 else Again(0, "more")

    def patient(claim: Claim) -> Done | Again:
        """Has to wait a moment before it can finish."""
        started(claim)
        return Again(0.5, "not-yet") if claim.n == 1 else Done()

    engine = Engine(
        options["engine"],
        ledger,
        {"quick": quick, "slow": slow, "sliced": sliced, "patient": patient},
        worker_id=options["worker"],
        lease=timedelta(seconds=options["lease"]),
        beat=options["lease"] / 5,
        sweep=options["sweep"],
        width=4,
    )
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    engine.start()
    every = {key: Schedule(every=timedelta(seconds=s)) for key, s in options["every"].items()}
    engine.schedule(every, kind="quick")
    print("ready", flush=True)
    while not stop.wait(1):
        pass
    left = engine.stop(5)
    ledger.close()
    sys.exit(3 if left else 0)


if __name__ == "__main__":
    main()
