"""What the vendors received for the rights of people: erasing, archiving, marking, correcting.

Rights acts and the sync's writes are told apart by who was at work, which a story knows; here the
calls of a handler's work are read. An unknown call is an error: nothing goes uncounted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from properties.journals import CONTACTS, Written, written

LISTS = "/crm/v3/lists"
MEMBER = "/3.0/lists/{list}/members/{member}"
REGISTRANTS = "/v2/webinars/{webinar}/registrants"
TOKEN = "/oauth/token"
MARK = "hub_restricted"


@dataclass(frozen=True)
class Acted:
    """One act on one record."""

    kind: str  # "erase", "restrict", "lift"; "register", "cancel", …: what no right asks for
    system: str
    scope: str
    handle: str  # the record's id; of a permanent deletion in the mailer, its address's hash
    at: datetime
    n: int  # of the journal's entry
    accepted: bool  # answered 2xx
    heard: bool  # no fault swallowed the answer


def acts(
    system: str, journal: list[dict[str, Any]], since: int = 0
) -> tuple[list[Acted], list[Written]]:
    """Acts on whole records, and corrections of their fields, behind the first `since` entries."""
    done: list[Acted] = []
    corrected: list[Written] = []
    for entry in journal[since:]:
        if entry["method"] == "GET":
            continue
        found = list(_acts(system, entry))
        done += found
        if not found and not _sets_up(entry):
            corrected += written(system, [entry])
    return done, corrected


def _sets_up(entry: Mapping[str, Any]) -> bool:
    """The exclusion list and who is on it, which goes with the mark on the record; a token."""
    return bool(entry["route"].startswith(LISTS)) or entry["route"] == TOKEN


def _acts(system: str, entry: Mapping[str, Any]) -> Iterator[Acted]:
    common: dict[str, Any] = {
        "system": system,
        "scope": entry["path"].get("list") or entry["path"].get("webinar", ""),
        "at": datetime.fromisoformat(entry["at"]),
        "n": entry["n"],
        "accepted": (entry["status"] or 500) < 300,
        "heard": "fault" not in entry and entry["status"] is not None,
    }
    if _sets_up(entry):
        return
    body = json.loads(entry["body"]) if entry["body"] else {}
    handle = entry["path"].get("member", "")
    match (entry["method"], entry["route"]):
        case ("POST", route) if route == f"{CONTACTS}/gdpr-delete":
            assert "idProperty" not in body, "erased by id, never by address"
            yield Acted("erase", handle=str(body["objectId"]), **common)
        case ("POST", route) if route == f"{MEMBER}/actions/delete-permanent":
            yield Acted("erase", handle=handle, **common)
        case ("DELETE", route) if route == MEMBER:
            yield Acted("restrict", handle=handle, **common)
        case ("PUT", route) if route == MEMBER:
            yield Acted("lift", handle=handle, **common)
        case ("PATCH", route) if route == MEMBER and set(body) - {"status"} <= _EVIDENCE:
            yield Acted("lift", handle=handle, **common)
        case ("DELETE", route) if route == f"{REGISTRANTS}/{{registrant}}":
            yield Acted("erase", handle=entry["path"]["registrant"], **common)
        case ("PUT", route) if route == f"{REGISTRANTS}/status":
            for one in body["registrants"]:
                yield Acted(body["action"], handle=str(one["id"]), **common)
        case ("POST", route) if route in (REGISTRANTS, _BATCH):
            for one in body.get("registrants") or [body]:
                yield Acted("register", handle=one["email"], **common)
        case ("POST", route) if route == f"{CONTACTS}/batch/update":
            for one in body["inputs"]:
                if set(one["properties"]) == {MARK}:
                    kind = "restrict" if one["properties"][MARK] == "true" else "lift"
                    yield Acted(kind, handle=str(one["id"]), **common)


_BATCH = "/v2/webinars/{webinar}/batch_registrants"
_EVIDENCE = {"ip_signup", "timestamp_signup", "ip_opt", "timestamp_opt"}
