"""Durable work: APScheduler says when, DBOS does it, the application's own rows are the truth.

    engine = Engine(url, ledger, {"sync": sync}, urgent={"prohibitions"})
    engine.schedule({"crowst-crm": Schedule(every=timedelta(minutes=5))})
    engine.start()
    ...
    engine.stop(grace=30)

The only importer of dbos and apscheduler. A task is a (kind, key) in the application's ledger;
an attempt at it runs on one worker at a time and is fenced by an epoch, so that what a paused,
cut-off or killed worker had begun is taken over without being done twice.
"""

from hub.engine.backoff import Backoff
from hub.engine.engine import Engine, EngineStatus, utc_now, worker_name
from hub.engine.ledger import Ledger
from hub.engine.runner import Running
from hub.engine.slots import check as check_schedule
from hub.engine.types import Again, Attempt, Claim, Done, Failed, Handler, Lease, Outcome

__all__ = [
    "Again",
    "Attempt",
    "Backoff",
    "Claim",
    "Done",
    "Engine",
    "EngineStatus",
    "Failed",
    "Handler",
    "Lease",
    "Ledger",
    "Outcome",
    "Running",
    "check_schedule",
    "utc_now",
    "worker_name",
]
