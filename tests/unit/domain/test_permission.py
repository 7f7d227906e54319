"""The fold of DESIGN 3.4, rule by rule, and that the order of arrival never matters."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.domain.scene import EVENTS, NEWSLETTER, NOW, TOLERANCE

from hub.domain.landscape import Ground
from hub.domain.permission import (
    NO_GROUND,
    EventKind,
    Permission,
    PermissionEvent,
    fold,
    objects,
)


def day(number: float) -> datetime:
    return NOW + timedelta(days=number)


def consent(at: float, *, seen: float | None = None, act: str | None = "form") -> PermissionEvent:
    return PermissionEvent(
        "newsletter", EventKind.CONSENT, day(at if seen is None else seen), day(at), act=act
    )


def no(
    at: float | None, *, seen: float | None = None, kind: EventKind = EventKind.WITHDRAWAL
) -> PermissionEvent:
    seen_at = day(seen if seen is not None else at or 0)
    return PermissionEvent("newsletter", kind, seen_at, None if at is None else day(at))


def ground(which: Ground, seen: float, *, ends: bool = False) -> PermissionEvent:
    kind = EventKind.GROUND_ENDED if ends else EventKind.GROUND
    return PermissionEvent("newsletter", kind, day(seen), ground=which)


def stands(*events: PermissionEvent, **more: object) -> Permission:
    return fold(NEWSLETTER, events, tolerance=TOLERANCE, **more)  # type: ignore[arg-type]  # shorthand


class TestAProhibitionBeatsEveryGround:
    """Rule 1."""

    @pytest.mark.parametrize("kind", [EventKind.WITHDRAWAL, EventKind.OBJECTION])
    def test_consent(self, kind: EventKind) -> None:
        assert stands(consent(1), no(2, kind=kind)).rule == "prohibited"

    def test_customer(self) -> None:
        answer = stands(ground(Ground.CUSTOMER, 5), no(1))
        assert (answer.rule, answer.prohibited_at) == ("prohibited", day(1))

    def test_company_mailbox(self) -> None:
        assert stands(no(1), mailbox=True).rule == "prohibited"

    def test_a_whole_companys_no(self) -> None:
        assert stands(consent(1), domain_prohibited_at=day(2)).rule == "prohibited"
        assert stands(mailbox=True, domain_prohibited_at=day(2)).rule == "prohibited"

    def test_one_without_a_time_counts_from_when_it_was_seen(self) -> None:
        assert stands(consent(3), no(None, seen=4)).prohibited_at == day(4)
        assert stands(consent(5), no(None, seen=4)).allowed

    def test_a_clock_that_runs_ahead_cannot_push_it_into_the_future(self) -> None:
        """Else a tool with a wrong clock would forbid for years what the person allows today."""
        assert stands(no(400, seen=1), consent(2)).allowed

    def test_at_the_same_moment_the_no_wins(self) -> None:
        assert not stands(consent(1), no(1)).allowed

    def test_an_old_one_that_comes_late_does_not_undo_a_newer_consent(self) -> None:
        assert stands(consent(5), no(1, seen=9)).allowed


class TestAConsentCountsOnlyAsALaterAct:
    """Rule 2."""

    def test_without_an_act_never(self) -> None:
        assert stands(consent(1, act=None)) == NO_GROUND

    def test_without_a_time_never(self) -> None:
        assert stands(replace(consent(1), at=None)) == NO_GROUND

    def test_of_the_future_never(self) -> None:
        assert stands(consent(3, seen=1)) == NO_GROUND

    def test_a_little_ahead_is_a_clock(self) -> None:
        ahead = replace(consent(1), at=day(1) + TOLERANCE)
        assert stands(ahead).since == day(1)

    def test_after_a_prohibition(self) -> None:
        answer = stands(no(1), consent(2))
        assert answer == Permission(True, "consent", Ground.CONSENT, day(2), day(1))

    def test_a_stale_subscribed_reopens_nothing(self) -> None:
        assert not stands(consent(1), no(2), consent(1, seen=9), consent(3, act=None)).allowed

    def test_where_the_purpose_does_not_take_consent(self) -> None:
        purpose = replace(NEWSLETTER, grounds=frozenset({Ground.CUSTOMER}))
        assert fold(purpose, [consent(1)], tolerance=TOLERANCE) == NO_GROUND


class TestOtherGrounds:
    def test_nobody_knows_is_no_ground(self) -> None:
        assert stands() == NO_GROUND

    def test_customer(self) -> None:
        answer = stands(ground(Ground.CUSTOMER, 1))
        assert answer == Permission(True, "customer", Ground.CUSTOMER, day(1))

    def test_only_grounds_that_the_purpose_allows(self) -> None:
        assert stands(ground(Ground.WORK_ROLE, 1)) == NO_GROUND
        work = replace(ground(Ground.WORK_ROLE, 1), purpose="events")
        assert fold(EVENTS, [work], tolerance=TOLERANCE).rule == "work-role"

    def test_a_ground_that_ended_is_none(self) -> None:
        assert (
            stands(ground(Ground.CUSTOMER, 1), ground(Ground.CUSTOMER, 2, ends=True)) == NO_GROUND
        )

    def test_ended_and_seen_at_the_same_moment_the_doubt_is_the_persons(self) -> None:
        both = [ground(Ground.CUSTOMER, 1), ground(Ground.CUSTOMER, 1, ends=True)]
        assert stands(*both) == stands(*reversed(both)) == NO_GROUND

    def test_a_ground_that_came_back(self) -> None:
        events = [
            ground(Ground.CUSTOMER, 1),
            ground(Ground.CUSTOMER, 2, ends=True),
            ground(Ground.CUSTOMER, 3),
        ]
        assert stands(*events).since == day(3)

    def test_mailbox(self) -> None:
        assert stands(mailbox=True).rule == "company-mailbox"

    def test_other_purposes_say_nothing(self) -> None:
        assert stands(replace(consent(1), purpose="events")) == NO_GROUND
        assert stands(consent(1), replace(no(2), purpose="events")).allowed


TIMES = st.integers(0, 6)
EVENTS_ = st.one_of(
    st.builds(
        PermissionEvent,
        purpose=st.sampled_from(("newsletter", "events")),
        kind=st.sampled_from((EventKind.WITHDRAWAL, EventKind.OBJECTION, EventKind.CONSENT)),
        seen_at=st.builds(day, TIMES),
        at=st.none() | st.builds(day, TIMES),
        act=st.sampled_from((None, "form")),
    ),
    st.builds(
        PermissionEvent,
        purpose=st.just("newsletter"),
        kind=st.sampled_from((EventKind.GROUND, EventKind.GROUND_ENDED)),
        seen_at=st.builds(day, TIMES),
        ground=st.sampled_from((Ground.CUSTOMER, Ground.WORK_ROLE)),
    ),
)


@given(events=st.lists(EVENTS_, max_size=8), data=st.data(), mailbox=st.booleans())
def test_the_order_of_arrival_does_not_matter(
    events: list[PermissionEvent], data: st.DataObject, mailbox: bool
) -> None:
    shuffled = data.draw(st.permutations(events))
    assert stands(*events, mailbox=mailbox) == stands(*shuffled, mailbox=mailbox)


@given(events=st.lists(EVENTS_, max_size=8))
def test_hearing_something_twice_changes_nothing(events: list[PermissionEvent]) -> None:
    assert stands(*events) == stands(*events, *events)


@given(events=st.lists(EVENTS_, max_size=8), mailbox=st.booleans())
def test_a_fresh_prohibition_always_wins(events: list[PermissionEvent], mailbox: bool) -> None:
    answer = stands(*events, no(9), mailbox=mailbox, domain_prohibited_at=None)
    assert (answer.allowed, answer.rule, answer.prohibited_at) == (False, "prohibited", day(9))


@given(events=st.lists(EVENTS_, max_size=8))
def test_nothing_without_an_act_ever_reopens(events: list[PermissionEvent]) -> None:
    passive = [replace(one, act=None) for one in events]
    assert not stands(no(0), *passive).allowed


class TestWhoObjectsToEverything:
    """Art. 21(2): each purpose has an objection that no later consent answers."""

    OTHER = replace(NEWSLETTER, id="events")
    NO = no(1, kind=EventKind.OBJECTION)

    def objects(self, *events: PermissionEvent) -> bool:
        return objects([NEWSLETTER, self.OTHER], events, tolerance=TOLERANCE)

    def test_to_each(self) -> None:
        assert self.objects(self.NO, replace(self.NO, purpose="events"))

    def test_to_one_of_two_is_not_to_all(self) -> None:
        assert not self.objects(self.NO)

    def test_a_withdrawal_takes_one_consent_back(self) -> None:
        assert not self.objects(no(1), replace(no(1), purpose="events"))

    def test_a_later_consent_takes_it_back(self) -> None:
        both = (self.NO, replace(self.NO, purpose="events"))
        assert self.objects(*both, consent(0.5))
        assert not self.objects(*both, consent(2))
        assert self.objects(*both, consent(2, act=None))
        assert self.objects(*both, consent(2), no(3, kind=EventKind.OBJECTION))

    def test_where_nothing_is_marketed_there_is_nothing_to_object_to(self) -> None:
        assert not objects([], [self.NO], tolerance=TOLERANCE)
