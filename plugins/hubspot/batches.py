"""Batches that write: every input ends with exactly one outcome, whatever HubSpot answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.api import BadAnswer, RateLimited, Reply, Unavailable, Uncertain, Verdict
from plugins.hubspot.answers import BATCH, named, parts, reason
from plugins.hubspot.client import Api

TRANSIENT = frozenset(
    {
        "RATE_LIMITS",
        "RATE_LIMIT",
        "INTERNAL_ERROR",
        "SERVICE_UNAVAILABLE",
        "TIMEOUT",
        "LOCKED",
        "EXTERNAL_SYSTEM_ERROR",
    }
)
"""Categories of errors that pass by themselves. Any other needs a change of the input."""

CONFLICT = "conflict"
NOT_FOUND = "not-found"
LOCKED = 423


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a batch. `names` are what results and errors may call it by, in the order of
    how sure they are."""

    key: str
    body: Any
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one input ended; `row` is the result that HubSpot gave for it."""

    verdict: Verdict
    reason: str = ""
    row: Any = None
    retry_after: float | None = None


class Batch:
    """Sends inputs to one route.

    `of_result` and `of_error` tell by what names a result or an error calls its inputs.
    Outcomes gather in `outcomes`, so that those known are kept where a later call raises
    (Misconfigured: the token was refused or lacks a scope).
    """

    def __init__(
        self,
        api: Api,
        route: str,
        of_result: Callable[[Mapping[str, Any]], Iterable[str]],
        of_error: Callable[[Mapping[str, Any]], Iterable[str]],
        *,
        by_unit: bool = False,
    ) -> None:
        self._api = api
        self._route = route
        self._of_result = of_result
        self._of_error = of_error
        self._by_unit = by_unit
        self.outcomes: dict[str, Outcome] = {}

    def send(self, inputs: Sequence[Input]) -> None:
        """Carry out all inputs, at most a batch at a time."""
        for some in parts(inputs, BATCH):
            self._send(some)

    def _send(self, inputs: Sequence[Input]) -> None:
        if not inputs:
            return
        try:
            reply = self._api.send(self._route, [one.body for one in inputs], by_unit=self._by_unit)
        except (Uncertain, BadAnswer):
            self._all(inputs, Outcome(Verdict.UNKNOWN, "no-answer"))
            return
        except Unavailable as error:
            code = "rate-limited" if isinstance(error, RateLimited) else "unavailable"
            self._all(inputs, Outcome(Verdict.RETRYABLE, code, retry_after=error.retry_after))
            return
        if reply.status < 300:
            self._settle(inputs, reply)
            return
        self._api.check_allowed(reply, self._route)
        if reply.status == LOCKED:
            self._all(inputs, Outcome(Verdict.RETRYABLE, "locked"))
            return
        self._part(inputs, reply.status, self._api.error_of(reply))

    def _part(self, inputs: Sequence[Input], status: int, error: Any) -> None:
        """A whole batch was refused: find out for which inputs' sake, and carry out the rest."""
        if len(inputs) == 1:
            self._all(inputs, judged(status, error))
            return
        unknown = set(named(error, "propertyName")) if _unknown_property(error) else set()
        bad = [
            one
            for one in inputs
            if unknown and isinstance(one.body, dict) and unknown & one.body["properties"].keys()
        ]
        if bad:
            self._all(bad, judged(status, error))
            self._send([one for one in inputs if one not in bad])
            return
        half = len(inputs) // 2
        self._send(inputs[:half])
        self._send(inputs[half:])

    def _settle(self, inputs: Sequence[Input], reply: Reply) -> None:
        """A 2xx: each input by the result or the error that names it, UNKNOWN where none does."""
        body: Any
        try:
            body = reply.json()
        except BadAnswer:
            body = None
        open_ = {name: one for one in inputs for name in one.names}
        found = body if isinstance(body, Mapping) else {}
        for row in found.get("results") or ():
            if isinstance(row, Mapping):
                self._close(open_, self._of_result(row), Outcome(Verdict.OK, row=row))
        for error in found.get("errors") or ():
            if isinstance(error, Mapping):
                for name in self._of_error(error):
                    self._close(open_, (name,), judged(0, error))
        lost = [one for one in inputs if one.key not in self.outcomes]
        self._all(lost, Outcome(Verdict.UNKNOWN, "not-named"))

    def _close(self, open_: dict[str, Input], names: Iterable[str], outcome: Outcome) -> None:
        for name in names:
            one = open_.get(name)
            if one is not None:
                if one.key not in self.outcomes:
                    self.outcomes[one.key] = outcome
                return

    def _all(self, inputs: Iterable[Input], outcome: Outcome) -> None:
        for one in inputs:
            self.outcomes[one.key] = outcome


def judged(status: int, error: Any) -> Outcome:
    """The outcome of one input from HubSpot's error for it; `status` 0 within a 207."""
    category = error.get("category") if isinstance(error, Mapping) else None
    if category in TRANSIENT:
        return Outcome(Verdict.RETRYABLE, reason(error))
    if category == "CONFLICT" or status == 409:
        return Outcome(Verdict.PERMANENT, CONFLICT)
    if category == "OBJECT_NOT_FOUND" or status == 404:
        return Outcome(Verdict.PERMANENT, NOT_FOUND)
    return Outcome(Verdict.PERMANENT, reason(error))


def _unknown_property(error: Any) -> bool:
    return reason(error) == "property-doesnt-exist"
