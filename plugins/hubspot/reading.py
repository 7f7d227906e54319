"""Reading contacts: everything once, then what changed, and single ones for sure.

**Everything**: the list in the order of id, live contacts and then archived ones, so that an
archived contact is not taken for a deleted one. A change made behind the reader is found
afterwards, for what changed is read from the time that was newest *before* the list began.

**What changed**: see `plugins.hubspot.changes`.

HubSpot has no changed-since for subscription statuses. They are read with every contact that is
read, so a change of status alone is seen by the next reading of everything; only an opt-out of all
e-mail also changes the contact. How late a withdrawal may be seen is thus `full_every` in YAML.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hub.api import Consent, Misconfigured, Page, Record, Ref, Rejected
from plugins.hubspot.changes import Changes, Place, row_id
from plugins.hubspot.client import Api
from plugins.hubspot.mapping import (
    EMAIL,
    MODIFIED,
    BadRowError,
    ConsentMapper,
    Mapper,
    fold,
    rejected,
)


def cursor_of(**place: str | int) -> str:
    """A place in the reading as text."""
    return json.dumps(place, separators=(",", ":"))


class Reader:
    """Reads with one mapper. `overlap` is in seconds; `consents` None: statuses are not read."""

    def __init__(
        self, api: Api, mapper: Mapper, consents: ConsentMapper | None, *, overlap: float
    ) -> None:
        self._api = api
        self._mapper = mapper
        self._consents = consents
        self._changes = Changes(self._search, MODIFIED, overlap=round(overlap * 1000))

    def pages(self, cursor: str | None) -> Iterator[Page]:
        """See `Connector.read`. Raises Misconfigured for a cursor that is not ours."""
        try:
            if cursor is None:
                return self._everything({})
            place: Mapping[str, Any] = json.loads(cursor)
            if "since" in place or "at" in place:
                return self._changed(self._changes.after(place))
            if "from" in place:
                return self._everything({**place, "from": int(place["from"])})
        except (ValueError, TypeError, KeyError):
            pass
        raise Misconfigured(
            "the cursor kept for HubSpot's contacts cannot be read",
            mend="let the next sync enumerate everything",
        )

    def _everything(self, place: Mapping[str, Any]) -> Iterator[Page]:
        newest = place["from"] if place else self._changes.newest()
        archived = "archived" in place
        after = str(place.get("archived", place.get("all", "")))
        call = self._api.page_call(after, self._mapper.names, archived=archived)
        (answer,) = self._api.asks([call])
        while True:
            rows, next_ = self._api.page_of(answer)
            if next_ is not None:
                place = {"archived" if archived else "all": next_, "from": newest}
            elif not archived:
                archived, next_, place = True, "", {"archived": "", "from": newest}
            else:
                place = {"since": newest}
            more: list[dict[str, Any]] = []
            if next_ is not None:
                more = [self._api.page_call(next_, self._mapper.names, archived=archived)]
            # the next page is fetched beside the statuses of this one
            records, refused, answers = self._understood(rows, more)
            yield Page(records, refused, cursor_of(**place), complete=next_ is None)
            if next_ is None:
                return
            answer = answers[0] if answers else self._api.asks(more)[0]

    def _changed(self, found: Iterator[tuple[list[Any], Place]]) -> Iterator[Page]:
        for rows, place in found:
            records, refused, _ = self._understood(rows)
            yield Page(records, refused, cursor_of(**place))

    def _search(
        self, filters: Sequence[Mapping[str, str]], sort: str, limit: int
    ) -> tuple[list[Any], bool]:
        return self._api.search(filters, sort, self._mapper.names, limit)

    # single ones

    def fetch(self, refs: Sequence[Ref]) -> list[Record | None]:
        """See `Connector.fetch`."""
        ids = list(dict.fromkeys(ref.id for ref in refs if ref.id.isdigit()))
        emails = list(dict.fromkeys(fold(ref.email) for ref in refs if not ref.id and ref.email))
        rows = self.found(ids, emails)
        records, _, _ = self._understood(list({row_id(row): row for row in rows.values()}.values()))
        known = {record.ref.id: record for record in records}
        answers: list[Record | None] = []
        for ref in refs:
            row = rows.get(ref.id or f"@{fold(ref.email or '')}")
            answers.append(None if row is None else known.get(str(row_id(row))))
        return answers

    def found(self, ids: Sequence[str], emails: Sequence[str]) -> dict[str, Any]:
        """Rows by the id asked for, or by "@" and the address; archived ones where no live one
        answers."""
        rows: dict[str, Any] = {}
        for archived in (False, True):
            lacking = [one for one in ids if one not in rows]
            if lacking:
                for row in self._api.contacts(lacking, self._mapper.names, archived=archived):
                    for one in self._mapper.ids(row):
                        rows.setdefault(one, row)
            lacking = [one for one in emails if f"@{one}" not in rows]
            if lacking:
                for row in self._api.contacts(
                    lacking, self._mapper.names, by_email=True, archived=archived
                ):
                    for one in self._mapper.addresses(row):
                        rows.setdefault(f"@{one}", row)
        return rows

    def statuses(self, emails: Sequence[str]) -> dict[str, list[Consent]]:
        """What is said of those addresses."""
        if self._consents is None or not emails:
            return {}
        return self._consents.by_email(self._api.asks(self._api.status_calls(emails)))

    def _understood(
        self, rows: Sequence[Any], more: Sequence[dict[str, Any]] = ()
    ) -> tuple[list[Record], list[Rejected], list[Any]]:
        """Rows with what is said of their addresses, and the answers to `more` calls: none where
        there were no statuses to make them beside."""
        said: dict[str, list[Consent]] = {}
        answers: list[Any] = []
        if self._consents is not None:
            emails = list(dict.fromkeys(e for row in rows if (e := _live_email(row))))
            if emails:
                calls = [*self._api.status_calls(emails), *more]
                answers = self._api.asks(calls)
                kept = len(answers) - len(more)
                said = self._consents.by_email(answers[:kept])
                answers = answers[kept:]
        records: list[Record] = []
        refused: list[Rejected] = []
        record = self._mapper.record
        for row in rows:
            try:
                records.append(record(row, said.get(_live_email(row) or "", ()) if said else ()))
            except BadRowError as error:
                refused.append(rejected(row, error, json.dumps(row, ensure_ascii=False)))
        return records, refused, answers


def _live_email(row: Any) -> str | None:
    """The folded address of a live contact: an archived one is mailed nothing."""
    try:
        email = row["properties"].get(EMAIL)
    except (KeyError, TypeError, AttributeError):
        return None
    return fold(email) if type(email) is str and not row.get("archived") else None
