"""After closing: re-reads of an erasure, the end of exemptions, the end of case files; and while a
request is open: what is due, what is late.

Everything is found by its date, so that a hub that slept for a week does on Monday what was due.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from hub.api import ConnectorError, Locates, Sought
from hub.delivery.deployment import Deployment
from hub.domain.audit import Event
from hub.domain.deadline import Escalation, helsinki_day
from hub.domain.plan import Plan
from hub.domain.rights import RequestState, TaskState
from hub.rights import assess, coordinator, exempted, locating, newcomers
from hub.rights.casefile import Receipt, ref_of
from hub.rights.decide import deadline_of
from hub.rights.dryrun import Open
from hub.rights.targets import HUB, addressed
from hub.store import requests
from hub.vault.database import Connection, checkpoint, read_only

log = structlog.get_logger(__name__)

AGAIN = timedelta(hours=1)
"""Before another try where a system could not be read."""


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
            case = assess.casefile(deployment, request)
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
    by a task of its own. The next look is after 7 and 30 days."""
    with read_only(deployment.database).connect() as connection:
        request = requests.get(connection, number)
        tasks = requests.tasks_of(connection, number)
    if request is None or request.watch_at is None:
        return
    case = assess.casefile(deployment, request)
    key = deployment.vault.open_keys([request.key_id])[request.key_id]
    back: list[str] = []
    missed = False
    for step in Plan.load(request.plan).steps:
        task = next((t for t in tasks if (t.system, t.part) == (step.system, step.part)), None)
        if task is None or task.state == TaskState.EXEMPT.value or step.part != "records":
            continue
        try:
            opened = open_system(step.system)
            if not isinstance(opened.connector, Locates):
                continue  # by hand then, and by hand it stays
            receipt = Receipt.open(key, task.id, task.receipt)
            refs = tuple(ref_of(one) for one in receipt.records if one["certain"] == "yes")
            if addressed(request, " ".join(step.controllers)):
                sought = Sought(emails=tuple(case.emails), refs=refs)
                found = list(locating.locate(opened, sought))
            else:
                found = locating.linked_only(opened, refs)
            held = [
                one
                for one in found
                if one.certain
                and not newcomers.left_alone(deployment, opened, request, step.controllers, one)
            ]
        except (ConnectorError, KeyError):
            missed = True
            continue
        if held:
            back.append(step.system)
    _watched(deployment, number, back, missed=missed)


def archive(deployment: Deployment) -> None:
    """End case files that were kept long enough: the key goes, what it sealed is shredded."""
    now = deployment.now()
    with read_only(deployment.database).connect() as connection:
        rows = requests.to_archive(connection, now, helsinki_day(now))
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


def _watched(deployment: Deployment, number: int, back: Sequence[str], *, missed: bool) -> None:
    policy = deployment.landscape.rights
    now = deployment.now()
    with deployment.database.begin() as connection:
        request = requests.get(connection, number, lock=True)
        if request is None or request.watch_at is None or request.watch_at > now:
            return
        for system in back:
            _again(deployment, connection, number, system, now)
        if missed and not back:
            requests.change(connection, request, watch_at=now + AGAIN)
            return
        looked = request.watched + 1
        closed_at = request.closed_at or now
        more = looked < len(policy.watch)
        requests.change(
            connection,
            request,
            state=RequestState.WATCHING.value,
            watched=looked,
            watch_at=closed_at + policy.watch[looked] if more else None,
        )
        coordinator.tell(
            connection,
            deployment,
            number,
            Event.REQUEST_WATCHED,
            "hub",
            found=str(len(back)),
            look=str(looked),
        )


def _again(
    deployment: Deployment, connection: Connection, number: int, system: str, now: datetime
) -> None:
    """An incident: the task of that system is opened anew."""
    for task in requests.tasks_of(connection, number):
        if task.system == system and task.part == "records" and task.system != HUB:
            requests.step(
                connection,
                task,
                state=TaskState.PENDING.value,
                waiting=True,
                due_at=now,
                tries=0,
                reason="reappeared",
            )
    coordinator.tell(connection, deployment, number, Event.REAPPEARED, "hub", system=system)
    log.error("an erased person is back", request=number, system=system)
