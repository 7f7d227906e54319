"""What can go wrong with keys, grouped by who mends it.

    VaultError
    ├── Tampered             a sealed value or a wrapped key is not what was written
    ├── MasterKeyError       the operator must give another master key
    │   ├── MasterKeyMissing a version that the key store still needs was not given
    │   └── MasterKeyWrong   the key given is not the one this key store was made with
    ├── KeyStoreUnusable     the operator must look at the key store's database
    └── SuspiciousOrphans    most keys look unreferenced: probably the wrong database was asked

Messages name versions, counts and the mend. They never hold plaintext, sealed bytes or keys.
"""

from __future__ import annotations


class VaultError(Exception):
    """Base of everything the vault raises on purpose."""


class Tampered(VaultError):
    """Sealed bytes were changed, cut, or belong to another row, field or key."""


class MasterKeyError(VaultError):
    """The master key that was given cannot be used; the message says what to do."""


class MasterKeyMissing(MasterKeyError):
    """The key store holds keys wrapped by a version that was not given."""


class MasterKeyWrong(MasterKeyError):
    """The version is known, the bytes are not those the key store was made with."""


class KeyStoreUnusable(VaultError):
    """The key store was written by a newer hub, or cannot be opened."""


class SuspiciousOrphans(VaultError):
    """More keys look unreferenced than referenced, so none was destroyed."""

    def __init__(self, orphans: int, referenced: int) -> None:
        super().__init__(
            f"{orphans} old keys look unreferenced and only {referenced} are in use. This looks "
            "like a key store beside the wrong application database, so nothing was destroyed. "
            "Check both database addresses; if they are right, ask again with even_if_most."
        )
        self.orphans = orphans
        self.referenced = referenced
