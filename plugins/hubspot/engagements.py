"""Engagements: calls, mails, meetings, messages and notes that HubSpot keeps about contacts.

Each type is read by what changed since (see `plugins.hubspot.changes`), then whom it is with is
asked of the associations, a page at a time. An archived engagement is not shown by search, and so
tells nothing; one that is with a merged contact is answered with the survivor.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hub.api import Activity, ActivityKind, ActivityPage, Misconfigured, Ref, Rejected
from plugins.hubspot.answers import listed, parts
from plugins.hubspot.changes import Changes, Place, row_id
from plugins.hubspot.client import OBJECTS, Api
from plugins.hubspot.mapping import STREAM, BadRowError, rejected, version_of
from plugins.hubspot.plaintext import plain

MODIFIED = "hs_lastmodifieddate"
ASSOCIATIONS = "/crm/v4/associations/{source}/{target}/batch/read"
BEGIN: Place = {"since": 0}

_DIRECTIONS = {"INBOUND": "in", "OUTBOUND": "out", "INCOMING_EMAIL": "in", "EMAIL": "out"}


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of engagement: its name in paths and to people, and where its words are."""

    type: str
    name: str
    text: str
    subject: str = ""
    direction: str = ""
    channel: str = ""
    html: str = ""  # instead of `text`, where that is empty
    plain: bool = False  # whether `text` holds no HTML

    @property
    def properties(self) -> list[str]:
        """The properties to ask for."""
        own = (self.subject, self.text, self.html, self.direction, self.channel)
        return ["hs_timestamp", MODIFIED, *filter(None, own)]


COLLECTED = (
    Kind("calls", "call", "hs_call_body", "hs_call_title", "hs_call_direction"),
    Kind(
        "communications",
        "message",
        "hs_communication_body",
        channel="hs_communication_channel_type",
    ),
    Kind(
        "emails",
        "email",
        "hs_email_text",
        "hs_email_subject",
        "hs_email_direction",
        html="hs_email_html",
        plain=True,
    ),
    Kind("meetings", "meeting", "hs_meeting_body", "hs_meeting_title"),
    Kind("notes", "note", "hs_note_body"),
)
"""What is told as activities: what was said and written with the person."""

EXPORTED = (
    *COLLECTED,
    Kind("postal_mail", "letter", "hs_postal_mail_body", "hs_postal_mail_subject"),
    Kind("tasks", "task", "hs_task_body", "hs_task_subject"),
)
"""What is exported besides: a colleague's task about the person is held too."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The engagements of one contact; `odd` are rows that cannot be understood, as they are: an
    export is neither short of them nor stopped by them."""

    activities: list[Activity]
    odd: list[Any]


class Engagements:
    """Reads the engagements of one account. `overlap` is in seconds."""

    def __init__(self, api: Api, *, overlap: float) -> None:
        self._api = api
        self._overlap = round(overlap * 1000)

    def pages(self, cursor: str | None) -> Iterator[ActivityPage]:
        """See `ReadsActivities.activities`. Raises Misconfigured for a cursor that is not ours."""
        try:
            places: dict[str, Place] = json.loads(cursor) if cursor else {}
            reading = [
                (kind, self._changes(kind).after(places.get(kind.type, BEGIN)))
                for kind in COLLECTED
            ]
        except (ValueError, TypeError, KeyError, AttributeError):
            raise Misconfigured(
                "the cursor kept for HubSpot's engagements cannot be read",
                mend="let the next sync read the activities anew",
            ) from None
        return self._told(places, reading)

    def of(self, contacts: Sequence[str]) -> dict[str, Kept]:
        """All engagements of those contacts that are kept, tasks and letters included, by
        contact."""
        found = {one: Kept([], []) for one in contacts}
        for kind in EXPORTED:
            by_contact = self.associated("contacts", kind.type, contacts)
            ids = list(dict.fromkeys(one for some in by_contact.values() for one in some))
            rows = {
                str(row_id(row)): row for row in self._api.objects(kind.type, ids, kind.properties)
            }
            for contact, some in by_contact.items():
                for one in some:
                    # one that was archived meanwhile is not there any more
                    if one not in rows or contact not in found:
                        continue
                    try:
                        found[contact].activities.append(_activity(kind, rows[one], contact))
                    except BadRowError:
                        found[contact].odd.append({"type": kind.type, **rows[one]})
        for kept in found.values():
            kept.activities.sort(key=lambda one: (one.at, one.id))
        return found

    def associated(self, source: str, target: str, ids: Sequence[str]) -> dict[str, list[str]]:
        """With which of the objects `target` each of those of `source` is associated."""
        found: dict[str, list[str]] = {}
        waiting = [{"id": one} for one in ids]
        while waiting:
            calls = [
                {
                    "method": "POST",
                    "route": ASSOCIATIONS,
                    "path": {"source": source, "target": target},
                    "json": {"inputs": list(some)},
                }
                for some in parts(waiting)
            ]
            waiting = []
            for answer in self._api.asks(calls):
                for row in self._api.settled(answer, "POST", ASSOCIATIONS):
                    id_ = str(row["from"]["id"])
                    some = found.setdefault(id_, [])
                    some += [str(to["toObjectId"]) for to in listed(row, "to", "toObjectId")]
                    after = ((row.get("paging") or {}).get("next") or {}).get("after")
                    if after:
                        waiting.append({"id": id_, "after": str(after)})
        return {one: list(dict.fromkeys(some)) for one, some in found.items()}

    def _changes(self, kind: Kind) -> Changes:
        def search(
            filters: Sequence[Mapping[str, str]], sort: str, limit: int
        ) -> tuple[list[Any], bool]:
            route = f"{OBJECTS}/{kind.type}"
            return self._api.search(filters, sort, kind.properties, limit, route=route)

        return Changes(search, MODIFIED, overlap=self._overlap)

    def _told(
        self,
        places: dict[str, Place],
        reading: Sequence[tuple[Kind, Iterator[tuple[list[Any], Place]]]],
    ) -> Iterator[ActivityPage]:
        for kind, found in reading:
            for rows, place in found:
                with_ = self.associated(kind.type, "contacts", [str(row_id(row)) for row in rows])
                told: list[Activity] = []
                refused: list[Rejected] = []
                for row in rows:
                    try:
                        told += [
                            _activity(kind, row, one) for one in with_.get(str(row_id(row)), ())
                        ]
                    except BadRowError as error:
                        raw = json.dumps(row, ensure_ascii=False)
                        refused.append(rejected(row, error, raw))
                places = {**places, kind.type: place}
                yield ActivityPage(told, refused, json.dumps(places, separators=(",", ":")))


def _activity(kind: Kind, row: Any, contact: str) -> Activity:
    """A row as what happened with that contact. Raises BadRowError."""
    try:
        id_, properties = row["id"], row["properties"]
        at = datetime.fromisoformat(version_of(properties.get("hs_timestamp") or row["createdAt"]))
    except ValueError:
        raise BadRowError("time: an ISO date-time is expected") from None
    except (KeyError, TypeError, AttributeError):
        raise BadRowError("shape: an object with id, properties and a time is expected") from None
    if type(id_) is not str or not id_.isdigit():
        raise BadRowError("id: digits are expected")

    def value(name: str) -> str:
        found = properties.get(name) if name else None
        if found is not None and type(found) is not str:
            raise BadRowError("property: text is expected")
        return found or ""

    text = value(kind.text) if kind.plain else plain(value(kind.text))
    detail = {
        "type": kind.name,
        "direction": _DIRECTIONS.get(value(kind.direction).upper(), ""),
        "channel": value(kind.channel).lower(),
        "text": text or plain(value(kind.html)),
    }
    return Activity(
        ref=Ref(STREAM, "", contact),
        id=f"{kind.type}/{id_}/{contact}",
        kind=ActivityKind.COMMUNICATION,
        at=at.astimezone(UTC),
        about=value(kind.subject),
        detail={name: one for name, one in detail.items() if one},
    )
