"""Calls to Mailchimp's Marketing API 3.0, and what its answers mean.

Its errors are problem documents (`title`, `status`, `detail`, sometimes without `type`). `detail`
repeats the person's address, so nothing of it ever leaves this module: a problem becomes one of
the short codes below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.api import (
    EXISTS,
    BadAnswer,
    ConnectorError,
    Http,
    Misconfigured,
    Outcome,
    RateLimited,
    Reply,
    Verdict,
)

LIST = "/3.0/lists/{list}"
MEMBERS = LIST + "/members"
MEMBER = MEMBERS + "/{member}"
MEMBER_TAGS = MEMBER + "/tags"
MERGE_FIELDS = LIST + "/merge-fields"

COMPLIANCE = "compliance-state"
FORGOTTEN = "forgotten"
GONE = "gone"

_BY_TITLE = {
    "member in compliance state": (Verdict.REFUSED, COMPLIANCE),
    "forgotten email not subscribed": (Verdict.REFUSED, FORGOTTEN),
    "member exists": (Verdict.PERMANENT, EXISTS),
    "method not allowed": (Verdict.PERMANENT, "not-allowed"),
}
_BY_WORDS = (
    ("compliance state", Verdict.REFUSED, COMPLIANCE),
    ("permanently deleted", Verdict.REFUSED, FORGOTTEN),
    ("already a list member", Verdict.PERMANENT, EXISTS),
    ("fake or invalid", Verdict.PERMANENT, "invalid-address"),
    ("valid email", Verdict.PERMANENT, "invalid-address"),
    ("try again", Verdict.RETRYABLE, "try-again"),
)
"""An entry of a batch's `errors` has only a sentence to go by, and so have problems by which
Mailchimp says several things under the one title "Invalid Resource"."""


def refused_by_words(text: Any, field: Any = "", why: Any = "") -> Outcome:
    """The outcome that an error's sentence tells; `field` and `why` where it is about a field."""
    words = f"{text} {why}".casefold()
    for found, verdict, reason in _BY_WORDS:
        if found in words:
            return Outcome(verdict, reason)
    if isinstance(field, str) and field:
        missing = any(said in words for said in ("enter a value", "blank", "required"))
        return Outcome(Verdict.PERMANENT, f"{'required' if missing else 'field'}:{field:.40}")
    return Outcome(Verdict.PERMANENT, "invalid")


def outcome(answer: Reply | Exception, *, empty_ok: bool = False) -> Outcome:
    """What became of a call that writes. `empty_ok`: a success has no body by contract."""
    if isinstance(answer, Exception):
        return Outcome.of_error(answer)
    if answer.status < 300:
        return Outcome.of_success(answer, empty_ok=empty_ok)
    problem = _problem(answer)
    if answer.status == 403:
        return Outcome.of_error(_forbidden(problem))
    if answer.status == 404:
        return Outcome(Verdict.PERMANENT, GONE)
    if answer.status >= 500 or problem is None:
        return Outcome(Verdict.UNKNOWN, f"http-{answer.status}")
    known = _BY_TITLE.get(str(problem.get("title", "")).strip().casefold())
    if known:
        return Outcome(*known)
    errors = problem.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    if not isinstance(first, dict):
        return refused_by_words(problem.get("detail"))
    return refused_by_words(problem.get("detail"), first.get("field"), first.get("message"))


def unread(error: ConnectorError) -> Outcome:
    """What becomes of a write whose reading call failed: nothing was sent, so it may come again."""
    ended = Outcome.of_error(error)
    return Outcome(Verdict.RETRYABLE, "unread", retry_after=ended.retry_after, error=error)


def one_fate(outcomes: Sequence[Outcome]) -> None:
    """Raise the credential's or the account's error where every call of a batch met it."""
    errors = [one.error for one in outcomes]
    first = errors[0] if errors else None
    if isinstance(first, Misconfigured) and all(isinstance(e, Misconfigured) for e in errors):
        raise first


def _problem(reply: Reply) -> Mapping[str, Any] | None:
    try:
        body = reply.json()
    except BadAnswer:
        return None
    return body if isinstance(body, dict) else None


def _forbidden(problem: Mapping[str, Any] | None) -> ConnectorError:
    """403 has two meanings: without a body it is the throttle, with one it is the account."""
    if not problem:
        return RateLimited("Mailchimp throttles the account (403 without a body)")
    return Misconfigured(
        "Mailchimp forbids the call to this account",
        mend="check the key's user role, the plan and whether the account is active",
    )


class Client:
    """Reading calls. Those that write go through `Http` and `outcome`, verdict by verdict."""

    def __init__(self, http: Http) -> None:
        self.http = http

    def get(
        self,
        route: str,
        path: Mapping[str, str],
        query: Mapping[str, str | int] | None = None,
    ) -> dict[str, Any] | None:
        """The body; None where there is nothing (404). Raises as `Http.call`, and BadAnswer."""
        return self.read(route, self.http.call("GET", route, path=path, query=query))

    def get_many(
        self, calls: Sequence[Mapping[str, Any]]
    ) -> Sequence[dict[str, Any] | ConnectorError | None]:
        """As `get` for several, side by side; an error stands in its place."""
        found: list[dict[str, Any] | ConnectorError | None] = []
        for call, answer in zip(calls, self.http.many(calls), strict=True):
            try:
                if isinstance(answer, Exception):
                    raise answer
                found.append(self.read(call["route"], answer))
            except ConnectorError as error:
                found.append(error)
        return found

    @staticmethod
    def read(route: str, reply: Reply) -> dict[str, Any] | None:
        """The body of an answer to a reading call; None for 404. Raises ConnectorError."""
        if reply.status == 404:
            return None
        if reply.status < 300:
            body = reply.json()
            if isinstance(body, dict):
                return body
            raise BadAnswer(f"{route} answered something else than an object")
        if reply.status == 403:
            raise _forbidden(_problem(reply))
        raise BadAnswer(f"{route} answered {reply.status}")


def member_call(method: str, scope: str, member: str, **more: Any) -> dict[str, Any]:
    """The arguments of a call to one member; `member` is a contact id, else an address's hash."""
    return {
        "method": method,
        "route": MEMBER,
        "path": {"list": scope, "member": member},
        **more,
    }
