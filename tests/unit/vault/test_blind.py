"""The blind index."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.vault import BLOCK, IDENTIFIER, SHADOW, BlindIndex

KEYS = {(label, 1): bytes([n]) * 32 for n, label in enumerate((IDENTIFIER, BLOCK, SHADOW))}
INDEX = BlindIndex(KEYS)
parts = st.lists(st.text(max_size=20), max_size=4)


@given(parts, parts)
def test_borders_between_parts_count(one: list[str], other: list[str]) -> None:
    same = INDEX.digest(IDENTIFIER, *one) == INDEX.digest(IDENTIFIER, *other)
    assert same == (one == other)


def test_labels_do_not_share_digests() -> None:
    value = ("crowst", "email", "matti@firma.example")
    assert INDEX.digest(IDENTIFIER, *value) != INDEX.digest(BLOCK, *value)


def test_a_new_version_is_used_and_the_old_one_still_looked_up() -> None:
    newer = BlindIndex({**KEYS, (BLOCK, 2): b"n" * 32, (BLOCK, 10): b"t" * 32})
    old = INDEX.digest(BLOCK, "a")
    assert newer.digest(BLOCK, "a") == newer.digests_all_versions(BLOCK, "a")[0]
    assert newer.digests_all_versions(BLOCK, "a")[0] == BlindIndex(
        {**KEYS, (BLOCK, 1): b"t" * 32}
    ).digest(BLOCK, "a")
    assert newer.digests_all_versions(BLOCK, "a")[2] == old
    assert len(newer.digests_all_versions(BLOCK, "a")) == 3


def test_without_the_key_a_digest_cannot_be_made() -> None:
    other = BlindIndex({pair: bytes(reversed(range(32))) for pair in KEYS})
    assert other.digest(IDENTIFIER, "a") != INDEX.digest(IDENTIFIER, "a")
    assert other.fingerprint(b"a") != INDEX.fingerprint(b"a")


@given(st.binary(), st.binary())
def test_fingerprints_are_equal_for_equal_bytes_only(one: bytes, other: bytes) -> None:
    assert (INDEX.fingerprint(one) == INDEX.fingerprint(other)) == (one == other)


def test_an_unknown_label_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        INDEX.digest("idenfitier", "a")
