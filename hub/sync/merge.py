"""Merging one record into its person: the three-way table, field by field."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from hub.domain.landscape import FieldMap, Landscape, Stream, System
from hub.domain.profile import Observation, Plain, Side, Value, settle
from hub.store.normalise import Malformed, plain, vendor_value
from hub.store.returns import last_act
from hub.store.subjects import Linked, Subject
from hub.sync.observe import Seen


@dataclass(slots=True)
class Merged:
    """What merging one record did."""

    conflicts: list[str] = field(default_factory=list)  # hub fields that wait for a review
    settled: list[str] = field(default_factory=list)  # hub fields that no longer do
    own: dict[str, datetime] = field(default_factory=dict)
    """Hub fields that the person changed by an act of their own -> when that was."""


def merge(
    landscape: Landscape,
    system: System,
    stream: Stream,
    subject: Subject,
    linked: Linked,
    seen: Seen,
    *,
    met: bool,
    keep: frozenset[str] = frozenset(),
    now: datetime,
) -> Merged:
    """Bring the record's values into the profile and the shadow up to the record.

    `met` says that the link was known before; `keep` names hub fields that must stay as they are.
    """
    result = Merged()
    shadow = linked.touch()
    at = seen.at or now
    origins = frozenset(system.controllers)
    tolerance = landscape.clock_tolerance
    acted = last_act(seen.record, now, tolerance) if subject.profile else None
    for mapping in stream.fields:
        if mapping.hub not in seen.values:
            continue
        theirs = seen.values[mapping.hub]
        known = landscape.fields[mapping.hub]
        agreed = met and mapping.vendor in shadow.fields
        ours = subject.profile.get(mapping.hub)
        if ours is None and not agreed and mapping.hub not in keep:
            if theirs is not None:  # nobody knew: by far the most in a first sync
                subject.profile[mapping.hub] = Value(theirs, system.id, at, origins)
                subject.changed = True
            continue
        observation = Observation(theirs, system.id, at, system.controllers, acted)
        base = _plain(landscape, mapping, shadow.fields.get(mapping.vendor))
        sent = (
            _plain(landscape, mapping, shadow.sent[mapping.vendor])
            if mapping.vendor in shadow.sent
            else base
        )
        side = settle(
            known=agreed,
            base_theirs=base,
            base_ours=sent,
            theirs=observation,
            ours=ours,
            policy=mapping.policy or known.policy,
            order=known.order,
            tolerance=tolerance,
        )
        if mapping.hub in keep and side in (Side.THEIRS, Side.UNION):
            side = Side.HELD
        if base != theirs:
            shadow.sent.pop(mapping.vendor, None)
        if side is Side.THEIRS and theirs is None and not mapping.clear:
            # an empty there empties nothing here, nor is it filled again against their will
            assert ours is not None
            shadow.sent[mapping.vendor] = vendor_value(ours.value)
        else:
            _apply(subject, mapping, observation, ours, side)
            if side is Side.THEIRS and acted is not None and at - acted <= tolerance:
                result.own[mapping.hub] = acted
        _confirm(subject, mapping, observation)
        if side is Side.HELD:
            result.conflicts.append(mapping.hub)
            shadow.held = (*(one for one in shadow.held if one != mapping.vendor), mapping.vendor)
        elif mapping.vendor in shadow.held and side is not Side.NOTHING:
            result.settled.append(mapping.hub)
            shadow.held = tuple(one for one in shadow.held if one != mapping.vendor)
    shadow.fields.update(seen.record.fields)
    return result


def _apply(
    subject: Subject, mapping: FieldMap, theirs: Observation, ours: Value | None, side: Side
) -> None:
    if side is Side.EQUAL and ours is not None:
        # both came to it on their own: what we wrote and read back never arrives here
        both = ours.also_from(theirs.controllers)
        if both is not ours:
            subject.profile[mapping.hub] = both
            subject.changed = True
    elif side is Side.THEIRS:
        subject.profile[mapping.hub] = _value(theirs, theirs.value)
        subject.changed = True
    elif side is Side.UNION:
        assert ours is not None
        mine = ours.value if isinstance(ours.value, tuple) else ()
        other = theirs.value if isinstance(theirs.value, tuple) else ()
        joined: Plain = tuple(sorted({*mine, *other}))
        if joined != mine:
            # it holds parts of each, so it may only go where both may go
            origins = ours.origins.intersection(theirs.controllers) or ours.origins
            subject.profile[mapping.hub] = Value(joined, theirs.source, theirs.at, origins)
            subject.changed = True


def _confirm(subject: Subject, mapping: FieldMap, theirs: Observation) -> None:
    """The person gave a corrected value once more: what they did until then changes it no more."""
    held = subject.profile.get(mapping.hub)
    acted = theirs.act_at
    if held and held.rectified and acted and acted > held.at and theirs.value == held.value:
        subject.profile[mapping.hub] = held._replace(at=acted)
        subject.changed = True


def _value(theirs: Observation, value: Plain | None) -> Value:
    return Value(value, theirs.source, theirs.at, frozenset(theirs.controllers))


def _plain(landscape: Landscape, mapping: FieldMap, raw: object) -> Plain | None:
    try:
        return plain(landscape.fields[mapping.hub].kind, raw)  # type: ignore[arg-type]  # from JSON
    except Malformed:
        return None
