"""Reading ahead: the next page is fetched while the last one lands."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from hub.api import Page, Record, Rejected

_AHEAD: Final = 2  # pages held in memory beside the one that lands
_END: Final = None


def ahead(pages: Iterator[Page]) -> Iterator[Page]:
    """The same pages, fetched by a thread of their own. What the reader raises is raised here."""
    ready: queue.Queue[Page | BaseException | None] = queue.Queue(maxsize=_AHEAD)
    stop = threading.Event()

    def put(item: Page | BaseException | None) -> bool:
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
