"""Weak matches: records that may be the person's, and a handler's word on them."""

from __future__ import annotations

from typing import Any

from hub.delivery.deployment import Deployment
from hub.domain.audit import Event
from hub.domain.rights import TaskState
from hub.rights import coordinator
from hub.rights.casefile import Receipt
from hub.rights.decide import CannotDecide, NoSuchRequest, load
from hub.store import erasing, links, requests
from hub.vault.database import Connection, Row


def judge(deployment: Deployment, task_id: int, actor: str, *, same: bool) -> str:
    """A handler's word on weak matches: the records are the person's, or somebody else's. Answers
    the system, whose task goes on."""
    with deployment.database.begin() as connection:
        known = requests.get_task(connection, task_id)
        if known is None:
            raise NoSuchRequest(f"there is no task {task_id}")
        request = load(connection, known.request_id, lock=True)  # always before its tasks
        task = requests.get_task(connection, task_id, lock=True)
        assert task is not None  # tasks are never deleted
        if task.reason != "weak-match":
            raise CannotDecide("no-question", f"task {task_id} asks nothing")
        key = deployment.vault.open_keys([request.key_id])[request.key_id]
        receipt = Receipt.open(key, task.id, task.receipt)
        for one in receipt.records:
            if one["certain"] == "no":
                one["certain"] = "yes" if same else "other"
        requests.step(
            connection,
            task,
            receipt=receipt.seal(key, task.id),
            state=TaskState.PENDING.value,
            reason="",
            waiting=True,
            due_at=deployment.now(),
        )
        coordinator.tell(
            connection,
            deployment,
            request.id,
            Event.REVIEW_DECIDED,
            actor,
            same="yes" if same else "no",
        )
        if same:
            _joined(connection, request, task, receipt)
        coordinator.advance(connection, deployment, request.id)
        return str(task.system)


def _joined(connection: Connection, request: Row[Any], task: Row[Any], receipt: Receipt) -> None:
    """Records that a handler says are the person's may be somebody else's to the hub: that is the
    same human then, and joins the plan as one that was merged."""
    persons = {
        known.person_id
        for one in receipt.records
        if one["certain"] == "yes"
        for known in links.known(
            connection, task.system, one["stream"], one["scope"], [one["id"]]
        ).get(one["id"], ())
        if known.controller in task.controllers.split()
    }
    known_as = set(erasing.winners(connection, requests.persons_of(request)).values())
    others = set(erasing.winners(connection, sorted(persons)).values()) - known_as
    if others:
        requests.note_merge(connection, request, others)
