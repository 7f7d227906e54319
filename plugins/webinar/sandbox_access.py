"""Who may call the sandbox, and how often: tokens, scopes, Zoom's rate limits and page tokens."""

from __future__ import annotations

import base64
import binascii
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from hub.testing.sandbox import Answer, Call, Refusal
from plugins.webinar.sandbox_webinar import invalid, stamp

TOKEN_LIFE = 3600
PAGE_TOKEN_LIFE = timedelta(minutes=15)
MOST_ROWS, USUAL_ROWS = 300, 30

LIGHT, MEDIUM, HEAVY = "Light", "Medium", "Heavy"
PER_SECOND = {
    "pro": {LIGHT: 30, MEDIUM: 20, HEAVY: 10},
    "business": {LIGHT: 80, MEDIUM: 60, HEAVY: 40},
}
PER_DAY = {"pro": 30_000, "business": 60_000}
"""Heavy calls of an account in a day."""
REGISTRATIONS_A_DAY, STATUS_CHANGES_A_DAY = 3, 10
"""Of one registrant."""

W, P, R = "/v2/webinars/{webinar}", "/v2/past_webinars/{webinar}", "/v2/report/webinars/{webinar}"
RULES: Mapping[tuple[str, str], tuple[str, str]] = {
    ("GET", "/v2/users/{user}"): (LIGHT, "user:read:user:admin"),
    ("GET", "/v2/users/{user}/webinars"): (MEDIUM, "webinar:read:list_webinars:admin"),
    ("GET", W): (LIGHT, "webinar:read:webinar:admin"),
    ("GET", W + "/registrants"): (MEDIUM, "webinar:read:list_registrants:admin"),
    ("POST", W + "/registrants"): (LIGHT, "webinar:write:registrant:admin"),
    ("POST", W + "/batch_registrants"): (HEAVY, "webinar:write:batch_registrants:admin"),
    ("PUT", W + "/registrants/status"): (MEDIUM, "webinar:update:registrant_status:admin"),
    ("GET", W + "/registrants/questions"): (
        LIGHT,
        "webinar:read:list_registration_questions:admin",
    ),
    ("GET", W + "/registrants/{registrant}"): (LIGHT, "webinar:read:registrant:admin"),
    ("DELETE", W + "/registrants/{registrant}"): (LIGHT, "webinar:delete:registrant:admin"),
    ("GET", P + "/instances"): (LIGHT, "webinar:read:list_past_instances:admin"),
    ("GET", P + "/participants"): (MEDIUM, "webinar:read:list_past_participants:admin"),
    ("GET", P + "/absentees"): (HEAVY, "webinar:read:list_absentees:admin"),
    ("GET", R + "/participants"): (HEAVY, "report:read:list_webinar_participants:admin"),
    ("GET", R + "/qa"): (HEAVY, "report:read:webinar_qna:admin"),
    ("GET", R + "/polls"): (HEAVY, "report:read:webinar_polls:admin"),
}
"""Category and scope of each call."""

SCOPES = tuple(scope for _, scope in RULES.values())


def error(status: int, code: int, message: str, **more: Any) -> Answer:
    """Zoom's error."""
    return Answer(status, {"code": code, "message": message, **more})


@dataclass
class App:
    """A server-to-server app."""

    account_id: str
    client_id: str
    client_secret: str
    scopes: tuple[str, ...] = SCOPES


@dataclass
class Access:
    """The apps of an account, their tokens, and the counters."""

    now: Callable[[], datetime]
    plan: str = "pro"
    apps: list[App] = field(default_factory=list)
    tokens: dict[str, tuple[App, datetime]] = field(default_factory=dict)
    recent: dict[str, deque[datetime]] = field(default_factory=dict)
    daily: dict[tuple[str, str], int] = field(default_factory=dict)  # (day, what) -> count
    pages: dict[str, tuple[str, int, datetime]] = field(default_factory=dict)
    issued: int = 0

    def token(self, call: Call) -> Answer:
        """Answers `POST /oauth/token`, whose parameters may stand in the query or the body."""
        form = {name: values[-1] for name, values in parse_qs(call.body.decode()).items()}
        given = {**call.query, **form}
        _, _, pair = call.headers.get("authorization", "").partition(" ")
        try:
            client, _, secret = base64.b64decode(pair, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            client = secret = ""
        for app in self.apps:
            if (app.client_id, app.client_secret) == (client, secret):
                break
        else:
            reason = "Invalid client_id or client_secret"
            return Answer(401, {"reason": reason, "error": "invalid_client"})
        if given.get("grant_type") != "account_credentials":
            return Answer(400, {"reason": "unsupported grant type", "error": "unsupported_grant"})
        if given.get("account_id") != app.account_id:
            return Answer(400, {"reason": "Bad Request", "error": "invalid_request"})
        self.issued += 1
        token = f"sandbox-token-{self.issued}"
        self.tokens[token] = (app, self.now() + timedelta(seconds=TOKEN_LIFE))
        return Answer(
            200,
            {
                "access_token": token,
                "token_type": "bearer",
                "expires_in": TOKEN_LIFE - 1,
                "scope": " ".join(app.scopes),
                "api_url": "https://api.zoom.example",
            },
        )

    def admit(self, call: Call) -> None:
        """Raise Refusal unless the token is good and has the scope."""
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        app, until = self.tokens.get(token, (None, self.now()))
        if scheme.lower() != "bearer" or app is None:
            raise Refusal(error(401, 124, "Invalid access token."))
        if self.now() >= until:
            raise Refusal(error(401, 124, "Access token is expired."))
        _, scope = RULES.get((call.method, call.template), (LIGHT, ""))
        if scope and scope not in app.scopes:
            message = f"Invalid access token, does not contain scopes:[{scope}]."
            raise Refusal(error(400, 4711, message))

    def limit(self, call: Call) -> None:
        """Raise Refusal where the category's calls of this second or day are used up."""
        category, _ = RULES.get((call.method, call.template), (LIGHT, ""))
        now = self.now()
        calls = self.recent.setdefault(category, deque())
        while calls and calls[0] <= now - timedelta(seconds=1):
            calls.popleft()
        most = PER_SECOND[self.plan][category]
        if len(calls) >= most:
            message = "You have reached the maximum per-second rate limit for this API."
            raise Refusal(self._too_many(message, category, "QPS", most, now + _SECOND))
        calls.append(now)
        if category == HEAVY and self._count(HEAVY) > PER_DAY[self.plan]:
            message = "You have reached the maximum daily rate limit for this API."
            raise Refusal(self.over_a_day(message, category, PER_DAY[self.plan]))

    def once_more(self, what: str, whom: str, most: int) -> None:
        """Count one action on a registrant. Raises Refusal at the day's limit."""
        if self._count(f"{what} {whom}") > most:
            message = (
                f"You have exceeded the daily rate limit of ({most}) for {what} API requests for "
                f"the registrant ({whom}). You can resume these API requests at GMT 00:00:00."
            )
            raise Refusal(self.over_a_day(message, LIGHT, most))

    def over_a_day(self, message: str, category: str, most: int) -> Answer:
        """The 429 that lasts until midnight."""
        tomorrow = (self.now().astimezone(UTC) + timedelta(days=1)).replace(
            hour=0, minute=0, second=0, microsecond=0
        )
        return self._too_many(message, category, "Daily-limit", most, tomorrow)

    def _count(self, what: str) -> int:
        key = (self.now().astimezone(UTC).date().isoformat(), what)
        self.daily[key] = self.daily.get(key, 0) + 1
        return self.daily[key]

    @staticmethod
    def _too_many(message: str, category: str, kind: str, most: int, until: datetime) -> Answer:
        headers = {
            "Retry-After": stamp(until),
            "X-RateLimit-Category": category,
            "X-RateLimit-Type": kind,
            "X-RateLimit-Limit": str(most),
            "X-RateLimit-Remaining": "0",
        }
        return Answer(429, {"code": 429, "message": message}, headers)

    def numbered(self, call: Call, name: str, rows: Sequence[Any]) -> Answer:
        """The page of `rows` that the call numbers. It takes no page token, though it gives one."""
        size, number = _page_size(call), int(call.query.get("page_number", 1))
        untold = Call(call.method, call.template, call.path, {"page_size": str(size)}, {}, b"")
        told = self.paged(untold, name, rows[(number - 1) * size :]).body
        count = -(-len(rows) // size)
        return Answer(
            200, {**told, "page_count": count, "page_number": number, "total_records": len(rows)}
        )

    def paged(self, call: Call, name: str, rows: Sequence[Any], key: str = "") -> Answer:
        """One page of `rows`, which `key` tells from other lists of the same route."""
        listing = f"{call.method} {call.template} {sorted(call.path.items())} {key}"
        size = _page_size(call)
        start = 0
        if token := call.query.get("next_page_token"):
            found = self.pages.get(token)
            if found is None or found[0] != listing or self.now() >= found[2]:
                raise Refusal(error(400, 300, "The next page token is invalid or expired."))
            start = found[1]
        shown = list(rows[start : start + size])
        following = ""
        if start + size < len(rows):
            following = f"page-{len(self.pages) + 1}"
            self.pages[following] = (listing, start + size, self.now() + PAGE_TOKEN_LIFE)
        return Answer(
            200,
            {
                "page_count": -(-len(rows) // size),
                "page_size": size,
                "total_records": len(rows),
                "next_page_token": following,
                name: shown,
            },
        )


def _page_size(call: Call) -> int:
    try:
        size = int(call.query.get("page_size", USUAL_ROWS))
    except ValueError as wrong:
        raise invalid("page_size", "Invalid field.") from wrong
    if not 1 <= size <= MOST_ROWS:
        raise invalid("page_size", f"The value must be between 1 and {MOST_ROWS}.")
    return size


_SECOND = timedelta(seconds=1)
