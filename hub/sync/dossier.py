"""Everything the hub knows of one person, in one controller's view, with where it comes from.

For the eyes of the operator who asks: it holds personal data and never goes into a log.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from hub.delivery.deployment import Deployment
from hub.domain.permission import Permission
from hub.domain.profile import Plain
from hub.store import activities, deliveries, overview
from hub.store.deliveries import Lane
from hub.store.overview import Recorded
from hub.store.subjects import Subject
from hub.sync.explain import purposes
from hub.vault.database import Connection, Row


@dataclass(frozen=True, slots=True)
class Known:
    """One value of the profile."""

    field: str
    value: Plain | None
    source: str
    at: datetime
    origins: tuple[str, ...]
    rectified: bool


@dataclass(frozen=True, slots=True)
class Wish:
    """One event of the permission ledger."""

    purpose: str
    kind: str
    at: datetime | None
    seen_at: datetime
    system: str
    act: str | None
    ground: str | None
    evidence: dict[str, str]  # empty where none was given, or its key is gone


@dataclass(slots=True)
class Standing:
    """What stands for one purpose, and from which events."""

    purpose: str
    permission: Permission
    wishes: list[Wish]


@dataclass(frozen=True, slots=True)
class Member:
    """A membership of a joint project."""

    project: str
    title: str
    how: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Held:
    """A record that some system holds."""

    system: str
    stream: str
    scope: str
    record: str
    state: str
    fields: tuple[str, ...]  # the vendor's names of what it holds
    stances: dict[str, str]


@dataclass(frozen=True, slots=True)
class Written:
    """A write: settled, it is the record of a disclosure; open, it waits."""

    system: str
    stream: str
    scope: str
    lane: str
    state: str
    fields: tuple[str, ...]
    purposes: tuple[str, ...]
    at: datetime  # sent, or due
    reason: str


@dataclass(frozen=True, slots=True)
class Happened:
    """Something the person did or was sent."""

    at: datetime
    kind: str  # of hub.api.ActivityKind, or "shredded" where its key is gone
    system: str
    stream: str
    scope: str
    about: str
    detail: dict[str, str]


@dataclass(slots=True)
class Dossier:
    """One controller's view of a human."""

    controller: str
    person: int
    created_at: datetime | None
    restricted: bool
    blocked: bool
    undeliverable: bool
    notice_due: datetime | None
    profile: list[Known] = field(default_factory=list)
    standings: list[Standing] = field(default_factory=list)
    projects: list[Member] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    activities: list[Happened] = field(default_factory=list)  # newest first
    disclosed: list[Written] = field(default_factory=list)
    waiting: list[Written] = field(default_factory=list)
    reviews: list[int] = field(default_factory=list)


def dossier(connection: Connection, deployment: Deployment, subject: Subject) -> Dossier:
    """Gather what the hub knows of `subject`."""
    facts = subject.facts(deployment.landscape, deployment.identities)
    wishes = _wishes(connection, deployment, subject)
    made = Dossier(
        controller=subject.controller,
        person=subject.id,
        created_at=subject.created_at,
        restricted=subject.restricted,
        blocked=subject.blocked,
        undeliverable=facts.undeliverable,
        notice_due=subject.notice_due,
    )
    order = list(deployment.landscape.fields)
    made.profile = [
        Known(name, v.value, v.source, v.at, tuple(sorted(v.origins)), v.rectified)
        for name, v in sorted(
            subject.profile.items(),
            key=lambda one: order.index(one[0]) if one[0] in order else len(order),
        )
    ]
    made.standings = [
        Standing(one.purpose, one.permission, [w for w in wishes if w.purpose == one.purpose])
        for one in purposes(connection, deployment, subject, facts)
    ]
    projects = deployment.landscape.projects
    made.projects = [
        Member(
            row.project,
            projects[row.project].title if row.project in projects else row.project,
            row.how,
            row.since,
            row.until,
        )
        for row in overview.memberships_of(connection, subject.id)
    ]
    made.held = [
        Held(
            one.system,
            one.stream,
            one.scope,
            one.external_id,
            one.state,
            tuple(sorted(name for name, v in one.shadow.fields.items() if v not in (None, "", []))),
            {topic: stated[0] for topic, stated in one.shadow.consents.items()},
        )
        for one in sorted(subject.links, key=lambda one: (one.place, one.id))
    ]
    made.activities = _activities(connection, deployment, subject)
    made.disclosed = [
        _written(row, row.sent_at)
        for row in deliveries.disclosures(connection, subject.id)
        if row.state not in deliveries.OPEN
    ]
    made.waiting = [
        _written(row, row.due_at) for row in overview.waiting_for(connection, subject.id)
    ]
    made.reviews = [row.id for row in overview.reviews_about(connection, subject.id)]
    return made


def _wishes(connection: Connection, deployment: Deployment, subject: Subject) -> list[Wish]:
    recorded = overview.events_of(connection, subject.id)
    keys = deployment.vault.open_keys([one.key_id for one in recorded if one.key_id is not None])

    def evidence(one: Recorded) -> dict[str, str]:
        key = keys.get(one.key_id) if one.key_id is not None else None
        if key is None or one.evidence is None:
            return {}
        found: dict[str, str] = orjson.loads(one.open(key))
        return found

    return [
        Wish(
            one.purpose,
            one.kind,
            one.at,
            one.seen_at,
            one.system,
            one.act,
            one.ground,
            evidence(one),
        )
        for one in recorded
    ]


def _activities(connection: Connection, deployment: Deployment, subject: Subject) -> list[Happened]:
    stored = activities.of_person(connection, subject.id)
    keys = deployment.vault.open_keys({one.key_id for one in stored})
    found = []
    for one in stored:
        key = keys.get(one.key_id)
        said = one.open(key) if key is not None else activities.Content("shredded", "", {})
        found.append(
            Happened(one.at, said.kind, one.system, one.stream, one.scope, said.about, said.detail)
        )
    return found


def _written(row: Row[Any], at: datetime) -> Written:
    return Written(
        row.system,
        row.stream,
        row.scope,
        Lane(row.lane).name.lower(),
        row.state,
        tuple(row.fields.split()),
        tuple(row.purposes.split()),
        at,
        row.reason,
    )
