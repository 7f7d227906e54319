"""What is done for the rights of data subjects in a Zoom account: finding, exporting, erasing.

A person may have registered for any webinar of the account, long past ones and such that the hub
does not sync. All of the configured users' webinars are looked through, in all three statuses.

Correcting a registrant and restricting one are not possible through the API: the hub makes manual
tasks of them, as of what may remain after an erasure (`zoom_residuals`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from hub.api import (
    Act,
    Activity,
    BadAnswer,
    Exported,
    Held,
    Misconfigured,
    Record,
    Ref,
    Result,
    Sought,
    Verdict,
    Verification,
    Write,
)
from plugins.webinar.zoom_activities import ActivityReader
from plugins.webinar.zoom_client import (
    GONE,
    LIGHT,
    REGISTRANT,
    USER_WEBINARS,
    WEBINAR,
    Client,
    outcome,
)
from plugins.webinar.zoom_mapping import STREAM
from plugins.webinar.zoom_reading import Listed, Registrants

_DIGITS = re.compile(r"\D")
_SHORTEST_NUMBER = 7


class Rights:
    """Acts on registrants anywhere in the account."""

    def __init__(
        self,
        registrants: Registrants,
        users: Sequence[str],
        scopes: Sequence[str],
        activities: ActivityReader,
    ) -> None:
        self._registrants = registrants
        self._client: Client = registrants.client
        self._users = users
        self._scopes = scopes
        self._activities = activities  # of every kind

    def locate(self, batch: Sequence[Sought]) -> Sequence[Sequence[Held]]:
        """As `Locates.locate`. The lists, which are whole, are taken once for all of the batch."""
        refs = [ref for sought in batch for ref in sought.refs]
        found: list[list[Held]] = [[] for _ in batch]
        for scope in self._everywhere(refs):
            listed = self._registrants.listed(scope)
            if listed is None:
                continue  # a webinar that was deleted, its registrants with it
            for sought, held in zip(batch, found, strict=True):
                held.extend(_in_list(scope, listed, sought))
        return found

    def _everywhere(self, refs: Iterable[Ref]) -> Sequence[str]:
        """The ids of every webinar of the users, and of those that are configured or linked."""
        scopes = dict.fromkeys(self._scopes)
        for user in self._users:
            path, query = {"user": user}, {"type": "scheduled"}
            rows = self._client.rows(USER_WEBINARS, path, "webinars", query)
            if rows is None:
                raise Misconfigured(
                    "Zoom has no user as configured, so webinars cannot be looked through",
                    mend="correct user and other_users",
                )
            scopes |= dict.fromkeys(str(row.get("id")) for row in rows)
        scopes |= dict.fromkeys(ref.scope for ref in refs if ref.stream == STREAM and ref.scope)
        return tuple(scopes)

    def export(self, refs: Sequence[Ref]) -> Sequence[Exported]:
        """As `Exports.export`: the registration with all its answers, attendance, questions and
        poll answers."""
        found = [
            (ref, row)
            for ref, row in zip(refs, self._registrants.rows_of(refs), strict=True)
            if row is not None
        ]
        topics: dict[str, dict[str, Any]] = {}
        done: dict[tuple[str, str], list[Activity]] = {}
        for scope in dict.fromkeys(ref.scope for ref, _ in found):
            webinar = self._client.get(WEBINAR, {"webinar": scope}) or {}
            names = ("id", "topic", "start_time", "duration")
            topics[scope] = {name: webinar[name] for name in names if name in webinar}
            for page in self._activities.pages(scope, None):
                for activity in page.activities:
                    done.setdefault((scope, activity.ref.id), []).append(activity)
        return [
            Exported(
                Ref(STREAM, ref.scope, ref.id, str(row.get("email") or "") or None),
                {"registration": row, "webinar": topics[ref.scope]},
                tuple(done.get((ref.scope, ref.id), ())),
                provided=frozenset({"registration"}),
            )
            for ref, row in found
        ]

    def erase(self, batch: Sequence[Write]) -> Sequence[Result]:
        """As `Erases.erase`."""
        results: dict[str, Result] = {}
        calls: dict[str, dict[str, Any]] = {}
        for write in batch:
            ref = write.ref
            if ref is None or not ref.id or not ref.scope:
                results[write.key] = Result(write.key, Verdict.PERMANENT, "no-id")
                continue
            path = {"webinar": ref.scope, "registrant": ref.id}
            calls[write.key] = {
                "method": "DELETE",
                "route": REGISTRANT,
                "path": path,
                "limit": LIGHT,
            }
        answers = self._client.http.many(list(calls.values())) if calls else ()
        errors = []
        for key, answer in zip(calls, answers, strict=True):
            ended = outcome(REGISTRANT, answer, empty_ok=True)
            if ended.verdict is Verdict.OK:
                results[key] = Result(key, Verdict.OK, "erased")
            elif ended.reason == GONE:
                results[key] = Result(key, Verdict.OK, "absent")
            else:
                results[key] = ended.result(key)
                errors += [ended.error] if isinstance(ended.error, Misconfigured) else []
        if errors and len(errors) == len(batch):
            raise errors[0]
        return [results[write.key] for write in batch]

    def verify(self, refs: Sequence[Ref], act: Act) -> Sequence[Verification]:
        """As `Verifies.verify`. Says nothing of reports and recordings: see `zoom_residuals`."""
        if act is not Act.ERASE:
            return [Verification(ref, False, "not-supported") for ref in refs]
        return [
            Verification(ref, True, "removed-from-api")
            if row is None
            else Verification(ref, False, "still-there")
            for ref, row in zip(refs, self._registrants.rows_of(refs), strict=True)
        ]


def _in_list(scope: str, listed: Listed, sought: Sought) -> list[Held]:
    """The person's registrations for one webinar."""
    emails = {email.strip().casefold() for email in sought.emails}
    linked = {(ref.scope, ref.id) for ref in sought.refs if ref.stream == STREAM and ref.id}
    for row in listed.rejected:
        if (scope, row.id) in linked or any(email in row.raw.casefold() for email in emails):
            raise BadAnswer(f"webinar {scope}: a registrant cannot be understood")
    held: list[Held] = []
    for record in listed.records:
        by = _found_by(record, listed.rows[record.ref.id], linked, emails, sought.phones)
        if by:
            held.append(Held(record.ref, by, record.state, certain=by != "phone"))
    return held


def _found_by(
    record: Record,
    row: Any,
    linked: set[tuple[str, str]],
    emails: set[str],
    phones: Sequence[str],
) -> str:
    if (record.ref.scope, record.ref.id) in linked:
        return "link"
    if (record.ref.email or "").casefold() in emails:
        return "email"
    given = _DIGITS.sub("", str(row.get("phone") or "")).lstrip("0")
    # E.164 ends in the national number without its leading zero
    long = len(given) >= _SHORTEST_NUMBER
    if long and any(_DIGITS.sub("", phone).endswith(given) for phone in phones):
        return "phone"
    return ""
