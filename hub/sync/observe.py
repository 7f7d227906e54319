"""From a vendor's record to what it says in the hub's own words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hub.api import Record, RecordState
from hub.domain.landscape import FieldKind, Landscape, Stream
from hub.domain.profile import Plain
from hub.store.documents import Stated, canonical, stated
from hub.store.links import Known
from hub.store.normalise import Malformed, plain


@dataclass(slots=True)
class Seen:
    """One record as one controller sees it, ready to be identified and merged."""

    record: Record
    controller: str
    fingerprint: bytes
    consents: dict[str, Stated]
    values: dict[str, Plain | None] = field(default_factory=dict)  # hub field -> normalised
    at: datetime | None = None  # the source's time of the record
    email: str | None = None
    phone: str | None = None
    email_digest: bytes = b""
    phone_digest: bytes = b""
    known: Known | None = None
    stale: bool = False  # older than what is known already: its fields are dropped

    @property
    def live(self) -> bool:
        return self.record.state is RecordState.LIVE


def each_once(records: Sequence[Record]) -> Sequence[Record]:
    """The records with each told once, as it was told last: one that moves between two pages while
    they are read is in both. A lagging page does not outdo what was read before it."""
    found: dict[str, Record] = {}
    for one in records:
        before = found.get(one.ref.id)
        if before is None or one.version >= before.version:
            found[one.ref.id] = one
    return records if len(found) == len(records) else list(found.values())


def shows(record: Record) -> tuple[dict[str, Stated], bytes]:
    """A record's consents as a shadow keeps them, and the bytes to fingerprint."""
    consents = stated(record.consents)
    return consents, canonical(record.fields, consents, record.state.value)


def read_values(landscape: Landscape, stream: Stream, seen: Seen, now: datetime) -> None:
    """Fill in the normalised values. Raises Malformed where the address is none."""
    fields = seen.record.fields
    for mapping in stream.fields:
        if mapping.vendor not in fields or not mapping.direction.reads:
            continue
        kind = landscape.fields[mapping.hub].kind
        raw = fields[mapping.vendor]
        if kind is FieldKind.EMAIL and mapping.hub != "email":
            try:
                seen.values[mapping.hub] = plain(kind, raw)
            except Malformed:
                seen.values[mapping.hub] = plain(FieldKind.TEXT, raw)
        else:
            seen.values[mapping.hub] = plain(kind, raw)
    address = seen.values.get("email")
    seen.email = address if isinstance(address, str) else None
    number = seen.values.get("phone")
    seen.phone = number if isinstance(number, str) and number.startswith("+") else None
    seen.at = _time(seen.record.version, now)


def _time(version: str, now: datetime) -> datetime:
    """The record's own time where its version is one; never later than now."""
    try:
        at = datetime.fromisoformat(version)
    except ValueError:
        return now
    return min(at, now) if at.tzinfo else now
