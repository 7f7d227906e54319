"""Putting an attempt off: what is tried again and when, and what a person is told of."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from hub.api import Misconfigured
from hub.domain.audit import Event
from hub.domain.rights import TaskState
from hub.rights import coordinator
from hub.rights.work import Work
from hub.store import requests
from hub.store.together import commit
from hub.vault.database import Connection

log = structlog.get_logger(__name__)

WAITS = tuple(timedelta(seconds=s) for s in (2, 10, 60, 300, 900, 3600, 4 * 3600, 24 * 3600))
"""Between failed attempts: up to a day, and for as long as the request is open."""
RAISED_AFTER = 3
"""Failed attempts in a row after which a person is told; the tries go on."""


SETTLING = timedelta(milliseconds=200)
"""How long an attempt waits for a write of somebody else's that is in flight."""
SETTLED_WITHIN = timedelta(minutes=1)
"""After which such a write may be one that nobody settles: its system's sync is down."""


def settling(work: Work, since: datetime) -> None:
    """Wait for a write that is in flight since then, which may still arrive; a person is told where
    it stays so."""
    now = work.deployment.now()
    if now - since < SETTLED_WITHIN:
        work.save(due_at=now + SETTLING)
    else:
        again(work, "write-in-flight", None)


def again(work: Work, reason: str, asked: float | None) -> None:
    """Try again later; after some failures in a row a person is told, and the tries go on."""
    tries = work.task.tries
    wait = WAITS[min(tries, len(WAITS) - 1)]
    if asked is not None:
        # a vendor may ask for any time, also by mistake: nobody would be told until it is over
        given = timedelta(seconds=min(asked, WAITS[-1].total_seconds()))
        wait = max(wait, given) if tries > 1 else given
    raised = tries + 1 >= RAISED_AFTER
    state = TaskState.ATTENTION if raised else TaskState.PENDING
    _put_off(work, state, reason, wait, tries + 1, tell=raised and tries + 1 == RAISED_AFTER)


def attention(work: Work, reason: str, wait: timedelta | None) -> None:
    """A person has to act; the task is looked at again after `wait`, never where it is None."""
    tell = work.task.reason != reason or work.task.state != TaskState.ATTENTION.value
    _put_off(work, TaskState.ATTENTION, reason, wait, work.task.tries + 1, tell=tell)


def _put_off(
    work: Work, state: TaskState, reason: str, wait: timedelta | None, tries: int, *, tell: bool
) -> None:
    now: datetime = work.deployment.now()

    def put_off(connection: Connection) -> None:
        request = requests.get(connection, work.request.id, lock=True)  # always before its tasks
        work.step(
            connection,
            state=state.value,
            reason=reason,
            tries=tries,
            waiting=wait is not None,
            due_at=now + (wait or timedelta(0)),
        )
        if tell:
            work.told(connection, Event.TASK_ATTENTION, reason=reason)
        coordinator.advance(connection, work.deployment, work.request.id, request)

    commit(work.deployment.database, put_off)
    if tell:
        log.warning(
            "rights task needs attention",
            request=work.request.id,
            task=work.task.id,
            system=work.task.system,
            reason=reason,
        )


def code(error: Misconfigured) -> str:
    """The code of what a person has to mend in the configuration or at the vendor."""
    return {"AuthFailed": "credential-refused", "MissingScope": "scope-missing"}.get(
        type(error).__name__, "misconfigured"
    )
