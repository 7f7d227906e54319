"""Lifting a restriction (GDPR Art. 18(3)): the person is told first, then every system goes back to
what it was before, unless the person refused meanwhile."""

from __future__ import annotations

from hub.delivery.deployment import Deployment
from hub.domain.audit import Event
from hub.domain.rights import RequestState, Right, TaskState
from hub.rights import coordinator, effects, manual, targets
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
        tasks = requests.tasks_of(connection, number)
        if any(task.part == "lift" for task in tasks):
            return []
        add_note(connection, deployment, request, "notices", text, actor, how=how_told)
        key = deployment.vault.open_keys([request.key_id])[request.key_id]
        done = (TaskState.VERIFIED.value, TaskState.CONFIRMED.value)
        held = [
            task
            for task in tasks
            if task.system != targets.HUB and task.part == "records" and task.state in done
        ]
        for task, new in zip(held, ids(connection, requests.task, len(held)), strict=True):
            receipt = Receipt.open(key, task.id, task.receipt)
            for entry in receipt.records:
                for name in ("outcome", "verified", "said"):
                    entry.pop(name, None)
            row = manual.row(new, number, task.system, "lift", task.controllers, "lift", now)
            requests.add_tasks(connection, [{**row, "receipt": receipt.seal(key, new)}])
        persons = targets.loaded(connection, deployment, sorted(coordinator.whole_persons(request)))
        effects.set_restricted(connection, deployment, persons.values(), now, restricted=False)
        coordinator.tell(connection, deployment, number, Event.RESTRICTION_LIFTED, actor)
        return [task.system for task in held]
