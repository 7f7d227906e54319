"""Weak matches: records that may be the person's, and a handler's word on each of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from hub.delivery.deployment import Deployment
from hub.domain.audit import Event
from hub.domain.rights import RequestState, Right, TaskState
from hub.rights import coordinator
from hub.rights.casefile import Receipt
from hub.rights.decide import CannotDecide, NoSuchRequest, load
from hub.store import erasing, links, requests
from hub.vault.database import Connection, Row


@dataclass(frozen=True, slots=True)
class Weak:
    """A record that may be the person's, or somebody else's. Its id is the vendor's: whoever looks
    at it there sees a person."""

    record: int  # its number within the task, which stays
    system: str
    stream: str
    scope: str
    id: str
    by: str  # what it was found by: "phone", "email"


def weak(deployment: Deployment, task_id: int, actor: str) -> list[Weak]:
    """The records that a task asks about; that somebody looked is entered into the audit log.
    Raises NoSuchRequest, CannotDecide."""
    with deployment.database.begin() as connection:
        task = requests.get_task(connection, task_id)
        if task is None:
            raise NoSuchRequest(f"there is no task {task_id}")
        request = load(connection, task.request_id)
        if request.state == RequestState.ARCHIVED.value:
            raise CannotDecide("archived", f"the case file of request {request.id} has ended")
        key = deployment.vault.open_keys([request.key_id])[request.key_id]
        receipt = Receipt.open(key, task.id, task.receipt)
        coordinator.tell(connection, deployment, request.id, Event.REQUEST_VIEWED, actor)
    return [
        Weak(number, task.system, one["stream"], one["scope"], one["id"], one["by"])
        for number, one in _asked(receipt).items()
    ]


def judge(
    deployment: Deployment,
    task_id: int,
    actor: str,
    *,
    same: bool,
    records: Collection[int] = (),
) -> str:
    """A handler's word on weak matches: those records, by their numbers (none: all that are asked
    about), are the person's, or somebody else's. Answers the system, whose task goes on once every
    record has its answer.

    What an erasure takes on that word needs two people: who says it, and another who approved the
    plan. Raises NoSuchRequest, CannotDecide.
    """
    with deployment.database.begin() as connection:
        known = requests.get_task(connection, task_id)
        if known is None:
            raise NoSuchRequest(f"there is no task {task_id}")
        request = load(connection, known.request_id, lock=True)  # always before its tasks
        task = requests.get_task(connection, task_id, lock=True)
        assert task is not None  # tasks are never deleted
        if task.reason != "weak-match":
            raise CannotDecide(
                "no-question",
                f"task {task_id} asks about no record: `hub rights show {request.id}` says what "
                "its tasks wait for",
            )
        if same and request.right == Right.ERASURE.value:
            _another_approved(request, actor)
        key = deployment.vault.open_keys([request.key_id])[request.key_id]
        receipt = Receipt.open(key, task.id, task.receipt)
        asked = _asked(receipt)
        judged = sorted(set(records) or asked)
        if not asked.keys() >= set(judged):
            about = ", ".join(map(str, asked))
            raise CannotDecide("no-question", f"task {task_id} asks about these records: {about}")
        for number in judged:
            asked[number]["certain"] = "yes" if same else "other"
        goes_on = {
            "state": TaskState.PENDING.value,
            "reason": "",
            "waiting": True,
            "due_at": deployment.now(),
        }
        left = _asked(receipt)
        sealed = receipt.seal(key, task.id)
        requests.step(connection, task, receipt=sealed, **({} if left else goes_on))
        for number in judged:
            coordinator.tell(
                connection,
                deployment,
                request.id,
                Event.REVIEW_DECIDED,
                actor,
                same="yes" if same else "no",
                task=str(task_id),
                record=str(number),
            )
        if same:
            _joined(connection, request, task, receipt)
        coordinator.advance(connection, deployment, request.id)
        return str(task.system)


def _asked(receipt: Receipt) -> dict[int, dict[str, str]]:
    """The records without an answer, by their numbers."""
    return {n: one for n, one in enumerate(receipt.records, 1) if one["certain"] == "no"}


def _another_approved(request: Row[Any], actor: str) -> None:
    if not {request.approved_by, request.second_by} - {"", actor}:
        raise CannotDecide(
            "second-approver",
            f"request {request.id} is an erasure: that a record is the person's is said by "
            "somebody else than who approved it",
        )


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
    if others and not request.open:
        # its plan is carried out and never grows again
        raise CannotDecide(
            "closed",
            f"request {request.id} is {request.state}, and to the hub the record is somebody "
            "else's: answer that it is, and open a request for them",
        )
    if others:
        requests.note_merge(connection, request, others)
