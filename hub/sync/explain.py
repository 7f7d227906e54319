"""Why a value is, or is not, in a system: the gate's reasoning for one person, place by place.

Asks the same `plan` and the same gate that a delivery passes, so what is explained is what happens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hub.api import FieldValue, Stance
from hub.delivery.deployment import Deployment
from hub.delivery.plan import Plan, plan
from hub.domain.gate import (
    Decision,
    Facts,
    may_bring,
    may_cross,
    may_hold,
    may_refuse,
    may_subscribe,
)
from hub.domain.landscape import CreatePolicy, FieldKind, FieldMap, Stream, System, TopicMap
from hub.domain.permission import NO_GROUND, Permission
from hub.domain.profile import Plain
from hub.store import overview
from hub.store.deliveries import Lane
from hub.store.documents import Shadow
from hub.store.subjects import Linked, Subject
from hub.vault.database import Connection

Here = Plain | FieldValue
"""A value as the hub or a vendor holds it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What becomes of one field or topic in one place, by which rule, and why."""

    what: str  # hub field, or "topic TOPIC"
    state: str  # write, in step, blocked, unknown, read only, held, no record
    rule: str
    reason: str
    ours: Here = None
    theirs: Here = None
    purposes: tuple[str, ...] = ()


@dataclass(slots=True)
class PlaceAnswer:
    """One place of one system."""

    system: str
    stream: str
    scope: str
    record: str | None  # the vendor's id, None where there is no record
    state: str  # live, archived, gone, absent
    note: str
    fields: list[Answer] = field(default_factory=list)
    topics: list[Answer] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the permission ledger."""

    kind: str
    at: datetime | None
    seen_at: datetime
    system: str
    act: str | None
    ground: str | None


@dataclass(slots=True)
class PurposeAnswer:
    """What stands for one purpose, and the events it was folded from."""

    purpose: str
    permission: Permission
    events: list[Event] = field(default_factory=list)


@dataclass(slots=True)
class CrossingAnswer:
    """What another controller may have of the person through one joint project."""

    project: str
    receiver: str
    live: bool
    member: bool
    fields: list[Answer] = field(default_factory=list)


@dataclass(slots=True)
class Explanation:
    """One controller's person."""

    controller: str
    person: int
    standing: list[str]  # restriction, erasure block, bounce: what overrides everything
    purposes: list[PurposeAnswer] = field(default_factory=list)
    places: list[PlaceAnswer] = field(default_factory=list)
    crossings: list[CrossingAnswer] = field(default_factory=list)


def explain(
    connection: Connection,
    deployment: Deployment,
    subject: Subject,
    *,
    system: str | None = None,
    name: str | None = None,
) -> Explanation:
    """Explain one person, in one system and for one field where those are given."""
    facts = subject.facts(deployment.landscape, deployment.identities)
    answer = Explanation(subject.controller, subject.id, list(_standing(subject, facts)))
    answer.purposes = purposes(connection, deployment, subject, facts)
    for one, stream, scope in _places(deployment, subject.controller):
        if system is not None and one.id != system:
            continue
        for linked in subject.link_to(one.id, stream.name, scope) or (None,):
            answer.places.append(
                _place(deployment, subject, facts, one, stream, scope, linked, name)
            )
    answer.crossings = list(_crossings(deployment, subject, facts, system, name))
    return answer


def purposes(
    connection: Connection, deployment: Deployment, subject: Subject, facts: Facts
) -> list[PurposeAnswer]:
    """What stands for each purpose of the person's controller."""
    events = overview.events_of(connection, subject.id)
    return [
        PurposeAnswer(
            purpose.id,
            facts.permissions.get(purpose.id, NO_GROUND),
            [
                Event(one.kind, one.at, one.seen_at, one.system, one.act, one.ground)
                for one in events
                if one.purpose == purpose.id
            ],
        )
        for purpose in deployment.landscape.purposes.values()
        if subject.controller in purpose.controllers
    ]


def _standing(subject: Subject, facts: Facts) -> Iterator[str]:
    if facts.blocked:
        yield "an erasure block stands: nothing is written anywhere"
    if facts.restricted:
        yield "processing is restricted (GDPR Art. 18): only refusals are written"
    if facts.undeliverable:
        yield "the present address bounces: no subscription is written"
    if subject.domain_prohibited_at is not None:
        yield f"the whole company forbade marketing on {subject.domain_prohibited_at:%Y-%m-%d}"


def _places(deployment: Deployment, controller: str) -> Iterator[tuple[System, Stream, str]]:
    for system in deployment.landscape.systems_of_controller.get(controller, ()):
        for stream in system.streams:
            for scope in stream.scopes:
                yield system, stream, scope


def _place(
    deployment: Deployment,
    subject: Subject,
    facts: Facts,
    system: System,
    stream: Stream,
    scope: str,
    linked: Linked | None,
    name: str | None,
) -> PlaceAnswer:
    planned = (
        plan(deployment, subject, facts, system, stream, scope, linked)
        if stream.direction.writes
        else Plan()
    )
    answer = PlaceAnswer(
        system.id,
        stream.name,
        scope,
        linked.external_id if linked else None,
        linked.state if linked else "absent",
        _ended(deployment, system) + _note(stream, scope, linked, planned),
    )
    for mapping in stream.fields:
        if name in (None, mapping.hub):
            answer.fields.append(
                _field(deployment, subject, facts, system, stream, linked, mapping, planned)
            )
    if name is None:
        answer.topics = [
            _topic(deployment, facts, system, topic, linked, planned)
            for topic in stream.topics_of(scope)
        ]
    return answer


def _ended(deployment: Deployment, system: System) -> str:
    """What holds of a joint system whose project is not live."""
    decision = may_bring(deployment.landscape, system, deployment.now())
    return "" if decision.allowed else f"{decision.reason}; "


def _note(stream: Stream, scope: str, linked: Linked | None, planned: Plan) -> str:
    if not stream.direction.writes:
        return "the hub only reads here"
    if linked is not None and linked.state != "live":
        return f"the record is {linked.state} there; the hub never brings one back"
    if linked is not None:
        lanes = [lane.name.lower() for lane in planned.intents]
        return f"waiting to be written: {', '.join(lanes)}" if lanes else "in step"
    if Lane.RECORD in planned.intents:
        return "no record there yet: one will be made"
    if stream.create is CreatePolicy.NEVER:
        return "no record there, and the configuration lets the hub make none (create: never)"
    if stream.create is CreatePolicy.PERMITTED and not any(
        topic.direction.writes for topic in stream.topics_of(scope)
    ):
        return "no record there; no topic is written here that a permission could be for"
    if stream.create is CreatePolicy.PERMITTED:
        return "no record there: one is made only with a permission (create: permitted)"
    return "no record there: no address that may go there is known"


def _field(
    deployment: Deployment,
    subject: Subject,
    facts: Facts,
    system: System,
    stream: Stream,
    linked: Linked | None,
    mapping: FieldMap,
    planned: Plan,
) -> Answer:
    value = subject.profile.get(mapping.hub)
    shadow = linked.shadow if linked else None
    theirs = shadow.fields.get(mapping.vendor) if shadow else None
    if value is None:
        return Answer(mapping.hub, "unknown", "", "the hub knows no value", None, theirs)
    ours = value.value
    if not stream.direction.writes or not mapping.direction.writes:
        return Answer(
            mapping.hub, "read only", "", "the mapping only reads this field", ours, theirs
        )
    if shadow is not None and mapping.vendor in shadow.held:
        reason = "the two differ and a review is open: `hub review`"
        return Answer(mapping.hub, "held", "review", reason, ours, theirs)
    decision = may_hold(deployment.landscape, facts, system, mapping.hub, value, deployment.now())
    kept = [one.decision for one in planned.blocked if one.what == mapping.hub]
    decision = kept[0] if kept else decision
    record = planned.intents.get(Lane.RECORD)
    if record is not None and mapping.vendor in record.fields:
        state = "write"
    elif not decision.allowed:
        state = "blocked"
    elif linked is None:
        state = "no record"
    else:
        state = "in step"
    return Answer(mapping.hub, state, decision.rule, decision.reason, ours, theirs)


def _topic(
    deployment: Deployment,
    facts: Facts,
    system: System,
    topic: TopicMap,
    linked: Linked | None,
    planned: Plan,
) -> Answer:
    what = f"topic {topic.topic}"
    meant = tuple(
        effect.purpose
        if effect.controller == facts.controller
        else f"{effect.controller}/{effect.purpose}"
        for effect in topic.effects
    )
    theirs = _stance(linked.shadow if linked else None, topic.topic)
    if not topic.direction.writes:
        reason = "the mapping only reads this topic"
        return Answer(what, "read only", "", reason, None, theirs, meant)
    prohibited = any(
        facts.permissions.get(effect.purpose, NO_GROUND).rule == "prohibited"
        for effect in topic.effects
        if effect.controller == facts.controller
    )
    decision = (
        may_refuse(facts)
        if prohibited
        else may_subscribe(deployment.landscape, facts, system, topic.effects, deployment.now())
    )
    kept = [one.decision for one in planned.blocked if one.what == what]
    decision = kept[0] if kept else decision
    wanted = Stance.NO if prohibited else Stance.YES
    written = any(
        consent.topic == topic.topic
        for intent in planned.intents.values()
        for consent in intent.consents
    )
    state = _topic_state(decision, linked, written=written)
    return Answer(
        what,
        state,
        decision.rule,
        decision.reason,
        wanted.value if decision.allowed else None,
        theirs,
        meant,
    )


def _topic_state(decision: Decision, linked: Linked | None, *, written: bool) -> str:
    if written:
        return "write"
    if not decision.allowed:
        return "blocked"
    return "no record" if linked is None else "in step"


def _stance(shadow: Shadow | None, topic: str) -> str | None:
    if shadow is None:
        return None
    return shadow.consents.get(topic, (Stance.UNSTATED.value, None, None))[0]


def _crossings(
    deployment: Deployment, subject: Subject, facts: Facts, system: str | None, name: str | None
) -> Iterator[CrossingAnswer]:
    landscape, now = deployment.landscape, deployment.now()
    owners: Sequence[str] | None = landscape.systems[system].controllers if system else None
    for project in landscape.projects.values():
        if subject.controller not in project.controllers:
            continue
        for receiver in sorted(project.controllers - {subject.controller}):
            if owners is not None and receiver not in owners:
                continue
            answer = CrossingAnswer(
                project.id, receiver, project.live(now), project.id in facts.projects
            )
            for hub_field, value in subject.profile.items():
                if name not in (None, hub_field) or value.value is None:
                    continue
                if landscape.fields[hub_field].kind is FieldKind.LIST:
                    decision = Decision(False, "list", "lists mix origins, so none crosses")
                elif receiver in value.origins:
                    decision = Decision(True, "own", f"{receiver} knows it by a source of its own")
                else:
                    decision = may_cross(facts, project, receiver, hub_field, value, now)
                answer.fields.append(
                    Answer(
                        hub_field,
                        "crosses" if decision.allowed else "blocked",
                        decision.rule,
                        decision.reason,
                        value.value,
                    )
                )
            yield answer
