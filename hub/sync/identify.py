"""Whose record is this? Link, then exact e-mail, then phone with an agreeing name — or a review.

Nothing is guessed: a shared address, names that cannot be one person's, a second record of one
person in the same place, more than one hit — each is a question for a person (DESIGN 3.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from hub.delivery.deployment import Deployment
from hub.domain.profile import Plain
from hub.store import people
from hub.store.normalise import names_disagree
from hub.store.people import Found
from hub.store.subjects import Subject
from hub.sync.observe import Seen
from hub.vault.database import Connection


class Match(NamedTuple):
    """The answer for one record."""

    kind: str  # "person", "new", "unclear", "blocked"
    persons: tuple[int, ...] = ()
    reason: str = ""


NEW = Match("new")


@dataclass(slots=True)
class Owners:
    """Who has which identifier: as stored, and as added by this page."""

    emails: dict[tuple[str, bytes], Found] = field(default_factory=dict)
    phones: dict[tuple[str, bytes], Found] = field(default_factory=dict)
    blocked: set[tuple[str, str]] = field(default_factory=set)  # (controller, address)
    erased: set[tuple[str, str]] = field(default_factory=set)  # (controller, external id)

    def of_email(self, controller: str, digest: bytes) -> Found | None:
        return self.emails.get((controller, digest))

    def of_phone(self, controller: str, digest: bytes) -> Found | None:
        return self.phones.get((controller, digest))


def look_up(
    connection: Connection,
    deployment: Deployment,
    place: tuple[str, str, str],
    seen: Sequence[Seen],
) -> Owners:
    """The owners of every identifier that the records show: a query for each kind."""
    owners = Owners()
    identities = deployment.identities
    blocks = people.any_blocks(connection)
    for controller in {one.controller for one in seen}:
        own = [one for one in seen if one.controller == controller]
        for one in own:
            if one.email:
                one.email_digest = identities.email(controller, one.email)
            if one.phone:
                one.phone_digest = identities.phone(controller, one.phone)
        emails = {one.email_digest for one in own if one.email}
        for digest, found in people.find(connection, controller, "email", [*emails]).items():
            owners.emails[controller, digest] = found
        phones = {one.phone_digest for one in own if one.phone}
        for digest, found in people.find(connection, controller, "phone", [*phones]).items():
            owners.phones[controller, digest] = found
        if blocks:
            marks = {
                digest: one.email
                for one in own
                if one.email
                for digest in identities.blocks(controller, "email", one.email)
            }
            for digest in people.blocked(connection, controller, "email", [*marks]):
                owners.blocked.add((controller, marks[digest]))
            kind = "/".join(place)
            marks = {
                digest: one.record.ref.id
                for one in own
                if one.known is None
                for digest in identities.blocks(controller, kind, one.record.ref.id)
            }
            for digest in people.blocked(connection, controller, kind, [*marks]):
                owners.erased.add((controller, marks[digest]))
    return owners


def candidates(owners: Owners, seen: Sequence[Seen]) -> set[int]:
    """Persons who may have to be looked at to identify the records."""
    found: set[int] = set()
    for one in seen:
        for hit in (_by_email(owners, one), _by_phone(owners, one)):
            if hit is not None and hit.person_id is not None:
                found.add(hit.person_id)
    return found


def identify(
    owners: Owners,
    loaded: dict[int, Subject],
    place: tuple[str, str, str],
    seen: Seen,
) -> Match:
    """The person of a record that has no link yet."""
    if seen.email and (seen.controller, seen.email) in owners.blocked:
        return Match("blocked", reason="an erasure block stands for this address")
    if (seen.controller, seen.record.ref.id) in owners.erased:
        return Match("blocked", reason="an erasure block stands for this record")
    hit = _by_email(owners, seen)
    if hit is not None:
        if hit.person_id is None:
            return Match("unclear", (), "several persons share this address")
        person = loaded.get(hit.person_id)
        if person is None:
            return Match("unclear", (hit.person_id,), "the person of this address is shredded")
        if names_disagree(_name(person, "first_name"), seen.values.get("first_name")):
            return Match(
                "unclear", (person.id,), "the address is known, but for another first name"
            )
        if _lives_at(person, place):
            return Match(
                "unclear", (person.id,), "the person already has another record in this place"
            )
        return Match("person", (person.id,))
    hit = _by_phone(owners, seen)
    if hit is not None and hit.person_id is not None:
        person = loaded.get(hit.person_id)
        if person and _same_name(person, seen) and not _lives_at(person, place):
            return Match("person", (person.id,))
    return NEW


def _by_email(owners: Owners, seen: Seen) -> Found | None:
    return owners.of_email(seen.controller, seen.email_digest) if seen.email else None


def _by_phone(owners: Owners, seen: Seen) -> Found | None:
    return owners.of_phone(seen.controller, seen.phone_digest) if seen.phone else None


def _name(person: Subject, name: str) -> Plain | None:
    value = person.profile.get(name)
    return value.value if value else None


def _same_name(person: Subject, seen: Seen) -> bool:
    """First and last name known on both sides and equal but for case."""
    for name in ("first_name", "last_name"):
        ours, theirs = _name(person, name), seen.values.get(name)
        if not isinstance(ours, str) or not isinstance(theirs, str):
            return False
        if ours.casefold() != theirs.casefold():
            return False
    return True


def _lives_at(person: Subject, place: tuple[str, str, str]) -> bool:
    return any(linked.state == "live" for linked in person.link_to(*place))
