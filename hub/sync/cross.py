"""Between controllers: what a live joint project lets across, and refusals that bind both.

A person of the other controller is known to be the same human only by the exact address, and only
inside a live joint project. What crosses keeps its origin, so the gate stops it when the project
has ended. A value that the receiver has from a source of its own is never replaced.
"""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from typing import Any, NamedTuple

from hub.domain.gate import may_cross
from hub.domain.landscape import FieldKind, Project
from hub.domain.permission import EventKind, PermissionEvent
from hub.domain.profile import Value
from hub.store import people, subjects
from hub.store.normalise import names_disagree
from hub.store.people import Found
from hub.store.subjects import Subject
from hub.sync import consents, members, returning
from hub.sync.identify import Match
from hub.sync.observe import Seen
from hub.sync.page import Page, attach
from hub.vault.database import Row
from hub.vault.rows import ids

NOTICE_WITHIN = timedelta(days=30)
"""GDPR Art. 14(3)(a): within a month of obtaining the data, at the latest."""


class Crossing(NamedTuple):
    """Values of one person that another controller may have."""

    giver: Subject
    project: Project
    receiver: str
    digest: bytes  # of the address, under the receiver's name
    values: dict[str, Value]


def to_partners(page: Page) -> None:
    """Give what the page changed to the other controllers of live joint projects."""
    _follow(page)
    # members cross also where nothing but the project is new
    distinct = {one.id: one for one in page.people.values()}.values()
    waiting = deque(one for one in distinct if one.changed or one.memberships)
    for subject, project in page.left:
        _end_with(page, subject, project)
    while waiting:
        found = [crossing for one in _take(waiting) for crossing in _crossings(page, one)]
        if not found:
            continue
        known = _receivers(page, found)
        for crossing in found:
            receiver = _receiver(page, crossing, known)
            if receiver is not None and _receive(page, receiver, crossing):
                waiting.append(receiver)


def refuse(
    page: Page,
    controller: str,
    address: str | None,
    event: PermissionEvent,
    *,
    once: bool = False,
) -> None:
    """A refusal that also binds `controller`: its person's, or kept until there is one. `once`: not
    where it is known already."""
    if address is None:
        return
    digest = page.deployment.identities.email(controller, address)
    found = _owners(page, controller, [digest]).get(digest)
    if found is not None and found.person_id is not None:
        subject = _open(page, [found.person_id]).get(found.person_id)
        if subject is not None:
            if not (once and consents.repeats(subject, event)):
                page.record_event(subject, event)
            return
    if not (once and _waits(page, controller, address, event)):
        keep_refusal(page, controller, address, event)


def refuse_unclear(page: Page, seen: Seen, match: Match) -> None:
    """Refusals of a record whose person is not certain count for everybody it may be, and for
    whoever will turn out to have the address; at the other companies too, where they bind these.
    Such a record is met again and again: each counts once. Nothing is kept of who was erased."""
    heard = consents.refusals(page.stream, page.opened.system, seen, seen.controller, page.now)
    for event, _ in heard.events if match.kind != "blocked" else ():
        for person in match.persons:
            subject = page.people.get(person)
            if subject is not None and not consents.repeats(subject, event):
                page.record_event(subject, event)
        if (
            not match.persons
            and seen.email
            and not _waits(page, seen.controller, seen.email, event)
        ):
            keep_refusal(page, seen.controller, seen.email, event)
    for controller, event in heard.joint:
        refuse(page, controller, seen.email, event, once=True)


def share_refusals(page: Page, owner: int | None, subject: Subject) -> None:
    """A record of `subject` has the address of another person: what that one refused counts for
    whoever the record is, and goes to it."""
    other = page.people.get(owner) if owner is not None else None
    if other is None:
        return
    facts = other.facts(page.deployment.landscape, page.deployment.identities)
    for purpose, permission in facts.permissions.items():
        if permission.rule != "prohibited":
            continue
        event = PermissionEvent(
            purpose=purpose,
            kind=EventKind.WITHDRAWAL,
            seen_at=page.now,
            at=permission.prohibited_at,
            system=page.opened.system.id,
        )
        if not consents.repeats(subject, event):
            page.record_event(subject, event)


def _waits(page: Page, controller: str, address: str, event: PermissionEvent) -> bool:
    """Whether it is kept already: without a time it counts from when it was first seen."""
    digest = page.deployment.identities.email(controller, address)
    return any(
        (one.purpose, one.system, one.at) == (event.purpose, event.system, event.at)
        for one in people.refusals(page.connection, controller, [digest])
    )


def keep_refusal(page: Page, controller: str, address: str, event: PermissionEvent) -> None:
    """Keep a prohibition for an address whose person is not known yet."""
    (number,) = ids(page.connection, people.refusal, 1)
    people.add_refusal(
        page.connection,
        {
            "id": number,
            "controller": controller,
            "digest": page.deployment.identities.email(controller, address),
            "purpose": event.purpose,
            "at": event.at,
            "seen_at": event.seen_at,
            "system": event.system,
        },
    )


def apply_waiting_refusals(page: Page) -> None:
    """Prohibitions that were known for an address before its person came."""
    if not page.identifiers or not people.any_refusals(page.connection):
        return
    owners: dict[str, dict[bytes, Subject]] = {}
    for row in page.identifiers:
        if row["kind"] == "email" and row["person_id"] is not None:
            owners.setdefault(row["controller"], {})[row["digest"]] = page.people[row["person_id"]]
    for controller, by_digest in owners.items():
        for kept in people.refusals(page.connection, controller, list(by_digest)):
            page.record_event(by_digest[kept.digest], _refusal_event(kept))


def _refusal_event(row: Row[Any]) -> PermissionEvent:
    return PermissionEvent(
        purpose=row.purpose,
        kind=EventKind.WITHDRAWAL,
        seen_at=row.seen_at,
        at=row.at,
        system=row.system,
    )


def _follow(page: Page) -> None:
    """Who was known to be one human by an address that changed in this page is so still; and who
    was erased at the partner stays so under the new one."""
    for number, (former, called) in page.former.items():
        subject = page.people[number]
        if subject.email is None or subject.email == former:
            continue
        another = names_disagree(called, subject.first_name)  # the record is somebody else's now
        for receiver in sorted(page.deployment.landscape.controllers.keys() - {subject.controller}):
            _follow_to(page, subject, receiver, former, subject.email, another=another)


def _follow_to(
    page: Page, subject: Subject, receiver: str, former: str, address: str, *, another: bool
) -> None:
    identities = page.deployment.identities
    before, now = identities.email(receiver, former), identities.email(receiver, address)
    owners = _owners(page, receiver, [before, now])
    if _blocked(page, receiver, former):
        if not another and now not in owners and not _blocked(page, receiver, address):
            returning.hold_off_too(page, receiver, address)
        return
    found = owners.get(before)
    if found is None or found.person_id is None or _blocked(page, receiver, address):
        return
    other = _open(page, [found.person_id]).get(found.person_id)
    shared = {*subject.memberships, *(project for one, project in page.left if one is subject)}
    if other is None or shared.isdisjoint(_live(page, other)):
        return
    if now not in owners and not another:
        attach(page, other, "email", now)
        return
    if now in owners and owners[now].person_id == other.id:
        return
    how = members.crossed(subject.controller)
    for project in shared:  # whoever has the new address there is the human from now on
        if how in other.memberships.get(project, ()):
            members.end(page, other, project, how)
            page.replan[other.id] = other


def _live(page: Page, subject: Subject) -> set[str]:
    projects = page.deployment.landscape.projects
    return {
        name for name in subject.memberships if name in projects and projects[name].live(page.now)
    }


def _take(waiting: deque[Subject]) -> list[Subject]:
    taken = list(waiting)
    waiting.clear()
    return taken


def _crossings(page: Page, giver: Subject) -> list[Crossing]:
    if not giver.memberships or giver.email is None:
        return []
    landscape, identities = page.deployment.landscape, page.deployment.identities
    facts = giver.facts(landscape, identities)
    found: list[Crossing] = []
    for name in giver.memberships:
        project = landscape.projects.get(name)
        if project is None or not project.live(page.now):
            continue
        for receiver in sorted(project.controllers - {giver.controller}):
            values = {
                field: value
                for field, value in giver.profile.items()
                # a list would mix parts of different origins, so none crosses
                if landscape.fields[field].kind is not FieldKind.LIST
                and receiver not in value.origins
                and value.value is not None
                and may_cross(facts, project, receiver, field, value, page.now).allowed
            }
            if "email" in values:  # the address is what makes them one human
                digest = identities.email(receiver, giver.email)
                found.append(Crossing(giver, project, receiver, digest, values))
            elif values:
                # the receiver has the address itself, so it knows the human already
                digest = identities.email(receiver, giver.email)
                if _owners(page, receiver, [digest]):
                    found.append(Crossing(giver, project, receiver, digest, values))
    return found


def _owners(page: Page, controller: str, digests: list[bytes]) -> dict[bytes, Found]:
    """Owners of addresses, those added by this page included."""
    stored = people.find(page.connection, controller, "email", digests)
    return {
        digest: owner
        for digest in digests
        if (owner := page.owners.of_email(controller, digest) or stored.get(digest)) is not None
    }


def _receivers(page: Page, found: list[Crossing]) -> dict[tuple[str, bytes], Found]:
    """Known persons at the receiving ends, opened; a query for each controller."""
    known: dict[tuple[str, bytes], Found] = {}
    for receiver in {one.receiver for one in found}:
        digests = list({one.digest for one in found if one.receiver == receiver})
        for digest, owner in _owners(page, receiver, digests).items():
            known[receiver, digest] = owner
    _open(page, [one.person_id for one in known.values() if one.person_id is not None])
    _blocks(page, found)
    missing = {
        (one.receiver, one.digest): None
        for one in found
        if (one.receiver, one.digest) not in known
        and (one.receiver, one.giver.email) not in page.owners.blocked
        and "email" in one.values
    }
    page.spare.extend(
        subjects.make(page.connection, page.deployment.vault, [c for c, _ in missing], page.now)
    )
    return known


def _blocks(page: Page, found: list[Crossing]) -> None:
    if not people.any_blocks(page.connection):
        return
    for one in found:
        assert one.giver.email is not None
        if _blocked(page, one.receiver, one.giver.email):
            page.owners.blocked.add((one.receiver, one.giver.email))


def _blocked(page: Page, controller: str, address: str) -> bool:
    """Whether an erasure block stands for the address."""
    digests = page.deployment.identities.blocks(controller, "email", address)
    return bool(people.blocked(page.connection, controller, "email", digests))


def _open(page: Page, wanted: list[int]) -> dict[int, Subject]:
    absent = [one for one in wanted if one not in page.people]
    page.people.update(
        subjects.load(
            page.connection,
            page.deployment.vault,
            page.deployment.identities,
            absent,
            lock=True,
        )
    )
    return page.people


def _receiver(
    page: Page, crossing: Crossing, known: dict[tuple[str, bytes], Found]
) -> Subject | None:
    """The receiving controller's person, made where there is none. None: it may not be made, or
    the address is shared there and nobody can tell whose it is."""
    if (crossing.receiver, crossing.giver.email) in page.owners.blocked:
        page.result.counts["blocked"] += 1
        return None
    owner = page.owners.of_email(crossing.receiver, crossing.digest) or known.get(
        (crossing.receiver, crossing.digest)
    )
    if owner is not None:
        return page.people.get(owner.person_id) if owner.person_id is not None else None
    if "email" not in crossing.values:
        return None
    made = page.take_spare(crossing.receiver)
    made.notice_due = page.now + NOTICE_WITHIN
    attach(page, made, "email", crossing.digest)
    page.result.counts["crossed-person"] += 1
    return made


def _receive(page: Page, receiver: Subject, crossing: Crossing) -> bool:
    """Bring the values in; answers whether anything changed."""
    changed = False
    project = crossing.project.id
    how = members.crossed(crossing.giver.controller)
    if how not in receiver.memberships.get(project, ()) and members.own(
        crossing.giver.memberships[project]
    ):
        members.begin(page, receiver, project, how)
        changed = True
    for name, value in crossing.values.items():
        held = receiver.profile.get(name)
        if held is not None and (held.value == value.value or receiver.controller in held.origins):
            continue
        if held is not None and held.rectified:
            # a corrected value gives way to what the person said later, and to nothing else
            said = page.own.get((crossing.giver.id, name))
            if said is None or said <= held.at:
                continue
        receiver.profile[name] = value
        changed = True
        page.result.counts["crossed-value"] += 1
    if changed:
        receiver.changed = True
        page.replan[receiver.id] = receiver
    return changed


def _end_with(page: Page, subject: Subject, project_id: str) -> None:
    """A person left a project: the membership that crossed with it ends at the partner too."""
    project = page.deployment.landscape.projects.get(project_id)
    if project is None or subject.email is None:
        return
    for receiver in project.controllers - {subject.controller}:
        digest = page.deployment.identities.email(receiver, subject.email)
        owner = _owners(page, receiver, [digest]).get(digest)
        if owner is None or owner.person_id is None:
            continue
        other = _open(page, [owner.person_id]).get(owner.person_id)
        how = members.crossed(subject.controller)
        if other is not None and how in other.memberships.get(project_id, ()):
            members.end(page, other, project_id, how)
            page.replan[other.id] = other
