"""Ids and reasons have no room for personal data; pauses grow, and are cut by chance."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.engine import Again, Backoff, Failed
from hub.engine.types import check_key, check_kind

CANARY = "aino.virtanen@testi.example"


@pytest.mark.parametrize(
    "make",
    [check_key, check_kind, Failed, lambda text: Again(1, text)],
    ids=["key", "kind", "failed", "again"],
)
def test_an_address_is_refused_and_not_repeated(make) -> None:
    with pytest.raises(ValueError) as caught:
        make(CANARY)
    assert "virtanen" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "Aino Virtanen", "a\n", "ä", "a" * 200])
def test_what_is_no_code_is_refused(text: str) -> None:
    for make in (check_key, check_kind, Failed):
        with pytest.raises(ValueError):
            make(text)


def test_ids_are_accepted() -> None:
    assert check_key("request-17/crowst-crm") == "request-17/crowst-crm"
    assert check_kind("sync") == "sync"


def test_a_wait_is_not_negative() -> None:
    for wait in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="negative"):
            Again(wait)


@given(st.integers(1, 10_000), st.randoms(use_true_random=False))
def test_pauses_double_up_to_the_cap(failures: int, chance: random.Random) -> None:
    pause = Backoff(first=2, cap=900, chance=chance).pause(failures)
    full = min(900, 2 ** min(failures, 20))
    assert full / 2 <= pause <= full


def test_the_other_sides_wish_is_kept() -> None:
    assert Backoff().pause(1, 3600) == 3600
    assert Backoff().pause(1, 0.1) >= 1
