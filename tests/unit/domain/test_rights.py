"""Rights, the states of requests and tasks, and that there is a way to every end."""

from __future__ import annotations

from itertools import pairwise, product

import pytest

from hub.domain.rights import (
    MOVES,
    DataCategory,
    RequestState,
    Right,
    TaskState,
    acts_at_once,
    is_terminal,
    is_watched,
    may_move,
    may_withdraw,
    needs_identity,
)

OPEN = {
    "received",
    "identity_pending",
    "assessing",
    "planned",
    "cooling_off",
    "executing",
    "attention",
    "awaiting_external",
    "verifying",
    "notifying",
}


def test_the_eight_rights_and_their_articles() -> None:
    assert {right.value: right.article for right in Right} == {
        "information": "13-14",
        "access": "15",
        "rectification": "16",
        "erasure": "17",
        "restriction": "18",
        "portability": "20",
        "objection": "21",
        "no_automated_decisions": "22",
    }


def test_what_needs_no_identity_what_acts_at_once_what_is_watched() -> None:
    assert {right for right in Right if not needs_identity(right)} == {Right.OBJECTION}
    assert {right for right in Right if acts_at_once(right)} == {Right.OBJECTION, Right.RESTRICTION}
    assert {right for right in Right if is_watched(right)} == {Right.ERASURE}


def test_the_categories() -> None:
    assert [one.value for one in DataCategory] == [
        "identity",
        "contact",
        "permissions",
        "activities",
        "communications",
        "profile",
        "billing",
    ]


class TestRequest:
    def test_which_states_are_open(self) -> None:
        assert {state.value for state in RequestState if state.is_open} == OPEN
        assert [state for state in RequestState if state.is_terminal] == [RequestState.ARCHIVED]
        assert set(MOVES) == set(RequestState)

    @pytest.mark.parametrize(
        "way",
        [
            "received identity_pending assessing planned cooling_off executing awaiting_external "
            "verifying notifying closed watching archived",
            "received assessing planned executing attention executing verifying notifying "
            "closed_with_exceptions archived",
            "received planned executing notifying closed archived",
            "received identity_pending notifying refused archived",
            "received assessing planned withdrawn archived",
            "received planned executing planned executing verifying attention verifying notifying "
            "closed archived",
        ],
    )
    def test_ways(self, way: str) -> None:
        states = [RequestState(one) for one in way.split()]
        for now, then in pairwise(states):
            assert may_move(now, then), (now, then)

    def test_what_has_ended_never_opens_again(self) -> None:
        for now, then in product(RequestState, RequestState):
            if not now.is_open:
                assert not (may_move(now, then) and then.is_open), (now, then)

    def test_nothing_closes_but_through_the_notice(self) -> None:
        closed = {RequestState.CLOSED, RequestState.CLOSED_WITH_EXCEPTIONS}
        into = {now for now, then in product(RequestState, closed) if may_move(now, then)}
        assert into == {RequestState.NOTIFYING}

    def test_nothing_is_carried_out_but_a_frozen_plan(self) -> None:
        into = {now.value for now in RequestState if may_move(now, RequestState.EXECUTING)}
        assert into == {"planned", "cooling_off", "attention", "awaiting_external", "verifying"}

    def test_a_failing_notice_never_sends_finished_tasks_back_to_work(self) -> None:
        then = {one.value for one in MOVES[RequestState.NOTIFYING]}
        assert then == {"closed", "closed_with_exceptions", "refused", "attention", "planned"}

    def test_a_refusal_ends_with_its_notice_too(self) -> None:
        refused = {now.value for now in RequestState if may_move(now, RequestState.REFUSED)}
        assert refused == {"notifying"}

    def test_every_state_is_reached_and_ends(self) -> None:
        def reached(start: RequestState) -> set[RequestState]:
            seen, todo = {start}, [start]
            while todo:
                new = MOVES[todo.pop()] - seen
                seen |= new
                todo += new
            return seen

        assert reached(RequestState.RECEIVED) == set(RequestState)
        for state in RequestState:
            assert RequestState.ARCHIVED in reached(state)

    def test_no_state_moves_to_itself(self) -> None:
        assert not [state for state in RequestState if may_move(state, state)]

    @pytest.mark.parametrize("right", Right)
    def test_taking_a_request_back(self, right: Right) -> None:
        """Always before its work began, afterwards only where nothing was changed."""
        before = {"received", "identity_pending", "assessing", "planned", "cooling_off"}
        at_work = {"executing", "attention", "awaiting_external", "verifying"}
        reads_only = right.value in {"information", "access", "portability"}
        expected = before | at_work if reads_only else before
        assert {state.value for state in RequestState if may_withdraw(right, state)} == expected


@pytest.mark.parametrize("state", TaskState)
def test_terminal_tasks(state: TaskState) -> None:
    assert is_terminal(state) == (state.value in {"verified", "not_held"})
    assert is_terminal(state, by_person=True) == (
        state.value in {"verified", "not_held", "confirmed"}
    )
    assert is_terminal(state, ground="accounting") == (
        state.value in {"verified", "not_held", "exempt"}
    )
