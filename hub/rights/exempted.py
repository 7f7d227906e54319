"""What an erasure keeps on a ground: its task, what is erased when the last ground of a system has
ended, and what a person deletes when an earlier one has.

A vendor's record is erased whole, so the connector's turn comes after the last end only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import structlog

from hub.delivery.deployment import Deployment
from hub.domain.audit import Event
from hub.domain.deadline import helsinki_day
from hub.domain.plan import Exemption, Plan
from hub.domain.rights import RequestState, TaskState
from hub.rights import manual
from hub.rights.casefile import Receipt
from hub.store import audit, requests
from hub.store.subjects import Subject
from hub.vault import KeyHandle
from hub.vault.database import Connection, Row, read_only
from hub.vault.rows import ids

log = structlog.get_logger(__name__)


def as_task(kept: Sequence[Exemption], now: datetime) -> dict[str, Any]:
    """The columns of an exempt task: what is kept longest stands for the whole."""
    last = kept[-1]
    return {
        "state": TaskState.EXEMPT.value,
        "waiting": False,
        "category": last.category,
        "ground": last.ground,
        "until": last.until,
        "ended_at": now,
    }


def remember(
    connection: Connection, request_id: int, key: KeyHandle, persons: Iterable[Subject]
) -> None:
    """Seal into the exempt tasks which records they keep: when their ground ends, the hub's own
    copy, which knows them now, is long gone."""
    links = [link for one in persons for link in one.links if link.state != "merged"]
    for task in requests.tasks_of(connection, request_id):
        if task.state != TaskState.EXEMPT.value:
            continue
        receipt = Receipt.open(key, task.id, task.receipt)
        known = {(one["stream"], one["scope"], one["id"]) for one in receipt.records}
        receipt.records += [
            {
                "stream": link.stream,
                "scope": link.scope,
                "id": link.external_id,
                "by": "link",
                "state": link.state,
                "certain": "yes",
            }
            for link in links
            if link.system == task.system
            and link.controller in task.controllers.split()
            and (link.stream, link.scope, link.external_id) not in known
        ]
        sealed, found = receipt.seal(key, task.id), len(receipt.records)
        requests.step(connection, task, receipt=sealed, found=found)


def last_end(plan: Plan, now: datetime) -> datetime:
    """When the last ground of a plan that has an end has ended; `now` where none is later."""
    ends = [datetime.combine(one.until, time(), UTC) for one in plan.exemptions if one.until]
    return max([now, *ends])


def end(deployment: Deployment) -> list[str]:
    """Grounds that have ended. The last one of a system: what it kept is erased, by a task of its
    own. An earlier one: a person deletes that category. Answers the systems to be asked."""
    today = helsinki_day(deployment.now())
    with read_only(deployment.database).connect() as connection:
        due = [one for one in requests.exempt(connection) if _parts(connection, one, today)]
    return [one.system for one in due if _end(deployment, one.id, one.request_id, today)]


def _parts(connection: Connection, task: Row[Any], today: date) -> dict[str, Exemption]:
    """The tasks that an exempt one has to have by now and has not: part, and what had kept it."""
    kept = Plan.load(task.plan).kept(task.system)
    known = {
        one.part
        for one in requests.tasks_of(connection, task.request_id)
        if one.system == task.system
    }
    if "ended" in known:
        return {}
    # of one category the exemption that ends last counts: it stands last
    ended = {
        category: one
        for category, one in {one.category: one for one in kept}.items()
        if one.until is not None and one.until <= today
    }
    if kept[-1].category in ended:
        return {"ended": kept[-1]}
    parts = {f"ended:{category}": one for category, one in ended.items()}
    return {part: one for part, one in parts.items() if part not in known}


def _end(deployment: Deployment, number: int, request_id: int, today: date) -> bool:
    """Make the tasks of what has ended; True where the system is to be erased."""
    now = deployment.now()
    with deployment.database.begin() as connection:
        request = requests.get(connection, request_id, lock=True)
        assert request is not None  # its tasks name it
        (task,) = [one for one in requests.exempt(connection) if one.id == number]
        parts = _parts(connection, task, today)
        if parts and request.state == RequestState.NOTIFYING.value:
            # nobody was told yet, and there is something to do again
            requests.change(connection, request, state=RequestState.EXECUTING.value)
        numbers = ids(connection, requests.task, len(parts))
        for new, (part, exemption) in zip(numbers, parts.items(), strict=True):
            whole = part == "ended"
            if whole:
                key = deployment.vault.open_keys([request.key_id])[request.key_id]
                receipt = Receipt.open(key, task.id, task.receipt)
                found = len(receipt.records)
                values: dict[str, Any] = {"receipt": receipt.seal(key, new), "found": found}
            else:
                values = _by_hand(exemption, manual.confirm_by(deployment, task.system, now))
            act = "erase" if whole else "confirm"
            row = manual.row(
                new, request_id, task.system, part, task.controllers, act, now, **values
            )
            requests.add_tasks(connection, [row])
            detail = {"system": task.system, "category": exemption.category.value}
            audit.record(
                connection, now, Event.EXEMPTION_ENDED, "hub", f"request {request_id}", detail
            )
            log.warning(
                "a ground to keep data has ended",
                request=request_id,
                task=new,
                system=task.system,
                by_hand=not whole,
            )
    return "ended" in parts


def _by_hand(exemption: Exemption, confirm_by: datetime) -> dict[str, Any]:
    return {
        "state": TaskState.AWAITING_EXTERNAL.value,
        "waiting": False,
        "reason": "ground-ended",
        "category": exemption.category.value,
        "ground": exemption.ground.value,
        "until": exemption.until,
        "confirm_by": confirm_by,
    }
