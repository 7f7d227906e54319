"""Reading contacts: everything once, then what changed, and single ones for sure.

**Everything**: the list in the order of id, live contacts and then archived ones, so that an
archived contact is not taken for a deleted one. A change made behind the reader is found
afterwards, for what changed is read from the time that was newest *before* the list began.

**What changed**: searches for `lastmodifieddate` at or after a time, oldest first, and each page
is a search of its own that begins at the last time of the page before (and, within one moment that
fills a page, behind the last id). So no page depends on an offset: nothing is skipped when rows
move while we read, when thousands share a moment, or where results end at 10,000. The next cursor
is a time that HubSpot told, never our clock's; `overlap` makes rows be read again that search,
which lags behind writes, did not show the first time.

HubSpot has no changed-since for subscription statuses. They are read with every contact that is
read, so a change of status alone is seen by the next reading of everything; only an opt-out of all
e-mail also changes the contact. How late a withdrawal may be seen is thus `full_every` in YAML.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hub.api import BadAnswer, Consent, Misconfigured, Page, Record, Ref, Rejected
from plugins.hubspot.client import SEARCH_PAGE, Api
from plugins.hubspot.mapping import (
    EMAIL,
    MODIFIED,
    BadRowError,
    ConsentMapper,
    Mapper,
    fold,
    millis,
    rejected,
    version_of,
)

FIRST = "0"


def cursor_of(**place: str | int) -> str:
    """A place in the reading as text."""
    return json.dumps(place, separators=(",", ":"))


def modified(row: Any) -> int | None:
    """When a row was modified, in milliseconds; None where it does not say."""
    try:
        return millis(version_of(row["properties"][MODIFIED]))
    except (BadRowError, KeyError, TypeError):
        return None


class Reader:
    """Reads with one mapper. `overlap` is in seconds; `consents` None: statuses are not read."""

    def __init__(
        self, api: Api, mapper: Mapper, consents: ConsentMapper | None, *, overlap: float
    ) -> None:
        self._api = api
        self._mapper = mapper
        self._consents = consents
        self._overlap = round(overlap * 1000)

    def pages(self, cursor: str | None) -> Iterator[Page]:
        """See `Connector.read`. Raises Misconfigured for a cursor that is not ours."""
        try:
            if cursor is None:
                return self._everything({})
            place: Mapping[str, Any] = json.loads(cursor)
            if "since" in place:
                since = int(place["since"])
                return self._changes(max(since - self._overlap, 0), FIRST, since, None)
            if "at" in place:
                at, to = int(place["at"]), int(place["to"])
                return self._changes(at, str(place["id"]), to, to)
            if "from" in place:
                return self._everything({**place, "from": int(place["from"])})
        except (ValueError, TypeError, KeyError):
            pass
        raise Misconfigured(
            "the cursor kept for HubSpot's contacts cannot be read",
            mend="let the next sync enumerate everything",
        )

    def _everything(self, place: Mapping[str, Any]) -> Iterator[Page]:
        newest = place["from"] if place else self._newest()
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

    def _changes(self, at: int, id_: str, since: int, to: int | None) -> Iterator[Page]:
        """From that moment on, behind `id_` within it, to the moment `to` where that is known.

        `id_` is FIRST while the moment is not known to fill a page."""
        edge: set[str] = set()  # shown already, of the moment that a page begins with
        while to is None or at <= to:
            within = id_ != FIRST
            rows, more = self._searched(at, id_ if within else None, to)
            last = max((m for row in rows if (m := modified(row)) is not None), default=None)
            if more and to is None:
                # the run ends here: what comes meanwhile is for the next one, whose overlap is
                # counted from a time at which all of this run's pages were still to be read
                to = self._newest()
            fresh = [row for row in rows if within or str(_id(row)) not in edge]
            edge = set()
            if within:
                at, id_ = (at, str(_id(rows[-1]))) if more else (at + 1, FIRST)
                more = True  # behind the moment there may be others
            elif more:
                if last is None:
                    raise BadAnswer("a page of search results tells no lastmodifieddate")
                if last == at:
                    id_, fresh = "1", []  # ids are far larger: the moment from its beginning
                else:
                    at = last
                    edge = {str(_id(row)) for row in rows if modified(row) == at}
            else:
                since = to if to is not None else max(since, last or 0)
            ended = not more or (to is not None and at > to)
            if ended and to is not None:
                since = to
            records, refused, _ = self._understood(fresh)
            if records or refused:
                place = {"since": since} if ended else {"at": at, "id": id_, "to": to or since}
                yield Page(records, refused, cursor_of(**place))
            elif ended and to is not None:
                yield Page((), (), cursor_of(since=since))
            if ended:
                return

    def _searched(self, at: int, behind: str | None, to: int | None) -> tuple[list[Any], bool]:
        def bound(name: str, operator: str, value: int | str) -> dict[str, str]:
            return {"propertyName": name, "operator": operator, "value": str(value)}

        if behind is not None:
            filters = [bound(MODIFIED, "EQ", at), bound("hs_object_id", "GT", behind)]
            return self._api.search(filters, "hs_object_id", self._mapper.names, SEARCH_PAGE)
        filters = [bound(MODIFIED, "GTE", at)]
        if to is not None:
            filters.append(bound(MODIFIED, "LTE", to))
        return self._api.search(filters, MODIFIED, self._mapper.names, SEARCH_PAGE)

    def _newest(self) -> int:
        """The time of the latest change that search shows, 0 where there is nobody."""
        rows, _ = self._api.search((), f"-{MODIFIED}", (MODIFIED,), 1)
        return (modified(rows[0]) or 0) if rows else 0

    # single ones

    def fetch(self, refs: Sequence[Ref]) -> list[Record | None]:
        """See `Connector.fetch`."""
        ids = list(dict.fromkeys(ref.id for ref in refs if ref.id.isdigit()))
        emails = list(dict.fromkeys(fold(ref.email) for ref in refs if not ref.id and ref.email))
        rows = self.found(ids, emails)
        records, _, _ = self._understood(list({_id(row): row for row in rows.values()}.values()))
        known = {record.ref.id: record for record in records}
        answers: list[Record | None] = []
        for ref in refs:
            row = rows.get(ref.id or f"@{fold(ref.email or '')}")
            answers.append(None if row is None else known.get(str(_id(row))))
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


def _id(row: Any) -> Any:
    return row.get("id") if isinstance(row, Mapping) else None


def _live_email(row: Any) -> str | None:
    """The folded address of a live contact: an archived one is mailed nothing."""
    try:
        email = row["properties"].get(EMAIL)
    except (KeyError, TypeError, AttributeError):
        return None
    return fold(email) if type(email) is str and not row.get("archived") else None
