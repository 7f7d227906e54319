"""HubSpot, as much of it as the connector calls, answered from bytes made beforehand."""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import orjson

from benchmarks.population import SUBSCRIBED, UNSTATED, UNSUBSCRIBED, Person
from benchmarks.vendor_http import Answer

CONTACTS = "/crm/objects/2026-09/contacts"
PROPERTIES = "/crm/properties/2026-09/contacts"
STATUSES = "/communication-preferences/2026-09/statuses/batch"
NEWSLETTER = 1001
FIRST_ID = 10_000_000_001
PAGE = 100
SPREAD_MS = 30_000
"""Between two contacts' last changes: registers grow over years, not within a minute."""

NAMES = ("email", "firstname", "lastname", "phone", "jobtitle", "company", "hs_language")
EXTRA = {
    "hs_merged_object_ids": None,
    "hs_additional_emails": None,
    "hs_email_hard_bounce_reason_enum": None,
}


def iso(ms: int) -> str:
    """A time as HubSpot writes it."""
    text = datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


class HubSpot:
    """One account: contacts, and their statuses for one subscription type."""

    def __init__(self, people: Iterable[Person], more: tuple[str, ...] = ()) -> None:
        self._names = (*NAMES, *more)
        self.calls: Counter[str] = Counter()
        self.refusals: dict[str, float] = {}  # address -> when its UNSUBSCRIBED came by API
        self._values: list[tuple[str | None, ...]] = []
        self._wishes: list[tuple[str, str, int]] = []  # status, source, when
        self._wide: dict[int, int] = {}  # opted out of everything -> when
        self._number: dict[str, int] = {}
        self._modified: list[int] = []
        for person in people:
            self._add(person)
        count = len(self._values)
        start = int(time.time() * 1000) - count * SPREAD_MS - 86_400_000
        self._modified = [start + n * SPREAD_MS for n in range(count)]
        self._rows = [self._row(n) for n in range(count)]
        self._said = [self._status(n) for n in range(count)]
        self._told = [self._opt_out_status(n) for n in range(count)]
        self._pages = [self._page(n) for n in range(max(1, -(-count // PAGE)))]
        self._stale: set[int] = set()
        self._order: list[tuple[int, int]] | None = None
        self._properties = _properties(self._names)

    def _add(self, person: Person) -> None:
        self._number[person.email] = len(self._values)
        self._values.append(
            (
                person.email,
                person.first_name,
                person.last_name,
                person.phone,
                person.job_title,
                person.company,
                person.language,
                *[None] * (len(self._names) - len(NAMES)),
            )
        )
        source = "" if person.newsletter == UNSTATED else "FORM"
        self._wishes.append((person.newsletter, source, 1_750_000_000_000))

    # what the connector calls

    def handle(self, method: str, path: str, query: dict[str, str], body: bytes) -> Answer:
        """The answer to one request."""
        if path == CONTACTS:
            self.calls["contacts: list"] += 1
            return self._list(query)
        if path.startswith(STATUSES):
            return self._preferences(path[len(STATUSES) :], orjson.loads(body)["inputs"])
        if path == f"{CONTACTS}/search":
            self.calls["contacts: search"] += 1
            return self._search(orjson.loads(body))
        if path.startswith(f"{CONTACTS}/batch/"):
            tail = path.removeprefix(f"{CONTACTS}/batch/")
            self.calls[f"contacts: batch {tail}"] += 1
            given = orjson.loads(body)
            return self._read(given) if tail == "read" else self._write(given["inputs"])
        self.calls["other"] += 1
        if path == PROPERTIES:
            return self._properties
        if path == f"{PROPERTIES}/groups":
            return b'{"results":[{"name":"hub"}]}'
        if path.endswith("/definitions"):
            return b'{"results":[{"id":"1001","name":"Newsletter"}]}'
        if path == "/account-info/v3/details":
            return b'{"portalId":1,"accountType":"STANDARD"}'
        return 404, b'{"category":"OBJECT_NOT_FOUND"}'

    def _list(self, query: dict[str, str]) -> bytes:
        if query.get("archived") == "true":
            return b'{"results":[]}'
        number = bisect_right(range(len(self._rows)), int(query.get("after", 0)) - FIRST_ID)
        page = number // PAGE  # `after` is always the last id of a page
        if page in self._stale:
            self._pages[page] = self._page(page)
            self._stale.discard(page)
        return self._pages[page]

    def _search(self, given: dict[str, Any]) -> bytes:
        limit = given["limit"]
        if self._order is None:
            self._order = sorted((ms, n) for n, ms in enumerate(self._modified))
        order = self._order
        if given["sorts"] == ["-lastmodifieddate"]:
            found = [n for _, n in reversed(order[-limit:])]
            return self._results(found, len(order))
        low, high, behind = 0, len(order), -1
        for one in given["filterGroups"][0]["filters"]:
            value = int(one["value"])
            match one["operator"]:
                case "GTE":
                    low = bisect_left(order, (value, -1))
                case "LTE":
                    high = bisect_left(order, (value + 1, -1))
                case "EQ":
                    low, high = bisect_left(order, (value, -1)), bisect_left(order, (value + 1, -1))
                case "GT":
                    behind = value - FIRST_ID
        numbers = [n for _, n in order[low:high] if n > behind]
        return self._results(numbers[:limit], len(numbers))

    def _results(self, numbers: list[int], total: int) -> bytes:
        rows = b",".join([self._rows[n] for n in numbers])
        more = b',"paging":{"next":{"after":"%d"}}' % len(numbers) if len(numbers) < total else b""
        return b'{"total":%d,"results":[%b]%b}' % (total, rows, more)

    def _read(self, given: dict[str, Any]) -> bytes:
        found = []
        for one in given["inputs"]:
            if given.get("idProperty") == "email":
                n = self._number.get(one["id"].lower())
            else:
                n = int(one["id"]) - FIRST_ID
            if n is not None and 0 <= n < len(self._rows):
                found.append(self._rows[n])
        return b'{"status":"COMPLETE","results":[%b]}' % b",".join(found)

    def _write(self, inputs: list[dict[str, Any]]) -> bytes:
        done = []
        for one in inputs:
            if one.get("idProperty") == "email":
                n = self._number.get(one["id"].lower())
                if n is None:
                    n = len(self._values)
                    self._number[one["id"].lower()] = n
                    self._values.append((one["id"], *[None] * (len(self._names) - 1)))
                    self._wishes.append((UNSTATED, "", 0))
                    self._modified.append(0)
                    self._rows.append(b"")
                    self._said.append(b"")
                    self._told.append(b"")
                    if n // PAGE == len(self._pages):
                        self._pages.append(b"")
                        self._stale.add(n // PAGE - 1)  # it now has a page behind it
            else:
                n = int(one["id"]) - FIRST_ID
            self._change(n, one["properties"])
            trace = orjson.dumps(one.get("objectWriteTraceId"))
            done.append(b'{"objectWriteTraceId":%b,%b' % (trace, self._rows[n][1:]))
        return b'{"status":"COMPLETE","results":[%b]}' % b",".join(done)

    def _preferences(self, tail: str, inputs: list[Any]) -> bytes:
        self.calls[f"statuses: batch{tail}"] += 1
        number = self._number
        if tail == "/read":
            found = [self._said[number[email]] for email in inputs if email in number]
        elif tail == "/unsubscribe-all/read":
            found = [self._told[number[email]] for email in inputs if email in number]
        elif tail == "/write":
            found = [self._set(one) for one in inputs]
        else:
            found = []
            for email in inputs:
                self.refusals.setdefault(email, time.monotonic())
                self.opt_out(number[email])
                found.append(self._said[number[email]])
        return b'{"status":"COMPLETE","results":[%b]}' % b",".join(found)

    def _set(self, given: dict[str, Any]) -> bytes:
        email, status = given["subscriberIdString"].lower(), given["statusState"]
        if status == UNSUBSCRIBED:
            self.refusals.setdefault(email, time.monotonic())
        n = self._number[email]
        self._wishes[n] = (status, "API", int(time.time() * 1000))
        self._said[n] = self._status(n)
        shown = orjson.loads(self._said[n])["statuses"][0]
        return orjson.dumps({**shown, "setStatusSuccessReason": "REQUESTED_CHANGE_OCCURRED"})

    # what people do

    def edit(self, share: float, turn: int) -> int:
        """A new job title for that share of the contacts, spread evenly; how many that were."""
        step = max(1, round(1 / share))
        numbers = range(turn % step, len(self._rows), step)
        for n in numbers:
            self._change(n, {"jobtitle": f"Asiantuntija {turn}"})
        return len(numbers)

    def opt_out(self, n: int) -> str:
        """The contact opts out of all e-mail; answers the address."""
        self._wide.setdefault(n, int(time.time() * 1000))
        self._change(n, {})
        return self.address(n)

    def subscribed(self, count: int, start: int) -> list[int]:
        """Contacts that are subscribed, from a number on."""
        found = (n for n in range(start, len(self._rows)) if self._wishes[n][0] == SUBSCRIBED)
        return [n for n, _ in zip(found, range(count), strict=False) if n not in self._wide]

    def address(self, n: int) -> str:
        """The address of a contact."""
        return str(self._values[n][0])

    # bytes

    def _change(self, n: int, properties: dict[str, str]) -> None:
        held = dict(zip(self._names, self._values[n], strict=True))
        held |= {name: value for name, value in properties.items() if name in held}
        self._values[n] = tuple(held.values())
        self._modified[n] = max(int(time.time() * 1000), self._modified[n] + 1)
        self._rows[n] = self._row(n)
        self._said[n] = self._status(n)
        self._told[n] = self._opt_out_status(n)
        self._stale.add(n // PAGE)
        self._order = None

    def _row(self, n: int) -> bytes:
        at, id_ = iso(self._modified[n]), str(FIRST_ID + n)
        times = {"createdate": "2021-03-04T05:06:07.000Z", "lastmodifieddate": at}
        properties = {**dict(zip(self._names, self._values[n], strict=True)), **EXTRA, **times}
        return orjson.dumps(
            {
                "id": id_,
                "properties": {**properties, "hs_object_id": id_},
                "createdAt": times["createdate"],
                "updatedAt": at,
                "archived": False,
            }
        )

    def _status(self, n: int) -> bytes:
        email = self._values[n][0]
        status, source, at = self._wishes[n]
        shown = {
            "channel": "EMAIL",
            "subscriberIdString": email,
            "subscriptionId": NEWSLETTER,
            "subscriptionName": "Newsletter",
            "status": status,
            "source": source,
            "legalBasis": "CONSENT_WITH_NOTICE" if status == SUBSCRIBED else None,
            "timestamp": iso(at),
        }
        return orjson.dumps({"subscriberIdString": email, "statuses": [shown]})

    def _opt_out_status(self, n: int) -> bytes:
        email = self._values[n][0]
        shown = {
            "channel": "EMAIL",
            "subscriberIdString": email,
            "wideStatusType": "PORTAL_WIDE",
            "status": UNSUBSCRIBED if n in self._wide else UNSTATED,
            "timestamp": iso(self._wide.get(n, 0)),
        }
        return orjson.dumps({"subscriberIdString": email, "wideStatuses": [shown]})

    def _page(self, number: int) -> bytes:
        rows = self._rows[number * PAGE : (number + 1) * PAGE]
        more = b""
        if (number + 1) * PAGE < len(self._rows):
            more = b',"paging":{"next":{"after":"%d"}}' % (FIRST_ID + (number + 1) * PAGE - 1)
        return b'{"results":[%b]%b}' % (b",".join(rows), more)


def _properties(names: tuple[str, ...]) -> bytes:
    known = (*names, *EXTRA, "createdate", "lastmodifieddate", "hs_object_id")
    return orjson.dumps(
        {"results": [{"name": n, "type": "string", "fieldType": "text"} for n in known]}
    )
