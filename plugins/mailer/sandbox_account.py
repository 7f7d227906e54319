"""The account of the Mailchimp sandbox: keys, audiences, error shapes, and what routes share."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from starlette.applications import Starlette

from hub.testing.sandbox import Answer, Call, Refusal, Sandbox
from plugins.mailer.sandbox_audience import Audience, Refused, iso
from plugins.mailer.sandbox_calls import pruned, sliced
from plugins.mailer.sandbox_campaigns import ACTS, Campaign, campaign_act
from plugins.mailer.sandbox_connections import OVER_LIMIT, Connections
from plugins.mailer.sandbox_people import act, seed_audience

LISTS = "/3.0/lists"
ONE = LISTS + "/{list}"
MEMBERS = ONE + "/members"
MEMBER = MEMBERS + "/{member}"


class Account(Sandbox):
    """One account with its keys, audiences and campaigns; without routes."""

    def clear(self) -> None:
        self.keys: set[str] = set()
        self.audiences: dict[str, Audience] = {}
        self.campaigns: dict[str, Campaign] = {}
        self._problems = 0

    def seed(self, data: Any) -> None:
        self.keys.update(data.get("api_keys", ()))
        now = iso(self.now())
        for seeded in data.get("lists", ()):
            seed_audience(self.audiences, seeded, now)
        for given in data.get("acts", ()):
            audience = self.audiences[given["list"]]
            if given["act"] in ACTS:
                campaign_act(self.campaigns, audience, given, now)
            else:
                act(audience, given, now)

    def state(self) -> Any:
        return {
            "lists": {
                audience.id: {
                    "name": audience.name,
                    "double_optin": audience.double_optin,
                    "merge_fields": list(audience.merge_fields.values()),
                    "marketing_permissions": audience.permissions,
                    "forgotten": sorted(audience.forgotten),
                    "members": [
                        {
                            **audience.show(member),
                            "compliance": member.compliance,
                            "activity": member.activity,
                            "notes": member.notes,
                            "events": member.events,
                        }
                        for member in audience.members.values()
                    ],
                }
                for audience in self.audiences.values()
            },
            "campaigns": [campaign.state() for campaign in self.campaigns.values()],
        }

    def authenticate(self, call: Call) -> None:
        scheme, _, given = call.headers.get("authorization", "").partition(" ")
        key = given
        if scheme.lower() == "basic":
            try:
                key = base64.b64decode(given, validate=True).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                key = ""
        if scheme.lower() not in ("basic", "bearer") or key not in self.keys:
            raise Refusal(
                self.problem(
                    401,
                    "API Key Invalid",
                    "Your API key may be invalid, or you've attempted to access the wrong "
                    "datacenter.",
                )
            )

    def limit(self, call: Call) -> None:
        if OVER_LIMIT in call.headers:
            raise Refusal(self.too_many(call, 0))

    # the vendor's error shapes

    def problem(
        self, status: int, title: str, detail: str, errors: Iterable[Mapping[str, str]] = ()
    ) -> Answer:
        """A problem document; every second one without its type."""
        self._problems += 1
        body: dict[str, Any] = {
            "type": "https://mailchimp.com/developer/marketing/docs/errors/",
            "title": title,
            "status": status,
            "detail": detail,
            "instance": f"00000000-0000-4000-8000-{self._problems:012}",
        }
        if self._problems % 2 == 0:
            del body["type"]
        if errors:
            body["errors"] = list(errors)
        return Answer(status, body, {"Content-Type": "application/problem+json; charset=utf-8"})

    def not_found(self, call: Call) -> Answer:
        return self.problem(404, "Resource Not Found", "The requested resource could not be found.")

    def too_many(self, call: Call, seconds: float) -> Answer:
        # Mailchimp tells nobody how long to wait
        return self.problem(
            429, "Too Many Requests", "You have exceeded the limit of 10 simultaneous connections."
        )

    def server_error(self, call: Call) -> Answer:
        return self.problem(
            500, "InternalServerError", "An unexpected internal error has occurred."
        )

    def _answer(self, call: Call, endpoint: Any) -> Answer:
        try:
            return super()._answer(call, endpoint)
        except Refused as refused:
            return self.problem(refused.status, refused.title, refused.detail, refused.errors)

    # connections

    def asgi(self) -> Starlette:
        app = super().asgi()
        app.add_middleware(Connections, sandbox=self)
        return app

    # what routes share

    def _audience(self, call: Call) -> Audience:
        audience = self.audiences.get(call.path["list"])
        if audience is None:
            raise Refusal(self.not_found(call))
        return audience

    def _body(self, call: Call) -> dict[str, Any]:
        try:
            body = orjson.loads(call.body)
        except orjson.JSONDecodeError:
            body = None
        if not isinstance(body, dict):
            raise Refused("JSON Parse Error", "We encountered an unspecified JSON parsing error.")
        return body


def page(call: Call, rows: list[Any]) -> list[Any]:
    """The rows that the call asks for."""
    return sliced(call.query, rows)


def partial(call: Call, body: dict[str, Any]) -> Answer:
    """The parts of the body that the call asks for."""
    return Answer(200, pruned(call.queries, body))
