"""The case file: what a request says of the person, sealed under the request's own key.

It outlives the erased person's key, because it is the proof that the request was honoured
(GDPR Art. 5(2)), and ends with a retention of its own (`RightsPolicy.keep`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from hub.api import Held, Ref
from hub.vault import KeyHandle, aad


@dataclass(slots=True)
class CaseFile:
    """Personal data of one request. Times are ISO 8601 texts."""

    email: str  # normalised; how the person may be reached about the request
    name: str = ""
    phone: str = ""
    language: str = "fi"
    also_known_as: list[str] = field(default_factory=list)  # further addresses, normalised
    learned: list[str] = field(default_factory=list)  # addresses that their records showed
    known: list[str] = field(default_factory=list)  # to the hub when an erasure was approved
    message: str = ""
    corrections: dict[str, str] = field(default_factory=dict)  # hub field -> right value
    purposes: list[str] = field(default_factory=list)  # objected to; none named: all marketing
    crossed: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Of an erasure: another controller's person (its id) -> hub field -> the value that came only
    from the addressed controllers, forgotten in the hub and to be emptied in the systems."""
    evidence: list[dict[str, str]] = field(default_factory=list)  # who asks, and how it is known
    notes: list[dict[str, str]] = field(default_factory=list)
    decisions: list[dict[str, str]] = field(default_factory=list)
    notices: list[dict[str, str]] = field(default_factory=list)  # what the person was told
    package: dict[str, Any] = field(default_factory=dict)  # the answer to an access request

    @property
    def emails(self) -> list[str]:
        """Every address that the request names or that was learned since."""
        return list(dict.fromkeys([self.email, *self.also_known_as, *self.learned]))

    @property
    def proven(self) -> list[str]:
        """Those of them that are shown to be the requester's since the last doubt: a code came back
        from it, a signed message came from it, a mandate covers them all, or a handler's note names
        it. A handler's word on who asks is about the address that the request was made from."""
        doubts = [n for n, one in enumerate(self.evidence) if one["kind"] == "doubt"]
        shown: set[str] = set()
        for one in self.evidence[doubts[-1] if doubts else 0 :]:
            match one["kind"]:
                case "mandate":
                    shown.update(self.emails)
                case "message":
                    if aligned(one["from"], one["dkim"]):
                        shown.add(one["from"])
                case "one-time-code":
                    shown.add(self.email)
                case "known-to-handler" | "signed-message":
                    words = {word.strip(".,;:()<>\"'") for word in one["note"].lower().split()}
                    shown.update({self.email}, words)
        return [one for one in self.emails if one in shown]

    @property
    def sought(self) -> list[str]:
        """Every address to look for: those, and what the hub knew beside them."""
        return list(dict.fromkeys([*self.emails, *self.known]))

    def seal(self, key: KeyHandle, request_id: int) -> bytes:
        """The document to store."""
        return key.seal(orjson.dumps(asdict(self)), aad("rights_request", request_id, "casefile"))

    @classmethod
    def open(cls, key: KeyHandle, request_id: int, sealed: bytes) -> CaseFile:
        """The case file of a stored document. Raises Tampered."""
        return cls(**orjson.loads(key.open(sealed, aad("rights_request", request_id, "casefile"))))


@dataclass(slots=True)
class Receipt:
    """What one task found and did, record by record: the proof, with the vendor's ids."""

    records: list[dict[str, str]] = field(default_factory=list)
    """stream, scope, id, by, state, certain ("yes"/"no"), outcome, memo, verified."""
    notes: list[str] = field(default_factory=list)  # codes
    confirmed_by: str = ""  # the name of who confirmed a manual task
    statement: str = ""  # what they say they did
    export: list[dict[str, Any]] = field(default_factory=list)

    def found(self, held: Held) -> dict[str, str]:
        """The entry of a located record, made where it is new."""
        ref = held.ref
        for one in self.records:
            if (one["stream"], one["scope"], one["id"]) == (ref.stream, ref.scope, ref.id):
                return one
        entry = {
            "stream": ref.stream,
            "scope": ref.scope,
            "id": ref.id,
            "by": held.by,
            "state": held.state.value,
            "certain": "yes" if held.certain else "no",
        }
        self.records.append(entry)
        return entry

    def seal(self, key: KeyHandle, task_id: int) -> bytes:
        """The document to store."""
        return key.seal(orjson.dumps(asdict(self)), aad("rights_task", task_id, "receipt"))

    @classmethod
    def open(cls, key: KeyHandle, task_id: int, sealed: bytes | None) -> Receipt:
        """The receipt of a stored document, an empty one where there is none yet."""
        if sealed is None:
            return cls()
        return cls(**orjson.loads(key.open(sealed, aad("rights_task", task_id, "receipt"))))


def ref_of(entry: Mapping[str, str], email: str | None = None) -> Ref:
    """The address of a receipt's record."""
    return Ref(entry["stream"], entry["scope"], entry["id"], email)


def aligned(address: str, signed_by: str) -> bool:
    """Whether a signature of that domain speaks for the address: its own, or one above it."""
    domain = address.rpartition("@")[2]
    return bool(signed_by) and (domain == signed_by or domain.endswith(f".{signed_by}"))
