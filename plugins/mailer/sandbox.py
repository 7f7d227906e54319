"""A stand-in of Mailchimp's Marketing API 3.0, as far as this plugin and its tests need it.

Seed form (`POST /_control/seed`)::

    {"api_keys": ["…-us21"],
     "lists": [{"id", "name", "double_optin", "merge_fields": [{"tag", "required", "type"}],
                "marketing_permissions": [{"marketing_permission_id", "text"}],
                "members": [{"email_address", "status", "merge_fields", "tags", "language",
                             "marketing_permissions": ["ticked id"], "source", "ip_signup",
                             "timestamp_signup", "ip_opt", "timestamp_opt", "last_changed",
                             "compliance": "unsubscribed" | "cleaned", "notes": ["text"],
                             "events": [{"name", "occurred_at", "properties"}]}]}],
     "acts": [{"list", "email", "act"}]}

The acts are listed in `sandbox_people`, those with campaigns in `sandbox_campaigns`. Every second
problem document lacks its `type`, as the vendor's sometimes do. Where the published contract is
silent the sandbox takes the worse: the listing without a status leaves archived members out, adding
an archived address brings it back, `since_last_changed` is exclusive, unknown merge tags are
dropped in silence, a subscription by API looks like an opt-in, the endpoints of tags, notes and
permanent deletion know the address's hash alone, the report of opens and clicks has a row for
everyone, and reports name people by the hash of the address and never by contact id.
"""

from __future__ import annotations

from hub.testing.sandbox import Answer, Call, route
from plugins.mailer.sandbox_account import LISTS, ONE, page, partial
from plugins.mailer.sandbox_audience import Refused, invalid
from plugins.mailer.sandbox_members import MemberRoutes
from plugins.mailer.sandbox_people import add_merge_field
from plugins.mailer.sandbox_reports import ReportRoutes


class MailchimpSandbox(MemberRoutes, ReportRoutes):
    """One account with its keys, audiences and campaigns."""

    title = "Mailchimp"

    @route("GET", "/3.0")
    @route("GET", "/3.0/")
    def root(self, call: Call) -> Answer:
        """Who the key belongs to."""
        return partial(
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
        return partial(call, {"lists": page(call, shown), "total_items": len(shown)})

    @route("GET", ONE)
    def one(self, call: Call) -> Answer:
        """One audience."""
        return partial(call, self._audience(call).overview())

    @route("GET", ONE + "/merge-fields")
    def merge_fields(self, call: Call) -> Answer:
        """Its merge fields."""
        audience = self._audience(call)
        fields = list(audience.merge_fields.values())
        body = {
            "merge_fields": page(call, fields),
            "list_id": audience.id,
            "total_items": len(fields),
        }
        return partial(call, body)

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
