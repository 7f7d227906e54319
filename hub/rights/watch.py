"""After closing: re-reads of an erasure, the end of exemptions, the end of case files; and while a
request is open: what is due, what is late.

Everything is found by its date, so that a hub that slept for a week does on Monday what was due.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog

from hub.api import ConnectorError, Locates, Sought
from hub.delivery.deployment import Deployment
from hub.domain.audit import Event
from hub.domain.deadline import Escalation, helsinki_day
from hub.domain.plan import Plan
from hub.domain.rights import RequestState, TaskState
from hub.rights import assess, coordinator, exempted, lifting, locating, newcomers
from hub.rights.casefile import Receipt, ref_of
from hub.rights.dryrun import Open
from hub.rights.due import deadline_of
from hub.rights.targets import addressed
from hub.store import requests
from hub.vault import VaultError
from hub.vault.database import Connection, Row, SQLAlchemyError, checkpoint, read_only

log = structlog.get_logger(__name__)

AGAIN = timedelta(hours=1)
"""Before another try where a system could not be read."""
TOLD_AFTER = timedelta(days=1)
"""For how long a system may not be readable before a person is told; the tries go on."""


def round_(deployment: Deployment, open_system: Open) -> list[str]:
    """One look at everything that has a date. Answers systems that got something to do."""
    systems = start_cooled(deployment)
    escalate(deployment)
    remind(deployment)
    systems += exempted.end(deployment)
    for number in _to_watch(deployment):
        watch(deployment, number, open_system)
    archive(deployment)
    return list(dict.fromkeys(systems))


def start_cooled(deployment: Deployment) -> list[str]:
    """Carry out erasures whose cooling-off is over."""
    systems: list[str] = []
    now = deployment.now()
    with read_only(deployment.database).connect() as connection:
        waiting = requests.starting(connection, now)
    for number in waiting:
        with deployment.database.begin() as connection:
            request = requests.get(connection, number, lock=True)
            if request is None or request.state != RequestState.COOLING_OFF.value:
                continue
            if request.on_hold:  # since we looked
                continue
            case = assess.casefile(deployment, request)
            kept = Plan.load(request.plan).exemptions
            fresh = assess.draft(connection, deployment, request, case, kept)
            if fresh.hash != request.plan_hash:
                # there is more, or less, than was approved: nothing stopped the sync meanwhile
                coordinator.grow(connection, deployment, request, fresh, case, request.merged)
                continue
            systems += coordinator.start(connection, deployment, request, case, "hub")
    return systems


def escalate(deployment: Deployment) -> None:
    """Tell of deadlines that come near, once for each level."""
    now = deployment.now()
    today = helsinki_day(now)
    with read_only(deployment.database).connect() as connection:
        rows = requests.listed(connection, open_only=True, limit=10_000)
    for row in rows:
        due = deadline_of(row)
        level = due.escalation(today)
        if level is Escalation.NONE or row.escalated == level.value:
            continue
        with deployment.database.begin() as connection:
            fresh = requests.get(connection, row.id, lock=True)
            if fresh is None or fresh.escalated == level.value or not fresh.open:
                continue
            requests.change(connection, fresh, escalated=level.value)
            coordinator.tell(
                connection, deployment, row.id, Event.REQUEST_ESCALATED, "hub", level=level.value
            )
        log.warning(
            "rights request is due", request=row.id, level=level.value, days=due.days_left(today)
        )


def remind(deployment: Deployment) -> None:
    """Ask again for manual tasks whose time is over; each time is counted and told."""
    now = deployment.now()
    with deployment.database.begin() as connection:
        for task in requests.overdue_confirmations(connection, now):
            requests.step(
                connection,
                task,
                reminded=task.reminded + 1,
                confirm_by=now + deployment.landscape.rights.remind_every,
            )
            coordinator.tell(
                connection,
                deployment,
                task.request_id,
                Event.TASK_REMINDED,
                "hub",
                system=task.system,
            )
            log.warning(
                "a manual task is overdue",
                request=task.request_id,
                task=task.id,
                system=task.system,
                reminded=task.reminded + 1,
            )


def watch(deployment: Deployment, number: int, open_system: Open) -> None:
    """Read every system of a closed erasure again: whoever reappeared is an incident, and is erased
    by a task of its own. The next look is after 7 and 30 days; a system that cannot be read now
    has its look when it can, whatever the others show."""
    with read_only(deployment.database).connect() as connection:
        request = requests.get(connection, number)
        tasks = requests.tasks_of(connection, number)
    if request is None or request.watch_at is None:
        return
    seen = _Look(request.watched + 1)
    case = assess.casefile(deployment, request)
    key = deployment.vault.open_keys([request.key_id])[request.key_id]
    for step in Plan.load(request.plan).steps:
        task = next((t for t in tasks if (t.system, t.part) == (step.system, step.part)), None)
        if task is None or task.state == TaskState.EXEMPT.value or step.part != "records":
            continue
        if task.watched >= seen.number:
            continue
        try:
            opened = open_system(step.system)
            if not isinstance(opened.connector, Locates):
                continue  # by hand then, and by hand it stays
            receipt = Receipt.open(key, task.id, task.receipt)
            refs = tuple(ref_of(one) for one in receipt.records if one["certain"] == "yes")
            if addressed(request, " ".join(step.controllers)):
                sought = Sought(emails=tuple(case.sought), refs=refs)
                found = list(locating.locate(opened, sought))
            else:
                found = locating.linked_only(opened, refs)
            held = any(
                one.certain
                and not newcomers.left_alone(deployment, opened, request, step.controllers, one)
                for one in found
            )
        except (ConnectorError, KeyError):
            seen.missed.add(task.id)
            continue
        except (SQLAlchemyError, VaultError):
            raise  # ours, not the vendor's
        except Exception as error:  # a connector's own fault must not hold up the others
            # its text may hold personal data, its type does not
            log.error("connector failed", system=step.system, error=type(error).__name__)
            seen.missed.add(task.id)
            continue
        (seen.back if held else seen.absent).add(task.id)
    _watched(deployment, number, seen)


@dataclass(slots=True)
class _Look:
    """What one look showed, by the tasks of the systems."""

    number: int  # of the look, from 1
    back: set[int] = field(default_factory=set)
    absent: set[int] = field(default_factory=set)
    missed: set[int] = field(default_factory=set)  # could not be read


def archive(deployment: Deployment) -> None:
    """End case files that were kept long enough: the key goes, what it sealed is shredded."""
    now = deployment.now()
    with read_only(deployment.database).connect() as connection:
        rows = [
            one
            for one in requests.to_archive(connection, now, helsinki_day(now))
            if not lifting.in_force(connection, one)  # the case file is needed to lift it
        ]
    deployment.vault.destroy([row.key_id for row in rows])
    for row in rows:
        with deployment.database.begin() as connection:
            fresh = requests.get(connection, row.id, lock=True)
            if fresh is None or fresh.state == RequestState.ARCHIVED.value:
                continue
            requests.change(
                connection,
                fresh,
                state=RequestState.ARCHIVED.value,
                casefile=b"",
                watch_at=None,
            )
            for task in requests.tasks_of(connection, row.id):
                requests.step(connection, task, receipt=None, waiting=False)
            coordinator.tell(connection, deployment, row.id, Event.REQUEST_ARCHIVED, "hub")
    if rows:
        # nobody can open what is left of them; it goes all the same
        checkpoint(deployment.database)


def _to_watch(deployment: Deployment) -> Sequence[int]:
    with read_only(deployment.database).connect() as connection:
        return requests.to_watch(connection, deployment.now())


def _watched(deployment: Deployment, number: int, seen: _Look) -> None:
    policy = deployment.landscape.rights
    now = deployment.now()
    with deployment.database.begin() as connection:
        request = requests.get(connection, number, lock=True)
        if request is None or request.watch_at is None or request.watch_at > now:
            return
        closed_at = request.closed_at or now
        due = closed_at + policy.watch[min(request.watched, len(policy.watch) - 1)]
        for task in requests.tasks_of(connection, number):
            if task.id in seen.back:
                _again(deployment, connection, task, now, seen.number)
            elif task.id in seen.absent:
                reason = "" if task.reason == "not-watched" else task.reason
                requests.step(connection, task, watched=seen.number, reason=reason)
            elif task.id in seen.missed and now - due >= TOLD_AFTER:
                _not_watched(deployment, connection, task)
        if seen.back or seen.absent or not seen.missed:
            coordinator.tell(
                connection,
                deployment,
                number,
                Event.REQUEST_WATCHED,
                "hub",
                found=str(len(seen.back)),
                look=str(seen.number),
            )
        more = seen.number < len(policy.watch)
        then = closed_at + policy.watch[seen.number] if more else None
        if seen.missed:
            requests.change(connection, request, watch_at=now + AGAIN)
        else:
            requests.change(
                connection,
                request,
                state=RequestState.WATCHING.value,
                watched=seen.number,
                watch_at=then,
            )


def _again(
    deployment: Deployment, connection: Connection, task: Row[Any], now: datetime, look: int
) -> None:
    """An incident: the task of that system is opened anew."""
    requests.step(
        connection,
        task,
        state=TaskState.PENDING.value,
        waiting=True,
        due_at=now,
        tries=0,
        reason="reappeared",
        watched=look,
        ended_at=None,
    )
    number = task.request_id
    coordinator.tell(connection, deployment, number, Event.REAPPEARED, "hub", system=task.system)
    log.error("an erased person is back", request=number, system=task.system)


def _not_watched(deployment: Deployment, connection: Connection, task: Row[Any]) -> None:
    """A system could not be read for long: a person is told, once."""
    if task.reason == "not-watched":
        return
    requests.step(connection, task, reason="not-watched")
    number, system = task.request_id, task.system
    coordinator.tell(connection, deployment, number, Event.REQUEST_ATTENTION, "hub", system=system)
    log.warning("an erasure cannot be watched", request=number, task=task.id, system=system)
