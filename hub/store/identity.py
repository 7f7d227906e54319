"""Keyed digests of identifiers: how a person is found without keeping the identifier readable."""

from __future__ import annotations

from collections.abc import Sequence

from hub.vault import BLOCK, IDENTIFIER, SHADOW, BlindIndex

_KNOWN = "email-digest"


class Identities:
    """The blind index in the words of the domain. Every digest is bound to its controller."""

    def __init__(self, index: BlindIndex) -> None:
        self._index = index

    def email(self, controller: str, address: str) -> bytes:
        """Digest of a normalised address."""
        return self._index.digest(IDENTIFIER, controller, "email", address)

    def phone(self, controller: str, number: str) -> bytes:
        """Digest of an E.164 number."""
        return self._index.digest(IDENTIFIER, controller, "phone", number)

    def domain(self, controller: str, domain: str) -> bytes:
        """Digest of a normalised mail domain."""
        return self._index.digest(IDENTIFIER, controller, "domain", domain)

    def block(self, controller: str, kind: str, value: str) -> bytes:
        """Digest to put an erasure block under; its key outlives the person's."""
        return self._index.digest(BLOCK, controller, kind, value)

    def blocks(self, controller: str, kind: str, value: str) -> list[bytes]:
        """Digests to look for an erasure block under: every version of the key."""
        found = self._index.digests_all_versions(BLOCK, controller, kind, value)
        if kind == "email":
            known = self.email(controller, value).hex()
            found += self._index.digests_all_versions(BLOCK, controller, _KNOWN, known)
        return found

    def block_known(self, controller: str, email: bytes) -> bytes:
        """The same for an address of which only the digest is left: a former one, that no system
        shows any more."""
        return self._index.digest(BLOCK, controller, _KNOWN, email.hex())

    def request(
        self, right: str, controllers: Sequence[str], address: str, more: Sequence[str] = ()
    ) -> bytes:
        """Digest by which a second open request is met that asks the same: `more` is what it asks
        beside the right."""
        asked = (right, " ".join(controllers), address, *more)
        return self._index.digest(IDENTIFIER, "request", *asked)

    def secret(self, what: str, value: str) -> bytes:
        """Digest of a one-time code or link, of which nothing else is kept."""
        return self._index.digest(IDENTIFIER, "secret", what, value)

    def activity(
        self, controller: str, place: tuple[str, str, str], record: str, id_: str
    ) -> bytes:
        """Digest that tells whether an activity of a record landed already."""
        return self._index.digest(SHADOW, "activity", controller, *place, record, id_)

    def fingerprint(self, canonical: bytes) -> bytes:
        """Digest of what a record shows, to tell whether it changed."""
        return self._index.fingerprint(canonical)
