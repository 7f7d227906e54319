"""What takes effect in the hub the moment a plan is approved, in the approving transaction.

Sync, import and the gate see these as stored facts: blocks, prohibitions, restriction. None of them
is a call into the sync.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from hub.delivery.deployment import Deployment
from hub.delivery.fanout import fan_out
from hub.delivery.lapse import lapse
from hub.domain.permission import EventKind, PermissionEvent
from hub.domain.plan import Plan
from hub.domain.profile import Value
from hub.domain.rights import Right
from hub.rights import targets
from hub.rights.casefile import CaseFile
from hub.store import deliveries, ledger, people, questions, subjects
from hub.store.normalise import plain, vendor_value
from hub.store.subjects import Subject
from hub.vault.database import Connection
from hub.vault.rows import ids

SOURCE = "rights"
"""The source of values and events that a request brings."""


def at_start(
    connection: Connection,
    deployment: Deployment,
    number: int,
    plan: Plan,
    case: CaseFile,
    now: datetime,
) -> list[str]:
    """Carry out what the request's right means in the hub itself. Answers systems with something
    to send. The case file may gain what the tasks need to know of it: it is the caller's to keep.
    """
    both = (Right.RECTIFICATION, Right.ERASURE)
    loaded = subjects.load(
        connection,
        deployment.vault,
        deployment.identities,
        [*plan.persons, *(plan.partly if plan.right in both else ())],
        lock=True,
    )
    persons = loaded
    match plan.right:
        case Right.ERASURE:
            partly = [one for one in loaded.values() if one.id in plan.partly]
            _forget_crossed(connection, plan, case, partly, now)
            persons = {id_: one for id_, one in loaded.items() if id_ not in plan.partly}
            _stop_everything(connection, deployment, number, plan, case, persons.values(), now)
        case Right.RESTRICTION:
            set_restricted(connection, deployment, persons.values(), now, restricted=True)
        case Right.OBJECTION:
            return object_to(
                connection, deployment, plan, persons.values(), case, now, marketing=True
            )
        case Right.NO_AUTOMATED_DECISIONS:
            return object_to(
                connection, deployment, plan, persons.values(), case, now, marketing=False
            )
        case Right.RECTIFICATION:
            _correct(connection, deployment, plan, persons.values(), case, now)
        case _:
            pass  # to look up changes nothing
    return []


def block(
    connection: Connection,
    deployment: Deployment,
    controllers: Iterable[str],
    marks: Iterable[tuple[str, str]],
    now: datetime,
    request: int | None = None,
) -> None:
    """Put erasure blocks: keyed hashes of (kind, value) for each controller. With `request` they
    stand until that request has erased the hub's own copy."""
    identities = deployment.identities
    wanted = list(marks)
    if not wanted:
        return
    people.add_blocks(
        connection,
        [
            {
                "controller": controller,
                "kind": kind,
                "digest": identities.block(controller, kind, value),
                "at": now,
                "request_id": request,
            }
            for controller, kind, value in dict.fromkeys(
                (controller, *mark) for controller in controllers for mark in wanted
            )
        ],
    )


def _block_known(
    connection: Connection,
    deployment: Deployment,
    persons: Iterable[Subject],
    now: datetime,
    request: int | None,
) -> None:
    """The same for every address that ever found those persons, also a former one that nobody can
    read any more."""
    people.add_blocks(
        connection,
        [
            {
                "controller": one.controller,
                "kind": "email",
                "digest": deployment.identities.block_known(one.controller, digest),
                "at": now,
                "request_id": request,
            }
            for one in persons
            for kind, digest in one.identifiers
            if kind == "email"
        ],
    )


def set_restricted(
    connection: Connection,
    deployment: Deployment,
    persons: Iterable[Subject],
    now: datetime,
    *,
    restricted: bool,
) -> None:
    """Restrict processing of those persons (Art. 18), or end that."""
    changed = []
    for one in persons:
        one.restricted = restricted
        one.changed = True
        changed.append(one)
    subjects.save(connection, changed, now)
    if restricted:
        # refusals still travel (Art. 18(2)); everything else that is ready waits for nothing
        deliveries.cancel_ready(connection, [one.id for one in changed], "restriction")
    fan_out(connection, deployment, changed, now)


def object_to(
    connection: Connection,
    deployment: Deployment,
    plan: Plan,
    persons: Iterable[Subject],
    case: CaseFile,
    now: datetime,
    *,
    marketing: bool,
) -> list[str]:
    """Record an objection to every purpose that serves marketing (`marketing`), profiling for it
    included (Art. 21(2)-(3)), or to those that send nothing (Art. 22); or to those that the request
    names. Answers the systems it now travels to.

    Where a controller knows none of them by an address of the request, the refusal waits for who
    comes to have it.
    """
    changed = []
    for one in persons:
        events = [
            PermissionEvent(
                purpose,
                EventKind.OBJECTION,
                seen_at=now,
                at=now,
                system=SOURCE,
                act="rights-request",
            )
            for purpose in _purposes(deployment, one.controller, case, marketing=marketing)
        ]
        numbers = ids(connection, ledger.event, len(events))
        ledger.append(
            connection,
            [
                ledger.row(n, one.id, one.hear(event))
                for n, event in zip(numbers, events, strict=True)
            ],
        )
        one.changed = True
        changed.append(one)
    lapse(connection, deployment, changed)
    refusing = {one.id for one in changed}
    for controller in plan.controllers:
        digests = [deployment.identities.email(controller, one) for one in case.emails]
        known = people.find(connection, controller, "email", digests)
        waiting = [
            {"controller": controller, "digest": digest, "purpose": purpose}
            for digest in digests
            if digest not in known or known[digest].person_id not in refusing
            for purpose in _purposes(deployment, controller, case, marketing=marketing)
        ]
        numbers = ids(connection, people.refusal, len(waiting))
        for number, row in zip(numbers, waiting, strict=True):
            seen = {"id": number, "at": now, "seen_at": now, "system": SOURCE}
            people.add_refusal(connection, {**row, **seen})
    subjects.save(connection, changed, now)
    return list(fan_out(connection, deployment, changed, now))


def _purposes(
    deployment: Deployment, controller: str, case: CaseFile, *, marketing: bool
) -> list[str]:
    return [
        purpose.id
        for purpose in deployment.landscape.purposes.values()
        if controller in purpose.controllers
        and (
            purpose.id in case.purposes
            if case.purposes
            else (purpose.marketing if marketing else purpose.channel == "none")
        )
    ]


def _stop_everything(
    connection: Connection,
    deployment: Deployment,
    number: int,
    plan: Plan,
    case: CaseFile,
    persons: Iterable[Subject],
    now: datetime,
) -> None:
    """Blocks, and nothing more goes out.

    Another controller was not asked to forget anybody: of whom it knows only from here the records
    are blocked, which must not come back, but the address only until they are gone. Whom it gets
    to know by itself afterwards is its own.
    """
    whole = list(persons)
    emails = [("email", one) for one in case.emails]
    block(connection, deployment, plan.controllers, emails, now)
    for controller in sorted({one.controller for one in whole}):
        own = [one for one in whole if one.controller == controller]
        marks = [mark for one in own for mark in targets.marks_of(deployment.landscape, one)]
        passes = number if controller not in plan.controllers else None
        _block_known(connection, deployment, own, now, passes)
        if controller not in plan.controllers:
            passing = [*emails, *(mark for mark in marks if mark[0] == "email")]
            block(connection, deployment, [controller], passing, now, request=number)
            marks = [mark for mark in marks if mark[0] != "email"]
        block(connection, deployment, [controller], marks, now)
    _leave_projects(connection, deployment, whole)
    deliveries.cancel_ready(connection, [one.id for one in whole], "erasure-block")


def _leave_projects(
    connection: Connection, deployment: Deployment, persons: Iterable[Subject]
) -> None:
    """Another controller's person is no member any more because of these: that too is known there
    only from here, and would let things across again."""
    for one in persons:
        for name in one.memberships:
            project = deployment.landscape.projects.get(name)
            for receiver in (project.controllers if project else frozenset()) - {one.controller}:
                digests = [
                    deployment.identities.email(receiver, address)
                    for address in targets.emails_of(deployment.landscape, [one])
                ]
                for found in people.find(connection, receiver, "email", digests).values():
                    if found.person_id is not None:
                        how = f"crossed:{one.controller}"
                        people.forget_membership(connection, found.person_id, name, how)


def _forget_crossed(
    connection: Connection, plan: Plan, case: CaseFile, partly: Iterable[Subject], now: datetime
) -> None:
    """What another controller's independent person has only from here goes at once, so that
    nothing writes it again where it is emptied; the case file keeps it until that is proved."""
    changed = []
    for one in partly:
        gone = {
            name: one.profile.pop(name).value for name in targets.crossed(one, plan.controllers)
        }
        if gone:
            kept = case.crossed.setdefault(str(one.id), {})
            kept.update({name: vendor_value(value) for name, value in gone.items()})
            one.changed = True
            changed.append(one)
    subjects.save(connection, changed, now)


def _correct(
    connection: Connection,
    deployment: Deployment,
    plan: Plan,
    persons: Iterable[Subject],
    case: CaseFile,
    now: datetime,
) -> None:
    """The hub's own values; the systems get theirs by their tasks."""
    changed = []
    for one in persons:
        corrected: set[str] = set()
        for name, text in case.corrections.items():
            kind = deployment.landscape.fields[name].kind
            before = one.profile.get(name)
            from_here = before is not None and before.origins <= set(plan.controllers)
            if one.controller not in plan.controllers and not from_here:
                # another controller's own knowledge is for it to correct, and what never crossed
                # to it does not cross now
                continue
            origins = before.origins if before else frozenset({one.controller})
            value = plain(kind, text) if text else None
            one.profile[name] = Value(value, SOURCE, now, origins, rectified=True)
            corrected.add(name)
        if one.controller in plan.controllers:  # else it is about what the other knows itself
            _no_dispute(connection, deployment, one, corrected, now)
        _new_address(connection, deployment, one, case)
        one.changed = True
        changed.append(one)
    subjects.save(connection, changed, now)


def _no_dispute(
    connection: Connection,
    deployment: Deployment,
    person: Subject,
    corrected: Collection[str],
    now: datetime,
) -> None:
    """What was asked about corrected fields is answered: a handler's word on the old question would
    put the correction aside, and until then nothing would be written where it was asked."""
    settled = []
    for linked in person.links:
        system = deployment.landscape.systems.get(linked.system)
        stream = (
            next((s for s in system.streams if s.name == linked.stream), None) if system else None
        )
        fields = {m.vendor for m in stream.fields if m.hub in corrected} if stream else set()
        if linked.state != "merged" and fields.intersection(linked.shadow.held):
            shadow = linked.touch()
            shadow.held = tuple(one for one in shadow.held if one not in fields)
            settled.append(linked)
    if not settled:
        return
    subjects.save_links(connection, deployment.identities, [(one, person.key) for one in settled])
    asked = questions.conflicts(connection, [one.id for one in settled], corrected)
    questions.decide(connection, asked, "moot", "corrected", now)


def _new_address(
    connection: Connection, deployment: Deployment, person: Subject, case: CaseFile
) -> None:
    """A corrected address finds its person from now on, unless it is somebody else's."""
    address = person.email
    if "email" not in case.corrections or not address:
        return
    digest = deployment.identities.email(person.controller, address)
    if people.find(connection, person.controller, "email", [digest]):
        return
    (number,) = ids(connection, people.identifier, 1)
    people.add_identifiers(
        connection,
        [
            {
                "id": number,
                "controller": person.controller,
                "kind": "email",
                "digest": digest,
                "person_id": person.id,
                "undeliverable_at": None,
            }
        ],
    )
