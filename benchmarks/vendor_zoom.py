"""Zoom, as much of it as the connector calls: one webinar that was held, from bytes made before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import orjson

from benchmarks.population import Person
from benchmarks.vendor_http import Answer

WEBINAR = "91000000001"
SHARE = 20
"""One in so many people is registered."""
ASKS = ("Saako Crowst lähettää uutiskirjeen?", "Saako Bängeri lähettää uutiskirjeen?")
START = "2026-01-15T12:00:00Z"

_W = f"/v2/webinars/{WEBINAR}"
_PAST = f"/v2/past_webinars/{WEBINAR}"
_UUID = "YmVuY2htYXJr"
_REPORT = f"/v2/report/webinars/{_UUID}"


class Zoom:
    """One account, whose webinar is over: two thirds of the registered came."""

    def __init__(self, people: Iterable[Person]) -> None:
        self.calls: Counter[str] = Counter()
        rows = [_registrant(n, person) for n, person in enumerate(people)]
        self.count = len(rows)
        came = [row for n, row in enumerate(rows) if n % 3]
        absent = [row for n, row in enumerate(rows) if n % 3 == 0]
        self._lists = {
            f"{_W}/registrants": ("registrants", rows),
            f"{_REPORT}/participants": ("participants", [_attended(row) for row in came]),
            f"/v2/past_webinars/{_UUID}/absentees": ("registrants", absent),
        }
        self._made: dict[tuple[str, int, int], bytes] = {}

    def handle(self, method: str, path: str, query: dict[str, str], body: bytes) -> Answer:
        """The answer to one request."""
        if path == "/oauth/token":
            return b'{"access_token":"benchmark","token_type":"bearer","expires_in":3600}'
        if path in self._lists:
            name, rows = self._lists[path]
            self.calls[f"{name}: list"] += 1
            return self._page(path, name, [] if _other(query) else rows, query)
        self.calls["other"] += 1
        if path == _W:
            return orjson.dumps({"id": int(WEBINAR), "topic": "Webinaari", "start_time": START})
        if path == f"{_PAST}/instances":
            return orjson.dumps({"webinars": [{"uuid": _UUID, "start_time": START}]})
        return 404, b'{"code":3001,"message":"Webinar not found or has expired."}'

    def _page(self, path: str, name: str, rows: list[Any], query: dict[str, str]) -> bytes:
        size, first = int(query.get("page_size", 30)), int(query.get("next_page_token") or 0)
        key = (path if rows else "", size, first)
        if key not in self._made:
            more = str(first + size) if first + size < len(rows) else ""
            self._made[key] = orjson.dumps(
                {
                    "page_size": size,
                    "total_records": len(rows),
                    "next_page_token": more,
                    name: rows[first : first + size],
                }
            )
        return self._made[key]


def _other(query: dict[str, str]) -> bool:
    """Nobody is pending or denied."""
    return query.get("status", "approved") != "approved"


def _registrant(n: int, person: Person) -> dict[str, Any]:
    identity = sha256(person.email.encode()).hexdigest()[:22]
    return {
        "id": identity,
        "email": person.email,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "org": person.company,
        "job_title": person.job_title,
        "custom_questions": [
            {"title": title, "value": "Kyllä" if n % (2 + number) == 0 else "Ei"}
            for number, title in enumerate(ASKS)
        ],
        "status": "approved",
        "create_time": f"2026-01-{1 + n % 14:02d}T{n % 24:02d}:{n % 60:02d}:00Z",
    }


def _attended(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "",
        "registrant_id": row["id"],
        "user_email": row["email"],
        "join_time": START,
        "leave_time": "2026-01-15T13:00:00Z",
    }
