"""Reading ahead: the next page is fetched while the last one lands."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Final, TypeVar

from hub.api import Activity, ActivityPage, Page, Record, Rejected

_P = TypeVar("_P")

_AHEAD: Final = 2  # pages held in memory beside the one that lands
_END: Final = None


def ahead(pages: Iterator[_P]) -> Iterator[_P]:
    """The same pages, fetched by a thread of their own. What the reader raises is raised here."""
    ready: queue.Queue[_P | BaseException | None] = queue.Queue(maxsize=_AHEAD)
    stop = threading.Event()

    def put(item: _P | BaseException | None) -> bool:
        while not stop.is_set():
            with suppress(queue.Full):
                ready.put(item, timeout=0.2)
                return True
        return False

    def fetch() -> None:
        try:
            for page in pages:
                if not put(page):
                    return
        except BaseException as error:
            put(error)
        else:
            put(_END)

    thread = threading.Thread(target=fetch, name="reading-ahead", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not _END:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()


def gathered(pages: Iterator[Page], at_least: int) -> Iterator[Page]:
    """Small pages put together until they hold `at_least` records: one commit serves them all.

    A page that completes an enumeration ends its group, so that `complete` keeps its meaning.
    """
    records: list[Record] = []
    rejected: list[Rejected] = []
    cursor = ""
    waiting = False
    for page in pages:
        records.extend(page.records)
        rejected.extend(page.rejected)
        cursor = page.cursor
        waiting = True
        if page.complete or len(records) >= at_least:
            yield Page(records, rejected, cursor, page.complete)
            records, rejected, waiting = [], [], False
    if waiting:
        yield Page(records, rejected, cursor)


def gathered_activities(pages: Iterator[ActivityPage], at_least: int) -> Iterator[ActivityPage]:
    """Small pages of activities put together in the same way."""
    activities: list[Activity] = []
    rejected: list[Rejected] = []
    cursor: str | None = None
    for page in pages:
        activities.extend(page.activities)
        rejected.extend(page.rejected)
        cursor = page.cursor
        if len(activities) >= at_least:
            yield ActivityPage(activities, rejected, cursor)
            activities, rejected, cursor = [], [], None
    if cursor is not None:
        yield ActivityPage(activities, rejected, cursor)
