"""Joining two persons that a vendor or a handler says are one."""

from __future__ import annotations

from hub.domain.landscape import Landscape
from hub.domain.profile import Value
from hub.store import activities, deliveries, ledger, people
from hub.store.subjects import Subject
from hub.vault import aad
from hub.vault.database import Connection


def join(connection: Connection, landscape: Landscape, winner: Subject, loser: Subject) -> None:
    """Make `loser` part of `winner`: one human, one controller, two persons until now.

    Every refusal of either stands. The loser's key stays until the winner is erased: sealed
    evidence in the ledger, and activities, are still under it.
    """

    def under_winner(delivery_id: int, payload: bytes) -> bytes:
        bound = aad("delivery", delivery_id, "payload")
        return winner.key.seal(loser.key.open(payload, bound), bound)

    for name, value in loser.profile.items():
        winner.profile[name] = _both(winner.profile.get(name), value)
    no_absence(landscape, winner)
    ledger.move(connection, loser.id, winner.id)
    winner.events.extend(loser.events)
    activities.move(connection, loser.id, winner.id)
    people.move(connection, loser.id, winner.id)
    winner.identifiers.update(loser.identifiers)
    for project, how in loser.memberships.items():
        winner.memberships.setdefault(project, set()).update(how)
    deliveries.reseal(connection, loser.id, under_winner)
    deliveries.move(connection, loser.id, winner.id)
    for linked in loser.links:
        linked.person_id = winner.id
        linked.dirty = True  # sealed again under the winner's key
        winner.links.append(linked)
    loser.links = []
    winner.restricted = winner.restricted or loser.restricted
    owed = [one for one in (winner.notice_due, loser.notice_due) if one is not None]
    winner.notice_due = min(owed, default=None)  # what came from elsewhere came with the loser
    winner.changed = True
    loser.changed = False


def _both(kept: Value | None, other: Value) -> Value:
    """What a field of the one person holds: the winner's value; of two lists everything, for what
    an activity added to one of them is added only once."""
    if kept is None or (other.rectified and not kept.rectified):
        return other
    if other.rectified and other.at > kept.at:
        return other
    if not isinstance(kept.value, tuple) or not isinstance(other.value, tuple) or kept.rectified:
        return kept
    origins = kept.origins & other.origins
    joined = tuple(sorted({*kept.value, *other.value}))
    if not origins or joined == kept.value:
        return kept  # what has no origin in common may not go the same ways
    return kept._replace(value=joined, at=max(kept.at, other.at), origins=origins)


def no_absence(landscape: Landscape, subject: Subject) -> None:
    """Nobody both attended and was absent: an attendance outdoes an absence that another record,
    or a tool that was not told yet, brings into the profile."""
    for one in landscape.attendances:
        if one.attended in _items(subject, one.field):
            _drop(subject, one.absent_field, one.absent)


def _items(subject: Subject, field: str) -> tuple[str, ...]:
    value = subject.profile.get(field)
    return value.value if value is not None and isinstance(value.value, tuple) else ()


def _drop(subject: Subject, field: str, item: str) -> None:
    held = _items(subject, field)
    if item in held and not subject.profile[field].rectified:
        left = tuple(one for one in held if one != item)
        subject.profile[field] = subject.profile[field]._replace(value=left or None)
        subject.changed = True
