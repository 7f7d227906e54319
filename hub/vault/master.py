"""The master key: 32 random bytes that wrap every data key, kept outside the key store.

Written as ``version:base64``; several stand on lines of their own (or apart by spaces) while a
rotation is under way, and the highest version is current. A lone base64 key is version 1.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from hub.vault.errors import MasterKeyError
from hub.vault.sealing import KEY_BYTES

ENVIRONMENT = "HUB_MASTER_KEY"
_HOW = "Make one with `hub keys generate` or `openssl rand -base64 32`."


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """The current master key and the earlier ones that a rotation still needs, by version."""

    by_version: Mapping[int, bytes] = field(repr=False)

    def __post_init__(self) -> None:
        if not self.by_version:
            raise MasterKeyError(f"No master key was given. {_HOW}")
        for version, key in self.by_version.items():
            if version < 1:
                raise MasterKeyError(f"Master key versions count from 1, not from {version}.")
            if len(key) != KEY_BYTES:
                raise MasterKeyError(
                    f"Master key version {version} is {len(key)} bytes long and must be "
                    f"{KEY_BYTES}. {_HOW}"
                )
        if len(set(self.by_version.values())) != len(self.by_version):
            raise MasterKeyError("Two versions of the master key are the same key.")

    @property
    def current(self) -> int:
        """The highest version given."""
        return max(self.by_version)

    @classmethod
    def generate(cls) -> Self:
        """A new random master key, version 1."""
        return cls({1: secrets.token_bytes(KEY_BYTES)})

    def with_new(self) -> MasterKeys:
        """These and a new random one as the current version: what `Vault.rotate` takes."""
        return MasterKeys({**self.by_version, self.current + 1: secrets.token_bytes(KEY_BYTES)})

    def only_current(self) -> MasterKeys:
        """Without the earlier versions: what remains to be kept after a rotation."""
        return MasterKeys({self.current: self.by_version[self.current]})

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the written form. Raises MasterKeyError, never repeating what was written."""
        found: dict[int, bytes] = {}
        for number, word in enumerate(text.split(), start=1):
            version_text, colon, encoded = word.rpartition(":")
            try:
                version = int(version_text) if colon else 1
                key = base64.b64decode(encoded, validate=True)
            except (ValueError, binascii.Error):
                raise MasterKeyError(
                    f"Master key number {number} is not written as `version:base64`. {_HOW}"
                ) from None
            if version in found:
                raise MasterKeyError(
                    f"Master key version {version} is given twice: write `1:…` before the earlier "
                    "key and `2:…` before the newer one."
                )
            found[version] = key
        return cls(found)

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str] = os.environ, name: str = ENVIRONMENT
    ) -> Self:
        """Read the variable `name`. Raises MasterKeyError."""
        if not environ.get(name, "").strip():
            raise MasterKeyError(f"The environment variable {name} is not set. {_HOW}")
        return cls.parse(environ[name])

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read a file. Raises MasterKeyError."""
        try:
            text = path.read_text(encoding="ascii")
        except OSError as error:
            raise MasterKeyError(
                f"The master key file {path} cannot be read ({error.strerror}). {_HOW}"
            ) from error
        except UnicodeDecodeError:
            raise MasterKeyError(f"The master key file {path} is not text. {_HOW}") from None
        return cls.parse(text)

    def written(self) -> str:
        """The written form, newest first, one to a line."""
        return "".join(
            f"{version}:{base64.b64encode(key).decode()}\n"
            for version, key in sorted(self.by_version.items(), reverse=True)
        )

    def write_file(self, path: Path) -> None:
        """Write to a new file that only its owner can read. Raises FileExistsError."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(self.written())
            file.flush()
            os.fsync(file.fileno())

    def check_value(self, version: int) -> bytes:
        """What the key store remembers of a master key to recognise it; tells nothing of it."""
        return hmac.digest(self.by_version[version], b"hub master key check %d" % version, "sha256")
