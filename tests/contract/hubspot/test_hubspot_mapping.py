"""HubSpot's texts and the hub's values."""

from __future__ import annotations

import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.api import FieldValue
from plugins.hubspot.mapping import BadRowError, Mapper, decoded, encoded


@given(st.lists(st.text(), min_size=1))
def test_any_list_in_a_text_property_comes_back(items: list[str]) -> None:
    assert decoded(encoded(items, options=False), options=False) == tuple(items)


@given(st.lists(st.text(st.characters(exclude_characters=";"), min_size=1), min_size=1))
def test_any_list_of_options_comes_back(items: list[str]) -> None:
    assert decoded(encoded(items, options=True), options=True) == tuple(items)


@given(st.text(min_size=1).filter(lambda text: not text.startswith(";")))
def test_plain_text_stays_text(text: str) -> None:
    assert decoded(encoded(text, options=False), options=False) == text


@pytest.mark.parametrize("text", [";", "; muuten", ";a", "a;b", ";a\\;"])
def test_text_that_only_looks_like_a_list(text: str) -> None:
    assert decoded(text, options=False) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), ("", ""), (True, "true"), (False, "false"), (17, "17"), (1.5, "1.5"), ((), "")],
)
def test_other_values(value: FieldValue, text: str) -> None:
    assert encoded(value, options=False) == text


@pytest.mark.parametrize(
    "row",
    [
        None,
        [],
        {},
        {"id": "1"},
        {"id": None, "properties": {"lastmodifieddate": "2026-11-02T10:15:00.000Z"}},
        {"id": "1", "properties": {}},
        {"id": "1", "properties": None},
        {"id": "1/../2", "properties": {"lastmodifieddate": "2026-11-02T10:15:00.000Z"}},
    ],
)
def test_rows_that_are_none(row: object) -> None:
    with pytest.raises(BadRowError):
        Mapper(("email",), (), bounce=None).record(row)


def test_a_record_is_cheap_to_map() -> None:
    """A first sync of 100,000 contacts spends its time elsewhere. Measured at about 3 µs; the
    bound is far above, and below what a parsed date or a validated model would cost."""
    names = [f"field{n}" for n in range(10)]
    properties: dict[str, str | None] = dict.fromkeys(names, "some text")
    properties |= {"email": "a@b.example", "lastmodifieddate": "2026-11-02T10:15:00.000Z"}
    row = {"id": "123", "properties": properties, "archived": False}
    mapper = Mapper(names, (), bounce="bounced")
    assert min(timeit.repeat(lambda: mapper.record(row), number=1000, repeat=5)) < 0.1
