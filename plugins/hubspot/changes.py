"""What changed in one kind of HubSpot's objects, in the order of the time of change.

Searches for the time of change at or after a moment, oldest first, and each page is a search of its
own that begins at the last time of the page before (and, within one moment that fills a page,
behind the last id). So no page depends on an offset: nothing is skipped when rows move while we
read, when thousands share a moment, or where results end at 10,000. The place to go on from is a
time that HubSpot told, never our clock's; an overlap makes rows be read again that search, which
lags behind writes, did not show the first time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from hub.api import BadAnswer
from plugins.hubspot.client import SEARCH_PAGE
from plugins.hubspot.mapping import BadRowError, millis, version_of

FIRST = "0"

Search = Callable[[Sequence[Mapping[str, str]], str, int], tuple[list[Any], bool]]
"""Filters, sort, limit -> the first rows, and whether there are more."""

Place = Mapping[str, str | int]
"""Where the reading goes on: `since` a moment, or `at` one, behind an `id`, up `to` another."""


class Changes:
    """The changes that one search shows. `time` is the property that says when a row was modified,
    `overlap` is in milliseconds."""

    def __init__(self, search: Search, time: str, *, overlap: int) -> None:
        self._search = search
        self._time = time
        self._overlap = overlap

    def after(self, place: Place) -> Iterator[tuple[list[Any], Place]]:
        """Pages of rows, each with the place behind it. Raises ValueError or KeyError, at once,
        for a place that is not ours."""
        if "since" in place:
            since = int(place["since"])
            return self._pages(max(since - self._overlap, 0), FIRST, since, None)
        at, to = int(place["at"]), int(place["to"])
        return self._pages(at, str(place["id"]), to, to)

    def newest(self) -> int:
        """The time of the latest change that search shows, 0 where there is none."""
        rows, _ = self._search((), f"-{self._time}", 1)
        return (self.modified(rows[0]) or 0) if rows else 0

    def modified(self, row: Any) -> int | None:
        """When a row was modified, in milliseconds; None where it does not say."""
        try:
            return millis(version_of(row["properties"][self._time]))
        except (BadRowError, KeyError, TypeError):
            return None

    def _pages(
        self, at: int, id_: str, since: int, to: int | None
    ) -> Iterator[tuple[list[Any], Place]]:
        """From that moment on, behind `id_` within it, to the moment `to` where that is known.

        `id_` is FIRST while the moment is not known to fill a page."""
        edge: set[str] = set()  # shown already, of the moment that a page begins with
        while to is None or at <= to:
            within = id_ != FIRST
            rows, more = self._found(at, id_ if within else None, to)
            last = max((m for row in rows if (m := self.modified(row)) is not None), default=None)
            if more and to is None:
                # the run ends here: what comes meanwhile is for the next one, whose overlap is
                # counted from a time at which all of this run's pages were still to be read
                to = self.newest()
            fresh = [row for row in rows if within or str(row_id(row)) not in edge]
            edge = set()
            if within:
                at, id_ = (at, str(row_id(rows[-1]))) if more else (at + 1, FIRST)
                more = True  # behind the moment there may be others
            elif more:
                if last is None:
                    raise BadAnswer(f"a page of search results tells no {self._time}")
                if last == at:
                    id_, fresh = "1", []  # ids are far larger: the moment from its beginning
                else:
                    at = last
                    edge = {str(row_id(row)) for row in rows if self.modified(row) == at}
            else:
                since = to if to is not None else max(since, last or 0)
            ended = not more or (to is not None and at > to)
            if ended and to is not None:
                since = to
            if fresh:
                yield fresh, {"since": since} if ended else {"at": at, "id": id_, "to": to or since}
            elif ended and to is not None:
                yield [], {"since": since}
            if ended:
                return

    def _found(self, at: int, behind: str | None, to: int | None) -> tuple[list[Any], bool]:
        def bound(name: str, operator: str, value: int | str) -> dict[str, str]:
            return {"propertyName": name, "operator": operator, "value": str(value)}

        if behind is not None:
            filters = [bound(self._time, "EQ", at), bound("hs_object_id", "GT", behind)]
            return self._search(filters, "hs_object_id", SEARCH_PAGE)
        filters = [bound(self._time, "GTE", at)]
        if to is not None:
            filters.append(bound(self._time, "LTE", to))
        return self._search(filters, self._time, SEARCH_PAGE)


def row_id(row: Any) -> Any:
    """A row's id, None where it has none."""
    return row.get("id") if isinstance(row, Mapping) else None
