"""Small builders for tests: the API's values with sensible defaults. Nothing asks the clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import count

from hub.api import Consent, FieldValue, Record, RecordState, Ref, Stance, Write

START = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
"""When a `ManualClock` begins: an ordinary Monday morning in Helsinki."""


_keys = count(1)


def write(
    ref: Ref | None = None,
    fields: Mapping[str, FieldValue] | None = None,
    *,
    scope: str = "",
    consents: Sequence[Consent] = (),
    key: str = "",
) -> Write:
    """A Write with a key of its own; the scope is the ref's where there is one."""
    return Write(
        key=key or f"w{next(_keys)}",
        ref=ref,
        scope=ref.scope if ref else scope,
        fields=fields or {},
        consents=consents,
    )


def record(
    id: str,  # noqa: A002 - the vendor's own word, as in Ref
    *,
    stream: str = "contacts",
    scope: str = "",
    email: str | None = None,
    version: str = "1",
    fields: Mapping[str, FieldValue] | None = None,
    state: RecordState = RecordState.LIVE,
    consents: Sequence[Consent] = (),
    aliases: Sequence[str] = (),
) -> Record:
    """A Record; `aliases` are ids of the same stream and scope."""
    return Record(
        ref=Ref(stream, scope, id, email),
        version=version,
        fields=fields if fields is not None else ({"email": email} if email else {}),
        state=state,
        consents=consents,
        aliases=tuple(Ref(stream, scope, alias) for alias in aliases),
    )


def yes(topic: str, at: datetime | None = START, act: str | None = "form") -> Consent:
    """A YES that shows an act of the person, unless `act` or `at` is taken away."""
    return Consent(topic, Stance.YES, at, act)


def no(topic: str, at: datetime | None = START) -> Consent:
    """A NO."""
    return Consent(topic, Stance.NO, at)
