"""Enumerating an audience, and what changed in it since.

Mailchimp pages by offset over a set that moves: a member that changes leaves its place, everyone
behind it moves up, and whoever stood at the edge of the page is skipped. So pages are cut by value:
sorted by `last_changed`, each page asks for what changed since the last second of the page before.
A member that changes meanwhile turns up again at the end, and nobody is passed over.

Only where more than a page shares one second is an offset unavoidable. There pages overlap by a few
members; when none of those is found again, the set has moved by more, and reading steps back.

Two listings make the whole: the one without a filter, and `status=archived`. The published contract
does not say whether the first contains archived members; here both are always read, so that it
does not matter. A full enumeration reads archived, then the rest, then what was archived meanwhile:
a member that was archived between the first two would otherwise be in neither.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from hub.api import BadAnswer, Misconfigured, Page, Record, Rejected
from plugins.mailer.mailchimp_values import Malformed, stamp, utc

PAGE = 1000
"""The most members that Mailchimp gives at a time."""

OVERLAP = timedelta(seconds=30)
"""How much of what was already read is read again: changes may become visible a little late."""

ANCHORS = 10
"""How many members two pages of one second share."""

ARCHIVED, LIVE = "archived", "live"
FULL = (ARCHIVED, LIVE, ARCHIVED)
CHANGES = (ARCHIVED, LIVE)

Fetch = Callable[[Mapping[str, str | int]], dict[str, Any] | None]
"""Asks the members' listing of one audience; None where there is no such audience."""


@dataclass
class Position:
    """Where a read stands; its JSON is the cursor. Holds times and digests, no personal data."""

    full: bool
    stage: int = 0
    since: str | None = None
    offset: int = 0
    anchors: list[str] = field(default_factory=list)
    high: dict[str, str] = field(default_factory=dict)  # listing -> latest last_changed seen

    @classmethod
    def of(cls, cursor: str | None) -> Position:
        """The position of a cursor. Raises BadAnswer where it is none of ours."""
        if cursor is None:
            return cls(full=True)
        try:
            return cls(**json.loads(cursor))
        except (ValueError, TypeError) as error:
            raise BadAnswer("the stored cursor is not one of this connector's") from error

    def cursor(self) -> str:
        """As text."""
        return json.dumps(asdict(self), separators=(",", ":"), sort_keys=True)

    @property
    def stages(self) -> Sequence[str]:
        """The listings of this read, in order."""
        return FULL if self.full else CHANGES

    @property
    def listing(self) -> str:
        """The listing being read."""
        return self.stages[self.stage]

    def enter(self, stage: int) -> None:
        """Go to the beginning of a stage."""
        self.stage = stage
        high = self.high.get(self.listing)
        self.since = None if high is None else stamp(utc(high) - OVERLAP)
        self.offset = 0
        self.anchors = []

    def turn(self, latest: datetime | None, rows: Sequence[Any]) -> None:
        """Go behind a full page whose latest change was at `latest`."""
        edge = None if latest is None else latest - timedelta(seconds=1)
        if edge is not None and (self.since is None or edge > utc(self.since)):
            self.since, self.offset, self.anchors = stamp(edge), 0, []
        else:
            self.offset += len(rows) - ANCHORS
            self.anchors = [_digest(row) for row in rows[-ANCHORS:]]

    def lost(self, rows: Sequence[Any]) -> bool:
        """Whether rows moved away by more than the pages overlap."""
        if not self.offset:
            return False
        known = set(self.anchors)
        return not any(_digest(row) in known for row in rows)

    def step_back(self) -> None:
        """Go back far enough to meet known members again."""
        self.offset = max(0, self.offset - (PAGE - ANCHORS))


def _digest(row: Any) -> str:
    text = json.dumps(row, sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=8).hexdigest()


class Reader:
    """Reads one audience."""

    def __init__(self, fetch: Fetch, fields: str, record: Callable[[Any], Record]) -> None:
        self._fetch = fetch
        self._fields = fields
        self._record = record

    def pages(self, cursor: str | None) -> Iterator[Page]:
        """As `Connector.read`."""
        at = Position.of(cursor)
        if at.stage == 0 and at.since is None and not at.offset:
            at.enter(0)
        before: dict[str, Sequence[Any]] = {}
        while True:
            rows = self._window(at)
            if at.lost(rows):
                at.step_back()
                continue
            latest = _latest(rows)
            if latest is not None:
                text = stamp(latest)
                at.high[at.listing] = max(at.high.get(at.listing, text), text)
            repeated = {_id(row): row for row in before.get(at.listing, ())}
            new = [row for row in rows if repeated.get(_id(row)) != row]
            before[at.listing] = rows
            ended = False
            if len(rows) >= PAGE:
                at.turn(latest, rows)
            elif at.stage + 1 < len(at.stages):
                at.enter(at.stage + 1)
            else:
                ended = True
            complete = ended and at.full
            if ended:
                at = Position(full=False, high=at.high)
            if new or complete or (ended and at.cursor() != cursor):
                yield self._page(new, at.cursor(), complete)
            if ended:
                return

    def _window(self, at: Position) -> Sequence[Any]:
        query: dict[str, str | int] = {
            "fields": self._fields,
            "count": PAGE,
            "offset": at.offset,
            "sort_field": "last_changed",
            "sort_dir": "ASC",
        }
        if at.since is not None:
            query["since_last_changed"] = at.since
        if at.listing == ARCHIVED:
            query["status"] = "archived"
        body = self._fetch(query)
        if body is None:
            raise Misconfigured(
                "Mailchimp has no audience of the configured id",
                mend="take the audience id from Audience > Settings",
            )
        rows = body.get("members")
        if not isinstance(rows, list):
            raise BadAnswer("the members' listing answered without members")
        return rows

    def _page(self, rows: Sequence[Any], cursor: str, complete: bool) -> Page:
        records: list[Record] = []
        rejected: list[Rejected] = []
        for row in rows:
            try:
                records.append(self._record(row))
            except Malformed as error:
                rejected.append(Rejected(_id(row), str(error), json.dumps(row)))
        return Page(records, rejected, cursor, complete)


def _id(row: Any) -> str:
    found = row.get("contact_id") if isinstance(row, dict) else None
    return found if isinstance(found, str) else ""


def _latest(rows: Sequence[Any]) -> datetime | None:
    """The last time of a page that is sorted by it, past members whose time makes no sense."""
    for row in reversed(rows):
        try:
            return utc(row["last_changed"])
        except (Malformed, KeyError, TypeError):
            continue
    return None
