"""A person's answer to a review, carried out."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from hub.api import Record, Ref
from hub.delivery.deployment import Deployment, Opened
from hub.delivery.fanout import fan_out
from hub.domain.audit import Event
from hub.domain.gate import may_bring
from hub.domain.profile import Value
from hub.domain.rights import Right
from hub.store import (
    audit,
    deliveries,
    links,
    normalise,
    people,
    progress,
    questions,
    requests,
    subjects,
)
from hub.store.normalise import plain
from hub.store.subjects import Subject
from hub.sync import persons, returning
from hub.sync.identify import Match
from hub.sync.land import land
from hub.sync.page import Page
from hub.sync.save import save
from hub.vault.database import Connection, Row, read_only


class Decision(StrEnum):
    """What a handler may answer, by the kind of the review."""

    LINK = "link"  # identity: the record is that person's
    NEW = "new"  # identity: somebody the hub does not know
    MERGE = "merge"  # identity: the persons named are one human
    IGNORE = "ignore"  # identity: leave the record alone
    THEIRS = "theirs"  # conflict: the system's value is right
    OURS = "ours"  # conflict: the hub's value is right
    APPROVE = "approve"  # storm, deletes: go ahead
    ADMIT = "admit"  # returned: an erased person, back by their own act, comes in as new
    REJECT = "reject"  # storm: drop what was ready; deletes: take nothing as deleted


ANSWERS = {
    "identity": (Decision.LINK, Decision.NEW, Decision.MERGE, Decision.IGNORE),
    "conflict": (Decision.THEIRS, Decision.OURS),
    "storm": (Decision.APPROVE, Decision.REJECT),
    "deletes": (Decision.APPROVE, Decision.REJECT),
    questions.RETURNED: (Decision.ADMIT, Decision.IGNORE),
}
"""The answers that each kind of review takes."""


class CannotDecide(Exception):
    """The answer does not fit the review, or what it is about is gone; the text says the mend."""


def decide(
    deployment: Deployment,
    review_id: int,
    decision: Decision,
    owner: str,
    person: int | None = None,
) -> str:
    """Carry a decision out and close the review; answers what was done, in words.

    `person` names the person of a LINK. Raises CannotDecide; ConnectorError where the record must
    be fetched and cannot be; Fenced where the system's run took over (try again).
    """
    with read_only(deployment.database).connect() as connection:
        review = questions.get_review(connection, review_id)
    if review is None:
        raise CannotDecide(f"there is no review {review_id}: `hub review` lists them")
    if review.state != "open":
        raise CannotDecide(f"review {review_id} is {review.state} already")
    if decision not in ANSWERS[review.kind]:
        fitting = ", ".join(ANSWERS[review.kind])
        raise CannotDecide(f"a review of kind {review.kind} is answered by: {fitting}")
    opened = deployment.systems.get(review.system)
    if opened is None:
        raise CannotDecide(f"{review.system} is not open: mend it first, see `hub check`")
    with deployment.database.begin() as connection:
        epoch = progress.take(connection, review.system, owner, deployment.now())
    match review.kind:
        case "identity" | questions.RETURNED:
            done = _identity(deployment, opened, epoch, review, decision, person)
        case "conflict":
            done = _conflict(deployment, opened, epoch, review, decision)
        case "storm":
            done = _storm(deployment, opened, epoch, review, decision)
        case _:
            done = _deletes(deployment, opened, epoch, review, decision)
    return done


def _close(
    deployment: Deployment, connection: Connection, review: Row[Any], state: str, decision: str
) -> None:
    questions.decide(connection, [review.id], state, decision, deployment.now())


def _identity(
    deployment: Deployment,
    opened: Opened,
    epoch: int,
    review: Row[Any],
    decision: Decision,
    person: int | None,
) -> str:
    if decision is Decision.MERGE:
        return _merge(deployment, opened, epoch, review)
    if decision is Decision.IGNORE:
        with deployment.database.begin() as connection:
            progress.check(connection, opened.system.id, epoch)
            _close(deployment, connection, review, "rejected", "ignore")
        return "the record is left alone until it changes"
    open_ = may_bring(deployment.landscape, opened.system, deployment.now())
    if not open_.allowed:
        raise CannotDecide(f"{open_.reason}: `hub review decide N ignore` closes the question")
    if decision is Decision.LINK:
        if person is None:
            raise CannotDecide(f"say whose record it is; named are: {review.persons or 'nobody'}")
        _unless_erased(deployment, person)
        with read_only(deployment.database).connect() as connection:
            (row,) = people.rows(connection, [person]) or (None,)
        if row is not None and row.controller not in opened.system.controllers:
            owners = " and ".join(opened.system.controllers)
            raise CannotDecide(
                f"person {person} is of {row.controller}, the record is of {owners}: name one of "
                "theirs"
            )
        match = Match("person", (person,))
    else:
        match = Match("new")
    stream = opened.system.stream(review.stream)
    ref = Ref(review.stream, review.scope, review.external_id)
    (record,) = opened.connector.fetch(review.stream, [ref])
    if record is None:
        with deployment.database.begin() as connection:
            _close(deployment, connection, review, "moot", "the record is gone")
        return "the record is gone from the system; nothing was done"
    if decision is Decision.ADMIT:
        _admit(deployment, opened, epoch, review, record)
    landed = land(
        deployment,
        opened,
        epoch,
        stream,
        review.scope,
        [record],
        forced={record.ref.id: match},
    )
    if landed.counts["shredded"]:
        raise CannotDecide(f"person {person} is not known: name one that exists")
    with deployment.database.begin() as connection:
        _close(deployment, connection, review, "approved", f"{decision} {person or ''}".strip())
    return "the record has its person now"


def _unless_erased(deployment: Deployment, person: int) -> None:
    """A record that is linked to somebody who is being erased would be found by nobody any more:
    its system may have been looked at already."""
    with read_only(deployment.database).connect() as connection:
        for one in requests.about(connection, [person]):
            if one.right == Right.ERASURE.value and requests.tasks_of(connection, one.id):
                raise CannotDecide(
                    f"the rights request {one.id} erases that person: its task there asks about "
                    f"the record (`hub rights show {one.id}`), or decide once it is closed"
                )


def _admit(
    deployment: Deployment, opened: Opened, epoch: int, review: Row[Any], record: Record
) -> None:
    place = (opened.system.id, review.stream, review.scope)
    address = record.fields.get(opened.type.stream(review.stream).email_field)
    email = normalise.email(address) if isinstance(address, str) and address else None
    now = deployment.now()
    with deployment.database.begin() as connection:
        progress.check(connection, opened.system.id, epoch)
        returning.admit(
            connection, deployment, opened.system.controllers, place, record.ref.id, email
        )
        audit.record(connection, now, Event.PERSON_ADMITTED, "handler", f"review {review.id}")


def _merge(deployment: Deployment, opened: Opened, epoch: int, review: Row[Any]) -> str:
    named = [int(one) for one in review.persons.split()]
    if len(set(named)) != 2:
        raise CannotDecide("this review names no two persons to merge")
    with deployment.database.begin() as connection:
        progress.check(connection, opened.system.id, epoch)
        if busy := requests.about(connection, named):
            raise CannotDecide(
                f"the rights request {busy[0].id} is about one of them: merge once it is closed"
            )
        if deliveries.flying(connection, named):
            raise CannotDecide("a write of one of them is on its way: try again in a minute")
        loaded = subjects.load(
            connection, deployment.vault, deployment.identities, named, lock=True
        )
        if len(loaded) != 2:
            raise CannotDecide("one of the persons is gone")
        winner, loser = (loaded[one] for one in named)
        if winner.controller != loser.controller:
            raise CannotDecide("the persons are of two controllers: they are never merged")
        persons.join(connection, deployment.landscape, winner, loser)
        stream = opened.system.stream(review.stream)
        page = Page(connection, deployment, opened, stream, review.scope, deployment.now())
        page.people[winner.id] = page.replan[winner.id] = winner
        # who has the loser's address at a partner is a member no more by it
        page.left += [(loser, project) for project in loser.memberships]
        for linked in winner.links:
            if linked.dirty:
                page.touch(linked, winner)
        save(page, None)
        _close(deployment, connection, review, "approved", "merge")
    return f"person {loser.id} is part of person {winner.id} now"


def _conflict(
    deployment: Deployment, opened: Opened, epoch: int, review: Row[Any], decision: Decision
) -> str:
    with deployment.database.begin() as connection:
        progress.check(connection, opened.system.id, epoch)
        owners = links.place_of(connection, [review.link_id])
        loaded = subjects.load(
            connection, deployment.vault, deployment.identities, owners.values(), lock=True
        )
        subject = next(iter(loaded.values()), None)
        if subject is None:
            _close(deployment, connection, review, "moot", "the person is gone")
            return "the person is gone; nothing was done"
        _settle_field(deployment, opened, review, subject, decision)
        _own_address(connection, deployment, subject, review)
        subject.changed = True
        subjects.save(connection, [subject], deployment.now())
        subjects.save_links(
            connection,
            deployment.identities,
            [(linked, subject.key) for linked in subject.links if linked.dirty],
        )
        fan_out(connection, deployment, [subject], deployment.now())
        _close(deployment, connection, review, "approved", str(decision))
    return f"{review.field}: {'the system' if decision is Decision.THEIRS else 'the hub'} is right"


def _own_address(
    connection: Connection, deployment: Deployment, subject: Subject, review: Row[Any]
) -> None:
    """Raise CannotDecide where the person would have an address that finds another one."""
    if review.field != "email" or subject.email is None:
        return
    digest = deployment.identities.email(subject.controller, subject.email)
    found = people.find(connection, subject.controller, "email", [digest]).get(digest)
    if found is not None and found.person_id != subject.id:
        raise CannotDecide(
            "the address is another person's: say first whose the record is (the question of kind "
            "identity about it), or keep the hub's"
        )


def _settle_field(
    deployment: Deployment, opened: Opened, review: Row[Any], subject: Subject, decision: Decision
) -> None:
    linked = next(one for one in subject.links if one.id == review.link_id)
    mapping = next(
        (one for one in opened.system.stream(review.stream).fields if one.hub == review.field),
        None,
    )
    if mapping is None:
        raise CannotDecide(f"{review.field} is no longer mapped in {review.system}")
    shadow = linked.touch()
    shadow.held = tuple(one for one in shadow.held if one != mapping.vendor)
    if decision is Decision.THEIRS:
        kind = deployment.landscape.fields[mapping.hub].kind
        subject.profile[mapping.hub] = Value(
            plain(kind, shadow.fields.get(mapping.vendor)),
            opened.system.id,
            deployment.now(),
            frozenset(opened.system.controllers),
        )


def _storm(
    deployment: Deployment, opened: Opened, epoch: int, review: Row[Any], decision: Decision
) -> str:
    system = opened.system.id
    with deployment.database.begin() as connection:
        progress.check(connection, system, epoch)
        up_to = deliveries.newest(connection, system)
        if decision is Decision.APPROVE:
            _close(deployment, connection, review, "approved", str(up_to))
            return "what was ready goes out with the next run"
        dropped = deliveries.cancel_waiting(connection, system, up_to, "storm-rejected")
        _close(deployment, connection, review, "rejected", str(up_to))
    return f"{dropped} changes were dropped"


def _deletes(
    deployment: Deployment, opened: Opened, epoch: int, review: Row[Any], decision: Decision
) -> str:
    system = opened.system.id
    with deployment.database.begin() as connection:
        progress.check(connection, system, epoch)
        if decision is Decision.APPROVE:
            # the next enumeration takes what it misses as deleted, after asking for each
            progress.rewind(connection, system)
            _close(deployment, connection, review, "approved", "enumerate")
            return "the next run enumerates again and takes what is gone as deleted"
        _close(deployment, connection, review, "rejected", "")
    return "nothing is taken as deleted"
