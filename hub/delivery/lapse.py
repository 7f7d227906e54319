"""What was collected on a permission is kept only while that stands: once the person withdrew it,
or objected, it goes, and so does what followed from it (decisions/0021).
"""

from __future__ import annotations

from collections.abc import Iterable

from hub.delivery.deployment import Deployment
from hub.domain.gate import Facts
from hub.domain.landscape import ActivityMap
from hub.domain.permission import NO_GROUND
from hub.store import activities
from hub.store.activities import Stored
from hub.store.subjects import Subject
from hub.vault.database import Connection


def lapse(connection: Connection, deployment: Deployment, persons: Iterable[Subject]) -> int:
    """Delete activities of those persons whose permission has ended, and take what followed from
    them out of their profiles, which are to be saved and planned. Answers how many went."""
    needed = deployment.landscape.collected_on
    if not needed:
        return 0
    gone: list[int] = []
    for person in persons:
        if person.new or not (
            person.domain_prohibited_at or any(one.purpose in needed for one in person.events)
        ):
            continue
        facts = person.facts(deployment.landscape, deployment.identities)
        if any(_ended(facts, purpose) for purpose in needed):
            gone += _of(connection, deployment, person, facts)
    activities.delete(connection, gone)
    return len(gone)


def _ended(facts: Facts, purpose: str) -> bool:
    """Whether the permission does not stand, or did not for a while."""
    permission = facts.permissions.get(purpose, NO_GROUND)
    return not permission.allowed or permission.prohibited_at is not None


def _of(connection: Connection, deployment: Deployment, person: Subject, facts: Facts) -> list[int]:
    stored = activities.of_person(connection, person.id)
    keys = deployment.vault.open_keys({one.key_id for one in stored})
    gone: list[int] = []
    lost: set[tuple[str, str]] = set()  # (hub field, value) that followed
    left: set[tuple[str, str]] = set()
    for one in stored:
        rule = (
            _rule(deployment, one, one.open(keys[one.key_id]).kind) if one.key_id in keys else None
        )
        if rule is None:
            continue
        if _lapsed(facts, rule, one):
            gone.append(one.id)
        if rule.field is not None:
            followed = (rule.field, rule.added(one.scope))
            (lost if _lapsed(facts, rule, one) else left).add(followed)
    for field, value in lost - left:
        _take_out(person, field, value)
    return gone


def _lapsed(facts: Facts, rule: ActivityMap, one: Stored) -> bool:
    """Whether the permission that it was collected on has ended since."""
    if rule.needs is None:
        return False
    permission = facts.permissions.get(rule.needs, NO_GROUND)
    ended = permission.prohibited_at
    return not permission.allowed or (ended is not None and one.at <= ended)


def _rule(deployment: Deployment, one: Stored, kind: str) -> ActivityMap | None:
    system = deployment.landscape.systems.get(one.system)
    for stream in system.streams if system else ():
        if stream.name == one.stream:
            return next((rule for rule in stream.activities if rule.kind == kind), None)
    return None


def _take_out(person: Subject, field: str, value: str) -> None:
    held = person.profile.get(field)
    if held is None or held.rectified or not isinstance(held.value, tuple):
        return
    rest = tuple(one for one in held.value if one != value)
    if rest != held.value:
        person.profile[field] = held._replace(value=rest or None)
        person.changed = True
