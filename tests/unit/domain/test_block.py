"""Who may come back after an erasure: only by an act of their own, later than it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.domain.block import OwnAct, own_act_after

ERASED = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
LATER = ERASED + timedelta(days=30)


@pytest.mark.parametrize("act", [one.value for one in OwnAct])
def test_an_own_act_later_goes_to_review(act: str) -> None:
    assert own_act_after(ERASED, act, LATER)
    assert own_act_after(ERASED, act, LATER, seen_at=LATER + timedelta(hours=1))


@pytest.mark.parametrize("act", [one.value for one in OwnAct])
@pytest.mark.parametrize("back", [timedelta(0), timedelta(seconds=1), timedelta(days=900)])
def test_what_a_lagging_system_still_tells_of_does_not(act: str, back: timedelta) -> None:
    assert not own_act_after(ERASED, act, ERASED - back)


@pytest.mark.parametrize(
    "act", [None, "", "import", "edit", "recorded", "compliance-state", "Form"]
)
def test_an_import_or_an_edit_does_not(act: str | None) -> None:
    assert not own_act_after(ERASED, act, LATER)


def test_without_a_time_it_does_not() -> None:
    assert not own_act_after(ERASED, "form", None)


def test_a_time_that_cannot_be_true_does_not() -> None:
    tolerance = timedelta(minutes=5)
    ahead = LATER + timedelta(minutes=6)
    assert not own_act_after(ERASED, "form", ahead, seen_at=LATER, tolerance=tolerance)
    within = LATER + timedelta(minutes=5)
    assert own_act_after(ERASED, "form", within, seen_at=LATER, tolerance=tolerance)


def test_the_zone_in_which_a_time_is_told_does_not_matter() -> None:
    """13:30 in Helsinki's summer is 10:30 UTC, before the erasure at noon UTC."""
    assert not own_act_after(ERASED, "form", datetime.fromisoformat("2026-09-01T13:30+03:00"))
    assert own_act_after(ERASED, "form", datetime.fromisoformat("2026-09-01T15:00:01+03:00"))
