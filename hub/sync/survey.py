"""Counts over everybody: who may be mailed on what ground, what crossed, what the gate holds back.

Reads every person once, a page at a time. Nothing in the answer is personal data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from hub.delivery.deployment import Deployment
from hub.delivery.plan import plan
from hub.domain.permission import NO_GROUND
from hub.store import overview, subjects
from hub.store.subjects import Subject
from hub.vault.database import Connection

_PAGE = 500


@dataclass(slots=True)
class Survey:
    """What the hub holds, counted."""

    people: Counter[str] = field(default_factory=Counter)  # by controller
    permissions: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """(controller, purpose, rule) -> persons."""
    allowed: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(controller, purpose) -> persons who may be contacted."""
    members: Counter[tuple[str, str]] = field(default_factory=Counter)  # (controller, project)
    crossed: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(giver, receiver) -> persons of the receiver with a value that only the giver had."""
    crossed_values: Counter[tuple[str, str]] = field(default_factory=Counter)
    attendance: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(controller, value that says whether somebody came) -> persons."""
    notices: int = 0  # persons to be told where their data came from (Art. 14)
    undeliverable: int = 0
    blocked: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """(system, rule, field or topic) -> persons."""
    writes: Counter[str] = field(default_factory=Counter)  # by system, that the plan still asks for


def survey(
    connection: Connection, deployment: Deployment, each: Callable[[int], None] = lambda _: None
) -> Survey:
    """Count. `each` is told how many persons each page had."""
    found = Survey()
    for page in overview.person_ids(connection, _PAGE):
        loaded = subjects.load(connection, deployment.vault, deployment.identities, page)
        for subject in loaded.values():
            _count(deployment, subject, found)
        each(len(page))
    return found


def _count(deployment: Deployment, subject: Subject, found: Survey) -> None:
    landscape, controller = deployment.landscape, subject.controller
    facts = subject.facts(landscape, deployment.identities)
    found.people[controller] += 1
    found.notices += subject.notice_due is not None
    found.undeliverable += facts.undeliverable
    for purpose in landscape.purposes.values():
        if controller in purpose.controllers:
            permission = facts.permissions.get(purpose.id, NO_GROUND)
            found.permissions[controller, purpose.id, permission.rule] += 1
            found.allowed[controller, purpose.id] += permission.allowed
    for one in landscape.attendances:
        for name, item in ((one.field, one.attended), (one.absent_field, one.absent)):
            value = subject.profile.get(name)
            held = value is not None and isinstance(value.value, tuple) and item in value.value
            found.attendance[controller, item] += held
    for project in subject.memberships:
        found.members[controller, project] += 1
    givers = Counter(
        origin
        for value in subject.profile.values()
        if controller not in value.origins
        for origin in value.origins
    )
    for giver, values in givers.items():
        found.crossed[giver, controller] += 1
        found.crossed_values[giver, controller] += values
    told: set[tuple[str, str, str]] = set()
    for system, stream, scope in deployment.places(controller):
        for linked in subject.link_to(system.id, stream.name, scope) or (None,):
            planned = plan(deployment, subject, facts, system, stream, scope, linked)
            found.writes[system.id] += len(planned.intents)
            told.update((system.id, one.decision.rule, one.what) for one in planned.blocked)
    found.blocked.update(told)
