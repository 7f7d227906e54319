"""The rules of rights can fail: the coordinator, broken on purpose, is found out every time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from properties.ledger import search
from properties.oracle import Violation
from properties.rights_breaks import FOUND, Break, Story
from properties.rights_town import RightsTown

from hub.rights import slices

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
        town.searched()
        search(None, logged)
    finally:
        town.close()
        logged.clear()


@pytest.mark.parametrize("story", STORIES, ids=[one.__name__ for one in STORIES])
def test_the_story_holds(story: Story, logged: list[str]) -> None:
    told(story, logged)


@pytest.mark.parametrize("broken", FOUND, ids=[one.__name__ for one in FOUND])
def test_the_break_is_found(
    broken: Break, monkeypatch: pytest.MonkeyPatch, logged: list[str]
) -> None:
    story, begins = FOUND[broken]
    broken(monkeypatch)
    with pytest.raises(Violation, match=f"^({begins})"):
        told(story, logged)
