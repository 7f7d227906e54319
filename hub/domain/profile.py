"""A person's profile: values with provenance, and the three-way merge of one field (SYNC.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from hub.domain.landscape import Policy

Plain = str | tuple[str, ...]
"""A normalised value: text, or a sorted tuple for lists. Empty text and () are kept as None."""


class Value(NamedTuple):
    """One value and where it came from."""

    value: Plain | None  # None: explicitly cleared by the source, not merely unknown
    source: str  # the system that said it first
    at: datetime  # the source's time, never later than when the hub saw it
    origins: frozenset[str]  # controllers that hold it by a source of their own
    rectified: bool = False  # Art. 16: outranks every policy until the person changes it again

    def also_from(self, controllers: Sequence[str]) -> Value:
        """The same value, now also known from those controllers' own source."""
        if self.origins.issuperset(controllers):
            return self
        return self._replace(origins=self.origins.union(controllers))


Profile = dict[str, Value]
"""Hub field -> value. A field that is absent is not known."""


class Side(StrEnum):
    """How a field is settled between a system and the hub."""

    NOTHING = "nothing"
    THEIRS = "theirs"  # take the system's value into the profile and fan it out
    OURS = "ours"  # keep the hub's value and push it to the system
    EQUAL = "equal"  # both changed to the same: only the shadow moves
    UNION = "union"  # lists: take both
    HELD = "held"  # nobody can tell: review, write nothing


@dataclass(frozen=True, slots=True)
class Observation:
    """What a system says of one field now."""

    value: Plain | None
    source: str
    at: datetime
    controllers: tuple[str, ...]
    act_at: datetime | None = None  # of the person's own last act that the record shows


def settle(
    *,
    known: bool,
    base_theirs: Plain | None,
    base_ours: Plain | None,
    theirs: Observation,
    ours: Value | None,
    policy: Policy,
    order: Sequence[str],
    tolerance: timedelta,
) -> Side:
    """Decide one field by the three-way table of SYNC.md.

    `known` is whether there is a base at all: without one (a record met for the first time) both
    sides count as changed. `base_theirs` is what the system held when last agreed, `base_ours`
    what the hub had then; they differ where the vendor stores a value in its own notation.
    """
    mine = ours.value if ours else None
    they_changed = not known or theirs.value != base_theirs
    we_changed = not known or mine != base_ours
    if not they_changed:
        return Side.OURS if we_changed else Side.NOTHING
    if theirs.value == mine:
        return Side.EQUAL
    rectified = ours is not None and ours.rectified
    if not known and (theirs.value is None or (mine is None and not rectified)):
        # a first meeting: an empty side is filled, it never empties the other
        return Side.OURS if theirs.value is None else Side.THEIRS
    if not we_changed and not rectified:
        return Side.THEIRS
    return _conflict(theirs, ours, policy, order, tolerance)


def _conflict(
    theirs: Observation,
    ours: Value | None,
    policy: Policy,
    order: Sequence[str],
    tolerance: timedelta,
) -> Side:
    if ours is None:
        return Side.THEIRS
    if ours.rectified:
        return _against_rectified(theirs, ours, tolerance)
    if policy is Policy.APPEND:
        return Side.UNION
    if policy is Policy.SET_IF_EMPTY:
        return Side.NOTHING if theirs.value is not None else Side.OURS
    if policy is Policy.SOURCE_ORDER:
        ranks = {system: rank for rank, system in enumerate(order)}
        mine = ranks.get(ours.source, len(ranks))
        other = ranks.get(theirs.source, len(ranks))
        if mine != other:
            return Side.THEIRS if other < mine else Side.OURS
    gap = theirs.at - ours.at
    if abs(gap) > tolerance:
        return Side.THEIRS if gap > timedelta(0) else Side.OURS
    return Side.HELD


def _against_rectified(theirs: Observation, ours: Value, tolerance: timedelta) -> Side:
    """A corrected value (Art. 16) gives way only to the person: an act of theirs after it. Where
    somebody changed the record since that act, nobody can tell whose the value is."""
    if theirs.act_at is None or theirs.act_at <= ours.at:
        return Side.OURS
    return Side.HELD if theirs.at - theirs.act_at > tolerance else Side.THEIRS
