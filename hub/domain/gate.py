"""The gate: may this value of this person go to that system, for what purpose — and why.

Pure: it reads facts and answers. Nothing is written anywhere without passing it. It is asked when
a delivery is planned and again, in the claiming transaction, when it is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from hub.domain.landscape import Effect, Landscape, Project, System
from hub.domain.permission import NO_GROUND, Permission
from hub.domain.profile import Value


class Decision(NamedTuple):
    """Yes or no, by which rule, in words for the person who asks."""

    allowed: bool
    rule: str
    reason: str


@dataclass(slots=True)
class Facts:
    """What the gate needs to know of one person (one controller's view of one human)."""

    controller: str
    projects: frozenset[str] = frozenset()  # joint projects that the person is a member of
    permissions: Mapping[str, Permission] = field(default_factory=dict)  # by purpose id
    restricted: bool = False  # Art. 18
    blocked: bool = False  # an erasure block stands
    objected: bool = False  # to all the controller's marketing (Art. 21)
    undeliverable: bool = False  # the present address bounces


OWN = Decision(True, "own", "the controller's own data in its own system")
BLOCKED = Decision(False, "erasure-block", "an erasure block stands for this person")
RESTRICTED = Decision(False, "restriction", "processing is restricted (GDPR Art. 18)")
OBJECTED = Decision(
    False, "objection", "who objects to all marketing (GDPR Art. 21) is not handed on for it"
)
REFUSAL = Decision(True, "refusal", "a refusal travels everywhere, at once")
COLLECTED = Decision(True, "collected", "its collection needs no permission")
UNREACHABLE = Decision(False, "undeliverable", "the address bounces")


def may_hold(
    landscape: Landscape, facts: Facts, system: System, name: str, value: Value, at: datetime
) -> Decision:
    """Whether `value` of profile field `name` may be written to `system` at that moment.

    Each controller of the system must have the value from a source of its own, or receive it
    through a live joint project that names the value's source, the system, the field and the
    person (DESIGN 3.1). A joint system is written to only while its project is live.
    """
    if facts.blocked:
        return BLOCKED
    if facts.restricted:
        return RESTRICTED
    if facts.controller not in system.controllers:
        return Decision(
            False,
            "other-controller",
            f"{system.id} belongs to {' and '.join(system.controllers)}; "
            f"this is {facts.controller}'s person",
        )
    shared = may_bring(landscape, system, at)
    if not shared.allowed:
        return shared
    through: Project | None = None
    for receiver in system.controllers:
        if receiver in value.origins:
            continue
        decision, project = _crossing(landscape, facts, system, name, value, receiver, at)
        if not decision.allowed:
            return decision
        through = project
    if through is None:
        return OWN
    return Decision(True, "joint-project", f"crosses through the live joint project {through.id}")


def may_cross(
    facts: Facts,
    project: Project,
    receiver: str,
    name: str,
    value: Value,
    at: datetime,
) -> Decision:
    """Whether `receiver` may learn `value` of field `name` through `project` at that moment."""
    if facts.blocked:
        return BLOCKED
    if facts.restricted:
        return RESTRICTED
    if facts.objected:
        return OBJECTED
    refusal = _project_refusal(project, facts, name, value, receiver, at)
    return refusal or Decision(True, "joint-project", f"the joint project {project.id} is live")


def may_subscribe(
    landscape: Landscape, facts: Facts, system: System, effects: Sequence[Effect], at: datetime
) -> Decision:
    """Whether a YES that means `effects` may be written to `system` for this person at that moment.

    Every effect must concern the person's own controller and stand on a ground: permission never
    crosses controllers (DESIGN 3.4). In a joint system the other company would learn of it, so its
    project must be live.
    """
    if facts.blocked:
        return BLOCKED
    if facts.restricted:
        return RESTRICTED
    if facts.controller not in system.controllers:
        return Decision(False, "other-controller", f"{system.id} is another controller's system")
    shared = may_bring(landscape, system, at)
    if not shared.allowed:
        return shared
    if not effects:
        return Decision(False, "no-purpose", "the topic is mapped to no purpose")
    grounds = []
    for effect in effects:
        if effect.controller != facts.controller:
            return Decision(
                False,
                "other-controller",
                f"the topic also means {effect.controller}, whose permission is its own",
            )
        permission = facts.permissions.get(effect.purpose, NO_GROUND)
        if not permission.allowed:
            reason = f"{effect.purpose}: {_lacking(permission)}"
            return Decision(False, permission.rule, reason)
        grounds.append(f"{effect.purpose}: {permission.rule}")
    if facts.undeliverable:
        return UNREACHABLE
    return Decision(True, "permitted", ", ".join(grounds))


def may_refuse(facts: Facts) -> Decision:
    """Whether a NO may be written: always, also under a restriction (Art. 18(2)), save where
    the person was erased and nothing may be written at all."""
    return BLOCKED if facts.blocked else REFUSAL


def may_collect(facts: Facts, needs: str | None, at: datetime) -> Decision:
    """Whether what the person did at `at` may be collected.

    `needs` names a purpose whose permission must stand now, and have stood when it happened: what
    was done before the person agreed to profiling is not profiled afterwards. A marketing
    prohibition does not matter: that a registration or an attendance is known is no marketing.
    """
    if facts.blocked:
        return BLOCKED
    if facts.restricted:
        return RESTRICTED
    if needs is None:
        return COLLECTED
    permission = facts.permissions.get(needs, NO_GROUND)
    if not permission.allowed:
        return Decision(False, permission.rule, f"{needs}: {_lacking(permission)}")
    if permission.since is not None and at < permission.since:
        return Decision(
            False, "before-permission", f"{needs}: permitted only since {permission.since:%Y-%m-%d}"
        )
    return Decision(True, permission.rule, f"{needs}: {permission.rule}")


def may_bring(landscape: Landscape, system: System, at: datetime) -> Decision:
    """Whether what `system` tells at that moment may bring anything new: persons, links, values,
    consents, memberships, activities. A joint system is the project's: before its start and after
    its end only refusals are taken from it, and only those are written to it (docs/decisions/0014).
    """
    project = landscape.projects.get(system.project) if system.project else None
    if project is None:
        return OWN
    if project.live(at):
        return Decision(True, "joint-project", f"the joint project {project.id} is live")
    return Decision(
        False,
        "project-ended",
        f"the joint project {project.id} is not live: {system.id} brings nothing new, "
        "only its refusals count, and only refusals are written there",
    )


def _lacking(permission: Permission) -> str:
    if permission.prohibited_at:
        return f"prohibited since {permission.prohibited_at:%Y-%m-%d}"
    return "no ground is known"


def _crossing(
    landscape: Landscape,
    facts: Facts,
    system: System,
    name: str,
    value: Value,
    receiver: str,
    at: datetime,
) -> tuple[Decision, Project | None]:
    """Whether some project lets the value reach `receiver` in `system`; the nearest miss if not."""
    nearest = Decision(
        False,
        "no-project",
        f"no joint project lets {receiver} receive {' and '.join(sorted(value.origins))}'s "
        f"data in {system.id}",
    )
    depth = -1
    for project in landscape.projects_of_system.get(system.id, ()):
        refusal = _project_refusal(project, facts, name, value, receiver, at)
        if refusal is None:
            return OWN, project
        if _DEPTH[refusal.rule] > depth:
            nearest, depth = refusal, _DEPTH[refusal.rule]
    return nearest, None


# how near a project came to letting a value through, so that the best explanation is given
_DEPTH = {
    "not-in-project": 0,
    "project-ended": 1,
    "source-not-in-project": 2,
    "not-a-member": 3,
    "field-not-in-project": 4,
}


def _project_refusal(
    project: Project, facts: Facts, name: str, value: Value, receiver: str, at: datetime
) -> Decision | None:
    if receiver not in project.controllers or value.origins.isdisjoint(project.controllers):
        return Decision(False, "not-in-project", f"{project.id} is not between these controllers")
    if not project.live(at):
        return Decision(False, "project-ended", f"the joint project {project.id} is not live")
    if value.source not in project.systems:
        return Decision(
            False, "source-not-in-project", f"{value.source} is no system of {project.id}"
        )
    if project.id not in facts.projects:
        return Decision(False, "not-a-member", f"the person is no member of {project.id}")
    if name not in project.fields:
        return Decision(
            False, "field-not-in-project", f"{project.id} does not need the field {name}"
        )
    return None
