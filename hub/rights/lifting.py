"""Lifting a restriction (GDPR Art. 18(3)): the person is told first, then every system goes back to
what it was before, unless the person refused meanwhile. Whom another request restricts too stays
so until the last of them is lifted; the newest first, for only the oldest saw how it was before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hub.delivery.deployment import Deployment
from hub.domain.audit import Event
from hub.domain.plan import Plan
from hub.domain.rights import RequestState, Right, TaskState, Way
from hub.rights import coordinator, effects, manual, targets
from hub.rights.casefile import Receipt
from hub.rights.decide import CannotDecide, load
from hub.rights.notes import add_note
from hub.store import erasing, people, requests
from hub.vault.database import Connection, Row
from hub.vault.rows import ids

_IN_FORCE = coordinator.WORKING | coordinator.AFTERWARDS | {RequestState.NOTIFYING.value}
_DONE = (TaskState.VERIFIED.value, TaskState.CONFIRMED.value)
_LIFTABLE = frozenset({RequestState.CLOSED.value, RequestState.CLOSED_WITH_EXCEPTIONS.value})

Place = tuple[str, str, str, str]
"""System, stream, scope and id of a record."""


def in_force(connection: Connection, request: Row[Any]) -> set[int]:
    """The persons whom a request restricts now; nobody where it is another right's, was lifted, or
    has not begun."""
    if request.right != Right.RESTRICTION.value or request.state not in _IN_FORCE:
        return set()
    if request.approved_at is None or not request.plan:
        return set()  # it was refused
    if any(task.part == "lift" for task in requests.tasks_of(connection, request.id)):
        return set()
    known = erasing.winners(connection, sorted(coordinator.whole_persons(request)))
    rows = people.rows(connection, sorted(set(known.values())))
    return {one.id for one in rows if one.restricted}


def _others(connection: Connection, number: int, persons: set[int]) -> dict[int, set[int]]:
    """Other requests that restrict some of those persons: number -> whom."""
    rows = requests.listed(connection, right=Right.RESTRICTION.value, limit=100_000)
    found = {one.id: in_force(connection, one) & persons for one in rows if one.id != number}
    return {other: whom for other, whom in found.items() if whom}


def restricted(
    connection: Connection, deployment: Deployment, others: Iterable[int]
) -> tuple[dict[Place, str], set[str]]:
    """What those requests restrict: records, each with the memo of its former state, and the
    systems where they are done."""
    records: dict[Place, str] = {}
    systems: set[str] = set()
    for number in others:
        request = load(connection, number)
        key = deployment.vault.open_keys([request.key_id])[request.key_id]
        for task in requests.tasks_of(connection, number):
            if task.system == targets.HUB or task.part != "records":
                continue
            if task.state in _DONE:
                systems.add(task.system)
            for entry in Receipt.open(key, task.id, task.receipt).records:
                if task.state in _DONE or entry.get("memo"):
                    at = place(task.system, entry)
                    records[at] = records.get(at) or entry.get("memo", "")
    return records, systems


def place(system: str, entry: Mapping[str, str]) -> Place:
    """Where the record of a receipt is."""
    return system, entry["stream"], entry["scope"], entry["id"]


def known(connection: Connection, deployment: Deployment, request: Row[Any]) -> dict[Place, str]:
    """The former state of what others than that request restricted already, by their memos."""
    others = _others(connection, request.id, in_force(connection, request))
    return restricted(connection, deployment, sorted(others))[0]


def lift(deployment: Deployment, number: int, how_told: Way, text: str, actor: str) -> list[str]:
    """Record that the person was told, and lift the restriction in the hub and in every system, as
    far as no other request stands. Answers the systems. Raises CannotDecide, NoSuchRequest."""
    if not text.strip():
        raise CannotDecide("not-told", "the person must be told before a restriction is lifted")
    now = deployment.now()
    with deployment.database.begin() as connection:
        request = load(connection, number, lock=True)
        if request.right != Right.RESTRICTION.value:
            raise CannotDecide("no-restriction", f"request {number} restricted nothing")
        if request.state not in _LIFTABLE:
            raise CannotDecide("wrong-state", f"request {number} is {request.state}")
        tasks = requests.tasks_of(connection, number)
        if any(task.part == "lift" for task in tasks):
            return []
        mine = in_force(connection, request)
        others = _others(connection, number, mine)
        if others and max(others) > number:
            # what it found restricted already it cannot give back as it was before
            raise CannotDecide(
                "restricted-again",
                f"request {max(others)} restricts the same person too: lift that one first",
            )
        add_note(connection, deployment, request, "notices", text, actor, how=how_told)
        key = deployment.vault.open_keys([request.key_id])[request.key_id]
        # what an earlier request restricts too is lifted there with that one
        records, systems = restricted(connection, deployment, sorted(others))
        held: list[tuple[Row[Any], Receipt]] = []
        for task in tasks:
            if task.system == targets.HUB or task.part != "records" or task.state not in _DONE:
                continue
            receipt = Receipt.open(key, task.id, task.receipt)
            found = bool(receipt.records)
            receipt.records = [
                one for one in receipt.records if place(task.system, one) not in records
            ]
            # without records, a person did it by hand for the whole of the tool
            if receipt.records or (not found and task.system not in systems):
                held.append((task, receipt))
        for (task, receipt), new in zip(
            held, ids(connection, requests.task, len(held)), strict=True
        ):
            for entry in receipt.records:
                for name in ("outcome", "verified", "said"):
                    entry.pop(name, None)
            row = manual.row(new, number, task.system, "lift", task.controllers, "lift", now)
            requests.add_tasks(connection, [{**row, "receipt": receipt.seal(key, new)}])
        (new,) = ids(connection, requests.task, 1)
        verified = {"state": TaskState.VERIFIED.value, "waiting": False, "ended_at": now}
        whose = " ".join(Plan.load(request.plan).controllers)
        row = manual.row(new, number, targets.HUB, "lift", whose, "keep", now, **verified)
        requests.add_tasks(connection, [row])
        free = mine.difference(*others.values())
        persons = targets.loaded(connection, deployment, sorted(free))
        effects.set_restricted(connection, deployment, persons.values(), now, restricted=False)
        request = load(connection, number)
        until = now + deployment.landscape.rights.keep
        requests.change(connection, request, retain_until=until)
        coordinator.tell(connection, deployment, number, Event.RESTRICTION_LIFTED, actor)
        return [task.system for task, _ in held]
