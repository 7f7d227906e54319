"""Reading the registrants of a webinar.

Zoom lists one status at a time and knows no "changed since", so every read enumerates all three.
Somebody whose status changes meanwhile moves from one list to another: denied ones are listed
first and once more at the end, pending ones before approved ones. Whoever was there all the time is
then in at least one of the lists, and the last telling counts.

Zoom's page tokens end after fifteen minutes and promise no order. So the lists are taken in one go,
kept in memory, put into the order of (registration, id) and handed out in pages; a cursor names the
last registrant handed out, and whoever goes on from it lists anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hub.api import BadAnswer, ConnectorError, Misconfigured, Page, Record, Ref, Rejected
from plugins.webinar.zoom_client import LIGHT, PAGE, REGISTRANT, REGISTRANTS, Client
from plugins.webinar.zoom_mapping import Malformed, RegistrantMapper

LISTS = ("denied", "pending", "approved", "denied")


@dataclass(frozen=True)
class Position:
    """Where a read stands; its JSON is the cursor. Holds a time and the vendor's id."""

    full: bool
    after: tuple[str, str] | None = None  # version and id of the last registrant handed out

    @classmethod
    def of(cls, cursor: str | None) -> Position:
        """The position of a cursor. Raises BadAnswer where it is none of ours."""
        if cursor is None:
            return cls(full=True)
        try:
            found = json.loads(cursor)
            after = found["after"]
            return cls(bool(found["full"]), None if after is None else (after[0], after[1]))
        except (ValueError, TypeError, LookupError) as error:
            raise BadAnswer("the stored cursor is not one of this connector's") from error

    def cursor(self) -> str:
        """As text."""
        return json.dumps(asdict(self), separators=(",", ":"), sort_keys=True)


@dataclass(frozen=True)
class Listed:
    """All registrants of a webinar."""

    records: Sequence[Record]  # in the order of (version, id)
    rejected: Sequence[Rejected]
    rows: dict[str, Any]  # as the vendor tells them, by id

    def of_email(self, email: str) -> Record | None:
        """Who has that address, in any letter case."""
        wanted = email.strip().casefold()
        for record in self.records:
            if (record.ref.email or "").casefold() == wanted:
                return record
        return None


class Registrants:
    """The registrants of an account's webinars."""

    def __init__(self, client: Client, mapper: RegistrantMapper) -> None:
        self.client = client
        self.mapper = mapper

    def listed(self, scope: str) -> Listed | None:
        """Every registrant of the webinar; None where there is no such webinar."""
        records: dict[str, Record] = {}
        rows: dict[str, Any] = {}
        rejected: dict[str, Rejected] = {}
        for status in LISTS:
            path, query = {"webinar": scope}, {"status": status}
            found = self.client.rows(REGISTRANTS, path, "registrants", query)
            if found is None:
                return None
            for row in found:
                try:
                    record = self.mapper.record(scope, row)
                except Malformed as error:
                    raw = json.dumps(row, ensure_ascii=False)
                    rejected[raw] = Rejected(_id(row), str(error), raw)
                else:
                    records[record.ref.id] = record
                    rows[record.ref.id] = row
        ordered = sorted(records.values(), key=_place)
        return Listed(ordered, tuple(rejected.values()), rows)

    def pages(self, scope: str, cursor: str | None) -> Iterator[Page]:
        """As `Connector.read`."""
        at = Position.of(cursor)
        listed = self.listed(scope)
        if listed is None:
            raise Misconfigured(
                f"Zoom has no webinar {scope}",
                mend="remove it from scopes, or correct its id",
            )
        records = [one for one in listed.records if at.after is None or _place(one) > at.after]
        rejected = listed.rejected if at.after is None else ()
        end = Position(full=False).cursor()
        for start in range(0, max(len(records), 1), PAGE):
            some = records[start : start + PAGE]
            last = start + PAGE >= len(records)
            following = end if last else Position(at.full, _place(some[-1])).cursor()
            yield Page(some, rejected, following, complete=last and at.full)
            rejected = ()

    def fetched(self, refs: Sequence[Ref]) -> Sequence[Record | None]:
        """As `Connector.fetch`."""
        records: list[Record | None] = [None] * len(refs)
        asked = [n for n, ref in enumerate(refs) if ref.id and ref.scope]
        found = self.rows_of([refs[n] for n in asked])
        for n, row in zip(asked, found, strict=True):
            if row is not None:
                try:
                    records[n] = self.mapper.record(refs[n].scope, row)
                except Malformed as error:
                    raise BadAnswer(f"a registrant cannot be understood: {error}") from error
        lists: dict[str, Listed | None] = {}
        for n, ref in enumerate(refs):
            if not ref.id and ref.email and ref.scope:
                if ref.scope not in lists:
                    lists[ref.scope] = self.listed(ref.scope)
                listed = lists[ref.scope]
                records[n] = listed.of_email(ref.email) if listed else None
        return records

    def rows_of(self, refs: Sequence[Ref]) -> Sequence[dict[str, Any] | None]:
        """The registrants as the vendor tells them, by id; None where there is none. Raises
        ConnectorError where any of them could not be read."""
        calls = [
            {
                "method": "GET",
                "route": REGISTRANT,
                "path": {"webinar": ref.scope, "registrant": ref.id},
                "limit": LIGHT,
            }
            for ref in refs
        ]
        rows: list[dict[str, Any] | None] = []
        for found in self.client.get_many(calls):
            if isinstance(found, ConnectorError):
                raise found
            rows.append(found)
        return rows


def _place(record: Record) -> tuple[str, str]:
    return record.version, record.ref.id


def _id(row: Any) -> str:
    found = row.get("id") if isinstance(row, dict) else None
    return found if isinstance(found, str) else ""
