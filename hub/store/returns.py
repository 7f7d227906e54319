"""What a person did by themselves, as a record shows it: whether somebody who was erased came back,
and whether a value may be their own word."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from hub.api import Record, Stance
from hub.domain.block import is_own_act, own_act_after


def by_own_act(record: Record, erased_at: datetime, now: datetime, tolerance: timedelta) -> bool:
    """Whether the record was made, or a permission in it given, by an act of the person after the
    erasure (DESIGN section 4, I3)."""
    return any(
        own_act_after(erased_at, act, at, seen_at=now, tolerance=tolerance)
        for act, at in _acts(record)
    )


def last_act(record: Record, now: datetime, tolerance: timedelta) -> datetime | None:
    """When the person last did something by themselves that the record shows; None where it shows
    nothing, or only what cannot be true yet."""
    return max(
        (
            at
            for act, at in _acts(record)
            if is_own_act(act) and at is not None and at <= now + tolerance
        ),
        default=None,
    )


def _acts(record: Record) -> Iterator[tuple[str | None, datetime | None]]:
    yield record.act, record.acted_at
    for one in record.consents:
        if one.stance is Stance.YES:
            yield one.act, one.at
