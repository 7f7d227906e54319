"""The working set of one landing: who was met, what changed, what is to be written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hub.api import Activity
from hub.delivery.deployment import Deployment, Opened
from hub.domain.gate import may_bring
from hub.domain.landscape import Stream
from hub.domain.permission import PermissionEvent
from hub.domain.profile import Plain
from hub.store import people, questions, subjects
from hub.store.subjects import Linked, Subject
from hub.sync.identify import Owners
from hub.vault.database import Connection
from hub.vault.rows import ids


@dataclass(slots=True)
class Landed:
    """What landing some records came to."""

    counts: Counter[str] = field(default_factory=Counter)
    links: set[int] = field(default_factory=set)  # links whose records were met
    fanned: Counter[str] = field(default_factory=Counter)  # deliveries added, by system


@dataclass(slots=True)
class Page:
    """Everything one landing holds in memory before it is written."""

    connection: Connection
    deployment: Deployment
    opened: Opened
    stream: Stream
    scope: str
    now: datetime
    people: dict[int, Subject] = field(default_factory=dict)
    spare: list[Subject] = field(default_factory=list)  # made ahead, a key commit for all
    link_ids: list[int] = field(default_factory=list)
    owners: Owners = field(default_factory=Owners)
    touched: dict[int, tuple[Linked, Subject]] = field(default_factory=dict)
    fingerprints: dict[int, bytes] = field(default_factory=dict)
    events: list[tuple[Subject, PermissionEvent, Mapping[str, str]]] = field(default_factory=list)
    identifiers: list[dict[str, Any]] = field(default_factory=list)
    joins: list[tuple[Subject, str, str]] = field(default_factory=list)
    leaves: list[tuple[Subject, str, str]] = field(default_factory=list)
    left: list[tuple[Subject, str]] = field(default_factory=list)  # no reason of their own is left
    activities: list[tuple[Subject, Activity, bytes]] = field(default_factory=list)
    fresh: list[tuple[str, Subject]] = field(default_factory=list)  # records linked by this page
    former: dict[int, tuple[str, Plain | None]] = field(default_factory=dict)
    """Person whose address this page changed -> address and first name before it."""
    replan: dict[int, Subject] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)  # records that a person has to look at
    own: dict[tuple[int, str], datetime] = field(default_factory=dict)
    """(person, hub field) of what the person changed by an act of their own -> when that was."""
    result: Landed = field(default_factory=Landed)

    @property
    def place(self) -> tuple[str, str, str]:
        return self.opened.system.id, self.stream.name, self.scope

    @property
    def open(self) -> bool:
        """Whether what is read here may bring anything new: False in a joint system whose project
        is not live."""
        return may_bring(self.deployment.landscape, self.opened.system, self.now).allowed

    def record_event(
        self, subject: Subject, event: PermissionEvent, evidence: Mapping[str, str] | None = None
    ) -> None:
        """Append to the ledger; the person's permissions are folded again."""
        self.events.append((subject, subject.hear(event), evidence or {}))
        self.replan[subject.id] = subject
        self.result.counts[event.kind.value] += 1

    def touch(self, linked: Linked, subject: Subject) -> None:
        """Have a link sealed and written when the page is saved."""
        self.touched[linked.id] = (linked, subject)

    def hand_over(self, loser: Subject, winner: Subject) -> None:
        """What this page gathered for a person that became part of another one is the other's."""

        def owner(one: Subject) -> Subject:
            return winner if one.id == loser.id else one

        self.events = [(owner(one), event, evidence) for one, event, evidence in self.events]
        self.joins = [(owner(one), project, how) for one, project, how in self.joins]
        self.leaves = [(owner(one), project, how) for one, project, how in self.leaves]
        self.left = [(owner(one), project) for one, project in self.left]
        self.activities = [(owner(one), what, digest) for one, what, digest in self.activities]
        self.fresh = [(record, owner(one)) for record, one in self.fresh]
        self.own = {
            (winner.id if one == loser.id else one, name): at
            for (one, name), at in self.own.items()
        }
        for row in self.identifiers:
            if row["person_id"] == loser.id:
                row["person_id"] = winner.id

    def take_spare(self, controller: str) -> Subject:
        """A new person of that controller, from those made ahead where there is one."""
        for position, one in enumerate(self.spare):
            if one.controller == controller:
                made = self.spare.pop(position)
                break
        else:
            (made,) = subjects.make(self.connection, self.deployment.vault, [controller], self.now)
        self.people[made.id] = made
        return made

    def ask(self, kind: str, external_id: str, reason: str, **more: Any) -> None:
        """Open a review, once."""
        self.asked.add(external_id)
        (number,) = ids(self.connection, questions.review, 1)
        system, stream, scope = self.place
        row = {
            "id": number,
            "kind": kind,
            "system": system,
            "stream": stream,
            "scope": scope,
            "external_id": external_id,
            "reason": reason,
            "created_at": self.now,
            **more,
        }
        if questions.ask(self.connection, row):
            self.result.counts["review"] += 1


def attach(page: Page, subject: Subject, kind: str, digest: bytes) -> None:
    """Let an identifier find a person from now on."""
    table = page.owners.emails if kind == "email" else page.owners.phones
    table[subject.controller, digest] = people.Found(kind, digest, subject.id, None)
    subject.identifiers[kind, digest] = None
    page.identifiers.append(
        {
            "controller": subject.controller,
            "kind": kind,
            "digest": digest,
            "person_id": subject.id,
            "undeliverable_at": None,
        }
    )
