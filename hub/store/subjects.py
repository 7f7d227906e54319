"""The persons of a page, opened: profile, links with shadows, permission events, memberships.

Loaded a page at a time, a query for each kind of row, changed in memory, saved at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from hub.domain.gate import Facts
from hub.domain.landscape import Landscape
from hub.domain.permission import PermissionEvent, fold, objects
from hub.domain.profile import Plain, Profile
from hub.store import ledger, links, people
from hub.store.documents import Shadow, dump_profile, load_profile
from hub.store.identity import Identities
from hub.vault import KeyHandle, KeyKind, Tampered, Vault, aad
from hub.vault.rows import ids as new_ids


@dataclass(slots=True)
class Linked:
    """A link row; its shadow is opened when somebody looks at it."""

    id: int
    system: str
    stream: str
    scope: str
    external_id: str
    controller: str
    person_id: int
    digest: bytes
    sealed: bytes
    version: str
    state: str
    writes_on: int = 0
    writes: int = 0
    key: KeyHandle | None = None  # that seals the shadow
    opened: Shadow | None = None
    dirty: bool = False

    @property
    def shadow(self) -> Shadow:
        """What was last agreed. Raises Tampered where it does not open under its key."""
        if self.opened is None:
            assert self.key is not None
            document = self.key.open(self.sealed, aad("link", self.id, "shadow"))
            self.opened = Shadow.load(document)
        return self.opened

    @property
    def place(self) -> tuple[str, str, str]:
        return self.system, self.stream, self.scope

    def touch(self) -> Shadow:
        """The shadow, about to be changed."""
        self.dirty = True
        return self.shadow


@dataclass(slots=True)
class Subject:
    """One person with everything that sync and delivery need to decide about it."""

    id: int
    controller: str
    key_id: int
    key: KeyHandle
    version: int = 1
    profile: Profile = field(default_factory=dict)
    restricted: bool = False
    notice_due: datetime | None = None
    created_at: datetime | None = None
    links: list[Linked] = field(default_factory=list)
    events: list[PermissionEvent] = field(default_factory=list)
    memberships: dict[str, set[str]] = field(default_factory=dict)  # project -> how known
    identifiers: dict[tuple[str, bytes], datetime | None] = field(default_factory=dict)
    new: bool = False
    changed: bool = False  # profile, permission or membership moved: version rises when saved
    blocked: bool = False
    domain_prohibited_at: datetime | None = None

    @property
    def email(self) -> str | None:
        found = self.profile.get("email")
        return found.value if found and isinstance(found.value, str) else None

    @property
    def first_name(self) -> Plain | None:
        found = self.profile.get("first_name")
        return found.value if found else None

    def hear(self, event: PermissionEvent) -> PermissionEvent:
        """Add to the ledger in memory; answers the event as it is to be written. What is recorded
        later was seen no earlier, also where the machine's clock was set back meanwhile: a refusal
        would count as older than the consent that it ends."""
        latest = max((one.seen_at for one in self.events), default=event.seen_at)
        if latest > event.seen_at:
            as_of_now = event.at is not None and event.at >= event.seen_at
            at = latest if event.kind.prohibits and as_of_now else event.at
            event = replace(event, seen_at=latest, at=at)
        self.events.append(event)
        self.changed = True
        return event

    def link_to(self, system: str, stream: str, scope: str) -> list[Linked]:
        """The person's links in one place, merged ones left out."""
        return [
            one
            for one in self.links
            if one.place == (system, stream, scope) and one.state != "merged"
        ]

    def facts(self, landscape: Landscape, identities: Identities) -> Facts:
        """What the gate needs to know, from the rows as they are now in memory."""
        address = self.email
        mailbox = bool(address) and address.split("@", 1)[0] in landscape.mailboxes  # type: ignore[union-attr]  # bool() narrows it
        bounced = False
        if address and any(self.identifiers.values()):
            key = ("email", identities.email(self.controller, address))
            bounced = self.identifiers.get(key) is not None
        return Facts(
            controller=self.controller,
            projects=frozenset(self.memberships),
            permissions={
                purpose.id: fold(
                    purpose,
                    self.events,
                    tolerance=landscape.clock_tolerance,
                    mailbox=mailbox,
                    domain_prohibited_at=self.domain_prohibited_at,
                )
                for purpose in landscape.purposes.values()
                if self.controller in purpose.controllers
            }
            if self.events or mailbox or self.domain_prohibited_at
            else {},
            restricted=self.restricted,
            blocked=self.blocked,
            undeliverable=bounced,
            objected=bool(self.events)
            and objects(
                (
                    one
                    for one in landscape.purposes.values()
                    if one.marketing and self.controller in one.controllers
                ),
                self.events,
                tolerance=landscape.clock_tolerance,
            ),
        )


def make(
    connection: Connection, vault: Vault, controllers: Sequence[str], now: datetime
) -> list[Subject]:
    """New persons, one for each controller named. Their keys are committed at once, their rows
    with the transaction: a crash between leaves keys that `Vault.collect_orphans` finds."""
    keys = vault.new_keys(KeyKind.PERSON, len(controllers))
    numbers = new_ids(connection, people.person, len(controllers))
    return [
        Subject(
            id=number,
            controller=controller,
            key_id=key_id,
            key=key,
            created_at=now,
            new=True,
            changed=True,
        )
        for controller, number, (key_id, key) in zip(controllers, numbers, keys, strict=True)
    ]


def load(
    connection: Connection,
    vault: Vault,
    identities: Identities,
    ids: Iterable[int],
    *,
    lock: bool = False,
    standing: bool = True,
) -> dict[int, Subject]:
    """The persons of those ids, opened. One whose key is gone is shredded, and left out; so is one
    that was erased and whose key is to be destroyed next.

    `standing` False leaves out what `mark_standing` sets, for who only wants to know what is held.

    `lock` is for transactions that decide by what they read here: their person rows are held, and
    read before everything else, so that no refusal commits between the reading and the decision.
    """
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    rows = people.rows(connection, wanted, lock=lock)
    keys = vault.open_keys([row.key_id for row in rows])
    found: dict[int, Subject] = {}
    for row in rows:
        key = keys.get(row.key_id)
        if key is None or not row.profile:
            continue  # a tombstone, whose key may outlive its rows for a moment
        found[row.id] = Subject(
            id=row.id,
            controller=row.controller,
            key_id=row.key_id,
            key=key,
            version=row.version,
            profile=load_profile(key.open(row.profile, aad("person", row.id, "profile"))),
            restricted=row.restricted,
            notice_due=row.notice_due,
            created_at=row.created_at,
        )
    present = list(found)
    for linked in links.of_persons(connection, present):
        subject = found[linked.person_id]
        linked.key = subject.key
        subject.links.append(linked)
    for person_id, event in ledger.of_persons(connection, present):
        found[person_id].events.append(event)
    for person_id, project, how in people.memberships(connection, present):
        found[person_id].memberships.setdefault(project, set()).add(how)
    for identifier in people.identifiers(connection, present):
        assert identifier.person_id is not None  # they were asked for by person
        subject = found[identifier.person_id]
        subject.identifiers[identifier.kind, identifier.digest] = identifier.undeliverable_at
    for controller in {subject.controller for subject in found.values()} if standing else ():
        own = [one for one in found.values() if one.controller == controller]
        mark_standing(connection, identities, own, controller)
    return found


def open_with(connection: Connection, vault: Vault) -> bool:
    """Whether the people here are under keys of that key store: none of them opens under another
    one's. Says yes where there is nobody. An erased person's row is emptied before its key goes, so
    that one with a profile has its key."""
    rows = people.ends(connection, _LOOKED_AT)
    keys = vault.open_keys({row.key_id for row in rows})
    return not rows or any(
        row.key_id in keys and _opens(keys[row.key_id], row.id, row.profile) for row in rows
    )


_LOOKED_AT = 20


def _opens(key: KeyHandle, person_id: int, sealed: bytes) -> bool:
    try:
        key.open(sealed, aad("person", person_id, "profile"))
    except Tampered:
        return False
    return True


def mark_standing(
    connection: Connection,
    identities: Identities,
    subjects: Sequence[Subject],
    controller: str,
) -> None:
    """Set what stands outside the person's own rows: erasure blocks, by the address and by the
    vendors' ids of its records; and whole-company prohibitions, by the address. The persons are
    all of one controller."""
    if people.any_blocks(connection):
        _mark_blocked(connection, identities, subjects, controller)
    addressed = [(one, one.email) for one in subjects if one.email]
    if not addressed:
        return
    if people.any_domain_prohibitions(connection):
        domains: dict[bytes, list[Subject]] = {}
        for one, address in addressed:
            domain = address.rsplit("@", 1)[1]
            domains.setdefault(identities.domain(controller, domain), []).append(one)
        for digest, at in people.prohibited_domains(connection, controller, list(domains)):
            for one in domains[digest]:
                one.domain_prohibited_at = at


def _mark_blocked(
    connection: Connection,
    identities: Identities,
    subjects: Sequence[Subject],
    controller: str,
) -> None:
    """A record that was erased stays so whatever address it is given afterwards."""
    marks: dict[str, dict[bytes, list[Subject]]] = {}
    for one in subjects:
        known = [("/".join(linked.place), linked.external_id) for linked in one.links]
        if one.email:
            known.append(("email", one.email))
        for kind, value in known:
            for digest in identities.blocks(controller, kind, value):
                marks.setdefault(kind, {}).setdefault(digest, []).append(one)
    for kind, digests in marks.items():
        for digest in people.blocked(connection, controller, kind, list(digests)):
            for one in digests[digest]:
                one.blocked = True


def save(connection: Connection, subjects: Iterable[Subject], now: datetime) -> None:
    """Write the persons and links that changed. Keys of new persons are committed already."""
    fresh: list[dict[str, Any]] = []
    moved: list[dict[str, Any]] = []
    # in the order of ids: two transactions that write the same persons never wait crosswise
    for one in sorted(subjects, key=lambda subject: subject.id):
        if not (one.new or one.changed):
            continue
        row: dict[str, Any] = {
            "profile": one.key.seal(dump_profile(one.profile), aad("person", one.id, "profile")),
            "restricted": one.restricted,
            "notice_due": one.notice_due,
            "updated_at": now,
        }
        if one.new:
            fresh.append(
                {
                    **row,
                    "id": one.id,
                    "controller": one.controller,
                    "key_id": one.key_id,
                    "version": one.version,
                    "merged_into": None,
                    "created_at": now,
                }
            )
        else:
            one.version += 1
            moved.append({**row, "id": one.id, "version": one.version})
    people.insert(connection, fresh)
    people.update(connection, moved)


def save_links(
    connection: Connection,
    identities: Identities,
    changed: Iterable[tuple[Linked, KeyHandle]],
    fingerprint: Mapping[int, bytes] | None = None,
) -> None:
    """Seal and write the shadows of links. A link without an earlier seal is new."""
    new: list[dict[str, Any]] = []
    old: list[dict[str, Any]] = []
    for linked, key in changed:
        is_new = not linked.sealed
        known = fingerprint.get(linked.id) if fingerprint else None
        linked.digest = known or identities.fingerprint(linked.shadow.canonical())
        linked.sealed = key.seal(linked.shadow.dump(), aad("link", linked.id, "shadow"))
        linked.key = key
        linked.dirty = False
        row: dict[str, Any] = {
            "digest": linked.digest,
            "shadow": linked.sealed,
            "version": linked.version,
            "state": linked.state,
            "writes_on": linked.writes_on,
            "writes": linked.writes,
            "person_id": linked.person_id,
        }
        if is_new:
            new.append(
                {
                    **row,
                    "id": linked.id,
                    "system": linked.system,
                    "stream": linked.stream,
                    "scope": linked.scope,
                    "external_id": linked.external_id,
                    "controller": linked.controller,
                    "merged_into": None,
                }
            )
        else:
            old.append({**row, "id": linked.id})
    links.insert(connection, new)
    links.update(connection, old)
