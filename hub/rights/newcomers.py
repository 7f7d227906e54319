"""Whom a system shows beside those that a request's plan names.

Records that were found lead to persons whom the plan does not name: they join it. After an erasure
they may also be somebody new: who was erased, came back by an act of their own, and was admitted,
or waits for a handler's word. Those are left alone (DESIGN section 4, I3).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hub.api import Act, Held, RecordState, Ref
from hub.delivery.deployment import Deployment, Opened
from hub.domain.block import own_act_after
from hub.domain.rights import Right
from hub.rights import locating
from hub.store import erasing, links, normalise, people, questions, requests, subjects
from hub.store.normalise import Malformed
from hub.store.returns import by_own_act
from hub.vault.database import Connection, Row, read_only
from hub.vault.rows import ids

if TYPE_CHECKING:
    from hub.rights.work import Work


def left_alone(
    deployment: Deployment, opened: Opened, request: Row[Any], whose: Sequence[str], held: Held
) -> bool:
    """Whether a record that was found for an erasure is somebody new's. Raises ConnectorError
    where it has to be read and cannot be."""
    if request.right != Right.ERASURE.value or request.approved_at is None:
        return False
    # whoever joined while it was cooling off was there when it began
    began = max(request.approved_at, request.starts_at or request.approved_at)
    with read_only(deployment.database).connect() as connection:
        blocked = _erased(connection, deployment, opened, whose, held)
        named = set(requests.persons_of(request))
        owners = _owners(connection, deployment, opened, whose, held)
        others = owners - named
        if request.open:
            # while it is being carried out all that is found goes, also what the sync has read
            # since the approval: only a handler's word makes somebody new of it
            return not others.isdisjoint(_admitted(connection, request.approved_at))
        rows = people.rows(connection, sorted(others))
        if not blocked and any(row.created_at > began for row in rows):
            return True
        if _ignored(connection, opened, held):
            return False
    return _by_themselves(deployment, opened, held, began, anew=blocked)


class Grew(Exception):
    """What was found leads to persons whom the plan does not name: they join it first."""


def join(work: Work, opened: Opened, found: Iterable[Held]) -> None:
    """Let the persons of what a task found join the plan of an open request. Raises Grew where
    there is any that it did not name.

    Who is to be restricted and is not known yet, because the sync has not read the record, becomes
    a person now, so that the restriction is there before them.
    """
    deployment, whose = work.deployment, work.task.controllers.split()
    certain = [held for held in found if held.certain]
    if not certain:
        return
    if work.task.act != Act.RESTRICT:
        with read_only(deployment.database).connect() as connection:
            owners = {
                owner
                for held in certain
                for owner in _owners(connection, deployment, opened, whose, held)
            }
        if owners <= set(requests.persons_of(work.request)):
            return  # as nearly always: they are who the plan names
    with deployment.database.begin() as connection:
        request = requests.get(connection, work.request.id, lock=True)
        assert request is not None  # its task names it
        if not request.open:
            return
        wanted: set[int] = set()
        for held in certain:
            owners = _owners(connection, deployment, opened, whose, held)
            unread = not owners and held.state is RecordState.LIVE
            if unread and work.task.act == Act.RESTRICT:
                owners = _stand_in(connection, deployment, opened, whose, held)
            wanted |= owners
        living = {row.id for row in people.rows(connection, sorted(wanted)) if row.profile}
        if not living or not requests.note_merge(connection, request, living):
            return
        work.step(connection, due_at=deployment.now())
    raise Grew


def in_question(work: Work, opened: Opened, found: Iterable[Held]) -> list[Held]:
    """Records of which `hub review` asks whether they are the persons'. The question would go with
    the persons, so it is answered before: they are weak matches. Raises ConnectorError."""
    with read_only(work.deployment.database).connect() as connection:
        asked = questions.naming(connection, opened.system.id, [one.id for one in work.mine])
    refs = {(one.stream, one.scope, one.external_id) for one in asked}
    refs -= {(one.ref.stream, one.ref.scope, one.ref.id) for one in found}
    if not refs:
        return []
    there = locating.linked_only(opened, [Ref(*one) for one in sorted(refs)])
    return [replace(one, by="review", certain=False, emails=()) for one in there]


def _owners(
    connection: Connection,
    deployment: Deployment,
    opened: Opened,
    whose: Sequence[str],
    held: Held,
) -> set[int]:
    """The persons of a record: by its link, or by its address."""
    ref = held.ref
    known = links.known(connection, opened.system.id, ref.stream, ref.scope, [ref.id])
    found = {link.person_id for link in known.get(ref.id, ()) if link.controller in whose}
    if not found and (address := _address(held)):
        for controller in whose:
            digest = deployment.identities.email(controller, address)
            hits = people.find(connection, controller, "email", [digest]).values()
            found |= {hit.person_id for hit in hits if hit.person_id is not None}
    return set(erasing.winners(connection, sorted(found)).values())


def _stand_in(
    connection: Connection,
    deployment: Deployment,
    opened: Opened,
    whose: Sequence[str],
    held: Held,
) -> set[int]:
    address = _address(held)
    if address is None or _erased(connection, deployment, opened, whose, held):
        return set()
    now = deployment.now()
    made = subjects.make(connection, deployment.vault, whose, now)
    for one in made:
        one.restricted = True
    subjects.save(connection, made, now)
    numbers = ids(connection, people.identifier, len(made))
    rows = [
        {
            "id": number,
            "controller": one.controller,
            "kind": "email",
            "digest": deployment.identities.email(one.controller, address),
            "person_id": one.id,
            "undeliverable_at": None,
        }
        for number, one in zip(numbers, made, strict=True)
    ]
    people.add_identifiers(connection, rows)
    return {one.id for one in made}


def _erased(
    connection: Connection,
    deployment: Deployment,
    opened: Opened,
    whose: Sequence[str],
    held: Held,
) -> bool:
    """Whether a block stands for that very record."""
    kind = f"{opened.system.id}/{held.ref.stream}/{held.ref.scope}"
    return any(
        people.blocked(
            connection,
            controller,
            kind,
            deployment.identities.blocks(controller, kind, held.ref.id),
        )
        for controller in whose
    )


def _admitted(connection: Connection, since: datetime) -> set[int]:
    """Persons whom a handler admitted as new since then, by the record that asked for it."""
    return {
        known.person_id
        for one in questions.reviews(connection, "approved")
        if one.kind == questions.RETURNED and one.decided_at > since
        for known in links.known(
            connection, one.system, one.stream, one.scope, [one.external_id]
        ).get(one.external_id, ())
    }


def _ignored(connection: Connection, opened: Opened, held: Held) -> bool:
    """Whether a handler said that whoever came back does not come in."""
    place = (opened.system.id, held.ref.stream, held.ref.scope, held.ref.id)
    return any(
        (one.system, one.stream, one.scope, one.external_id) == place
        for one in questions.reviews(connection, "rejected")
        if one.kind == questions.RETURNED
    )


def _by_themselves(
    deployment: Deployment, opened: Opened, held: Held, erased_at: datetime, *, anew: bool
) -> bool:
    """`anew`: the record must have been made by an act of theirs, for it has the id of an erased
    one. Zoom gives a registrant the same id again; a permission in a record that only lagged does
    not make it a new one."""
    ref = held.ref
    stream = next((one for one in opened.system.streams if one.name == ref.stream), None)
    if stream is None or ref.scope not in stream.scopes:
        return False  # the sync does not read it, so nobody is asked
    (record,) = opened.connector.fetch(ref.stream, [ref])
    if record is None:
        return False
    tolerance, now = deployment.landscape.clock_tolerance, deployment.now()
    if anew:
        act, at = record.act, record.acted_at
        return own_act_after(erased_at, act, at, seen_at=now, tolerance=tolerance)
    return by_own_act(record, erased_at, now, tolerance)


def _address(held: Held) -> str | None:
    try:
        return normalise.email(held.ref.email) if held.ref.email else None
    except Malformed:
        return None
