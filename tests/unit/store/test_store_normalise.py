"""One spelling for each value, and never one for two persons."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from hub.api import FieldValue
from hub.domain.landscape import FieldKind
from hub.domain.profile import Plain
from hub.store import normalise
from hub.store.normalise import Malformed, names_disagree, plain, vendor_value

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
raws = st.none() | texts | st.booleans() | st.integers() | st.lists(texts, max_size=4)
local_parts = st.text("abcxyzåäöÅÄÖéß019._+-'", min_size=1, max_size=12)
domains = st.sampled_from(
    ["firma.example", "FIRMA.Example", "pörssi.example", "xn--prssi-jua.example", "a.b.example"]
)
addresses = st.builds("{}@{}".format, local_parts, domains)
digits = st.from_regex(r"(\+358|0|00358|\+46|\+1)?[ 0-9()\-]{4,14}", fullmatch=True)


# -- everything ---------------------------------------------------------------------------------


@given(st.sampled_from(FieldKind), raws | addresses | digits)
@example(FieldKind.PHONE, "0000000")
def test_a_normalised_value_stays_as_it_is(kind: FieldKind, raw: FieldValue) -> None:
    try:
        once = plain(kind, raw)
    except Malformed:
        assume(False)
    assert plain(kind, vendor_value(once)) == once


@given(st.sampled_from(FieldKind))
def test_nothing_is_none_whatever_it_is_written_as(kind: FieldKind) -> None:
    for nothing in (None, "", "  \t\u00a0 ", []):
        assert plain(kind, nothing) is None


# -- e-mail -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "one"),
    [
        (" Aino.Virtanen@Firma.Example ", "aino.virtanen@firma.example"),
        ("AINO@PÖRSSI.example", "aino@xn--prssi-jua.example"),
        ("aino@xn--prssi-jua.example", "aino@xn--prssi-jua.example"),
        ("Väinö.Mäki@firma.example", "väinö.mäki@firma.example"),
        (unicodedata.normalize("NFD", "Väinö.Mäki@firma.example"), "väinö.mäki@firma.example"),
        ("STRAẞE@firma.example", "strasse@firma.example"),
        ("straße@firma.example", "strasse@firma.example"),
        ("aino+uutiset@firma.example", "aino+uutiset@firma.example"),
        ("a.i.n.o@gmail.example", "a.i.n.o@gmail.example"),
        ("aino@palvelu.test", "aino@palvelu.test"),
    ],
)
def test_one_spelling_for_each_address(raw: str, one: str) -> None:
    assert normalise.email(raw) == one


@given(addresses)
@example("aino@firma.example")
def test_case_and_composition_never_make_two_of_an_address(address: str) -> None:
    try:
        one = normalise.email(address)
    except Malformed:
        assume(False)
    assert normalise.email(unicodedata.normalize("NFD", address)) == one
    assert normalise.email(f"  {address}\n") == one
    if "ß" not in address:  # SS and ß are one letter in two spellings, of which one is longer
        assert normalise.email(address.upper()) == one


@given(local_parts, local_parts)
def test_different_local_parts_stay_different(one: str, other: str) -> None:
    assume(one.casefold() != other.casefold())
    try:
        found = {normalise.email(f"{part}@firma.example") for part in (one, other)}
    except Malformed:
        assume(False)
    assert len(found) == 2


@pytest.mark.parametrize(
    "raw",
    [
        "aino",
        "aino@",
        "@firma.example",
        "aino@firma",
        "aino@@firma.example",
        "aino virtanen@firma.example",
        "aino..v@firma.example",
        ".aino@firma.example",
        "aino.@firma.example",
        "aino@firma..example",
        "aino@-firma.example",
        "aino@firma-.example",
        "aino@" + "a." * 125 + "example",
        "aino@" + "a" * 64 + ".example",
        "aino@firma.example; eino@firma.example",
        "Aino <aino@firma.example>",
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(raw: str) -> None:
    with pytest.raises(Malformed) as caught:
        normalise.email(raw)
    assert "aino" not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.from_regex(r"[a-z0-9._%+'\-]{1,10}@([a-z0-9\-]{1,6}\.){1,2}[a-z]{2,3}", fullmatch=True))
def test_the_fast_path_for_plain_addresses_says_what_the_slow_one_says(address: str) -> None:
    def said(by: Callable[[str], str]) -> str | None:
        try:
            return by(address)
        except Malformed:
            return None

    assert said(normalise.email) == said(normalise._email_slowly)


# -- phone --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        "+358401234567",
        "+358 40 123 4567",
        "040 123 4567",
        "040-1234567",
        "(040) 1234567",
        "00358 40 1234567",
        "+358 (0)40 123 4567",
        "358401234567",
        " 0401234567 ",
        "040\u00a0123\u00a04567",
        "tel:+358-40-1234567",
    ],
)
def test_notations_of_one_finnish_number_are_equal(raw: str) -> None:
    assert plain(FieldKind.PHONE, raw) == "+358401234567"


@pytest.mark.parametrize(
    ("raw", "one"),
    [
        ("09 1234 5678", "+358912345678"),
        ("050 555 1234", "+358505551234"),
        ("+46 70 123 45 67", "+46701234567"),
        ("0046701234567", "+46701234567"),
    ],
)
def test_landlines_and_foreign_numbers(raw: str, one: str) -> None:
    assert normalise.phone(raw) == one


@given(st.from_regex(r"(\+358|00358|0)(4[0-9]|50)[0-9]{5,9}", fullmatch=True))
def test_the_fast_path_for_mobiles_says_what_the_slow_one_says(number: str) -> None:
    try:
        slow = normalise._phone_slowly(number)
    except Malformed:
        assume(False)
    assert normalise.phone(number) == slow


def test_a_strange_number_is_kept_as_it_was_written() -> None:
    assert plain(FieldKind.PHONE, "  vaihde,  kysy Ainoa ") == "vaihde, kysy Ainoa"
    with pytest.raises(Malformed) as caught:
        normalise.phone("vaihde, kysy Ainoa")
    assert "Ainoa" not in str(caught.value)


# -- text and lists -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "raw", "one"),
    [
        (FieldKind.TEXT, "  Aino \n Maria ", "Aino Maria"),
        (FieldKind.TEXT, "A\u0308iti", "Äiti"),
        (FieldKind.TEXT, True, "true"),
        (FieldKind.TEXT, 7, "7"),
        (FieldKind.TEXT, ["b", "a"], "b; a"),
        (FieldKind.LIST, "b; a;b ;", ("a", "b")),
        (FieldKind.LIST, ["b", " a ", "", "b"], ("a", "b")),
        (FieldKind.LIST, 7, ("7",)),
    ],
)
def test_text_and_lists(kind: FieldKind, raw: FieldValue, one: object) -> None:
    assert plain(kind, raw) == one


# -- names --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "disagree"),
    [
        ("Aino", "aino", False),
        ("Aino", "Eino", True),
        ("Aino", "A.", False),
        ("A", "Aino", False),
        ("E.", "Aino", True),
        ("Anna-Liisa", "Anna", False),
        ("Anna-Liisa", "Liisa", False),
        ("Anna-Liisa", "Annaliisa", False),
        ("Aino Maria", "Maria", False),
        ("Aino Maria", "Eino Juhani", True),
        ("Alexander", "Alex", False),
        ("Väinö", "Vaino", True),
        (None, "Aino", False),
        ("Aino", None, False),
        (("Aino",), "Eino", False),
    ],
)
def test_names_that_cannot_be_one_persons(
    one: Plain | None, other: Plain | None, disagree: bool
) -> None:
    assert names_disagree(one, other) is disagree
    assert names_disagree(other, one) is disagree
