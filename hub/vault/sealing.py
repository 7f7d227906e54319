"""Sealing one value under one key: AES-256-GCM, bound to the place where the value is kept.

A sealed value is ``version (1 byte) | nonce (12) | ciphertext and tag (n + 16)``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hub.vault.errors import Tampered

KEY_BYTES = 32
_VERSION = b"\x01"
_NONCE_BYTES = 12
_OVERHEAD = 1 + _NONCE_BYTES + 16


def aad(table: str, row_id: int | str, field: str) -> bytes:
    """What a sealed value is bound to: moved to another row or column it no longer opens."""
    return f"{table}\x1f{row_id}\x1f{field}".encode()


class KeyHandle:
    """One data key, ready to use. It never shows its bytes, also not in `repr` or a pickle.

    A handle that is still in hand keeps working after its key is destroyed: hold it for one page
    of work, and open it again for the next.
    """

    __slots__ = ("_aead", "id")

    def __init__(self, key_id: int, key: bytes) -> None:
        self.id = key_id
        self._aead = AESGCM(key)

    def __repr__(self) -> str:
        return f"KeyHandle({self.id})"

    def __reduce__(self) -> str:
        raise TypeError("a key handle stays in its process")

    def seal(self, plaintext: bytes, aad: bytes) -> bytes:
        """`plaintext` encrypted and bound to `aad`, 29 bytes longer than it was."""
        # Random nonces: a key seals one person's few rows, far below the 2**32 where they wear.
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._aead.encrypt(nonce, plaintext, aad)

    def open(self, sealed: bytes, aad: bytes) -> bytes:
        """What `seal` was given. Raises Tampered if the bytes, the key or `aad` differ."""
        if len(sealed) < _OVERHEAD or sealed[:1] != _VERSION:
            raise Tampered(f"a value under key {self.id} is cut or of an unknown version")
        try:
            return self._aead.decrypt(sealed[1:13], sealed[13:], aad)
        except InvalidTag:
            raise Tampered(f"a value under key {self.id} does not open in its place") from None


def wrap(master: bytes, key: bytes, bound_to: bytes) -> bytes:
    """`key` encrypted under a master key: nonce, ciphertext and tag."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(master).encrypt(nonce, key, bound_to)


class Unwrapper:
    """Opens wrapped keys under the master keys given, by version."""

    def __init__(self, masters: Mapping[int, bytes]) -> None:
        self._masters = {version: AESGCM(key) for version, key in masters.items()}

    def __contains__(self, version: int) -> bool:
        return version in self._masters

    def unwrap(self, version: int, wrapped: bytes, bound_to: bytes) -> bytes:
        """The key inside. Raises Tampered; KeyError if the version was not given."""
        try:
            return self._masters[version].decrypt(
                wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], bound_to
            )
        except InvalidTag:
            raise Tampered(
                f"a key wrapped by master key version {version} was changed in the key store"
            ) from None
