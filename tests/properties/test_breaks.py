"""These tests can fail: the hub, broken on purpose in each known way, is found out every time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from properties.breaks import BY_HISTORIES, BY_KILLS, Break
from properties.ledger import search
from properties.oracle import Violation
from properties.test_histories import QUICK, SEED, History, part_of
from properties.test_kills import first_meeting, second_day, told
from properties.town import Town

AT_ONCE = (
    "the_gate_lets_everything_cross",
    "an_ended_project_is_live",
    "a_project_is_live_before_it_begins",
    "a_joint_system_is_read_after_its_end",
    "profiling_needs_no_permission",
)
"""Found within seconds, so they are proven in every check. The others take minutes, or some luck,
and are proven by hand: `make proofs`."""


def _each(breaks: dict[Break, str]) -> list[object]:
    return [
        pytest.param(
            one,
            found,
            id=one.__name__,
            marks=pytest.mark.long if one.__name__ in AT_ONCE else pytest.mark.proof,
        )
        for one, found in breaks.items()
    ]


UNSHRUNK = settings(QUICK, max_examples=400, stateful_step_count=10, phases=[Phase.generate])


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("broken", "found"), _each(BY_HISTORIES))
def test_histories_find(
    broken: Break, found: str, monkeypatch: pytest.MonkeyPatch, logged: list[str]
) -> None:
    logged.clear()
    broken(monkeypatch)
    with pytest.raises(Violation, match=f"^({found})"):
        run_state_machine_as_test(seed(SEED)(part_of(History)), settings=UNSHRUNK)
        search(None, logged)
    logged.clear()


@pytest.mark.proof
@pytest.mark.timeout(900)
@pytest.mark.parametrize("broken", BY_KILLS, ids=[one.__name__ for one in BY_KILLS])
def test_kills_find(broken: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    stories = (first_meeting, second_day)
    undisturbed = {story: told(story, None) for story in stories}
    broken(monkeypatch)

    def differs(story: Callable[[Town], None], step: int) -> bool:
        try:
            return told(story, step)[0] != undisturbed[story][0]
        except AssertionError:
            return True

    assert any(
        differs(story, step)
        for story in stories
        for step in range(1, undisturbed[story][1].steps + 5)
    )
