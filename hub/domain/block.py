"""The erasure block: when somebody who was erased may be looked at as a new person.

Everything that resembles an erased person is held off. Only an act of their own after the erasure
goes to review, as a new person with a new key and nothing old; a handler admits them, the hub never
does (DESIGN section 4, I3).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum


class OwnAct(StrEnum):
    """What only the person can have done. An import, an edit or a state of a tool is none."""

    FORM = "form"
    REGISTRATION = "registration"  # to a webinar or another event
    DOUBLE_OPT_IN = "double-opt-in"


_ACTS = frozenset(one.value for one in OwnAct)


def own_act_after(
    erased_at: datetime,
    act: str | None,
    at: datetime | None,
    *,
    seen_at: datetime | None = None,
    tolerance: timedelta = timedelta(0),
) -> bool:
    """Whether what came back is an act of the person later than the erasure: to review, as new.

    Without an act or a time it never is, so a lagging system, an import and an edit bring nobody
    back; nor with a time that cannot be true, later than `seen_at` (when the hub read it) by more
    than `tolerance`. All moments are aware.
    """
    if not is_own_act(act) or at is None:
        return False
    if seen_at is not None and at > seen_at + tolerance:
        return False
    return at > erased_at


def is_own_act(act: str | None) -> bool:
    """Whether that is something only the person can have done."""
    return act in _ACTS
