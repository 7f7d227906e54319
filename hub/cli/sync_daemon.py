"""Having the running daemon sync, and waiting for it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import orjson

from hub.cli.base import Code, Stop, ask_daemon, daemon_lives
from hub.cli.show import hint, progress
from hub.cli.sync_show import Told, verdict
from hub.opening import NEEDS_MENDING, Hub
from hub.store import overview
from hub.store import progress as cursors
from hub.vault.database import Connection, read_only

_LOOK = 0.3
_PATIENCE = 600.0
_TRIES = 3
"""Failures in a row after which a task of the daemon's is no longer waited for."""


def by_daemon(
    hub: Hub, names: Sequence[str], *, full: bool, json: bool
) -> tuple[Code, list[Told], bool]:
    """Have the running daemon do the work, and wait for it."""
    if not json:
        hint("The daemon is running; it does the work.")
    database = hub.deployment.database
    with read_only(database).connect() as connection:
        before = overview.last_run(connection)
    asked: dict[str, int] = {}
    for name in names:
        if full:
            with database.begin() as connection:
                cursors.rewind(connection, name)
        asked[name] = ask_daemon(hub, "sync", name).n
    waiting = list(names)
    deadline = time.monotonic() + _PATIENCE
    with progress(quiet=json) as bar:
        task = bar.add_task("waiting for the daemon", total=len(names), note="")
        while waiting:
            if time.monotonic() > deadline or not daemon_lives(hub):
                raise Stop(
                    "the daemon did not finish the work in time",
                    "look at its log and at `hub runs`",
                    Code.UNSETTLED,
                )
            with read_only(database).connect() as connection:
                now = hub.deployment.now()
                waiting = [one for one in names if not _over(connection, one, asked[one], now)]
            bar.update(task, completed=len(names) - len(waiting), note=", ".join(waiting))
            if waiting:
                time.sleep(_LOOK)
    with read_only(database).connect() as connection:
        told = [_history(connection, name, before) for name in names]
    quiet = all(one.state == "done" for one in told)
    return verdict(told, quiet=quiet), told, quiet


def _over(connection: Connection, name: str, asked: int, now: datetime) -> bool:
    """Whether what was asked for as attempt `asked` has ended, and what it made ready here went
    out; a task that waits after a failure, or for later, is not waited for."""
    sync = overview.task(connection, "sync", name)
    if sync is not None and sync.open:
        hopeless = sync.reason in NEEDS_MENDING or sync.failures >= _TRIES
        return sync.failures > 0 and sync.n > asked and hopeless
    send = overview.task(connection, "send", name)
    return send is None or not send.open or send.failures > 0 or send.due_at > now


def _history(connection: Connection, name: str, before: int) -> Told:
    told = Told(name)
    runs = overview.runs_after(connection, name, before)
    for row in runs:
        counted = orjson.loads(row.counts)
        told.read += Counter(counted.get("read", {}))
        told.sent += Counter(counted.get("sent", {}))
        told.runs += 1
        if row.ended_at is not None:
            told.seconds += (row.ended_at - row.started_at).total_seconds()
        told.state, told.reason = row.state, row.reason
    task = overview.task(connection, "sync", name)
    if not runs and task is not None and task.failures:
        told.state, told.reason = "failed", f"the daemon cannot run it ({task.reason})"
        told.mend = "see `hub check`, or the daemon's log"
    return told
