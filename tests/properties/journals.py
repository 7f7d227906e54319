"""What the vendors received, read from their sandboxes' journals: never from the hub's own word."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from support.accounts import CONTACT_FIELDS, MEMBER_FIELDS

CONTACTS = "/crm/objects/2026-09/contacts"
PREFERENCES = "/communication-preferences/2026-09"
_CONTACT = {vendor: name for name, vendor in CONTACT_FIELDS.items()}
_MEMBER = {vendor: name for name, vendor in MEMBER_FIELDS.items()}


@dataclass(frozen=True)
class Written:
    """One input of one write call, in no vendor's words."""

    system: str
    scope: str
    at: datetime
    n: int  # of the journal's entry
    accepted: bool  # answered 2xx
    partly: bool = False  # of a batch: this input may be one of those that were refused
    id: str = ""  # the record's, "" for a create or where only the address is given
    email: str = ""
    create: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)  # hub names
    stances: Mapping[str, str] = field(default_factory=dict)  # topic -> "yes", "no", "pending"


def written(system: str, journal: list[dict[str, Any]], since: int = 0) -> list[Written]:
    """Every write of the journal behind its first `since` entries.

    Fails on a call that changes something and is not understood here: nothing goes uncounted.
    """
    found: list[Written] = []
    for entry in journal[since:]:
        if entry["method"] != "GET":
            found.extend(_entry(system, entry))
    return found


def _entry(system: str, entry: Mapping[str, Any]) -> Iterator[Written]:
    common: dict[str, Any] = {
        "system": system,
        "at": datetime.fromisoformat(entry["at"]),
        "n": entry["n"],
        "accepted": (entry["status"] or 500) < 300,
        # Mailchimp answers 200 to a batch of which it refused some
        "partly": entry["status"] == 207 or entry["route"] == "/3.0/lists/{list}",
        "scope": entry["path"].get("list", ""),
    }
    if entry["route"] == "/oauth/token":
        return
    body = json.loads(entry["body"]) if entry["body"] else {}
    match (entry["method"], entry["route"]):
        case ("POST", route) if route.endswith(("/search", "/read")):
            return
        case ("POST", route) if route.startswith("/crm/properties/"):
            return
        case ("POST", route) if route == f"{CONTACTS}/batch/update":
            for one in body["inputs"]:
                yield Written(**common, id=one["id"], fields=_contact(one["properties"]))
        case ("POST", route) if route == f"{CONTACTS}/batch/upsert":
            for one in body["inputs"]:
                given = _contact(one["properties"])
                yield Written(**common, email=one["id"], create=True, fields=given)
        case ("POST", route) if route == f"{PREFERENCES}/statuses/batch/write":
            for one in body["inputs"]:
                stance = {"SUBSCRIBED": "yes", "UNSUBSCRIBED": "no"}[one["statusState"]]
                stances = {str(one["subscriptionId"]): stance}
                yield Written(**common, email=one["subscriberIdString"], stances=stances)
        case ("POST", route) if route == f"{PREFERENCES}/statuses/batch/unsubscribe-all":
            for one in body["inputs"]:
                yield Written(**common, email=one, stances={"*": "no"})
        case ("POST", "/3.0/lists/{list}"):
            assert body["update_existing"] is False
            for one in body["members"]:
                yield _member(common, one, create=True)
        case ("POST", "/3.0/lists/{list}/members"):
            yield _member(common, body, create=True)
        case ("PATCH", "/3.0/lists/{list}/members/{member}"):
            yield _member(common, body, id=entry["path"]["member"])
        case ("POST", "/3.0/lists/{list}/members/{member}/tags"):
            tags = _tags({one["name"]: f"{one['status']}:{one['name']}" for one in body["tags"]})
            yield Written(**common, id=entry["path"]["member"], fields=tags)
        case ("POST", "/3.0/lists/{list}/merge-fields"):
            return
        case (method, route):
            raise AssertionError(f"a call that nobody expected: {method} {route}")


def _contact(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {_CONTACT.get(name, name): value for name, value in properties.items()}


def _tags(told: Mapping[str, str]) -> dict[str, list[str]]:
    """Tags by the hub field that they stand for: those of webinars begin so."""
    found: dict[str, list[str]] = {}
    for name in sorted(told):
        field = "webinars" if name.startswith("webinar ") else "tags"
        found.setdefault(field, []).append(told[name])
    return found


_STATUSES = {"subscribed": "yes", "pending": "pending", "unsubscribed": "no"}


def _member(common: Mapping[str, Any], body: Mapping[str, Any], **more: Any) -> Written:
    fields = {_MEMBER.get(n, n): v for n, v in (body.get("merge_fields") or {}).items()}
    if "language" in body:
        fields["language"] = body["language"]
    if "tags" in body:
        fields |= _tags({name: name for name in body["tags"]})
    email = body.get("email_address", "")
    if email:
        fields["email"] = email
    stances = {}
    if body.get("status") in _STATUSES:
        stances["*"] = _STATUSES[body["status"]]
    return Written(**common, email=email, fields=fields, stances=stances, **more)
