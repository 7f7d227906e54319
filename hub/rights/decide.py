"""What a handler decides about a request. Each is one transaction, and one effect however often it
is asked for at once: it names the plan it was decided on, and the request's version is checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hub.delivery.deployment import Deployment
from hub.domain.audit import Event
from hub.domain.deadline import (
    Deadline,
    Extension,
    ExtensionReason,
    answer_by,
    may_extend,
)
from hub.domain.exemption import ExemptionGround, may_exempt
from hub.domain.plan import Exemption, Plan
from hub.domain.rights import RequestState, Right, TaskState, Way, may_withdraw
from hub.rights import assess, coordinator
from hub.rights.casefile import CaseFile
from hub.rights.due import answered, dates, deadline_of, ended, never, questions, refused
from hub.rights.notes import add_note
from hub.store import people, requests
from hub.store.sql import once_more
from hub.vault.database import Connection, Row


class NoSuchRequest(Exception):
    """There is no request, or no task, of that number."""


class CannotDecide(Exception):
    """The decision does not fit the request as it is; `code` for machines, the text for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


_APPROVED = (
    coordinator.WORKING
    | coordinator.AFTERWARDS
    | {RequestState.COOLING_OFF.value, RequestState.NOTIFYING.value}
)
"""States that an approved plan comes to; a refusal that is to be told is `notifying` too."""

_GATHERED = coordinator.WORKING | {RequestState.NOTIFYING.value}
_GIVEN = frozenset({Right.ACCESS.value, Right.PORTABILITY.value})
"""Of whose answer a part may be withheld (Arts. 15(4), 20(4))."""


def load(connection: Connection, number: int, *, lock: bool = False) -> Row[Any]:
    """A request. Raises NoSuchRequest."""
    request = requests.get(connection, number, lock=lock)
    if request is None:
        raise NoSuchRequest(f"there is no request {number}")
    return request


def filed(connection: Connection, number: int) -> Row[Any]:
    """A request, held, whose case file can be added to. Raises NoSuchRequest, CannotDecide."""
    request = load(connection, number, lock=True)
    if request.state == RequestState.ARCHIVED.value:
        raise CannotDecide("archived", f"the case file of request {number} has ended")
    return request


def approve(
    deployment: Deployment, number: int, plan_hash: str, actor: str
) -> tuple[bool, Sequence[str]]:
    """Approve a plan. Answers whether it is carried out now (False: a second person has to approve
    too, or a cooling-off has begun), and the systems with something to do.

    The same approval again changes nothing. Raises CannotDecide, NoSuchRequest.
    """
    # a sync that merges these persons holds their rows before the request's: on PostgreSQL the two
    # may meet crosswise
    return once_more(lambda: _approve(deployment, number, plan_hash, actor))


def _approve(
    deployment: Deployment, number: int, plan_hash: str, actor: str
) -> tuple[bool, Sequence[str]]:
    with deployment.database.begin() as connection:
        request = load(connection, number, lock=True)
        policy = deployment.landscape.rights
        if request.plan_hash == plan_hash and request.state in _APPROVED and not refused(request):
            return request.state != RequestState.COOLING_OFF.value, []
        _must_be(request, RequestState.PLANNED, "approved")
        if request.on_hold:
            raise CannotDecide("on-hold", f"request {number} is on hold: release it first")
        if request.plan_hash != plan_hash:
            raise CannotDecide(
                "plan-changed", f"the plan of request {number} has changed: look at it again"
            )
        case = assess.casefile(deployment, request)
        fresh = assess.draft(
            connection, deployment, request, case, Plan.load(request.plan).exemptions
        )
        if fresh.hash != plan_hash:
            assess.plan(connection, deployment, number, actor)
            # the new plan is kept although this approval is not: it is what to look at now
            grown = True
        else:
            grown = False
        if not grown:
            plan = Plan.load(request.plan)
            _answer_first(connection, request, plan)
            second = plan.needs_second(always=policy.always_second)
            if second and not request.approved_by:
                now = deployment.now()
                requests.change(connection, request, approved_by=actor, approved_at=now)
                coordinator.tell(
                    connection, deployment, number, Event.REQUEST_APPROVED, actor, hash=plan_hash
                )
                return False, []
            if second and request.approved_by == actor:
                raise CannotDecide(
                    "second-approver",
                    f"request {number} needs a second approval, by somebody else than the first",
                )
            return _approved(connection, deployment, request, case, actor, second=second)
    raise CannotDecide(
        "plan-changed", f"the plan of request {number} has changed: look at it again"
    )


def _answer_first(connection: Connection, request: Row[Any], plan: Plan) -> None:
    """Raise CannotDecide where an erasure would take what its person asked to be given."""
    if plan.right is not Right.ERASURE or requests.tasks_of(connection, request.id):
        return
    for other in requests.about(connection, plan.persons, _GIVEN):
        if other.state != RequestState.NOTIFYING.value:
            raise CannotDecide(
                "answer-first",
                f"request {other.id} ({other.right}) of the same person is not gathered yet, and "
                "what is erased cannot be given: approve it first, or have it taken back",
            )


def _approved(
    connection: Connection,
    deployment: Deployment,
    request: Row[Any],
    case: CaseFile,
    actor: str,
    *,
    second: bool,
) -> tuple[bool, Sequence[str]]:
    now = deployment.now()
    by = {"second_by": actor} if second else {"approved_by": actor}
    wait = deployment.landscape.rights.cooling_off
    event = Event.REQUEST_SECOND_APPROVED if second else Event.REQUEST_APPROVED
    coordinator.tell(connection, deployment, request.id, event, actor, hash=request.plan_hash)
    if request.right == Right.ERASURE.value and wait:
        requests.change(
            connection,
            request,
            state=RequestState.COOLING_OFF.value,
            approved_at=now,
            starts_at=now + wait,
            **by,
        )
        return False, []
    requests.change(connection, request, approved_at=now, **by)
    approved = load(connection, request.id)
    return True, coordinator.start(connection, deployment, approved, case, actor)


def exempt(
    deployment: Deployment, number: int, exemptions: Sequence[Exemption], reason: str, actor: str
) -> Plan:
    """Refuse a part: categories of data in single systems, each on a ground of the closed list.
    The plan is renewed and needs approval. Of an answer that is also possible when it was looked
    through: it is gathered anew then. Raises CannotDecide, NoSuchRequest."""
    with deployment.database.begin() as connection:
        request = load(connection, number, lock=True)
        if request.state not in _GATHERED or request.right not in _GIVEN or refused(request):
            _must_be(request, RequestState.PLANNED, "exempted")
        systems = {step.system for step in Plan.load(request.plan).steps}
        for one in exemptions:
            if one.system not in systems:
                raise CannotDecide("unknown-system", f"{one.system} is not in the plan")
            _ground(request, one.ground)
            if ended(deployment, one.until):
                raise CannotDecide(
                    "ground-ended", f"until {one.until}: name a day that is still to come"
                )
            if never(deployment, one.until):
                raise CannotDecide(
                    "no-end", f"until {one.until}: name the day on which the ground ends, no other"
                )
        _told(reason, "the reason")
        add_note(connection, deployment, request, "decisions", reason, actor)
        for one in exemptions:
            coordinator.tell(
                connection,
                deployment,
                number,
                Event.EXEMPTION_DECIDED,
                actor,
                system=one.system,
                category=one.category.value,
                ground=one.ground.value,
            )
        return assess.plan(connection, deployment, number, actor, exemptions)


def refuse(deployment: Deployment, number: int, ground: str, reason: str, actor: str) -> None:
    """Refuse the whole request on a ground of the closed list (Art. 12(5)). The person is told,
    with the reasons and the ways to complain, before it ends (Art. 12(4)): its deadline runs on."""
    with deployment.database.begin() as connection:
        request = load(connection, number, lock=True)
        if request.state not in assess.PLANNABLE or requests.tasks_of(connection, number):
            raise _state(request, "refused")
        _ground(request, ground)
        _told(reason, "the reason")
        add_note(connection, deployment, request, "decisions", reason, actor)
        request = load(connection, number)
        people.end_blocks(connection, number)
        requests.change(
            connection,
            request,
            state=RequestState.NOTIFYING.value,
            reason=ground,
            # no answer is waited for any more, and so the clock runs
            questions=answered(request, deployment.now()),
            approved_at=None,
            approved_by="",
            escalated="",  # of what may be another deadline everything is told anew
        )
        request = load(connection, number)
        requests.change(connection, request, **dates(request, deadline_of(request)))
        coordinator.tell(
            connection, deployment, number, Event.REQUEST_REFUSED, actor, ground=ground
        )


def withdraw(deployment: Deployment, number: int, actor: str) -> None:
    """The person takes the request back. What was carried out stays; nothing more is."""
    with deployment.database.begin() as connection:
        request = load(connection, number, lock=True)
        tasks = requests.tasks_of(connection, number)
        # a plan that grew is planned again, and what it began is begun all the same
        grown = bool(tasks) and request.state in assess.PLANNABLE
        begun = RequestState.EXECUTING if grown else RequestState(request.state)
        if not may_withdraw(Right(request.right), begun):
            raise _state(request, "withdrawn")
        for task in tasks:
            if task.waiting or task.state == TaskState.AWAITING_EXTERNAL.value:
                requests.step(connection, task, waiting=False, reason="withdrawn", confirm_by=None)
        people.end_blocks(connection, number)
        _end(connection, deployment, number, RequestState.WITHDRAWN, reason="")
        coordinator.tell(connection, deployment, number, Event.REQUEST_WITHDRAWN, actor)


def hold(deployment: Deployment, number: int, actor: str, *, on: bool, reason: str = "") -> None:
    """Hold a request: nothing more is carried out until it is released. The clock runs on."""
    with deployment.database.begin() as connection:
        request = load(connection, number, lock=True)
        if not request.open:
            raise _state(request, "held")
        if request.on_hold == on:
            return
        if reason:
            add_note(connection, deployment, request, "notes", reason, actor)
            request = load(connection, number)
        requests.change(connection, request, on_hold=on)
        event = Event.REQUEST_HELD if on else Event.REQUEST_RELEASED
        coordinator.tell(connection, deployment, number, event, actor)


def extend(
    deployment: Deployment, number: int, reason: ExtensionReason, explanation: str, actor: str
) -> Deadline:
    """Extend by two further months, once, of which the person was told now (Art. 12(3))."""
    now = deployment.now()
    with deployment.database.begin() as connection:
        request = load(connection, number, lock=True)
        if not request.open or refused(request):  # a refusal is told within the month
            raise _state(request, "extended")
        if request.extended_at is not None:
            raise CannotDecide("extended", "a deadline is extended once, and this one was")
        if not may_extend(deadline_of(request), now):
            raise CannotDecide(
                "too-late", "the person must be told of an extension within the first month"
            )
        _told(explanation, "what the person was told of it")
        add_note(connection, deployment, request, "decisions", explanation, actor)
        request = load(connection, number)
        due = answer_by(
            request.received_at,
            questions=questions(request),
            extension=Extension(now, reason),
        )
        requests.change(
            connection,
            request,
            extended_at=now,
            extended_reason=reason.value,
            escalated="",  # of the new deadline everything is told anew
            **dates(request, due),
        )
        coordinator.tell(
            connection, deployment, number, Event.REQUEST_EXTENDED, actor, reason=reason.value
        )
        return due


def confirm_scope(
    deployment: Deployment, number: int, controllers: Sequence[str], actor: str
) -> Plan | None:
    """The person confirmed that they mean another controller too: it joins the plan."""
    with deployment.database.begin() as connection:
        request = load(connection, number, lock=True)
        if request.state not in assess.PLANNABLE:
            raise _state(request, "given another scope")
        for one in controllers:
            if one not in deployment.landscape.controllers:
                known = ", ".join(deployment.landscape.controllers)
                raise CannotDecide("unknown-controller", f"the controllers are: {known}")
        also = {*request.also.split(), *controllers} - set(request.controllers.split())
        requests.change(connection, request, also=" ".join(sorted(also)))
        coordinator.tell(
            connection,
            deployment,
            number,
            Event.SCOPE_CONFIRMED,
            actor,
            controllers=":".join(sorted(also)) or "none",
        )
        if request.state != RequestState.PLANNED.value:
            return None
        return assess.plan(connection, deployment, number, actor)


def retry(deployment: Deployment, number: int, actor: str) -> list[str]:
    """Try at once what waits or needs attention. Answers the systems."""
    systems: list[str] = []
    with deployment.database.begin() as connection:
        request = load(connection, number, lock=True)
        if request.state not in coordinator.WORKING:
            raise _state(request, "retried")
        for task in requests.tasks_of(connection, number):
            due = task.waiting or task.state == TaskState.ATTENTION.value
            if due and task.reason != "weak-match":
                requests.step(connection, task, waiting=True, due_at=deployment.now(), tries=0)
                systems.append(task.system)
        coordinator.tell(connection, deployment, number, Event.TASK_RETRIED, actor)
    return list(dict.fromkeys(systems))


def notified(deployment: Deployment, number: int, how: Way, text: str, actor: str) -> None:
    """Record that the person was told what was done, or why it was refused, and close the request.
    Where a merge brought somebody in meanwhile, the plan grows instead (CannotDecide)."""
    with deployment.database.begin() as connection:
        request = load(connection, number, lock=True)
        _must_be(request, RequestState.NOTIFYING, "closed")
        grew = not refused(request) and assess.grow(connection, deployment, number)
        if not grew:
            _close(connection, deployment, load(connection, number), how, text, actor)
    if grew:
        raise CannotDecide("plan-grew", f"request {number} concerns more than was done: see there")


def _told(text: str, what: str) -> None:
    """Raise CannotDecide where nothing is said: it is what the person is told, and the proof."""
    if not text.strip():
        raise CannotDecide("reason-missing", f"say {what}: it stays in the case file")


def _close(
    connection: Connection,
    deployment: Deployment,
    request: Row[Any],
    how: str,
    text: str,
    actor: str,
) -> None:
    _told(text, "what the person was told")
    add_note(connection, deployment, request, "notices", text, actor, how=how)
    request = load(connection, request.id)
    coordinator.tell(connection, deployment, request.id, Event.REQUEST_NOTIFIED, actor)
    if not refused(request):
        case = assess.casefile(deployment, request)
        coordinator.close(connection, deployment, request, case, actor)
        return
    state = RequestState.REFUSED
    _end(connection, deployment, request.id, state, notified_at=deployment.now())
    coordinator.tell(
        connection, deployment, request.id, Event.REQUEST_CLOSED, actor, state=state.value
    )


def note(deployment: Deployment, number: int, text: str, actor: str) -> None:
    """Add a handler's note to the case file."""
    with deployment.database.begin() as connection:
        request = filed(connection, number)
        _told(text, "what is to be noted")
        add_note(connection, deployment, request, "notes", text, actor)
        coordinator.tell(connection, deployment, number, Event.NOTE_ADDED, actor)


def _end(
    connection: Connection,
    deployment: Deployment,
    number: int,
    state: RequestState,
    **more: Any,
) -> None:
    now = deployment.now()
    requests.change(
        connection,
        load(connection, number),
        state=state.value,
        open=False,
        closed_at=now,
        retain_until=now + deployment.landscape.rights.keep,
        **more,
    )


def _ground(request: Row[Any], name: str) -> ExemptionGround:
    """The ground of that name, if it may answer the request's right. Raises CannotDecide."""
    try:
        ground = ExemptionGround(name)
    except ValueError:
        known = ", ".join(ExemptionGround)
        raise CannotDecide("unknown-ground", f"the grounds are: {known}") from None
    right = Right(request.right)
    if not may_exempt(ground, right, direct_marketing=right is Right.OBJECTION):
        raise CannotDecide("ground-does-not-fit", f"{ground} is no answer to {right}")
    return ground


def _must_be(request: Row[Any], state: RequestState, done: str) -> None:
    if request.state != state.value:
        raise _state(request, done)


def _state(request: Row[Any], done: str) -> CannotDecide:
    return CannotDecide(
        "wrong-state", f"request {request.id} is {request.state}: it cannot be {done} now"
    )
