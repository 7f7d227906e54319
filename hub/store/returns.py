"""Whether somebody who was erased came back by an act of their own, as a record shows it."""

from __future__ import annotations

from datetime import datetime, timedelta

from hub.api import Record, Stance
from hub.domain.block import own_act_after


def by_own_act(record: Record, erased_at: datetime, now: datetime, tolerance: timedelta) -> bool:
    """Whether the record was made, or a permission in it given, by an act of the person after the
    erasure (DESIGN section 4, I3)."""
    acts = [(record.act, record.acted_at)]
    acts += [(one.act, one.at) for one in record.consents if one.stance is Stance.YES]
    return any(
        own_act_after(erased_at, act, at, seen_at=now, tolerance=tolerance) for act, at in acts
    )
