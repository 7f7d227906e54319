"""Sealing: what goes in comes out, in its own place only."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.vault import KeyHandle, Tampered, aad

KEY = KeyHandle(7, bytes(range(32)))
PLACE = aad("person", 7, "profile")

plaintexts = st.binary(max_size=600)
places = st.tuples(
    st.sampled_from(["person", "link", "person_link"]),
    st.integers(0, 2**62) | st.sampled_from(["7", "a"]),
    st.sampled_from(["profile", "shadow"]),
)


@given(plaintexts, places)
def test_opens_in_its_place(plaintext: bytes, place: tuple[str, int | str, str]) -> None:
    assert KEY.open(KEY.seal(plaintext, aad(*place)), aad(*place)) == plaintext


@given(plaintexts, places, places)
def test_opens_nowhere_else(
    plaintext: bytes, place: tuple[str, int | str, str], other: tuple[str, int | str, str]
) -> None:
    sealed = KEY.seal(plaintext, aad(*place))
    if tuple(map(str, place)) != tuple(map(str, other)):
        with pytest.raises(Tampered):
            KEY.open(sealed, aad(*other))


@given(plaintexts, st.data())
def test_any_changed_bit_is_found(plaintext: bytes, data: st.DataObject) -> None:
    sealed = bytearray(KEY.seal(plaintext, PLACE))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Tampered):
        KEY.open(bytes(sealed), PLACE)


@given(plaintexts, st.integers(0, 700))
def test_any_cut_is_found(plaintext: bytes, kept: int) -> None:
    sealed = KEY.seal(plaintext, PLACE)
    if kept < len(sealed):
        with pytest.raises(Tampered):
            KEY.open(sealed[:kept], PLACE)


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(Tampered):
        KeyHandle(8, bytes(32)).open(KEY.seal(b"x", PLACE), PLACE)


def test_the_error_tells_nothing_of_the_value() -> None:
    sealed = KEY.seal(b"matti@firma.example", PLACE)
    with pytest.raises(Tampered) as caught:
        KEY.open(sealed, aad("person", 8, "profile"))
    chain = [caught.value, caught.value.__cause__]
    assert caught.value.__suppress_context__
    assert not any("matti" in repr(e) or sealed.hex() in repr(e) for e in chain)


def test_equal_values_seal_differently() -> None:
    assert len({KEY.seal(b"same", PLACE) for _ in range(100)}) == 100


def test_a_handle_shows_no_key_and_stays_in_its_process() -> None:
    assert repr(KEY) == "KeyHandle(7)"
    with pytest.raises(TypeError):
        pickle.dumps(KEY)
