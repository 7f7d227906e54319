"""Lifting a restriction (GDPR Art. 18(3)): the person is told first, then every system goes back to
what it was before, unless the person refused meanwhile. What another request restricts too stays
so until that one is lifted."""

from __future__ import annotations

from hub.delivery.deployment import Deployment
from hub.domain.audit import Event
from hub.domain.rights import RequestState, Right
from hub.rights import coordinator, effects, manual, standing, targets
from hub.rights.casefile import Receipt
from hub.rights.decide import CannotDecide, load
from hub.rights.notes import add_note
from hub.store import requests
from hub.vault.rows import ids

_LIFTABLE = frozenset({RequestState.CLOSED.value, RequestState.CLOSED_WITH_EXCEPTIONS.value})


def lift(deployment: Deployment, number: int, how_told: str, text: str, actor: str) -> list[str]:
    """Record that the person was told, and lift the restriction in the hub and in every system.
    Answers the systems. Raises CannotDecide, NoSuchRequest."""
    if not text.strip():
        raise CannotDecide("not-told", "the person must be told before a restriction is lifted")
    now = deployment.now()
    with deployment.database.begin() as connection:
        request = load(connection, number, lock=True)
        if request.right != Right.RESTRICTION.value:
            raise CannotDecide("no-restriction", f"request {number} restricted nothing")
        if request.state not in _LIFTABLE:
            raise CannotDecide("wrong-state", f"request {number} is {request.state}")
        if standing.lifted(connection, number):
            return []
        stays = standing.others(connection, deployment, request)
        add_note(connection, deployment, request, "notices", text, actor, how=how_told)
        key = deployment.vault.open_keys([request.key_id])[request.key_id]
        held = []
        for task in requests.tasks_of(connection, number):
            if task.system == targets.HUB or task.part != "records":
                continue
            receipt = Receipt.open(key, task.id, task.receipt)
            left = [
                one
                for one in receipt.records
                if standing.place(task.system, one) not in stays.records
            ]
            # without records, a person did it by hand for the whole of the tool
            goes = left if receipt.records else task.system not in stays.systems
            if task.state in standing.DONE and goes:
                receipt.records = left
                held.append((task, receipt))
        for (task, receipt), new in zip(
            held, ids(connection, requests.task, len(held)), strict=True
        ):
            for entry in receipt.records:
                for name in ("outcome", "verified", "said"):
                    entry.pop(name, None)
            row = manual.row(new, number, task.system, "lift", task.controllers, "lift", now)
            requests.add_tasks(connection, [{**row, "receipt": receipt.seal(key, new)}])
        whole = sorted(coordinator.whole_persons(request))
        persons = targets.loaded(connection, deployment, whole).values()
        free = [one for one in persons if one.id not in stays.persons]
        effects.set_restricted(connection, deployment, free, now, restricted=False)
        coordinator.tell(connection, deployment, number, Event.RESTRICTION_LIFTED, actor)
        return [task.system for task, _ in held]
