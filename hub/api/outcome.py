"""What became of one call that writes, for vendors that take writes one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hub.api.errors import (
    BadAnswer,
    ConnectorError,
    Misconfigured,
    RateLimited,
    Unavailable,
    Uncertain,
)
from hub.api.protocols import Reply
from hub.api.types import Result, Verdict

THROTTLED = "throttled"
"""`Outcome.reason` where the vendor asked to slow down."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one call that writes. A connector tells the vendor's own refusals apart; what
    holds for every vendor is told here."""

    verdict: Verdict
    reason: str = ""
    body: Any = None  # what the vendor answered to a success
    retry_after: float | None = None
    error: ConnectorError | None = None  # that another caller would have had raised

    def result(self, key: str) -> Result:
        """The result of a write that had this outcome."""
        return Result(key, self.verdict, self.reason, retry_after=self.retry_after)

    @classmethod
    def of_error(cls, error: Exception) -> Outcome:
        """The outcome of a call that ended in an error. Raises what no vendor can have caused."""
        match error:
            case Uncertain():
                return cls(Verdict.UNKNOWN, "no-answer", error=error)
            case Unavailable():
                reason = THROTTLED if isinstance(error, RateLimited) else "unavailable"
                return cls(Verdict.RETRYABLE, reason, retry_after=error.retry_after, error=error)
            case Misconfigured():
                return cls(Verdict.RETRYABLE, "misconfigured", error=error)
            case BadAnswer():
                return cls(Verdict.UNKNOWN, "unreadable-answer", error=error)
            case _:
                raise error

    @classmethod
    def of_success(cls, reply: Reply, *, empty_ok: bool = False) -> Outcome:
        """The outcome of a call that was answered with a status below 300. Without the body that
        its contract promises nobody knows; `empty_ok`: it promises none."""
        if empty_ok and reply.status == 204:
            return cls(Verdict.OK)
        try:
            body = reply.json()
        except BadAnswer:
            return cls(Verdict.UNKNOWN, "unreadable-answer")
        if not isinstance(body, dict) or not body:
            return cls(Verdict.UNKNOWN, "empty-answer")
        return cls(Verdict.OK, body=body)
