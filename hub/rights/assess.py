"""Assessing a request: whom it concerns, what each system would have to do; the plan of it."""

from __future__ import annotations

from collections.abc import Sequence

from hub.delivery.deployment import Deployment
from hub.domain.audit import Event
from hub.domain.plan import ACTS, Exemption, Plan, Step
from hub.domain.rights import RequestState, Right, needs_identity
from hub.rights import coordinator, targets
from hub.rights.casefile import CaseFile
from hub.rights.targets import Targets
from hub.store import requests
from hub.vault.database import Connection, Row

CROSSED = {Right.ERASURE: "clear", Right.RECTIFICATION: "rectify", Right.RESTRICTION: "tell"}
"""What each right asks of another controller's records that show what came only from here: it is
taken back or corrected there. A recipient is told of a restriction (Art. 19), whose own data in the
same record stays in use."""

PLANNABLE = frozenset(
    {
        RequestState.RECEIVED.value,
        RequestState.IDENTITY_PENDING.value,
        RequestState.ASSESSING.value,
        RequestState.PLANNED.value,
    }
)


def plan(
    connection: Connection,
    deployment: Deployment,
    number: int,
    actor: str,
    exemptions: Sequence[Exemption] | None = None,
) -> Plan:
    """Make or renew a request's plan; the request is `planned` afterwards. Exemptions stay unless
    others are given."""
    request = requests.get(connection, number, lock=True)
    assert request is not None  # the caller knows it
    case = casefile(deployment, request)
    if exemptions is None:
        exemptions = Plan.load(request.plan).exemptions if request.plan else ()
    made = draft(connection, deployment, request, case, exemptions)
    requests.change(
        connection,
        request,
        state=RequestState.PLANNED.value,
        plan=made.canonical().decode(),
        plan_hash=made.hash,
        planned_at=deployment.now(),
        approved_at=None,
        approved_by="",
        second_by="",
        reason="",
    )
    coordinator.tell(connection, deployment, number, Event.REQUEST_PLANNED, actor, hash=made.hash)
    return made


def grow(connection: Connection, deployment: Deployment, number: int) -> bool:
    """Replace the plan of a request that has outgrown it; False where there is nothing more to do.
    Raises Stale where a task of it was claimed meanwhile."""
    request = requests.get(connection, number, lock=True)
    if request is None or not coordinator.outgrown(request):
        return False
    if not (coordinator.may_work(request) or request.state == RequestState.NOTIFYING.value):
        return False
    joined = [int(one) for one in request.merged.split()]
    living = targets.loaded(connection, deployment, joined)  # a merged one as whom it became
    if living.keys() <= {*requests.persons_of(request)}:
        # the others were erased meanwhile, by another request
        requests.change(connection, request, merged="")
        return False
    merged = " ".join(map(str, living))
    case = casefile(deployment, request)
    made = draft(connection, deployment, request, case, Plan.load(request.plan).exemptions)
    coordinator.grow(connection, deployment, request, made, case, merged)
    return True


def draft(
    connection: Connection,
    deployment: Deployment,
    request: Row[object],
    case: CaseFile,
    exemptions: Sequence[Exemption] = (),
) -> Plan:
    """The plan as it would be now; nothing is written."""
    right = Right(request.right)
    controllers = controllers_of(request)
    found = targets.find(connection, deployment, case.emails, controllers)
    merged = [int(one) for one in request.merged.split()]
    begun = [int(one) for one in case.crossed]  # of whom nothing more is left to find
    joined = targets.loaded(connection, deployment, [*merged, *begun]).values()
    for one in joined:
        # another controller's independent person stays, whoever it is one with
        whole = one.controller in controllers or targets.only_from(one, controllers)
        (found.persons if whole else found.partly)[one.id] = one
    steps = [
        Step(system, "records", ACTS[right], whose)
        for system, whose in targets.concerned_systems(deployment.landscape, found, controllers)
    ]
    act = CROSSED.get(right)
    steps += [
        Step(system, "crossed", act, (whose,))
        for system, whose in (targets.partly_held(found) if act else ())
        if act and not _covered(steps, system, whose, act)
    ]
    partly = set(found.partly)
    if act is None:
        partly &= {one.id for one in joined}  # named, so that they are known of; nothing is done
    return Plan(
        right=right,
        controllers=tuple(controllers),
        persons=tuple(found.persons),
        partly=tuple(partly),
        steps=tuple(sorted(steps)),
        exemptions=tuple(exemptions),
        fields=tuple(sorted(case.corrections)),
        weak=_weak(found, unproven=_unproven(connection, deployment, request, case)),
    )


def _covered(steps: Sequence[Step], system: str, whose: str, act: str) -> bool:
    """Whether another step does it already; nobody is told of what is in a joint system."""
    return any(
        one.system == system and (whose in one.controllers or act == "tell") for one in steps
    )


def _unproven(
    connection: Connection, deployment: Deployment, request: Row[object], case: CaseFile
) -> bool:
    """Whether some address that the request names was not shown to be the requester's, nor is the
    hub's own knowledge of whoever was: it may be somebody else's."""
    if not needs_identity(Right(request.right)):
        return False
    proven = case.proven
    controllers = controllers_of(request)
    known = targets.find(connection, deployment, proven, controllers).everybody
    # what was learned on the way stood in records that are certainly theirs
    for address in (case.email, *case.also_known_as):
        if address not in proven:
            persons = targets.find(connection, deployment, [address], controllers).everybody
            if not persons or not persons.keys() <= known.keys():
                return True
    return False


def _weak(found: Targets, *, unproven: bool) -> tuple[str, ...]:
    """Codes of what makes it doubtful whom the plan is about."""
    whose = [one.controller for one in found.persons.values()]
    several = len(set(whose)) < len(whose)  # two persons of one controller, taken for one human
    return (
        *(("shared-address",) if found.shared else ()),
        *(("several-persons",) if several else ()),
        *(("unproven-address",) if unproven else ()),
    )


def controllers_of(request: Row[object]) -> list[str]:
    """The addressed controllers and those that the requester confirmed."""
    return sorted({*request.controllers.split(), *request.also.split()})


def casefile(deployment: Deployment, request: Row[object]) -> CaseFile:
    """A request's case file, opened."""
    key = deployment.vault.open_keys([request.key_id])[request.key_id]
    return CaseFile.open(key, request.id, request.casefile)
