"""The routes of the Mailchimp sandbox that are about members."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hub.testing.sandbox import Answer, Call, FaultKind, route
from plugins.mailer.sandbox_account import MEMBER, MEMBERS, ONE, Account, page, partial
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
from plugins.mailer.sandbox_calls import add_by_api, batch_error, batch_row, change_by_api

MOST_MEMBERS = 500

NOT_ARCHIVED = ("cleaned", "pending", "archived")
"""Statuses from which a member cannot be archived."""


class MemberRoutes(Account):
    """Members: listed, added, changed, archived, deleted, and what is kept with them."""

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
        shown = [audience.show(member) for member in page(call, rows)]
        body = {"members": shown, "list_id": audience.id, "total_items": len(rows)}
        return partial(call, body)

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
        tags = [{"name": name} for name in body.get("tags") or ()]
        audience.check_tags(tags)
        made = self._add(call, audience, body, present)
        audience.set_tags(made, tags)
        return Answer(200, audience.show(made))

    @route("GET", MEMBER)
    def member(self, call: Call) -> Answer:
        """One member, by hash, address or contact id."""
        audience = self._audience(call)
        return partial(call, audience.show(audience.find(call.path["member"])))

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
        """Archive, where the vendor lets it be."""
        audience = self._audience(call)
        member = audience.find(call.path["member"])
        if member.status in NOT_ARCHIVED:
            raise Refused(
                "Method Not Allowed",
                "This list member cannot be removed. Can not archive a contact that is bounced, "
                "pending or archived",
                status=405,
            )
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
        rows = audience.tags_of(audience.find(call.path["member"]))
        return partial(call, {"tags": page(call, rows), "total_items": len(rows)})

    @route("POST", MEMBER + "/tags")
    def change_tags(self, call: Call) -> Answer:
        """Add and remove tags."""
        audience, body = self._audience(call), self._body(call)
        member = audience.find(call.path["member"], hash_only=True)
        tags = body.get("tags") or ()
        audience.check_tags(tags)
        audience.set_tags(member, tags)
        audience.touch(member, iso(self.now()))
        return Answer(204)

    @route("GET", MEMBER + "/activity-feed")
    def activity_feed(self, call: Call) -> Answer:
        """What a member did and was sent, latest first."""
        audience = self._audience(call)
        member = audience.find(call.path["member"])
        feed = page(call, member.activity[::-1])
        return partial(call, {"activity": feed, "email_id": member.hash, "list_id": audience.id})

    @route("GET", MEMBER + "/notes")
    def notes(self, call: Call) -> Answer:
        """What staff noted of a member."""
        audience = self._audience(call)
        member = audience.find(call.path["member"], hash_only=True)
        body = {
            "notes": page(call, member.notes),
            "email_id": member.hash,
            "list_id": audience.id,
            "total_items": len(member.notes),
        }
        return partial(call, body)

    @route("GET", MEMBER + "/events")
    def events(self, call: Call) -> Answer:
        """What other tools told Mailchimp that the member did."""
        member = self._audience(call).find(call.path["member"])
        body = {"events": page(call, member.events), "total_items": len(member.events)}
        return partial(call, body)

    @route("GET", MEMBER + "/goals")
    def goals(self, call: Call) -> Answer:
        """Pages of a website that the member visited; the sandbox's members visit none."""
        member = self._audience(call).find(call.path["member"])
        return partial(call, {"goals": [], "email_id": member.hash, "total_items": 0})

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


def _skips_validation(call: Call) -> bool:
    return call.query.get("skip_merge_validation", "").lower() == "true"
