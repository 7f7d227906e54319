"""How a request moves: from an approved plan to its tasks, from their receipts to its end.

A request closes only when every task of its plan has a terminal receipt (I8). Everything here
happens in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from hub.api import Ref
from hub.delivery.deployment import Deployment
from hub.domain.audit import Event
from hub.domain.deadline import helsinki_day
from hub.domain.plan import Plan, TaskFacts, request_outcome
from hub.domain.rights import RequestState, Right, TaskState, is_terminal
from hub.rights import effects, exempted, manual, targets
from hub.rights.casefile import CaseFile
from hub.rights.targets import HUB
from hub.store import audit, requests
from hub.vault.database import Connection, Row
from hub.vault.rows import ids

WORKING = frozenset(
    {
        RequestState.EXECUTING.value,
        RequestState.ATTENTION.value,
        RequestState.AWAITING_EXTERNAL.value,
        RequestState.VERIFYING.value,
    }
)
"""States in which tasks are carried out."""


AFTERWARDS = frozenset(
    {
        RequestState.CLOSED.value,
        RequestState.CLOSED_WITH_EXCEPTIONS.value,
        RequestState.WATCHING.value,
    }
)
"""States in which a task may be carried out once more: somebody is back, or a ground has ended."""


class NotProved(Exception):
    """A request may not close: some system of its plan has no terminal receipt (I8)."""


_BY_HAND = TaskState.AWAITING_EXTERNAL.value


def may_work(request: Row[Any]) -> bool:
    """Whether tasks of the request may be carried out now."""
    return request.state in WORKING | AFTERWARDS and not request.on_hold


def whole_persons(request: Row[Any]) -> set[int]:
    """Persons whose every value the request concerns."""
    return set(Plan.load(request.plan).persons)


def start(
    connection: Connection, deployment: Deployment, request: Row[Any], case: CaseFile, actor: str
) -> list[str]:
    """Carry an approved plan into effect: what holds from this moment, and the tasks. Answers the
    systems that have something to do."""
    now = deployment.now()
    plan = Plan.load(request.plan)
    touched = effects.at_start(connection, deployment, request.id, plan, case, now)
    _set_tasks(connection, deployment, request, plan)
    values = {"state": RequestState.EXECUTING.value}
    requests.change(
        connection, request, **values, **_remember(connection, deployment, request, case)
    )
    tell(connection, deployment, request.id, Event.REQUEST_STARTED, actor)
    advance(connection, deployment, request.id)
    waiting = [one.system for one in requests.tasks_of(connection, request.id) if one.waiting]
    return [*dict.fromkeys(waiting + touched)]


def _remember(
    connection: Connection, deployment: Deployment, request: Row[Any], case: CaseFile
) -> dict[str, Any]:
    """Seal the case file with what took effect, and with what an erasure still has to know of the
    person when the hub's own copy is gone, for the re-reads. Answers the request's columns."""
    key = deployment.vault.open_keys([request.key_id])[request.key_id]
    if request.right == Right.ERASURE.value:
        persons = targets.loaded(connection, deployment, sorted(whole_persons(request))).values()
        known = targets.emails_of(deployment.landscape, persons)
        case.known = list(dict.fromkeys([*case.known, *known]))
    return {"casefile": case.seal(key, request.id)}


def _set_tasks(
    connection: Connection, deployment: Deployment, request: Row[Any], plan: Plan
) -> None:
    """Make the tasks of a plan; those that are there already, of a plan that grew, begin anew with
    what they know. Their epoch rises: an attempt that is under way looked for whom the plan named
    before, and proves nothing of the others."""
    now = deployment.now()
    today = helsinki_day(now)
    wanted: dict[tuple[str, str], tuple[str, str, dict[str, Any]]] = {}
    for step in plan.steps:
        whose = " ".join(step.controllers)
        # a ground that ended while the plan waited keeps nothing any more; of an answer only that
        # category is withheld, once it is gathered
        kept = [one for one in plan.kept(step.system) if not one.until or today < one.until]
        if not kept or step.part != "records" or step.act == "export":
            wanted[step.system, step.part] = (whose, step.act, {})
            continue
        wanted[step.system, step.part] = (whose, step.act, exempted.as_task(kept, now))
        # what the ground does not cover still goes, and only a person can tell it apart
        by_hand = {
            "state": TaskState.AWAITING_EXTERNAL.value,
            "waiting": False,
            "reason": "remainder-by-hand",
            "confirm_by": manual.confirm_by(deployment, step.system, now),
        }
        wanted[step.system, "remainder"] = (whose, "confirm", by_hand)
    # the hub's own copy goes last: until then it is what finds the person elsewhere
    own = {"waiting": plan.right is not Right.ERASURE}
    wanted[HUB, "records"] = (" ".join(plan.controllers), _own_act(plan), own)
    known = {(one.system, one.part): one for one in requests.tasks_of(connection, request.id)}
    for place, task in known.items():
        if place in wanted:
            whose, _, values = wanted.pop(place)
            _anew(connection, deployment, task, controllers=whose, **values)
        elif task.part.startswith("residual:"):
            _anew(connection, deployment, task)
    numbers = ids(connection, requests.task, len(wanted))
    for number, ((system, part), (whose, act, values)) in zip(numbers, wanted.items(), strict=True):
        row = manual.row(number, request.id, system, part, whose, act, now, **values)
        requests.add_tasks(connection, [row])


def look_again(connection: Connection, deployment: Deployment, number: int) -> None:
    """There is more to look for than its tasks did: those that looked for records do it anew, with
    what they know. What is exempt, and what waits for a person, stays."""
    for task in requests.tasks_of(connection, number):
        by_machine = task.part == "records" and task.system != HUB
        stays = task.state in (TaskState.EXEMPT.value, _BY_HAND)
        if (by_machine and not stays) or task.part.startswith("residual:"):
            _anew(connection, deployment, task)


def _anew(connection: Connection, deployment: Deployment, task: Row[Any], **values: Any) -> None:
    """Begin a task anew with what it knows. An attempt that is under way commits nothing more: it
    did not know what this one is for."""
    now = deployment.now()
    if task.part.startswith("residual:"):
        if task.state != TaskState.CONFIRMED.value:
            return
        # what was confirmed was said before there was more to look for
        begin: dict[str, Any] = {
            "state": TaskState.AWAITING_EXTERNAL.value,
            "confirm_by": now + deployment.landscape.rights.manual_within,
        }
    else:
        begin = {
            "state": TaskState.PENDING.value,
            "waiting": True,
            "due_at": now,
            "tries": 0,
            "reason": "",
            "link_digest": None,
            "epoch": task.epoch + 1,
        }
    begin |= {"ended_at": None, "confirmed_by": ""}
    requests.step(connection, task, **{**begin, **values})


def advance(
    connection: Connection,
    deployment: Deployment,
    number: int,
    request: Row[Any] | None = None,
) -> None:
    """Move a request on by what its tasks show now. `request` is its row where the transaction
    holds it already."""
    request = request or requests.get(connection, number, lock=True)
    assert request is not None  # its tasks name it
    if request.state not in WORKING:
        return
    tasks = requests.tasks_of(connection, number)
    others = [one for one in tasks if one.system != HUB]
    own = [one for one in tasks if one.system == HUB]
    if tasks and all(_over(one) or one.state == _BY_HAND for one in others):
        # what is left is for people, who have the case file: the hub's own copy waits no longer
        for one in own:
            if one.state == TaskState.PENDING.value and not one.waiting:
                requests.step(connection, one, waiting=True, due_at=deployment.now())
    if not tasks or not all(_over(one) for one in others):
        _to(connection, deployment, request, _working_state(tasks))
    elif not all(_over(one) for one in own):
        _to(connection, deployment, request, RequestState.VERIFYING)
    else:
        _to(connection, deployment, request, RequestState.NOTIFYING)


def close(
    connection: Connection, deployment: Deployment, request: Row[Any], case: CaseFile, actor: str
) -> None:
    """End a request whose person was told. The state must be `notifying`."""
    now = deployment.now()
    plan = Plan.load(request.plan)
    tasks = requests.tasks_of(connection, request.id)
    outcome = request_outcome(plan, [facts_of(one) for one in tasks])
    if outcome.closes_as is None:
        lacking = ", ".join(system for system, _ in outcome.lacking)
        raise NotProved(f"request {request.id} lacks the proof of: {lacking}")
    state = outcome.closes_as
    policy = deployment.landscape.rights
    watch = plan.right is Right.ERASURE and bool(policy.watch)
    requests.change(
        connection,
        request,
        state=state.value,
        open=False,
        closed_at=now,
        notified_at=request.notified_at or now,
        watch_at=now + policy.watch[0] if watch else None,
        # what is kept on a ground needs the case file until it is erased, and its proof after that
        retain_until=exempted.last_end(plan, now) + policy.keep,
    )
    tell(connection, deployment, request.id, Event.REQUEST_CLOSED, actor, state=state.value)


def outgrown(request: Row[Any]) -> bool:
    """Whether a merge brought in persons that the plan does not name yet."""
    plan = Plan.load(request.plan)
    named = {*plan.persons, *plan.partly}
    return not named.issuperset(int(one) for one in request.merged.split())


def grow(
    connection: Connection,
    deployment: Deployment,
    request: Row[Any],
    plan: Plan,
    case: CaseFile,
    merged: str,
) -> None:
    """Replace an open request's plan by one with more in it. An erasure is approved anew: nobody
    has looked at what was added; the other rights go on with it, and take effect for whoever
    joined, `merged` among them."""
    before = Plan.load(request.plan)
    values: dict[str, Any] = {
        "merged": merged,
        "plan": plan.canonical().decode(),
        "plan_hash": plan.hash,
        "planned_at": deployment.now(),
    }
    if plan.right is Right.ERASURE:
        values |= {
            "state": RequestState.PLANNED.value,
            "approved_at": None,
            "approved_by": "",
            "second_by": "",
            "reason": "plan-grew",
        }
    else:
        values["state"] = RequestState.EXECUTING.value
    requests.change(connection, request, **values)
    tell(connection, deployment, request.id, Event.REQUEST_GREW, "hub", hash=plan.hash)
    if plan.right is not Right.ERASURE:
        joined = replace(
            plan,
            persons=tuple({*plan.persons} - {*before.persons}),
            partly=tuple({*plan.partly} - {*before.partly}),
        )
        if joined.persons or joined.partly:
            now = deployment.now()
            effects.at_start(connection, deployment, request.id, joined, case, now)
        _set_tasks(connection, deployment, request, plan)


def mark(
    connection: Connection,
    deployment: Deployment,
    request: Row[Any],
    task: Row[Any],
    found: Iterable[Ref],
) -> None:
    """What an erasure located of the person is blocked from now on, by the vendor's ids, so that
    nothing of it lands again while it is erased or afterwards."""
    if request.right != Right.ERASURE.value or task.act != "erase":
        return
    marks = [(f"{task.system}/{one.stream}/{one.scope}", one.id) for one in found]
    effects.block(connection, deployment, task.controllers.split(), marks, deployment.now())


def tell(
    connection: Connection,
    deployment: Deployment,
    number: int,
    event: Event,
    actor: str,
    **detail: str,
) -> None:
    """Enter something into the audit log about a request."""
    audit.record(connection, deployment.now(), event, actor, f"request {number}", detail)


def facts_of(task: Row[Any]) -> TaskFacts:
    """What counts of a task for whether its request may close."""
    return TaskFacts(
        task.system,
        task.part,
        TaskState(task.state),
        by_person=bool(task.confirmed_by),
        ground=task.ground,
        until=task.until,
    )


def _over(task: Row[Any]) -> bool:
    return is_terminal(TaskState(task.state), by_person=bool(task.confirmed_by), ground=task.ground)


def _working_state(tasks: Sequence[Row[Any]]) -> RequestState:
    states = {one.state for one in tasks if one.system != HUB and not _over(one)}
    if TaskState.ATTENTION.value in states:
        return RequestState.ATTENTION
    if states == {_BY_HAND}:
        return RequestState.AWAITING_EXTERNAL
    return RequestState.EXECUTING


def _to(
    connection: Connection, deployment: Deployment, request: Row[Any], state: RequestState
) -> None:
    if request.state != state.value:
        requests.change(connection, request, state=state.value)
        if state is RequestState.ATTENTION:
            tell(connection, deployment, request.id, Event.REQUEST_ATTENTION, "hub")


def _own_act(plan: Plan) -> str:
    return "erase" if plan.right is Right.ERASURE else _OWN.get(plan.right, "keep")


_OWN = {
    Right.INFORMATION: "locate",
    Right.ACCESS: "export",
    Right.PORTABILITY: "export",
}
