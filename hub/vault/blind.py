"""The blind index: keyed hashes that find a value without storing it.

Each label has random keys of its own, so a digest of one kind says nothing about another kind's.
An index key may have several versions: new digests use the newest, look-ups try all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

IDENTIFIER = "identifier"
"""Finds a person by (controller, kind, normalised value)."""
BLOCK = "block"
"""Recognises an erased person (DESIGN section 4, erasure block)."""
SHADOW = "shadow"
"""Tells whether a record changed since it was last seen."""
LABELS = (IDENTIFIER, BLOCK, SHADOW)

DIGEST_BYTES = 16
"""128 bits: a chance meeting of two in a billion values is below 1 in 10**20."""


class BlindIndex:
    """Digests under the index keys, which `Vault.index` loads."""

    __slots__ = ("_newest", "_shadow", "_versions")

    def __init__(self, keys: Mapping[tuple[str, int], bytes]) -> None:
        self._versions: dict[str, list[bytes]] = {}
        for (label, _), key in sorted(keys.items(), reverse=True):
            self._versions.setdefault(label, []).append(key)
        # BLAKE2b in keyed mode is a MAC by itself (RFC 7693, 2.9); copying a state that has
        # taken in the key is faster than starting anew.
        self._newest = {label: _state(found[0]) for label, found in self._versions.items()}
        self._shadow = self._newest[SHADOW]

    def digest(self, label: str, *parts: str) -> bytes:
        """The newest key's digest of `parts`, which keep their borders: ("ab", "c") is not
        ("a", "bc"). Values are normalised by the caller. Raises KeyError on an unknown label.
        """
        state = self._newest[label].copy()
        state.update(_joined(parts))
        return state.digest()

    def digests_all_versions(self, label: str, *parts: str) -> list[bytes]:
        """The digest under every version of the key, newest first: for look-ups."""
        message = _joined(parts)
        return [
            hashlib.blake2b(message, key=key, digest_size=DIGEST_BYTES).digest()
            for key in self._versions[label]
        ]

    def fingerprint(self, data: bytes) -> bytes:
        """A keyed digest of a record's canonical bytes; equal bytes, equal fingerprint."""
        state = self._shadow.copy()
        state.update(data)
        return state.digest()


def _state(key: bytes) -> hashlib.blake2b:
    return hashlib.blake2b(key=key, digest_size=DIGEST_BYTES)


def _joined(parts: tuple[str, ...]) -> bytes:
    pieces: list[bytes] = []
    for part in parts:
        encoded = part.encode()
        pieces += (len(encoded).to_bytes(4, "big"), encoded)
    return b"".join(pieces)
