"""Tasks for a person: tools without an API, acts a connector does not offer, what no call reaches.

Each has instructions, a one-time link, a time by which to confirm, reminders, and the name of who
confirmed what. Nothing a person has to do is ever taken for done without that.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hub.api import Capability, Residual
from hub.delivery.deployment import Deployment, Opened
from hub.domain.audit import Event
from hub.domain.landscape import ByHand
from hub.domain.plan import Plan
from hub.domain.rights import RequestState, Right, TaskState
from hub.rights.instructions import WORDS, of_ended, of_remainder
from hub.store import audit, requests
from hub.vault.database import Connection, Row, read_only
from hub.vault.rows import ids

if TYPE_CHECKING:
    from hub.rights.work import Work

_NEEDED: dict[str, set[Capability]] = {
    "locate": {Capability.LOCATE},
    "export": {Capability.LOCATE, Capability.EXPORT},
    "rectify": {Capability.LOCATE, Capability.RECTIFY, Capability.READ},
    "clear": {Capability.LOCATE, Capability.RECTIFY, Capability.READ},
    "erase": {Capability.LOCATE, Capability.ERASE},
    "restrict": {Capability.LOCATE, Capability.RESTRICT},
    "lift": {Capability.LOCATE, Capability.RESTRICT},
    "refuse": {Capability.LOCATE, Capability.READ, Capability.WRITE_CONSENTS},
}
"""What a connector must be able to do for an act; without it a person does the whole of it."""


class CannotConfirm(Exception):
    """The task is not one that waits for a person, or the link is spent; the text says the mend."""


class NoLongerNeeded(CannotConfirm):
    """Its request was withdrawn, or has ended together with its case file."""


_OVER = frozenset({RequestState.WITHDRAWN.value, RequestState.ARCHIVED.value})


def needs_person(capabilities: Collection[Capability], act: str) -> str:
    """Why a person has to do that act: a code, "" where the connector can."""
    if act == "confirm":
        return "by-hand"
    if act == "tell":
        return "tell-recipient"
    if not capabilities:
        return "manual-system"  # nothing connects it, see `System.by_hand`
    lacking = sorted(_NEEDED[act] - set(capabilities))
    return f"cannot-{lacking[0].replace('_', '-')}" if lacking else ""


def hand_over(work: Work, connection: Connection, reason: str) -> None:
    """Make the claimed task one that waits for a named person's word."""
    from hub.rights import coordinator  # noqa: PLC0415 - they call each other

    now = work.deployment.now()
    requests.get(connection, work.request.id, lock=True)  # always before its tasks
    work.step(
        connection,
        state=TaskState.AWAITING_EXTERNAL.value,
        waiting=False,
        reason=reason,
        confirm_by=confirm_by(work.deployment, work.task.system, now),
    )
    work.told(connection, Event.TASK_HANDED_OVER, reason=reason)
    coordinator.advance(connection, work.deployment, work.request.id)


def residuals(work: Work, connection: Connection, opened: Opened) -> None:
    """Tasks for what the vendor may keep that no call reaches, once something was found there."""
    now = work.deployment.now()
    meant = [one for one in opened.type.residuals if _escapes(work, one)]
    if not meant:
        return
    known = {
        row.part
        for row in requests.tasks_of(connection, work.request.id)
        if row.system == work.task.system
    }
    wanted = [one for one in meant if f"residual:{one.code}" not in known]
    numbers = ids(connection, requests.task, len(wanted))
    requests.add_tasks(
        connection,
        [
            row(
                number,
                work.request.id,
                work.task.system,
                f"residual:{one.code}",
                work.task.controllers,
                "confirm",
                now,
                state=TaskState.AWAITING_EXTERNAL.value,
                waiting=False,
                reason=f"residual-{one.code}",
                confirm_by=confirm_by(work.deployment, work.task.system, now),
            )
            for number, one in zip(numbers, wanted, strict=True)
        ],
    )


def _escapes(work: Work, residual: Residual) -> bool:
    if residual.act is not None:
        return bool(work.task.act == residual.act)
    # an access is answered with a copy (Art. 15(3)), portability with what the person provided
    return bool(work.task.act == "export" and work.request.right == Right.ACCESS)


def confirm_by(deployment: Deployment, system: str, now: datetime) -> datetime:
    """By when a person is to confirm a task there."""
    by_hand = _by_hand(deployment, system)
    within = by_hand.within if by_hand else None
    return now + (within or deployment.landscape.rights.manual_within)


def contact(deployment: Deployment, system: str) -> str:
    """Who does the tasks of a system that nothing connects; "" of the others."""
    by_hand = _by_hand(deployment, system)
    return by_hand.contact if by_hand else ""


def _by_hand(deployment: Deployment, system: str) -> ByHand | None:
    configured = deployment.landscape.systems.get(system)
    return configured.by_hand if configured else None


def row(
    number: int,
    request_id: int,
    system: str,
    part: str,
    controllers: str,
    act: str,
    now: Any,
    **values: Any,
) -> dict[str, Any]:
    """A task as a row, pending and due now unless `values` says otherwise."""
    return {
        "id": number,
        "request_id": request_id,
        "system": system,
        "part": part,
        "controllers": controllers,
        "act": act,
        "state": TaskState.PENDING.value,
        "waiting": True,
        "epoch": 0,
        "tries": 0,
        "due_at": now,
        "reason": "",
        "found": 0,
        "category": "",
        "ground": "",
        "until": None,
        "confirm_by": None,
        "reminded": 0,
        "watched": 0,
        "confirmed_by": "",
        "created_at": now,
        "ended_at": None,
        **values,
    }


def new_link(connection: Connection, deployment: Deployment, task_id: int, actor: str) -> str:
    """A one-time secret that lets whoever has it confirm the task; an earlier one ends.

    Raises CannotConfirm."""
    task = requests.get_task(connection, task_id, lock=True)
    if task is None or task.state != TaskState.AWAITING_EXTERNAL.value:
        raise CannotConfirm(f"task {task_id} does not wait for a person's confirmation")
    _request_of(connection, task)
    token = secrets.token_urlsafe(24)
    digest = deployment.identities.secret("confirm", token)
    requests.step(connection, task, link_digest=digest)
    audit.record(
        connection,
        deployment.now(),
        Event.TASK_LINK_MADE,
        actor,
        f"task {task_id}",
        {"request": str(task.request_id), "system": task.system},
    )
    return token


def by_link(connection: Connection, deployment: Deployment, token: str) -> Row[Any]:
    """The task that a link confirms. Raises CannotConfirm, NoLongerNeeded."""
    task = requests.by_link(connection, deployment.identities.secret("confirm", token))
    if task is None:
        raise CannotConfirm("this link was used already or is not one of ours: ask for a new one")
    _request_of(connection, task)
    return task


def confirm(
    connection: Connection,
    deployment: Deployment,
    task_id: int,
    by: str,
    statement: str,
    actor: str = "person",
) -> None:
    """Record that a named person did it, in their own words. `actor` is who records it: whoever has
    the one-time link is only "person". Raises CannotConfirm, NoLongerNeeded, Stale."""
    from hub.rights import coordinator  # noqa: PLC0415 - they call each other
    from hub.rights.casefile import Receipt  # noqa: PLC0415 - as above

    if not by.strip():
        raise CannotConfirm("say who confirms it: a name is part of the proof")
    task = requests.get_task(connection, task_id)
    if task is None or task.state != TaskState.AWAITING_EXTERNAL.value:
        raise CannotConfirm(f"task {task_id} does not wait for a person's confirmation")
    request = _request_of(connection, task, lock=True)
    task = requests.get_task(connection, task_id)  # as it is now that nobody else confirms it
    if task is None or task.state != TaskState.AWAITING_EXTERNAL.value:
        raise CannotConfirm(f"task {task_id} does not wait for a person's confirmation")
    key = deployment.vault.open_keys([request.key_id])[request.key_id]
    receipt = Receipt.open(key, task.id, task.receipt)
    receipt.confirmed_by = by.strip()
    receipt.statement = statement
    now = deployment.now()
    requests.step(
        connection,
        task,
        state=TaskState.CONFIRMED.value,
        waiting=False,
        confirmed_by="person",
        link_digest=None,
        receipt=receipt.seal(key, task.id),
        ended_at=now,
    )
    audit.record(
        connection,
        now,
        Event.TASK_CONFIRMED,
        actor,
        f"task {task.id}",
        {"request": str(request.id), "system": task.system},
    )
    coordinator.advance(connection, deployment, request.id)


def _request_of(connection: Connection, task: Row[Any], *, lock: bool = False) -> Row[Any]:
    """The request of a task that somebody is to do. Raises NoLongerNeeded."""
    request = requests.get(connection, task.request_id, lock=lock)
    assert request is not None  # a task's request is there as long as it
    if request.state in _OVER:
        raise NoLongerNeeded(f"task {task.id} is no longer needed: its request is {request.state}")
    return request


def instructions(deployment: Deployment, task: Row[Any], language: str) -> str:
    """What the person is to do, in fi, sv or en."""
    code = task.part.removeprefix("residual:")
    opened = deployment.systems.get(task.system)
    if task.part.startswith("residual:") and opened is not None:
        for one in opened.type.residuals:
            if one.code == code:
                return one.instructions.get(language) or one.instructions.get("en", "")
    by_hand = _by_hand(deployment, task.system)
    own = by_hand.instructions.get(language, "") if by_hand else ""
    by_right = task.act == "confirm" and task.part == "records"
    words = WORDS["automated"] if by_right else WORDS.get(task.act, WORDS["confirm"])
    spoken = language if language in words else "en"
    if task.part == "remainder" or task.part.startswith("ended:"):
        text = _of_kept(deployment, task, spoken)
    else:
        text = words[spoken].format(system=task.system)
    return f"{text}\n{own}" if own else text


def _of_kept(deployment: Deployment, task: Row[Any], language: str) -> str:
    with read_only(deployment.database).connect() as connection:
        request = requests.get(connection, task.request_id)
    assert request is not None  # a task's request is there as long as it
    plan = Plan.load(request.plan)
    kept = plan.kept(task.system)
    if task.part == "remainder":
        return of_remainder(plan.right, kept, task.system, language)
    ended = [one for one in kept if one.category == task.category]
    return of_ended(ended[-1], task.system, language)
