"""Calls to Zoom's API v2, and what its answers mean.

Its errors are `{"code", "message"}`, with `errors: [{"field", "message"}]` where a field is wrong.
Messages name the webinar, sometimes the person: none of them leaves this module.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hub.api import (
    BadAnswer,
    ConnectorError,
    Http,
    Misconfigured,
    MissingScope,
    Outcome,
    Rate,
    Reply,
    Unavailable,
    Verdict,
)

USER_WEBINARS = "/v2/users/{user}/webinars"
WEBINAR = "/v2/webinars/{webinar}"
REGISTRANTS = WEBINAR + "/registrants"
REGISTRANT = REGISTRANTS + "/{registrant}"
BATCH = WEBINAR + "/batch_registrants"
QUESTIONS = REGISTRANTS + "/questions"
INSTANCES = "/v2/past_webinars/{webinar}/instances"
ABSENTEES = "/v2/past_webinars/{webinar}/absentees"
PARTICIPANTS = "/v2/report/webinars/{webinar}/participants"
QA = "/v2/report/webinars/{webinar}/qa"
POLLS = "/v2/report/webinars/{webinar}/polls"

PAGE = 300
"""The most rows that Zoom gives at a time."""

LIGHT, MEDIUM, HEAVY = "light", "medium", "heavy-day heavy"
LIMITS = {
    # Zoom's figures for the Pro plan; a second is stretched, for calls arrive less evenly than
    # they are sent
    LIGHT: Rate(30, 1.1),
    MEDIUM: Rate(20, 1.1),
    "heavy": Rate(10, 1.1),
    "heavy-day": Rate(30_000, 86_400),
}

GONE = "gone"

_SCOPE = re.compile(r"scopes?\s*:?\s*\[([\w:,. -]{1,300})\]")
_MISSING_SCOPE = 4711
_TOO_OLD = 12702  # reports of long ago are no longer told
_OVER = {3000: "registration-closed", 3038: "webinar-over", 3035: "full", 3043: "full"}
_TRIES = 3
_NUMBERED = frozenset({USER_WEBINARS})
"""Lists that are paged by `page_number`: they answer a token, and take none."""


def outcome(route: str, answer: Reply | Exception, *, empty_ok: bool = False) -> Outcome:
    """What became of a call that writes. `empty_ok`: a success has no body by contract."""
    if isinstance(answer, Exception):
        return Outcome.of_error(answer)
    if answer.status < 300:
        return Outcome.of_success(answer, empty_ok=empty_ok)
    try:
        code, field = _problem(route, answer)
    except (Misconfigured, BadAnswer) as error:
        return Outcome.of_error(error)
    if code in _OVER:
        return Outcome(Verdict.PERMANENT, _OVER[code])
    if answer.status == 404:
        return Outcome(Verdict.PERMANENT, GONE)
    return Outcome(Verdict.PERMANENT, f"field:{field:.40}" if field else f"zoom-{code}")


def _problem(route: str, reply: Reply) -> tuple[int, str]:
    """Zoom's code, and the field that it names. Raises MissingScope, Misconfigured, BadAnswer."""
    body = reply.json()
    if not isinstance(body, dict):
        raise BadAnswer(f"{route} answered {reply.status} with something else than an error")
    code = body.get("code")
    if code == _MISSING_SCOPE:
        found = _SCOPE.search(str(body.get("message")))
        scope = found[1].split(",")[0].strip() if found else ""
        raise MissingScope(
            f"the app lacks the scope {scope or 'for ' + route}",
            scope=scope,
            mend="add the scope to the server-to-server OAuth app, and activate it again",
        )
    if reply.status == 403 or code == 200:
        raise Misconfigured(
            f"Zoom forbids {route} to this account",
            mend="check the plan's webinar licence, and the role of the admin who made the app",
        )
    errors = body.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else {}
    field = first.get("field") if isinstance(first, dict) else ""
    return code if isinstance(code, int) else reply.status, field if isinstance(field, str) else ""


class Client:
    """Reading calls. Those that write go through `Http` and `outcome`, verdict by verdict."""

    def __init__(self, http: Http) -> None:
        self.http = http

    def get(
        self,
        route: str,
        path: Mapping[str, str],
        query: Mapping[str, str | int] | None = None,
        *,
        limit: str = LIGHT,
    ) -> dict[str, Any] | None:
        """The body; None where there is nothing (404). Raises as `Http.call`, and BadAnswer."""
        return read(route, self.http.call("GET", route, path=path, query=query, limit=limit))

    def get_many(
        self, calls: Sequence[Mapping[str, Any]]
    ) -> Sequence[dict[str, Any] | ConnectorError | None]:
        """As `get` for several, side by side; an error stands in its place."""
        found: list[dict[str, Any] | ConnectorError | None] = []
        for call, answer in zip(calls, self.http.many(calls), strict=True):
            try:
                if isinstance(answer, Exception):
                    raise answer
                found.append(read(call["route"], answer))
            except ConnectorError as error:
                found.append(error)
        return found

    def rows(
        self,
        route: str,
        path: Mapping[str, str],
        name: str,
        query: Mapping[str, str | int] | None = None,
        *,
        limit: str = MEDIUM,
    ) -> list[Any] | None:
        """Every row of a list, through all its pages; None where there is no such list (404).
        A user's webinars are paged by number, all else by tokens.

        A list that moved while it was paged through, which shows in its own count, is read again
        from its start (one that gained and lost as many meanwhile does not show it); so is one
        whose page token ran out. Raises Unavailable where it will not stand still.
        """
        for _ in range(_TRIES):
            try:
                found = self._once(route, path, name, query or {}, limit)
            except _Moved:
                continue
            return found
        raise Unavailable(f"{route} kept changing while it was read")

    def _once(
        self,
        route: str,
        path: Mapping[str, str],
        name: str,
        query: Mapping[str, str | int],
        limit: str,
    ) -> list[Any] | None:
        rows: list[Any] = []
        totals: set[int] = set()
        token, number = "", 1
        while True:
            asked = {**query, "page_size": PAGE}
            if token and route in _NUMBERED:
                asked["page_number"] = number
            elif token:
                asked["next_page_token"] = token
            reply = self.http.call("GET", route, path=path, query=asked, limit=limit)
            if token and reply.status == 400 and _problem(route, reply)[0] == 300:
                raise _Moved
            body = read(route, reply)
            if body is None:
                if token:
                    raise _Moved
                return None
            page = body.get(name)
            if not isinstance(page, list):
                raise BadAnswer(f"{route} answered without {name}")
            rows += page
            if isinstance(total := body.get("total_records"), int):
                totals.add(total)
            token = str(body.get("next_page_token") or "")
            number += 1
            if route in _NUMBERED:
                token = "more" if page and len(rows) < max(totals, default=len(rows) + 1) else ""
            if not token or (totals and len(rows) > max(totals)):
                if totals and totals != {len(rows)}:
                    raise _Moved  # whoever moved up over the edge of a page was passed over
                return rows


class _Moved(Exception):
    """A list changed between two of its pages."""


def read(route: str, reply: Reply) -> dict[str, Any] | None:
    """The body of an answer to a reading call; None where there is nothing, or nothing any more.
    Raises ConnectorError."""
    if reply.status == 404:
        return None
    if reply.status < 300:
        body = reply.json()
        if isinstance(body, dict):
            return body
        raise BadAnswer(f"{route} answered something else than an object")
    code, _ = _problem(route, reply)
    if code == _TOO_OLD:
        return None
    raise BadAnswer(f"{route} answered {reply.status} with Zoom's code {code}")
