"""Restrictions that stand (GDPR Art. 18): several requests may restrict one person, and each keeps
what it restricted until it is lifted itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hub.delivery.deployment import Deployment
from hub.domain.audit import Event
from hub.domain.rights import RequestState, Right, TaskState
from hub.rights import coordinator, targets
from hub.rights.casefile import Receipt
from hub.rights.decide import refused
from hub.store import audit, erasing, people, requests
from hub.vault.database import Connection, Row

Place = tuple[str, str, str, str]
"""System, stream, scope and id of a record."""

DONE = (TaskState.VERIFIED.value, TaskState.CONFIRMED.value)
_STANDS = coordinator.WORKING | {
    RequestState.NOTIFYING.value,
    RequestState.CLOSED.value,
    RequestState.CLOSED_WITH_EXCEPTIONS.value,
}


@dataclass(slots=True)
class Standing:
    """What requests restrict."""

    persons: set[int] = field(default_factory=set)
    records: dict[Place, str] = field(default_factory=dict)  # with the memo of the former state
    systems: set[str] = field(default_factory=set)  # where somebody did it


def others(connection: Connection, deployment: Deployment, request: Row[Any]) -> Standing:
    """What other requests than that restriction restrict of its persons."""
    found = Standing()
    mine = _whole(connection, request)
    for other in requests.listed(connection, right=Right.RESTRICTION.value, limit=10_000):
        if other.id == request.id or other.state not in _STANDS or refused(other):
            continue
        persons = _whole(connection, other)
        if mine.isdisjoint(persons) or lifted(connection, other.id):
            continue
        found.persons |= persons
        key = deployment.vault.open_keys([other.key_id])[other.key_id]
        for task in requests.tasks_of(connection, other.id):
            if task.system == targets.HUB or task.part != "records":
                continue
            if task.state in DONE:
                found.systems.add(task.system)
            for entry in Receipt.open(key, task.id, task.receipt).records:
                if entry.get("outcome") or entry.get("memo") or task.state in DONE:
                    at = place(task.system, entry)
                    found.records[at] = found.records.get(at) or entry.get("memo", "")
    return found


def restricts(connection: Connection, request: Row[Any]) -> bool:
    """Whether somebody is still restricted by that request: its case file is what lifts it."""
    if request.right != Right.RESTRICTION.value or request.state not in _STANDS:
        return False
    rows = people.rows(connection, sorted(_whole(connection, request)))
    return any(one.restricted for one in rows) and not lifted(connection, request.id)


def lifted(connection: Connection, number: int) -> bool:
    """Whether a restriction was lifted already."""
    told = audit.entries(connection, subjects=[f"request {number}"])
    return any(one.entry.event is Event.RESTRICTION_LIFTED for one in told)


def place(system: str, entry: dict[str, str]) -> Place:
    """Where the record of a receipt is."""
    return system, entry["stream"], entry["scope"], entry["id"]


def _whole(connection: Connection, request: Row[Any]) -> set[int]:
    whole = sorted(coordinator.whole_persons(request)) if request.plan else []
    return set(erasing.winners(connection, whole).values())
