"""What people, staff and the post do to the Mailchimp sandbox, past its API: seeds and acts.

An act is `{"list": …, "email": …, "act": …}` and what the act needs:

    form-subscribe    fills in the hosted form; `merge_fields` and ticked `permissions` if given.
                      Pending first where the audience is double opt-in.
    confirm           clicks the link of the confirmation mail
    unsubscribe       clicks the link of a campaign; the API cannot subscribe them again
    bounce            the address bounces for good
    profile           changes their own `merge_fields`, `permissions` or `new_email`
    staff-subscribe   a member of staff sets "subscribed" in the vendor's screen
    staff-unsubscribe … "unsubscribed"
    staff-edit        … `merge_fields`
    archive           … archives the member
    delete            … deletes them for good
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from plugins.mailer.sandbox_audience import PERSON_IP, Audience, Member, address_hash, iso

FORM = "Hosted Signup Form"


def seed_audience(audiences: dict[str, Audience], data: Mapping[str, Any], now: str) -> None:
    """Add an audience, or more to one that is there."""
    audience = audiences.setdefault(data["id"], Audience(data))
    for given in data.get("merge_fields", ()):
        add_merge_field(audience, given)
    for permission in data.get("marketing_permissions", ()):
        audience.permissions[permission["marketing_permission_id"]] = permission["text"]
    for given in data.get("members", ()):
        seed_member(audience, given, now)


def add_merge_field(audience: Audience, given: Mapping[str, Any]) -> dict[str, Any]:
    """A merge field, text unless told otherwise."""
    made = {
        "merge_id": len(audience.merge_fields) + 1,
        "tag": given["tag"],
        "name": given.get("name", given["tag"]),
        "type": given.get("type", "text"),
        "required": bool(given.get("required", False)),
        "default_value": "",
        "public": bool(given.get("public", False)),
        "display_order": len(audience.merge_fields) + 2,
        "options": {},
        "help_text": "",
        "list_id": audience.id,
    }
    audience.merge_fields[given["tag"]] = made
    return made


def seed_member(audience: Audience, given: Mapping[str, Any], now: str) -> Member:
    """A member as given, whatever the API would say of it."""
    status = given.get("status", "subscribed")
    compliance = given.get("compliance")
    if compliance is None:
        compliance = "cleaned" if status == "cleaned" else ""
    member = audience.add(
        given.get("email_address"),
        status,
        iso(given.get("last_changed")) or now,
        contact_id=given.get("contact_id"),
        merge_fields=dict(given.get("merge_fields", {})),
        ticked=set(given.get("marketing_permissions", ())),
        source=given.get("source", "Admin Add"),
        ip_signup=given.get("ip_signup", ""),
        timestamp_signup=iso(given.get("timestamp_signup")),
        ip_opt=given.get("ip_opt", ""),
        timestamp_opt=iso(given.get("timestamp_opt")),
        language=given.get("language", ""),
        vip=bool(given.get("vip", False)),
        unsubscribe_reason=given.get("unsubscribe_reason", ""),
        compliance="unsubscribed" if compliance is True else compliance,
        events=list(given.get("events", ())),
    )
    for text in given.get("notes", ()):
        note(member, text, now)
    audience.set_tags(member, [{"name": name} for name in given.get("tags", ())])
    return member


def note(member: Member, text: str, now: str) -> None:
    """Staff notes something of a member."""
    noted = {"created_at": now, "created_by": "Staff", "updated_at": now, "note": text}
    member.notes.append({"id": len(member.notes) + 1, **noted})


def act(audience: Audience, given: Mapping[str, Any], now: str) -> None:
    """Let someone act, now. Raises KeyError for an act that there is not, and Refused (404) for
    someone who is not there."""
    acting = ACTS[given["act"]]
    if acting is form_subscribe:
        form_subscribe(audience, None, given, now)
        return
    member = audience.find(given["email"])
    acting(audience, member, given, now)
    member.activity.append({"activity_type": given["act"], "created_at_timestamp": now})
    if member.contact_id in audience.members:
        audience.touch(member, now)


def form_subscribe(
    audience: Audience, member: Member | None, given: Mapping[str, Any], now: str
) -> None:
    """The person fills in the form, known before or not."""
    member = audience.holding(given["email"])
    if member is None:
        audience.forgotten.discard(address_hash(given["email"]))
        member = audience.add(given["email"], "pending", now)
    member.status = "pending" if audience.double_optin else "subscribed"
    member.source = FORM
    member.ip_signup, member.timestamp_signup = PERSON_IP, now
    member.unsubscribe_reason = ""
    if audience.double_optin:
        member.ip_opt = member.timestamp_opt = ""
    else:
        member.ip_opt, member.timestamp_opt = PERSON_IP, now
        member.compliance = ""
    _profile(audience, member, given, now)
    member.activity.append({"activity_type": "signup", "created_at_timestamp": now})
    audience.touch(member, now)


def _confirm(_: Audience, member: Member, __: Mapping[str, Any], now: str) -> None:
    if member.status == "pending":
        member.status, member.compliance = "subscribed", ""
        member.ip_opt, member.timestamp_opt = PERSON_IP, now


def _unsubscribe(_: Audience, member: Member, __: Mapping[str, Any], now: str) -> None:
    member.status = member.compliance = "unsubscribed"
    member.unsubscribe_reason = "No longer interested"


def _bounce(_: Audience, member: Member, __: Mapping[str, Any], now: str) -> None:
    member.status = member.compliance = "cleaned"


def _profile(audience: Audience, member: Member, given: Mapping[str, Any], now: str) -> None:
    audience.set_merge_fields(member, given.get("merge_fields", {}), validate=False)
    if "permissions" in given:
        member.ticked = set(given["permissions"])
    if given.get("new_email"):
        audience.move(member, given["new_email"])


def _staff_subscribe(_: Audience, member: Member, __: Mapping[str, Any], now: str) -> None:
    member.status, member.compliance = "subscribed", ""
    member.timestamp_opt, member.ip_opt = now, ""


def _staff_unsubscribe(_: Audience, member: Member, __: Mapping[str, Any], now: str) -> None:
    member.status = "unsubscribed"
    member.unsubscribe_reason = "N/A (Unsubscribed by an admin)"


def _archive(_: Audience, member: Member, __: Mapping[str, Any], now: str) -> None:
    member.status = "archived"


def _delete(audience: Audience, member: Member, __: Mapping[str, Any], now: str) -> None:
    audience.forget(member)


Act = Callable[[Audience, Any, Mapping[str, Any], str], None]

ACTS: Mapping[str, Act] = {
    "form-subscribe": form_subscribe,
    "confirm": _confirm,
    "unsubscribe": _unsubscribe,
    "bounce": _bounce,
    "profile": _profile,
    "staff-subscribe": _staff_subscribe,
    "staff-unsubscribe": _staff_unsubscribe,
    "staff-edit": _profile,
    "archive": _archive,
    "delete": _delete,
}
