"""The audit log: a closed vocabulary of events, in a chain that shows when it was tampered with.

An entry holds ids and short codes, never personal data: there is no room in it for an address, a
name or a sentence. Each carries the SHA-256 of the hash before it and its own canonical bytes, so
that a change, a removal or a swap breaks the chain where it was made. What a chain alone cannot
show is a tail that was cut off, or a whole that was reckoned anew: for these its head (number and
hash of the last entry) is exported, and `verify` compares.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple


class Event(StrEnum):
    """What happened. The vocabulary is closed: a new event is a new member, never a free text."""

    REQUEST_RECEIVED = "request-received"
    REQUEST_DUPLICATE = "request-duplicate"  # answered with the open one
    REQUEST_TOOK_EFFECT = "request-took-effect"  # an objection or a restriction, at once
    REQUEST_ASSESSED = "request-assessed"
    REQUEST_PLANNED = "request-planned"
    REQUEST_GREW = "request-grew"  # a merge added to the plan, a record an address
    REQUEST_APPROVED = "request-approved"
    REQUEST_SECOND_APPROVED = "request-second-approved"
    REQUEST_COOLING_OFF = "request-cooling-off"
    REQUEST_STARTED = "request-started"
    REQUEST_ATTENTION = "request-attention"
    REQUEST_HELD = "request-held"
    REQUEST_RELEASED = "request-released"
    REQUEST_EXTENDED = "request-extended"
    REQUEST_PAUSED = "request-paused"
    REQUEST_RESUMED = "request-resumed"
    REQUEST_ESCALATED = "request-escalated"
    REQUEST_NOTIFIED = "request-notified"
    REQUEST_CLOSED = "request-closed"
    REQUEST_REFUSED = "request-refused"
    REQUEST_WITHDRAWN = "request-withdrawn"
    REQUEST_WATCHED = "request-watched"  # read again after closing
    REQUEST_ARCHIVED = "request-archived"
    REQUEST_VIEWED = "request-viewed"  # a look at the case file
    REQUEST_DRY_RUN = "request-dry-run"
    NOTE_ADDED = "note-added"
    SCOPE_CONFIRMED = "scope-confirmed"  # the person means the other controller too
    EXEMPTION_DECIDED = "exemption-decided"
    EXEMPTION_ENDED = "exemption-ended"

    IDENTITY_ASKED = "identity-asked"
    IDENTITY_CODE_SENT = "identity-code-sent"
    IDENTITY_CODE_FAILED = "identity-code-failed"
    IDENTITY_CODE_SPENT = "identity-code-spent"  # too many attempts
    IDENTITY_EVIDENCE = "identity-evidence"
    IDENTITY_CONFIRMED = "identity-confirmed"
    IDENTITY_DOUBTED = "identity-doubted"
    MANDATE_RECORDED = "mandate-recorded"

    TASK_CREATED = "task-created"
    TASK_SENT = "task-sent"
    TASK_RETRIED = "task-retried"  # by a person
    TASK_ATTENTION = "task-attention"
    TASK_HANDED_OVER = "task-handed-over"  # to a person
    TASK_REMINDED = "task-reminded"
    TASK_LINK_MADE = "task-link-made"
    TASK_CONFIRMED = "task-confirmed"
    TASK_VERIFIED = "task-verified"
    TASK_NOT_HELD = "task-not-held"
    TASK_EXEMPT = "task-exempt"

    BLOCK_SET = "block-set"
    BLOCK_LIFTED = "block-lifted"
    RESTRICTION_SET = "restriction-set"
    RESTRICTION_LIFTED = "restriction-lifted"
    PROHIBITION_SET = "prohibition-set"
    PERSON_RETURNED = "person-returned"  # by an own act: a review
    PERSON_ADMITTED = "person-admitted"  # as new, by a handler
    REAPPEARED = "reappeared"  # an erased person was found again: an incident
    INCIDENT_CLOSED = "incident-closed"
    NOTICE_DUE = "notice-due"  # Art. 14
    NOTICE_GIVEN = "notice-given"
    REVIEW_DECIDED = "review-decided"
    DISCLOSED = "disclosed"
    RETENTION_ENDED = "retention-ended"

    PACKAGE_MADE = "package-made"
    PACKAGE_FETCHED = "package-fetched"
    CERTIFICATE_MADE = "certificate-made"
    HEAD_EXPORTED = "head-exported"
    EXPORT_MADE = "export-made"

    KEYS_DESTROYED = "keys-destroyed"
    MASTER_KEY_ROTATED = "master-key-rotated"
    MASTER_KEY_KEPT = "master-key-kept"  # the operator confirmed a copy elsewhere
    TOKEN_CREATED = "token-created"  # noqa: S105 - the name of an event
    TOKEN_REVOKED = "token-revoked"  # noqa: S105 - as above
    TOKEN_REFUSED = "token-refused"  # noqa: S105 - as above
    CONFIG_CHANGED = "config-changed"
    BACKUP_MADE = "backup-made"
    RESTORED = "restored"
    STARTED = "started"
    CHAIN_VERIFIED = "chain-verified"
    CHAIN_BROKEN = "chain-broken"


# No "@", ".", "+", space or upper case, one colon at most, always a letter, too few digits for a
# phone number (a date in a system's id has eight): no address, number or sentence fits. Hashes and
# dates have shapes of their own.
_CODE = re.compile(
    r"(?=[^a-z]*[a-z])(?!([^0-9]*[0-9]){9})(?!.{65})[a-z0-9][a-z0-9_-]*(:[a-z0-9_-]+)?", re.ASCII
)
_NUMBER = re.compile(r"0|[1-9][0-9]{0,7}", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|\+00:00))?",
    re.ASCII,
)
_KEY = re.compile(r"[a-z][a-z_]{0,31}", re.ASCII)
_SUBJECT = re.compile(r"[a-z][a-z_]{0,31} (0|[1-9][0-9]{0,17})", re.ASCII)

GENESIS = bytes(32)
"""The hash before the first entry."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event. Raises ValueError, which names the part and never repeats what stood in it, where
    something is no id or code."""

    seq: int  # 1, 2, 3 …, without gaps
    at: datetime  # aware
    event: Event
    actor: str  # a code: "hub", "person", "token:3"
    subject: str = ""  # what it is about, by its id: "request 7"
    detail: Mapping[str, str] = field(default_factory=dict)  # codes, numbers, hashes, dates

    def __post_init__(self) -> None:
        if self.seq < 1:
            raise ValueError("an audit entry is numbered from 1")
        if self.at.utcoffset() is None:
            raise ValueError("an audit entry's time needs a time zone")
        object.__setattr__(self, "event", Event(self.event))
        if not _CODE.fullmatch(self.actor):
            raise ValueError("an audit entry's actor is a code")
        if self.subject and not _SUBJECT.fullmatch(self.subject):
            raise ValueError('an audit entry\'s subject is a word and an id: "request 7"')
        for key, value in self.detail.items():
            if not _KEY.fullmatch(key):
                raise ValueError("the names of an audit entry's details are short words")
            if not is_code(value):
                raise ValueError(f"the audit detail {key} is no code, number, hash or date")
        object.__setattr__(self, "detail", MappingProxyType(dict(self.detail)))

    def canonical(self) -> bytes:
        """The same bytes for equal entries: JSON, sorted, the time in UTC to the microsecond."""
        plain = {
            "seq": self.seq,
            "at": self.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "event": self.event.value,
            "actor": self.actor,
            "subject": self.subject,
            "detail": dict(self.detail),
        }
        return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()


def is_code(value: str) -> bool:
    """Whether that text may stand in an entry's detail; "" may, for nothing to say."""
    shapes = (_CODE, _NUMBER, _HASH, _MOMENT)
    return not value or any(shape.fullmatch(value) for shape in shapes)


def as_code(text: str) -> str:
    """That text where it may stand in an entry, "unclear" where it may not: for what somebody else
    wrote, a vendor's reason for example. It is not made fit by leaving characters out, for what is
    left of an address still tells whose it is."""
    return text if is_code(text) else "unclear"


class Chained(NamedTuple):
    """An entry and the hash that ties it to all before it."""

    entry: Entry
    hash: bytes


class Head(NamedTuple):
    """The last entry at some moment, as it was exported. Of an empty log: 0 and GENESIS."""

    seq: int
    hash: bytes


def chain_hash(before: bytes, entry: Entry) -> bytes:
    """The hash of an entry that follows the one with hash `before`."""
    return hashlib.sha256(before + entry.canonical()).digest()


def chain(entries: Iterable[Entry], before: bytes = GENESIS) -> Iterator[Chained]:
    """The entries, each tied to the one before."""
    for entry in entries:
        before = chain_hash(before, entry)
        yield Chained(entry, before)


class Fault(StrEnum):
    """How a chain is broken, as far as can be told."""

    EDITED = "edited"  # the entry is not what was hashed, or was put in
    REMOVED = "removed"  # entries before it are missing
    REORDERED = "reordered"  # it stands behind a later one, or twice
    TRUNCATED = "truncated"  # the log ends before the exported head
    REWRITTEN = "rewritten"  # whole in itself, but not what the exported head was made of


class Broken(NamedTuple):
    """The first place where the chain does not hold."""

    fault: Fault
    seq: int  # the entry's number; of a truncation, the first that is missing


def verify(entries: Iterable[Chained], *heads: Head) -> Broken | None:
    """The first broken place of the log read from its beginning; None where it holds.

    `heads` were exported earlier and kept elsewhere. Without one, a cut tail and a log that was
    reckoned anew from some place on are not found.
    """
    expected = {head.seq: head.hash for head in heads}
    if any(expected[head.seq] != head.hash for head in heads):
        return Broken(Fault.REWRITTEN, min(h.seq for h in heads if expected[h.seq] != h.hash))
    before, last = GENESIS, 0
    for entry, hash_ in entries:
        if entry.seq <= last:
            return Broken(Fault.REORDERED, entry.seq)
        if entry.seq > last + 1:
            return Broken(Fault.REMOVED, entry.seq)
        if hash_ != chain_hash(before, entry):
            return Broken(Fault.EDITED, entry.seq)
        if expected.get(entry.seq, hash_) != hash_:
            return Broken(Fault.REWRITTEN, entry.seq)
        before, last = hash_, entry.seq
    if max(expected, default=0) > last:
        return Broken(Fault.TRUNCATED, last + 1)
    return None
