"""Deleting contacts for good: by id, and never by address.

HubSpot's deletion by an address that it does not find puts that address on a blocklist, where
nobody takes it off again. So nothing is ever erased here that was not located first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.api import (
    BadAnswer,
    ConnectorError,
    Misconfigured,
    RateLimited,
    Reply,
    Result,
    Unavailable,
    Uncertain,
    Verdict,
    Write,
)
from plugins.hubspot.batches import LOCKED, Outcome, judged
from plugins.hubspot.client import CONTACTS, Api
from plugins.hubspot.locating import where_of

ERASURE = f"{CONTACTS}/gdpr-delete"
ACCEPTED = "accepted"
"""HubSpot took it on: gone from the API at once, from every store within 30 days."""

ABSENT = "absent"


class Eraser:
    """Carries out `Erases.erase` for one account."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def erase(self, batch: Sequence[Write]) -> list[Result]:
        """See `Erases.erase`. Raises Misconfigured where nothing at all was erased."""
        ids = [write.ref.id if write.ref and write.ref.id.isdigit() else "" for write in batch]
        outcomes = self._erased(list(dict.fromkeys(one for one in ids if one)))
        outcomes[""] = Outcome(Verdict.PERMANENT, "id-missing")
        return [
            Result(write.key, end.verdict, end.reason, retry_after=end.retry_after)
            for write, end in ((w, outcomes[one]) for w, one in zip(batch, ids, strict=True))
        ]

    def _erased(self, ids: Sequence[str]) -> dict[str, Outcome]:
        # by id it may be repeated: the second time there is nobody
        calls = [
            {"method": "POST", "route": ERASURE, "json": {"objectId": one}, "idempotent": True}
            for one in ids
        ]
        outcomes: dict[str, Outcome] = {}
        barred: Misconfigured | None = None
        for id_, reply in zip(ids, self._api.replies(calls), strict=True):
            try:
                outcomes[id_] = self._judged(reply)
            except Misconfigured as error:
                barred = error
                outcomes[id_] = Outcome(Verdict.RETRYABLE, "misconfigured")
        if barred is not None and not any(
            one.verdict in (Verdict.OK, Verdict.UNKNOWN) for one in outcomes.values()
        ):
            raise barred
        return outcomes | self._absent([one for one in ids if outcomes[one].reason == ABSENT])

    def _judged(self, reply: Reply | Exception) -> Outcome:
        match reply:
            case Uncertain() | BadAnswer():
                return Outcome(Verdict.UNKNOWN, "no-answer")
            case Unavailable():
                code = "rate-limited" if isinstance(reply, RateLimited) else "unavailable"
                return Outcome(Verdict.RETRYABLE, code, retry_after=reply.retry_after)
            case Exception():
                raise reply
        if reply.status < 300:
            return Outcome(Verdict.OK, ACCEPTED)
        self._api.check_allowed(reply, ERASURE)
        if reply.status == LOCKED:
            return Outcome(Verdict.RETRYABLE, "locked")
        if reply.status == 404:
            return Outcome(Verdict.OK, ABSENT)
        return judged(reply.status, self._api.error_of(reply))

    def _absent(self, ids: Sequence[str]) -> dict[str, Outcome]:
        """HubSpot finds no such contact: is there really none, archived ones included?"""
        if not ids:
            return {}
        try:
            rows: Sequence[Mapping[str, Any] | None] = self._api.by_id(ids)
        except ConnectorError:
            return dict.fromkeys(ids, Outcome(Verdict.RETRYABLE, "unavailable"))
        return {
            id_: Outcome(Verdict.OK, ABSENT)
            if row is None
            else Outcome(Verdict.PERMANENT, where_of(row))
            for id_, row in zip(ids, rows, strict=True)
        }
