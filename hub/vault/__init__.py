"""Keys, sealing and look-ups by keyed hash. Start at `hub.vault.vault.Vault`.

`hub.vault.database` also serves `hub.store`: it opens every database the hub uses.
"""

from hub.vault.blind import BLOCK, IDENTIFIER, SHADOW, BlindIndex
from hub.vault.errors import (
    KeyStoreUnusable,
    MasterKeyError,
    MasterKeyMissing,
    MasterKeyWrong,
    SuspiciousOrphans,
    Tampered,
    VaultError,
)
from hub.vault.keystore import KeyKind
from hub.vault.master import MasterKeys
from hub.vault.sealing import KeyHandle, aad
from hub.vault.vault import Vault, VaultStatus

__all__ = [
    "BLOCK",
    "IDENTIFIER",
    "SHADOW",
    "BlindIndex",
    "KeyHandle",
    "KeyKind",
    "KeyStoreUnusable",
    "MasterKeyError",
    "MasterKeyMissing",
    "MasterKeyWrong",
    "MasterKeys",
    "SuspiciousOrphans",
    "Tampered",
    "Vault",
    "VaultError",
    "VaultStatus",
    "aad",
]
