"""The rules of rights can fail: the coordinator, broken on purpose, is found out every time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from properties.ledger import search
from properties.oracle import Violation
from properties.rights_breaks import FOUND, Break, Story
from properties.rights_town import RightsTown

from hub.rights import slices

AT_ONCE = (
    "blocks_are_not_looked_up",
    "the_own_copy_goes_first",
    "a_disabled_system_counts_as_done",
    "what_is_lost_is_taken_as_done",
    "one_approval_is_always_enough",
    "restrictions_are_not_loaded",
    "who_cancelled_is_not_looked_for",
    "a_ground_keeps_nothing",
    "a_ground_keeps_for_ever",
    "nobody_thinks_it_over",
    "the_log_is_not_chained",
    "a_note_lies_in_the_clear",
)
"""Proven in every check: one for each rule. The others take their turn in `make long`."""
STORIES = list(dict.fromkeys(story for story, _ in FOUND.values()))


@pytest.fixture(autouse=True)
def one_after_another(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(slices, "SIDE_BY_SIDE", 1)
    yield


def told(story: Story, logged: list[str]) -> None:
    """The story, and the rest after it."""
    logged.clear()
    town = RightsTown()
    try:
        story(town)
        town.rest()
        town.grounds_end()
        town.searched()
        search(None, logged)
    finally:
        town.close()
        logged.clear()


@pytest.mark.long
@pytest.mark.parametrize("story", STORIES, ids=[one.__name__ for one in STORIES])
def test_the_story_holds(story: Story, logged: list[str]) -> None:
    told(story, logged)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(
            one,
            id=one.__name__,
            marks=[] if one.__name__ in AT_ONCE else [pytest.mark.long],
        )
        for one in FOUND
    ],
)
def test_the_break_is_found(
    broken: Break, monkeypatch: pytest.MonkeyPatch, logged: list[str]
) -> None:
    story, begins = FOUND[broken]
    broken(monkeypatch)
    with pytest.raises(Violation, match=f"^({begins})"):
        told(story, logged)
