"""The three-way table of SYNC.md, row by row, and what holds for every field whatever happens."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.domain.scene import NOW, TOLERANCE

from hub.domain.landscape import Policy
from hub.domain.profile import Observation, Plain, Side, Value, settle

LATER, EARLIER = NOW + timedelta(hours=1), NOW - timedelta(hours=1)


def decide(
    base: Plain | None,
    theirs: Plain | None,
    ours: Plain | None,
    *,
    base_ours: Plain | None = None,
    known: bool = True,
    at: datetime = NOW,
    ours_at: datetime = NOW,
    held: bool = True,
    rectified: bool = False,
    acted: datetime | None = None,
    policy: Policy = Policy.NEWEST,
    order: tuple[str, ...] = (),
) -> Side:
    mine = Value(ours, "crm", ours_at, frozenset({"crowst"}), rectified) if held else None
    return settle(
        known=known,
        base_theirs=base,
        base_ours=base if base_ours is None else base_ours,
        theirs=Observation(theirs, "mailer", at, ("crowst",), acted),
        ours=mine,
        policy=policy,
        order=order,
        tolerance=TOLERANCE,
    )


class TestTheTable:
    def test_same_same(self) -> None:
        assert decide("a", "a", "a") is Side.NOTHING

    def test_they_changed(self) -> None:
        assert decide("a", "b", "a") is Side.THEIRS

    def test_we_changed(self) -> None:
        assert decide("a", "a", "b") is Side.OURS

    def test_both_changed_to_the_same(self) -> None:
        assert decide("a", "b", "b") is Side.EQUAL

    @pytest.mark.parametrize("policy", list(Policy))
    def test_only_one_side_changed_needs_no_policy(self, policy: Policy) -> None:
        assert decide("a", "b", "a", policy=policy) is Side.THEIRS
        assert decide("a", "a", "b", policy=policy) is Side.OURS

    def test_they_emptied_it(self) -> None:
        assert decide("a", None, "a") is Side.THEIRS  # whether that clears, the mapping says

    def test_the_vendors_notation_is_no_change_of_ours(self) -> None:
        """The vendor keeps "+358401" as "0401": what we hold equals what we had then."""
        assert decide("0401", "0401", "+358401", base_ours="+358401") is Side.NOTHING


class TestBothChanged:
    def test_newest_beyond_the_tolerance(self) -> None:
        assert decide("a", "b", "c", at=LATER) is Side.THEIRS
        assert decide("a", "b", "c", at=EARLIER) is Side.OURS

    def test_within_the_tolerance_nobody_can_tell(self) -> None:
        for gap in (timedelta(0), TOLERANCE, -TOLERANCE):
            assert decide("a", "b", "c", at=NOW + gap) is Side.HELD

    def test_source_order(self) -> None:
        trusted: dict[str, Any] = {"policy": Policy.SOURCE_ORDER, "at": EARLIER}
        assert decide("a", "b", "c", order=("mailer", "crm"), **trusted) is Side.THEIRS
        assert decide("a", "b", "c", order=("crm", "mailer"), **trusted) is Side.OURS

    def test_a_source_that_is_not_listed_comes_last(self) -> None:
        policy = Policy.SOURCE_ORDER
        assert decide("a", "b", "c", policy=policy, order=("mailer",)) is Side.THEIRS
        assert decide("a", "b", "c", policy=policy, order=("crm",)) is Side.OURS

    def test_sources_of_one_rank_go_by_time(self) -> None:
        assert decide("a", "b", "c", policy=Policy.SOURCE_ORDER, at=LATER) is Side.THEIRS
        assert decide("a", "b", "c", policy=Policy.SOURCE_ORDER) is Side.HELD

    def test_set_if_empty_leaves_what_is_there_on_either_side(self) -> None:
        assert decide("a", "b", "c", policy=Policy.SET_IF_EMPTY, at=LATER) is Side.NOTHING

    def test_set_if_empty_fills(self) -> None:
        assert decide("a", None, "c", policy=Policy.SET_IF_EMPTY) is Side.OURS

    def test_append_takes_both(self) -> None:
        assert decide(("a",), ("a", "b"), ("a", "c"), policy=Policy.APPEND) is Side.UNION


class TestFirstMeeting:
    """A record met for the first time: there is no base, so both sides count as changed."""

    def test_equal(self) -> None:
        assert decide(None, "a", "a", known=False) is Side.EQUAL

    def test_an_empty_side_is_filled_and_empties_nobody(self) -> None:
        for policy in Policy:
            assert decide(None, None, "a", known=False, at=LATER, policy=policy) is Side.OURS
            assert decide(None, "a", None, known=False, at=EARLIER, policy=policy) is Side.THEIRS

    def test_unknown_here(self) -> None:
        assert decide(None, "a", None, known=False, held=False) is Side.THEIRS

    def test_unknown_on_both_sides(self) -> None:
        assert decide(None, None, None, known=False, held=False) is Side.EQUAL

    def test_different(self) -> None:
        assert decide(None, "b", "c", known=False) is Side.HELD
        assert decide(None, "b", "c", known=False, at=LATER) is Side.THEIRS


class TestRectified:
    """Art. 16: the value outranks every policy and every later edit of a tool."""

    @pytest.mark.parametrize("policy", list(Policy))
    def test_it_stands(self, policy: Policy) -> None:
        for base in ("a", "c"):
            side = decide(
                base, "b", "c", rectified=True, at=LATER, policy=policy, order=("mailer",)
            )
            assert side is Side.OURS

    def test_it_gives_way_to_an_act_of_the_person_after_it(self) -> None:
        for base in ("a", "c"):
            for act, side in ((LATER, Side.THEIRS), (NOW, Side.OURS), (EARLIER, Side.OURS)):
                assert decide(base, "b", "c", rectified=True, at=LATER, acted=act) is side
        assert decide(None, "b", "c", known=False, rectified=True, at=LATER, acted=LATER) is (
            Side.THEIRS
        )

    def test_where_the_record_was_edited_since_that_act_nobody_can_tell(self) -> None:
        edited = LATER + timedelta(hours=1)
        assert decide("a", "b", "c", rectified=True, at=edited, acted=LATER) is Side.HELD

    def test_an_emptied_one_is_not_filled_again_by_a_tool(self) -> None:
        assert decide(None, "b", None, known=False, rectified=True) is Side.OURS
        assert decide(None, "b", None, known=False) is Side.THEIRS

    def test_agreeing_with_it_is_no_conflict(self) -> None:
        assert decide("a", "c", "c", rectified=True) is Side.EQUAL


PLAIN = st.sampled_from((None, "a", "b", "c"))


@given(
    base=PLAIN,
    theirs=PLAIN,
    ours=PLAIN,
    policy=st.sampled_from([p for p in Policy if p is not Policy.APPEND]),
    at=st.sampled_from((EARLIER, NOW, LATER)),
    known=st.booleans(),
)
def test_a_decision_is_stable(
    base: Plain | None,
    theirs: Plain | None,
    ours: Plain | None,
    policy: Policy,
    at: datetime,
    known: bool,
) -> None:
    """Once carried out, the same observation asks for nothing more: no echo, no storm."""
    side = decide(base, theirs, ours, policy=policy, at=at, known=known)
    if side in (Side.THEIRS, Side.EQUAL):
        assert decide(theirs, theirs, theirs, policy=policy, at=at) is Side.NOTHING
    elif side is Side.OURS:  # pushed, and read back
        assert decide(ours, ours, ours, policy=policy, at=at) is Side.NOTHING


@given(base=PLAIN, theirs=PLAIN, ours=PLAIN, at=st.sampled_from((EARLIER, NOW, LATER)))
def test_what_did_not_change_is_never_taken(
    base: Plain | None, theirs: Plain | None, ours: Plain | None, at: datetime
) -> None:
    side = decide(base, theirs, ours, at=at)
    if theirs == base:
        assert side in (Side.NOTHING, Side.OURS)
    if ours == base and theirs != base:
        assert side in (Side.THEIRS, Side.EQUAL)


def test_origins_only_grow_by_a_source_of_their_own() -> None:
    value = Value("a", "crm", NOW, frozenset({"crowst"}))
    assert value.also_from(("crowst",)) is value
    assert value.also_from(("bangeri",)).origins == {"crowst", "bangeri"}
