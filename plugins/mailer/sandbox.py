"""A stand-in of Mailchimp's Marketing API 3.0, as far as this plugin and its tests need it.

Seed form (`POST /_control/seed`)::

    {"api_keys": ["…-us21"],
     "lists": [{"id", "name", "double_optin", "merge_fields": [{"tag", "required", "type"}],
                "marketing_permissions": [{"marketing_permission_id", "text"}],
                "members": [{"email_address", "status", "merge_fields", "tags", "language",
                             "marketing_permissions": ["ticked id"], "source", "ip_signup",
                             "timestamp_signup", "ip_opt", "timestamp_opt", "last_changed",
                             "compliance": "unsubscribed" | "cleaned"}]}],
     "acts": [{"list", "email", "act"}]}

The acts are listed in `sandbox_people`. Every second problem document lacks its `type`, as the
vendor's sometimes do. Where the published contract is silent the sandbox takes the worse: the
listing without a status leaves archived members out, adding an archived address brings it back,
`since_last_changed` is exclusive, unknown merge tags are dropped in silence, a subscription by API
looks like an opt-in, the tags' and the delete-permanent endpoint know the address's hash alone.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from starlette.applications import Starlette

from hub.testing.sandbox import Answer, Call, FaultKind, Refusal, Sandbox, route
from plugins.mailer.sandbox_audience import (
    ON_CREATE,
    ON_PATCH,
    STATUSES,
    Audience,
    Member,
    Refused,
    invalid,
    iso,
)
from plugins.mailer.sandbox_calls import (
    add_by_api,
    batch_error,
    batch_row,
    change_by_api,
    pruned,
    sliced,
)
from plugins.mailer.sandbox_connections import OVER_LIMIT, Connections
from plugins.mailer.sandbox_people import act, add_merge_field, seed_audience

LISTS = "/3.0/lists"
ONE = LISTS + "/{list}"
MEMBERS = ONE + "/members"
MEMBER = MEMBERS + "/{member}"

MOST_MEMBERS = 500
MOST_COUNT = 1000


class MailchimpSandbox(Sandbox):
    """One account with its keys and audiences."""

    title = "Mailchimp"

    # the account

    def clear(self) -> None:
        self.keys: set[str] = set()
        self.audiences: dict[str, Audience] = {}
        self._problems = 0

    def seed(self, data: Any) -> None:
        self.keys.update(data.get("api_keys", ()))
        now = iso(self.now())
        for audience in data.get("lists", ()):
            seed_audience(self.audiences, audience, now)
        for given in data.get("acts", ()):
            act(self.audiences[given["list"]], given, now)

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
                        }
                        for member in audience.members.values()
                    ],
                }
                for audience in self.audiences.values()
            }
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

    # routes of the account

    @route("GET", "/3.0")
    @route("GET", "/3.0/")
    def root(self, call: Call) -> Answer:
        """Who the key belongs to."""
        return _pruned(
            call,
            {
                "account_id": "sandbox",
                "account_name": "Sandbox",
                "role": "owner",
                "pricing_plan_type": "monthly",
                "total_subscribers": sum(len(a.members) for a in self.audiences.values()),
            },
        )

    @route("GET", "/3.0/ping")
    def ping(self, call: Call) -> Answer:
        """Says nothing of the account."""
        return Answer(200, {"health_status": "Everything's Chimpy!"})

    @route("GET", LISTS)
    def lists(self, call: Call) -> Answer:
        """The audiences."""
        shown = [audience.overview() for audience in self.audiences.values()]
        return _pruned(call, {"lists": _sliced(call, shown), "total_items": len(shown)})

    @route("GET", ONE)
    def one(self, call: Call) -> Answer:
        """One audience."""
        return _pruned(call, self._audience(call).overview())

    @route("GET", ONE + "/merge-fields")
    def merge_fields(self, call: Call) -> Answer:
        """Its merge fields."""
        audience = self._audience(call)
        fields = list(audience.merge_fields.values())
        body = {
            "merge_fields": _sliced(call, fields),
            "list_id": audience.id,
            "total_items": len(fields),
        }
        return _pruned(call, body)

    @route("POST", ONE + "/merge-fields")
    def add_merge_field(self, call: Call) -> Answer:
        """One more."""
        audience, body = self._audience(call), self._body(call)
        if not body.get("name") or not body.get("type"):
            raise invalid("name", "This value should not be blank.")
        tag = body.get("tag") or f"MMERGE{len(audience.merge_fields) + 1}"
        if len(tag) > 10:
            raise invalid("tag", "Merge tags are 10 characters at most.")
        if tag in audience.merge_fields or tag == "EMAIL":
            raise Refused("Bad Request", f'A Merge Field with the tag "{tag}" already exists.')
        return Answer(200, add_merge_field(audience, {**body, "tag": tag}))

    # routes of members

    @route("GET", MEMBERS)
    def members(self, call: Call) -> Answer:
        """The listing: filters, order, pages."""
        audience, query = self._audience(call), call.query
        status = query.get("status", "")
        if status and status not in STATUSES:
            raise invalid("status", "Not a status.")
        try:
            since, before = (iso(query.get(f"{edge}_last_changed")) for edge in ("since", "before"))
        except ValueError as error:
            raise invalid("since_last_changed", "Not a time in ISO 8601.") from error
        rows = audience.changed(status, since, before)
        match query.get("sort_field"):
            case None:
                rows = sorted(rows, key=lambda member: member.web_id)
            case "timestamp_opt":
                rows = sorted(rows, key=lambda member: member.timestamp_opt)
            case "timestamp_signup":
                rows = sorted(rows, key=lambda member: member.timestamp_signup)
            case "last_changed":
                pass
            case _:
                raise invalid("sort_field", "Not a field to sort by.")
        if query.get("sort_dir") == "DESC":
            rows = rows[::-1]
        shown = [audience.show(member) for member in _sliced(call, rows)]
        body = {"members": shown, "list_id": audience.id, "total_items": len(rows)}
        return _pruned(call, body)

    @route("POST", ONE)
    def batch(self, call: Call) -> Answer:
        """Up to 500 members at once; 200 whatever becomes of the single ones."""
        audience, body = self._audience(call), self._body(call)
        given = body.get("members")
        if not isinstance(given, list):
            raise invalid("members", "This value should not be blank.")
        if len(given) > MOST_MEMBERS:
            raise invalid("members", f"At most {MOST_MEMBERS} members at once.")
        if any(not isinstance(member, dict) for member in given):
            raise invalid("members", "Schema describes object, something else found instead")
        done: dict[str, list[dict[str, Any]]] = {"new_members": [], "updated_members": []}
        errors: list[dict[str, str]] = []
        seen: set[str] = set()
        for member in given:
            email = member.get("email_address")
            try:
                if self.failing(FaultKind.PARTIAL, call):
                    raise Refused("", "An unknown error occurred. Please try again later.")
                if str(email).lower() in seen:
                    raise Refused("", f"{email} is a duplicate within this request.")
                seen.add(str(email).lower())
                present = audience.holding(email)
                if present is None or present.status == "archived":
                    made = self._add(call, audience, member, present)
                    done["new_members"].append(batch_row(audience.show(made)))
                elif body.get("update_existing"):
                    self._change(call, audience, present, member, ON_CREATE)
                    done["updated_members"].append(batch_row(audience.show(present)))
                else:
                    raise Refused("Member Exists", f"{email} is already a list member.")
            except Refused as refused:
                errors.append(batch_error(email, refused))
        return Answer(
            200,
            {
                **done,
                "errors": errors,
                "total_created": len(done["new_members"]),
                "total_updated": len(done["updated_members"]),
                "error_count": len(errors),
            },
        )

    @route("POST", MEMBERS)
    def add_member(self, call: Call) -> Answer:
        """One new member, who may come with tags and permissions."""
        audience, body = self._audience(call), self._body(call)
        email = body.get("email_address")
        present = audience.holding(email)
        if present is not None and present.status != "archived":
            raise Refused(
                "Member Exists",
                f"{email} is already a list member. Use PUT to insert or update list members.",
            )
        made = self._add(call, audience, body, present)
        audience.set_tags(made, [{"name": name} for name in body.get("tags") or ()])
        return Answer(200, audience.show(made))

    @route("GET", MEMBER)
    def member(self, call: Call) -> Answer:
        """One member, by hash, address or contact id."""
        audience = self._audience(call)
        return _pruned(call, audience.show(audience.find(call.path["member"])))

    @route("PATCH", MEMBER)
    def patch_member(self, call: Call) -> Answer:
        """Change what is given."""
        audience = self._audience(call)
        member = audience.find(call.path["member"])
        self._change(call, audience, member, self._body(call), ON_PATCH)
        return Answer(200, audience.show(member))

    @route("PUT", MEMBER)
    def put_member(self, call: Call) -> Answer:
        """Add or change; `status_if_new` counts for the first only."""
        audience, body = self._audience(call), self._body(call)
        try:
            member = audience.find(call.path["member"])
        except Refused:
            body = {**body, "status": body.get("status_if_new") or body.get("status")}
            return Answer(200, audience.show(self._add(call, audience, body, None)))
        self._change(call, audience, member, body, ON_CREATE)
        return Answer(200, audience.show(member))

    @route("DELETE", MEMBER)
    def archive_member(self, call: Call) -> Answer:
        """Archive."""
        audience = self._audience(call)
        member = audience.find(call.path["member"])
        member.status = "archived"
        audience.touch(member, iso(self.now()))
        return Answer(204)

    @route("POST", MEMBER + "/actions/delete-permanent")
    def delete_member(self, call: Call) -> Answer:
        """Delete for good."""
        audience = self._audience(call)
        audience.forget(audience.find(call.path["member"], hash_only=True))
        return Answer(204)

    @route("GET", MEMBER + "/tags")
    def tags(self, call: Call) -> Answer:
        """A member's tags."""
        audience = self._audience(call)
        rows = audience.show(audience.find(call.path["member"]))["tags"]
        return _pruned(call, {"tags": _sliced(call, rows), "total_items": len(rows)})

    @route("POST", MEMBER + "/tags")
    def change_tags(self, call: Call) -> Answer:
        """Add and remove tags."""
        audience, body = self._audience(call), self._body(call)
        member = audience.find(call.path["member"], hash_only=True)
        audience.set_tags(member, body.get("tags") or ())
        audience.touch(member, iso(self.now()))
        return Answer(204)

    @route("GET", MEMBER + "/activity-feed")
    def activity_feed(self, call: Call) -> Answer:
        """What a member did, latest first."""
        audience = self._audience(call)
        member = audience.find(call.path["member"])
        feed = _sliced(call, member.activity[::-1])
        return _pruned(call, {"activity": feed, "email_id": member.hash, "list_id": audience.id})

    # what routes share

    def _add(
        self, call: Call, audience: Audience, body: Mapping[str, Any], archived: Member | None
    ) -> Member:
        return add_by_api(
            audience, body, archived, iso(self.now()), validate=not _skips_validation(call)
        )

    def _change(
        self,
        call: Call,
        audience: Audience,
        member: Member,
        body: Mapping[str, Any],
        statuses: Iterable[str],
    ) -> None:
        validate = not _skips_validation(call)
        change_by_api(audience, member, body, statuses, iso(self.now()), validate=validate)

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


def _skips_validation(call: Call) -> bool:
    return call.query.get("skip_merge_validation", "").lower() == "true"


def _sliced(call: Call, rows: list[Any]) -> list[Any]:
    return sliced(call.query, rows)


def _pruned(call: Call, body: dict[str, Any]) -> Answer:
    return Answer(200, pruned(call.queries, body))
