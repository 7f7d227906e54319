"""Mailchimp, as much of it as the connector calls: one audience, members kept as bytes."""

from __future__ import annotations

import hashlib
import time
from bisect import bisect_right
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from benchmarks.vendor_http import Answer

AUDIENCE = "uutiskirje"
LIST = f"/3.0/lists/{AUDIENCE}"
MEMBERS = f"{LIST}/members"
TAGS = ("FNAME", "LNAME", "PHONE", "TITLE", "COMPANY")


class Mailchimp:
    """One account with one audience, which begins empty."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.refusals: dict[str, float] = {}  # address -> when its unsubscribed came by API
        self._members: dict[str, dict[str, Any]] = {}  # by contact id
        self._bytes: dict[str, bytes] = {}
        self._contact: dict[str, str] = {}  # hash of the address -> contact id
        self._order: list[str] = []  # contact ids by time of change; a changed one moves behind
        self._times: list[str] = []
        self._moved = False
        self._behind = timedelta(hours=1)

    def _now(self) -> str:
        """The vendor's time as it writes it, whole seconds. It begins an hour behind ours, so that
        `later` can let time pass without a wait."""
        return (datetime.now(UTC) - self._behind).strftime("%Y-%m-%dT%H:%M:%S+00:00")

    def handle(self, method: str, path: str, query: dict[str, str], body: bytes) -> Answer:
        """The answer to one request."""
        if path == LIST and method == "POST":
            self.calls["members: batch create"] += 1
            return self._batch(orjson.loads(body)["members"])
        if path == MEMBERS and method == "GET":
            self.calls["members: list"] += 1
            return self._list(query)
        if path == MEMBERS:
            self.calls["members: create"] += 1
            return self._bytes[self._create(orjson.loads(body), self._now())]
        if path.startswith(MEMBERS + "/"):
            self.calls[f"members: {method.lower()}"] += 1
            handle = path.removeprefix(MEMBERS + "/").removesuffix("/tags")
            contact = handle if handle in self._members else self._contact.get(handle, "")
            if contact not in self._members:
                return 404, b'{"title":"Resource Not Found","status":404}'
            if method == "POST":
                return self._tag(contact, orjson.loads(body)["tags"])
            if method == "PATCH":
                self._patch(contact, orjson.loads(body))
            return self._bytes[contact]
        self.calls["other"] += 1
        if path == LIST:
            return orjson.dumps({"id": AUDIENCE, "name": "Uutiskirje", "double_optin": False})
        if path == f"{LIST}/merge-fields":
            return orjson.dumps({"merge_fields": [{"tag": tag, "type": "text"} for tag in TAGS]})
        if path == "/3.0/":
            return b'{"account_id":"bench"}'
        return 404, b'{"title":"Resource Not Found","status":404}'

    def _batch(self, members: list[dict[str, Any]]) -> bytes:
        now = self._now()
        made, errors = [], []
        for given in members:
            email = given["email_address"]
            if _hash(email) in self._contact:
                errors.append(
                    {
                        "email_address": email,
                        "error": f"{email} is already a list member",
                        "error_code": "ERROR_CONTACT_EXISTS",
                    }
                )
                continue
            self._create(given, now)
            made.append({"id": _hash(email), "email_address": email, "last_changed": now})
        return orjson.dumps(
            {
                "new_members": made,
                "updated_members": [],
                "errors": errors,
                "total_created": len(made),
                "total_updated": 0,
                "error_count": len(errors),
            }
        )

    def _create(self, given: dict[str, Any], now: str) -> str:
        hashed = _hash(given["email_address"])
        contact = hashlib.md5(hashed.encode(), usedforsecurity=False).hexdigest()
        member = {
            "id": hashed,
            "contact_id": contact,
            "email_address": given["email_address"],
            "status": given["status"],
            "merge_fields": dict.fromkeys(TAGS, "") | given.get("merge_fields", {}),
            "language": given.get("language", ""),
            "tags": [{"id": 0, "name": name} for name in given.get("tags", ())],
            "tags_count": len(given.get("tags", ())),
            "source": "API - Generic",
            "ip_signup": "",
            "timestamp_signup": "",
            "ip_opt": "192.0.2.80",
            "timestamp_opt": now,
            "last_changed": now,
        }
        self._contact[hashed] = contact
        self._members[contact] = member
        self._bytes[contact] = orjson.dumps(member)
        self._order.append(contact)
        self._times.append(now)
        return contact

    def _list(self, query: dict[str, str]) -> bytes:
        if query.get("status") == "archived":
            return b'{"members":[],"total_items":0}'
        if self._moved:
            self._order.sort(key=lambda contact: self._members[contact]["last_changed"])
            self._times = [self._members[contact]["last_changed"] for contact in self._order]
            self._moved = False
        since = query.get("since_last_changed")
        first = bisect_right(self._times, since) if since else 0
        count, offset = int(query.get("count", 10)), int(query.get("offset", 0))
        if query.get("sort_dir") == "DESC":
            last = len(self._order) - offset
            shown = self._order[max(first, last - count) : last][::-1]
        else:
            shown = self._order[first + offset : first + offset + count]
        return b'{"members":[%b],"total_items":%d}' % (
            b",".join([self._bytes[contact] for contact in shown]),
            len(self._order) - first,
        )

    def _patch(self, contact: str, given: dict[str, Any]) -> None:
        member = self._members[contact]
        if given.get("status") == "unsubscribed" and member["status"] != "unsubscribed":
            self.refusals.setdefault(member["email_address"], time.monotonic())
        member["merge_fields"] |= given.pop("merge_fields", {})
        if "email_address" in given:
            del self._contact[member["id"]]
            member["id"] = _hash(given["email_address"])
            self._contact[member["id"]] = contact
        self._touch(contact, given)

    def _tag(self, contact: str, given: list[dict[str, str]]) -> Answer:
        held = {one["name"]: one for one in self._members[contact]["tags"]}
        for one in given:
            if one["status"] == "active":
                held[one["name"]] = {"id": 0, "name": one["name"]}
            else:
                held.pop(one["name"], None)
        self._touch(contact, {"tags": list(held.values()), "tags_count": len(held)})
        return 204, b""

    def _touch(self, contact: str, values: dict[str, Any]) -> None:
        member = self._members[contact]
        member |= {**values, "last_changed": self._now()}
        self._bytes[contact] = orjson.dumps(member)
        self._moved = True

    # what people do

    def unsubscribe(self, email: str) -> None:
        """The person follows the link in a newsletter."""
        contact = self._contact[_hash(email)]
        self._touch(contact, {"status": "unsubscribed", "unsubscribe_reason": "N/A (by link)"})

    def later(self) -> None:
        """Ten minutes pass, in which somebody saves one member. Who reads what is new and a little
        more would otherwise read again all that was made a moment ago."""
        self._behind -= timedelta(minutes=10)
        self._touch(self._order[-1], {})

    @property
    def count(self) -> int:
        """How many members there are."""
        return len(self._members)


def _hash(email: str) -> str:
    return hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest()
