"""What a record's consents mean for the permission ledger (DESIGN 3.4).

An echo is told by value: a stance equal to the shadow's, or to what the hub itself wrote there, is
no new act. A refusal with a time of its own that our write does not explain always counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hub.api import Consent, Stance
from hub.domain.landscape import Effect, Landscape, Stream, System, TopicMap
from hub.domain.permission import EventKind, PermissionEvent
from hub.store.documents import Shadow, Stated
from hub.store.subjects import Subject
from hub.sync.observe import Seen


@dataclass(slots=True)
class Heard:
    """What the consents of one record said."""

    events: list[tuple[PermissionEvent, Consent]] = field(default_factory=list)
    # prohibitions that also bind another controller: (controller, event)
    joint: list[tuple[str, PermissionEvent]] = field(default_factory=list)
    bounced: bool = False
    reachable: bool = False  # the address was told as bouncing here, and no longer is


def listen(
    landscape: Landscape,
    system: System,
    stream: Stream,
    controller: str,
    shadow: Shadow,
    seen: Seen,
    now: datetime,
) -> Heard:
    """Compare the record's consents with the shadow and answer what is new. Changes the shadow."""
    heard = Heard()
    topics = stream.topics_read.get(seen.record.ref.scope, {})
    for consent in seen.record.consents:
        current = seen.consents[consent.topic]
        if current[0] != consent.stance.value:
            continue  # told twice of one topic: the refusal counts, and not this
        before = shadow.consents.get(consent.topic)
        if current == before:
            continue
        echo = shadow.echoes.get(consent.topic)
        shadow.consents[consent.topic] = current
        if consent.stance is Stance.UNDELIVERABLE:
            heard.bounced = True
            continue
        if before is not None and before[0] == Stance.UNDELIVERABLE.value:
            heard.reachable = True
        if _explained(current, before, echo, landscape.clock_tolerance):
            continue
        shadow.echoes.pop(consent.topic, None)
        for topic in topics.get(consent.topic, ()):
            for effect in topic.effects:
                _take(heard, system, controller, topic, effect, consent, now)
    return heard


def refusals(stream: Stream, system: System, seen: Seen, controller: str, now: datetime) -> Heard:
    """The prohibitions a record states, for a record whose person is not certain: they count for
    everybody it may be."""
    heard = Heard()
    for consent in seen.record.consents:
        for topic in stream.topics_of(seen.record.ref.scope):
            if topic.topic == consent.topic and topic.direction.reads:
                for effect in topic.effects:
                    if consent.stance is Stance.NO:
                        _take(heard, system, controller, topic, effect, consent, now)
    return heard


def repeats(subject: Subject, event: PermissionEvent) -> bool:
    """Whether the ledger holds that refusal already: an unclear record is read again and again."""
    return any(
        one.kind is event.kind
        and one.purpose == event.purpose
        and one.system == event.system
        and one.at == event.at
        for one in subject.events
    )


def grounds(
    stream: Stream, system: System, subject: Subject, seen: Seen, now: datetime
) -> list[PermissionEvent]:
    """Grounds other than consent that begin or end by what the record's fields show."""
    found: list[PermissionEvent] = []
    for rule in stream.grounds:
        if rule.field not in seen.values or not seen.live:
            continue
        value = seen.values[rule.field]
        held = set(value) if isinstance(value, tuple) else {value}
        shown = bool(held & rule.values) if rule.values else value is not None
        last = next(
            (
                event.kind
                for event in reversed(subject.events)
                if event.purpose == rule.purpose
                and event.ground is rule.ground
                and event.system == system.id
                and event.kind in (EventKind.GROUND, EventKind.GROUND_ENDED)
            ),
            EventKind.GROUND_ENDED,
        )
        kind = EventKind.GROUND if shown else EventKind.GROUND_ENDED
        if kind is not last:
            found.append(
                PermissionEvent(
                    purpose=rule.purpose,
                    kind=kind,
                    seen_at=now,
                    at=seen.at,
                    ground=rule.ground,
                    system=system.id,
                )
            )
    return found


def _explained(
    current: Stated,
    before: Stated | None,
    echo: tuple[str, str] | None,
    tolerance: timedelta,
) -> bool:
    """Whether what is read is our own write coming back."""
    if echo is None:
        return False
    stance, at, act = current
    written, written_at = echo
    if before is not None and stance == before[0] == Stance.UNSTATED.value:
        return True  # the vendor keeps our NO as an unticked box, and only its time moved
    if stance != written or act is not None:
        return False  # we never write an act of the person: this is one
    if stance == Stance.NO.value:
        # a refusal later than our own write is the person's, whatever we wrote
        return at is None or datetime.fromisoformat(at) <= (
            datetime.fromisoformat(written_at) + tolerance
        )
    return True


def _take(
    heard: Heard,
    system: System,
    controller: str,
    topic: TopicMap,
    effect: Effect,
    consent: Consent,
    now: datetime,
) -> None:
    if consent.stance is Stance.NO and topic.no_counts:
        event = PermissionEvent(
            purpose=effect.purpose,
            kind=EventKind.WITHDRAWAL,
            seen_at=now,
            at=consent.at,
            act=consent.act,
            system=system.id,
        )
    elif consent.stance is Stance.YES and topic.yes_counts and consent.act and consent.at:
        event = PermissionEvent(
            purpose=effect.purpose,
            kind=EventKind.CONSENT,
            seen_at=now,
            at=consent.at,
            act=consent.act,
            system=system.id,
        )
    else:
        return
    if effect.controller == controller:
        heard.events.append((event, consent))
    elif event.kind.prohibits and effect.controller not in system.controllers:
        heard.joint.append((effect.controller, event))
