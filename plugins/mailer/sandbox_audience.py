"""The state and the rules of one audience of the Mailchimp sandbox. Knows nothing of HTTP."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

CALLER_IP = "192.0.2.80"
"""What Mailchimp notes as the address of whoever calls its API."""

PERSON_IP = "198.51.100.7"

STATUSES = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived")
ON_CREATE = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional")
ON_PATCH = ("subscribed", "unsubscribed", "cleaned", "pending")

LONGEST_TAG = 100
MOST_TAGS = 50
"""How many of its tags a member shows; the rest only by a call of their own."""

_ADDRESS = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


class Refused(Exception):
    """A call against the rules, as the vendor's problem document tells it."""

    def __init__(
        self,
        title: str,
        detail: str,
        *,
        errors: Iterable[Mapping[str, str]] = (),
        status: int = 400,
    ) -> None:
        super().__init__(title)
        self.title = title
        self.detail = detail
        self.errors = list(errors)
        self.status = status


def invalid(field_name: str, message: str, detail: str = "") -> Refused:
    """The vendor's answer to a value that it does not take."""
    detail = detail or "The resource submitted could not be validated."
    return Refused("Invalid Resource", detail, errors=[{"field": field_name, "message": message}])


def iso(moment: datetime | str | None) -> str:
    """A time as the vendor writes it: whole seconds, UTC. Empty for none."""
    if not moment:
        return ""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


def address_hash(email: Any) -> str:
    """The vendor's id of an address."""
    return hashlib.md5(str(email).lower().encode(), usedforsecurity=False).hexdigest()


@dataclass(slots=True)
class Member:
    """One member. `email` is text unless a test seeds nonsense."""

    contact_id: str
    web_id: int
    email: Any
    status: str
    merge_fields: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)  # casefolded -> as written
    ticked: set[str] = field(default_factory=set)
    source: str = "API - Generic"
    ip_signup: str = ""
    timestamp_signup: str = ""
    ip_opt: str = ""
    timestamp_opt: str = ""
    last_changed: str = ""
    language: str = ""
    email_type: str = "html"
    vip: bool = False
    unsubscribe_reason: str = ""
    compliance: str = ""  # "unsubscribed" by their own hand, "cleaned": the API cannot subscribe
    activity: list[dict[str, str]] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def hash(self) -> str:
        """The vendor's `id`, which changes with the address."""
        return address_hash(self.email)


class Audience:
    """Members with their rules. Times come in as arguments; nothing here looks at a clock."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.id: str = data["id"]
        self.name: str = data.get("name", self.id)
        self.double_optin = bool(data.get("double_optin", False))
        self.merge_fields: dict[str, dict[str, Any]] = {}
        self.permissions: dict[str, str] = {}
        self.members: dict[str, Member] = {}  # in the order of last_changed
        self.forgotten: set[str] = set()
        self.tag_ids: dict[str, int] = {}
        self._by_hash: dict[str, str] = {}
        self._made = 0
        self._sorted = True
        self._latest = ""
        self._listings: dict[str, tuple[list[Member], list[str]]] = {}

    # finding

    def find(self, handle: str, *, hash_only: bool = False) -> Member:
        """The member of a hash, an address or a contact id. Raises Refused (404)."""
        member = self.members.get(self._by_hash.get(handle.lower(), ""))
        if member is None and not hash_only:
            by_address = self._by_hash.get(address_hash(handle), "")
            member = self.members.get(handle) or self.members.get(by_address)
        if member is None:
            raise Refused(
                "Resource Not Found", "The requested resource could not be found.", status=404
            )
        return member

    def holding(self, email: Any) -> Member | None:
        """The member with that address."""
        return self.members.get(self._by_hash.get(address_hash(email), ""))

    def listing(self, status: str) -> tuple[list[Member], list[str]]:
        """Members by `last_changed` and those times. Without a status: all but the archived."""
        if not self._sorted:
            ordered = sorted(self.members.values(), key=lambda member: member.last_changed)
            self.members = {member.contact_id: member for member in ordered}
            self._sorted = True
            self._latest = ordered[-1].last_changed if ordered else ""
        if status not in self._listings:
            rows = [
                member
                for member in self.members.values()
                if (member.status == status if status else member.status != "archived")
            ]
            self._listings[status] = (rows, [member.last_changed for member in rows])
        return self._listings[status]

    def changed(self, status: str, since: str, before: str) -> list[Member]:
        """Of a listing, those changed after `since` and before `before`, both exclusive."""
        rows, times = self.listing(status)
        start = bisect_right(times, since) if since else 0
        end = bisect_left(times, before) if before else len(rows)
        return rows[start:end]

    # changing

    def add(self, email: Any, status: str, now: str, **more: Any) -> Member:
        """A new member, past every rule."""
        self._made += 1
        key = f"{self.id}:{self._made}".encode()
        contact = more.pop("contact_id", None)
        member = Member(
            contact_id=contact or hashlib.md5(key, usedforsecurity=False).hexdigest(),
            web_id=500_000_000 + self._made,
            email=email,
            status=status,
            **more,
        )
        self.members[member.contact_id] = member
        self._by_hash[member.hash] = member.contact_id
        self.touch(member, now)
        return member

    def touch(self, member: Member, now: str) -> None:
        """Note that a member changed at that time."""
        member.last_changed = now
        self._listings.clear()
        if now >= self._latest:
            self._latest = now
            self.members[member.contact_id] = self.members.pop(member.contact_id)
        else:
            self._sorted = False

    def move(self, member: Member, email: str) -> None:
        """Change the address. Raises Refused where another member has it or it is forgotten."""
        new = address_hash(email)
        if new != member.hash:
            if new in self._by_hash:
                raise Refused(
                    "Member Exists",
                    f"{email} is already a list member. Use PUT to insert or update list members.",
                )
            self.remember(email)
            del self._by_hash[member.hash]
            self._by_hash[new] = member.contact_id
        member.email = email

    def forget(self, member: Member) -> None:
        """Delete for good: nothing is left but that the address may not be added again."""
        del self.members[member.contact_id]
        del self._by_hash[member.hash]
        self.forgotten.add(member.hash)
        self._listings.clear()

    def remember(self, email: Any) -> None:
        """Raise Refused where the address was deleted for good."""
        if address_hash(email) in self.forgotten:
            raise Refused(
                "Forgotten Email Not Subscribed",
                f"{email} was permanently deleted and cannot be re-imported. "
                "The contact must re-subscribe to get back on the list.",
            )

    def set_status(self, member: Member, status: str, now: str) -> None:
        """A status set by API. Raises Refused where the person's own refusal stands."""
        blocked = {"unsubscribed": ("subscribed",), "cleaned": ("subscribed", "pending")}
        if status in blocked.get(member.compliance, ()):
            raise Refused(
                "Member In Compliance State",
                f"{member.email} is in a compliance state due to unsubscribe, bounce, or "
                "compliance review and cannot be subscribed.",
            )
        if status != member.status:
            if status == "subscribed":
                # the trap: the times look as if somebody had opted in
                member.timestamp_opt, member.ip_opt = now, CALLER_IP
            elif status == "pending":
                member.timestamp_opt = member.ip_opt = ""
            elif status == "unsubscribed":
                member.unsubscribe_reason = "N/A (Unsubscribed by an admin)"
        member.status = status

    def set_merge_fields(self, member: Member, values: Any, *, validate: bool) -> None:
        """Set merge fields; tags that the audience lacks are dropped without a word."""
        if not isinstance(values, Mapping):
            raise invalid("merge_fields", "Schema describes object, something else found instead")
        merged = dict(member.merge_fields)
        for tag, value in values.items():
            known = self.merge_fields.get(tag)
            if known is None:
                continue
            if known["type"] == "number" and value != "":
                try:
                    value = float(value)  # noqa: PLW2901 - stored as a number, as the vendor does
                except (TypeError, ValueError) as error:
                    raise self._bad_field(tag, "Please enter a number") from error
            merged[tag] = value
        if validate:
            for tag, known in self.merge_fields.items():
                if known["required"] and merged.get(tag) in (None, ""):
                    raise self._bad_field(tag, "Please enter a value")
        member.merge_fields = merged

    @staticmethod
    def _bad_field(tag: str, message: str) -> Refused:
        return invalid(tag, message, "Your merge fields were invalid.")

    @staticmethod
    def check_tags(tags: Iterable[Mapping[str, str]]) -> None:
        """Raise Refused for a name that the vendor does not take."""
        for tag in tags:
            if not 0 < len(tag["name"].strip()) <= LONGEST_TAG:
                raise invalid("tags", f"Tag names have 1 to {LONGEST_TAG} characters.")

    def set_tags(self, member: Member, tags: Iterable[Mapping[str, str]]) -> None:
        """Add the active ones, remove the inactive ones; blanks around a name are dropped."""
        for tag in tags:
            name = tag["name"].strip()
            if tag.get("status") == "inactive":
                member.tags.pop(name.casefold(), None)
            else:
                self.tag_ids.setdefault(name.casefold(), len(self.tag_ids) + 1)
                member.tags.setdefault(name.casefold(), name)

    def set_permissions(self, member: Member, permissions: Iterable[Mapping[str, Any]]) -> None:
        """Tick and untick. Raises Refused for one that the audience does not have."""
        for permission in permissions:
            one = permission.get("marketing_permission_id")
            if one not in self.permissions:
                raise invalid("marketing_permissions", "Unknown marketing permission")
            (member.ticked.add if permission.get("enabled") else member.ticked.discard)(one)

    def check_address(self, email: Any) -> None:
        """Raise Refused for what the vendor takes for no address."""
        if not isinstance(email, str) or not email:
            raise invalid("email_address", "This value should not be blank.")
        if not _ADDRESS.fullmatch(email) or email.lower().endswith(".invalid"):
            raise Refused(
                "Invalid Resource",
                f"{email} looks fake or invalid, please enter a real email address.",
            )

    # showing

    def overview(self) -> dict[str, Any]:
        """The audience as the API answers it."""
        counts = Counter(member.status for member in self.members.values())
        return {
            "id": self.id,
            "name": self.name,
            "double_optin": self.double_optin,
            "marketing_permissions": bool(self.permissions),
            "stats": {
                "member_count": counts["subscribed"],
                "unsubscribe_count": counts["unsubscribed"],
                "cleaned_count": counts["cleaned"],
                "merge_field_count": len(self.merge_fields),
            },
        }

    def tags_of(self, member: Member) -> list[dict[str, Any]]:
        """All of a member's tags."""
        return [{"id": self.tag_ids[key], "name": name} for key, name in member.tags.items()]

    def show(self, member: Member) -> dict[str, Any]:
        """A member as the API answers it."""
        merge = {tag: member.merge_fields.get(tag, "") for tag in self.merge_fields}
        first, last = merge.get("FNAME", ""), merge.get("LNAME", "")
        return {
            "id": member.hash,
            "email_address": member.email,
            "unique_email_id": member.hash[:10],
            "contact_id": member.contact_id,
            "full_name": f"{first} {last}".strip(),
            "web_id": member.web_id,
            "email_type": member.email_type,
            "status": member.status,
            "unsubscribe_reason": member.unsubscribe_reason,
            "consents_to_one_to_one_messaging": member.status == "subscribed",
            "merge_fields": merge,
            "interests": {},
            "stats": {"avg_open_rate": 0, "avg_click_rate": 0},
            "ip_signup": member.ip_signup,
            "timestamp_signup": member.timestamp_signup,
            "ip_opt": member.ip_opt,
            "timestamp_opt": member.timestamp_opt,
            "member_rating": 2,
            "last_changed": member.last_changed,
            "language": member.language,
            "vip": member.vip,
            "email_client": "",
            "marketing_permissions": [
                {"marketing_permission_id": one, "text": text, "enabled": one in member.ticked}
                for one, text in self.permissions.items()
            ],
            "source": member.source,
            "tags_count": len(member.tags),
            "tags": self.tags_of(member)[:MOST_TAGS],
            "list_id": self.id,
        }
