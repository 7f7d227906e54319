"""The two sealed documents, a profile and a shadow, as compact JSON; and a shadow's fingerprint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import orjson

from hub.api import Consent, FieldValue, Stance
from hub.domain.profile import Profile, Value

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Stated = tuple[str, str | None, str | None]
"""A consent as a shadow keeps it: stance, time in ISO 8601, act."""


def stated(consents: Sequence[Consent]) -> dict[str, Stated]:
    """A record's consents by topic. Where a connector tells twice of one, a refusal counts."""
    found = _by_topic(consents)
    if len(found) < len(consents):
        return _by_topic(sorted(consents, key=lambda one: one.stance is Stance.NO))
    return found


def _by_topic(consents: Iterable[Consent]) -> dict[str, Stated]:
    return {
        one.topic: (one.stance.value, one.at.isoformat() if one.at else None, one.act)
        for one in consents
    }


@dataclass(slots=True)
class Shadow:
    """What we last agreed with a system about one record, in the vendor's own terms."""

    fields: dict[str, FieldValue] = field(default_factory=dict)
    consents: dict[str, Stated] = field(default_factory=dict)
    state: str = "live"
    # the hub's value when last agreed, where the vendor keeps it in another notation
    sent: dict[str, FieldValue] = field(default_factory=dict)
    # vendor fields held back until a review is decided
    held: tuple[str, ...] = ()
    # topics that we wrote: the stance we sent and when. A vendor that keeps it in other words
    # (an unticked box for a NO), or tells its time later, is not taken for a new act.
    echoes: dict[str, tuple[str, str]] = field(default_factory=dict)

    def canonical(self) -> bytes:
        """The part that a read record shows; equal bytes mean that nothing changed there."""
        return canonical(self.fields, self.consents, self.state)

    def dump(self) -> bytes:
        """The document to seal."""
        extra = {"x": self.sent, "h": self.held, "e": self.echoes}
        kept = {name: value for name, value in extra.items() if value}
        return orjson.dumps({"f": self.fields, "c": self.consents, "s": self.state, **kept})

    @classmethod
    def load(cls, document: bytes) -> Shadow:
        """The shadow of a document that `dump` made."""
        raw = orjson.loads(document)
        return cls(
            fields=raw["f"],
            consents={topic: (s, at, act) for topic, (s, at, act) in raw["c"].items()},
            state=raw["s"],
            sent=raw.get("x", {}),
            held=tuple(raw.get("h", ())),
            echoes={topic: (s, at) for topic, (s, at) in raw.get("e", {}).items()},
        )


def canonical(
    fields: Mapping[str, FieldValue], consents: Mapping[str, Stated], state: str
) -> bytes:
    """Bytes that are equal exactly where the vendor shows the same."""
    return orjson.dumps((fields, consents, state), option=orjson.OPT_SORT_KEYS)


def dump_profile(profile: Profile) -> bytes:
    """A profile as the document to seal."""
    return orjson.dumps(
        {
            name: (
                value.value,
                value.source,
                (value.at - _EPOCH) // _MICROSECOND,
                sorted(value.origins),
                value.rectified,
            )
            for name, value in profile.items()
        }
    )


def load_profile(document: bytes) -> Profile:
    """The profile of a document that `dump_profile` made."""
    return {
        name: Value(
            tuple(value) if isinstance(value, list) else value,
            source,
            _EPOCH + timedelta(microseconds=at),
            _origins(*origins),
            rectified,
        )
        for name, (value, source, at, origins, rectified) in orjson.loads(document).items()
    }


@lru_cache(maxsize=256)
def _origins(*controllers: str) -> frozenset[str]:
    return frozenset(controllers)
