"""What should be written to one record, by the facts as they are now.

The same function plans a delivery and, in the claiming transaction, makes its final content: there
is one place where the gate is asked and the shadow is compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hub.api import Consent, FieldValue, Ref, Stance
from hub.delivery.deployment import Deployment
from hub.domain.gate import Decision, Facts, may_hold, may_refuse, may_subscribe
from hub.domain.landscape import CreatePolicy, Effect, Ground, Policy, Stream, System, TopicMap
from hub.store.deliveries import Lane
from hub.store.documents import Shadow
from hub.store.normalise import Malformed, plain, vendor_value
from hub.store.subjects import Linked, Subject


@dataclass(slots=True)
class Intent:
    """One write that is called for."""

    lane: Lane
    fields: dict[str, FieldValue] = field(default_factory=dict)  # vendor's names
    names: list[str] = field(default_factory=list)  # the hub fields among them
    consents: list[Consent] = field(default_factory=list)
    purposes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Blocked:
    """Something that would be written, and why it is not."""

    what: str  # hub field, or "topic TOPIC"
    decision: Decision


CREATE_ONLY = Decision(False, "create-only", "this vendor cannot change a record that is there")

HELD_ADDRESS = Decision(
    False, "review", "whose address the record has is an open question: `hub review`"
)
"""A YES would be written to an address whose owner may have refused."""


@dataclass(slots=True)
class Plan:
    """The writes that one record needs, by lane, and what the gate held back."""

    intents: dict[Lane, Intent] = field(default_factory=dict)
    blocked: list[Blocked] = field(default_factory=list)


def plan(
    deployment: Deployment,
    subject: Subject,
    facts: Facts,
    system: System,
    stream: Stream,
    scope: str,
    linked: Linked | None,
) -> Plan:
    """What `subject`'s record in that place needs; `linked` None asks about a create."""
    if linked is None:
        return _create(deployment, subject, facts, system, stream, scope)
    result = Plan()
    if linked.state != "live":
        return result  # archived or gone by somebody's decision there: never brought back
    _changes(deployment, subject, facts, system, stream, linked.shadow, result)
    for topic in stream.topics_of(scope):
        if topic.direction.writes:
            _stance(deployment, facts, system, topic, linked.shadow, result)
    if _address_held(stream, linked.shadow) and (kept := result.intents.pop(Lane.CONSENT, None)):
        result.blocked += [Blocked(f"topic {c.topic}", HELD_ADDRESS) for c in kept.consents]
    return result


def _address_held(stream: Stream, shadow: Shadow) -> bool:
    return any(one.hub == "email" and one.vendor in shadow.held for one in stream.fields)


def ref(linked: Linked, subject: Subject) -> Ref:
    """The address of a linked record."""
    return Ref(linked.stream, linked.scope, linked.external_id, subject.email)


def same(deployment: Deployment, hub_field: str, one: FieldValue, other: FieldValue) -> bool:
    """Whether two spellings of a field mean the same value."""
    if one == other:
        return True
    kind = deployment.landscape.fields[hub_field].kind
    try:
        return plain(kind, one) == plain(kind, other)
    except Malformed:
        return one == other


def _changes(
    deployment: Deployment,
    subject: Subject,
    facts: Facts,
    system: System,
    stream: Stream,
    shadow: Shadow,
    result: Plan,
) -> None:
    landscape = deployment.landscape
    now = deployment.now()
    intent = Intent(Lane.RECORD)
    for mapping in stream.fields:
        value = subject.profile.get(mapping.hub)
        if value is None or not mapping.direction.writes or mapping.vendor in shadow.held:
            continue
        known = landscape.fields[mapping.hub]
        base = shadow.sent.get(mapping.vendor, shadow.fields.get(mapping.vendor))
        if base == value.value:
            continue  # the same without normalising: by far the most
        try:
            agreed = plain(known.kind, base)
        except Malformed:
            agreed = None
        if agreed == value.value or (value.value is None and not mapping.clear):
            continue
        if (mapping.policy or known.policy) is Policy.SET_IF_EMPTY and agreed is not None:
            continue
        decision = may_hold(landscape, facts, system, mapping.hub, value, now)
        if decision.allowed and not _updates(deployment, system, stream):
            decision = CREATE_ONLY
        if not decision.allowed:
            result.blocked.append(Blocked(mapping.hub, decision))
            continue
        intent.fields[mapping.vendor] = vendor_value(value.value)
        intent.names.append(mapping.hub)
    if intent.fields:
        result.intents[Lane.RECORD] = intent


def _updates(deployment: Deployment, system: System, stream: Stream) -> bool:
    """Whether the vendor can change records of that stream."""
    opened = deployment.systems.get(system.id)
    return opened is None or opened.type.stream(stream.name).updates


def _create(
    deployment: Deployment,
    subject: Subject,
    facts: Facts,
    system: System,
    stream: Stream,
    scope: str,
) -> Plan:
    result = Plan()
    if stream.create is CreatePolicy.NEVER:
        return result
    intent = Intent(Lane.RECORD)
    permitted = False
    for topic in stream.topics_of(scope):
        if not topic.direction.writes:
            continue
        stance, decision = _wanted(deployment, facts, system, topic)
        if stance is None:
            result.blocked.append(Blocked(f"topic {topic.topic}", decision))
            continue
        permitted = permitted or stance is Stance.YES
        _say(intent, facts, topic, stance)
    if stream.create is CreatePolicy.PERMITTED and not permitted:
        return result
    addressed = False
    now = deployment.now()
    for mapping in stream.fields:
        value = subject.profile.get(mapping.hub)
        if value is None or value.value is None or not mapping.direction.writes:
            continue
        decision = may_hold(deployment.landscape, facts, system, mapping.hub, value, now)
        if not decision.allowed:
            result.blocked.append(Blocked(mapping.hub, decision))
            continue
        addressed = addressed or mapping.hub == "email"
        intent.fields[mapping.vendor] = vendor_value(value.value)
        intent.names.append(mapping.hub)
    if addressed:  # without an address that may go there, there is no record to make
        result.intents[Lane.RECORD] = intent
    return result


def _stance(
    deployment: Deployment,
    facts: Facts,
    system: System,
    topic: TopicMap,
    shadow: Shadow,
    result: Plan,
) -> None:
    """Add the write that brings one topic of an existing record to what the permissions say."""
    stance, decision = _wanted(deployment, facts, system, topic)
    if stance is None:
        result.blocked.append(Blocked(f"topic {topic.topic}", decision))
        return
    theirs = shadow.consents.get(topic.topic, (Stance.UNSTATED.value, None, None))[0]
    written = shadow.echoes.get(topic.topic)
    if theirs in (stance.value, Stance.UNDELIVERABLE.value) or (
        written is not None and written[0] == stance.value
    ):
        return
    if stance is Stance.YES and theirs == Stance.PENDING.value:
        return  # asked; the person's own answer is awaited there
    lane = Lane.REFUSAL if stance is Stance.NO else Lane.CONSENT
    _say(result.intents.setdefault(lane, Intent(lane)), facts, topic, stance)


def _say(intent: Intent, facts: Facts, topic: TopicMap, stance: Stance) -> None:
    own = [effect.purpose for effect in topic.effects if effect.controller == facts.controller]
    permission = facts.permissions[own[0]]
    consented = stance is Stance.YES and permission.ground is Ground.CONSENT
    intent.consents.append(
        Consent(
            topic.topic,
            stance,
            at=permission.since if consented else None,
            act="recorded" if consented else None,
            evidence={"basis": permission.rule},
        )
    )
    intent.purposes.extend(own)


def _wanted(
    deployment: Deployment, facts: Facts, system: System, topic: TopicMap
) -> tuple[Stance | None, Decision]:
    """The stance that the topic should show; None where the hub may not say YES."""
    if any(
        effect.controller == facts.controller and _prohibited(facts, effect)
        for effect in topic.effects
    ):
        decision = may_refuse(facts)
        return (Stance.NO if decision.allowed else None), decision
    decision = may_subscribe(deployment.landscape, facts, system, topic.effects, deployment.now())
    return (Stance.YES if decision.allowed else None), decision


def _prohibited(facts: Facts, effect: Effect) -> bool:
    permission = facts.permissions.get(effect.purpose)
    return permission is not None and permission.rule == "prohibited"
