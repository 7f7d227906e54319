"""When a request must be answered, by what its row shows; for how long a ground holds."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import orjson

from hub.delivery.deployment import Deployment
from hub.domain.deadline import (
    Deadline,
    Extension,
    ExtensionReason,
    IdentityQuestion,
    answer_by,
    helsinki_day,
    months_after,
)
from hub.domain.exemption import ExemptionGround
from hub.vault.database import Row

LONGEST_MONTHS = 100 * 12
"""For how long a ground may keep data, from its decision."""


def deadline_of(request: Row[Any]) -> Deadline:
    """When the request must be answered, by what happened until now. A refusal is told within the
    first month, whatever the request was extended to before (Art. 12(4))."""
    extension = (
        Extension(request.extended_at, ExtensionReason(request.extended_reason))
        if request.extended_at and not refused(request)
        else None
    )
    return answer_by(request.received_at, questions=questions(request), extension=extension)


def refused(request: Row[Any]) -> bool:
    """Whether the whole request was refused; while it is open, the person is still to be told."""
    return request.reason in set(ExemptionGround)


def questions(request: Row[Any]) -> list[IdentityQuestion]:
    """When it was asked who is asking, and answered."""
    return [
        IdentityQuestion(
            datetime.fromisoformat(asked), datetime.fromisoformat(then) if then else None
        )
        for asked, then in orjson.loads(request.questions)
    ]


def answered(request: Row[Any], now: datetime) -> str:
    """The column of the questions about identity, with those that are open answered now."""
    asked = [[at, then or now.isoformat()] for at, then in orjson.loads(request.questions)]
    return orjson.dumps(asked).decode()


def dates(request: Row[Any], due: Deadline) -> dict[str, date]:
    """The columns of a deadline; while the clock stands still the last known ones stay."""
    return {
        "target_on": due.target or request.target_on,
        "due_on": due.ends or request.due_on,
    }


def ended(deployment: Deployment, until: date | None) -> bool:
    """Whether a ground that holds until that day holds no more."""
    return until is not None and until <= helsinki_day(deployment.now())


def never(deployment: Deployment, until: date | None) -> bool:
    """Whether that day stands for no end, as 9999-12-31 does: a ground that keeps data ends."""
    today = helsinki_day(deployment.now())
    return until is not None and until > months_after(today, LONGEST_MONTHS)
