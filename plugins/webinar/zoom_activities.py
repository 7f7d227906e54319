"""What people did with a webinar: registered, cancelled, came or stayed away, asked, answered.

Registrations and cancellations come from the registrants themselves. Zoom tells no time of a
cancellation: it counts from when it was first seen, and the cursor remembers (as digests) which
were seen, so that it is told once.

The rest comes from the reports of each time that the webinar was held. They fill up for a while
after the end, so an instance is read again until it is three days old. A row belongs to the
registrant whose id it names, else to the one with its address; guests may have neither. A row that
names a registrant who is gone is passed over, and what belongs to nobody is rejected without its
name and address: the reports still know people whose registration has been erased.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any
from urllib.parse import quote

from hub.api import (
    Activity,
    ActivityKind,
    ActivityPage,
    BadAnswer,
    Misconfigured,
    Record,
    RecordState,
    Ref,
    Rejected,
)
from plugins.webinar.zoom_client import (
    ABSENTEES,
    HEAVY,
    INSTANCES,
    PAGE,
    PARTICIPANTS,
    POLLS,
    QA,
    WEBINAR,
    Client,
)
from plugins.webinar.zoom_mapping import STREAM, Malformed, utc
from plugins.webinar.zoom_reading import Listed, Registrants

KINDS = frozenset(
    {
        ActivityKind.REGISTERED,
        ActivityKind.CANCELLED,
        ActivityKind.ATTENDED,
        ActivityKind.ABSENT,
        ActivityKind.QUESTION,
        ActivityKind.POLL,
    }
)
_AFTERWARDS = KINDS - {ActivityKind.REGISTERED, ActivityKind.CANCELLED}

SETTLED = timedelta(days=3)
"""How long after its start an instance's reports may still grow."""

OVERLAP = timedelta(minutes=5)
_KEPT = ("id", "user_id", "join_time", "leave_time", "duration", "status", "registrant_id")


@dataclass(frozen=True)
class Position:
    """Where reading stands; its JSON is the cursor. Holds times and digests, no personal data."""

    registered: str = ""  # the latest registration told
    cancelled: Sequence[str] = ()  # digests of the cancellations told
    settled: str = ""  # start of the latest instance that need not be read again

    @classmethod
    def of(cls, cursor: str | None) -> Position:
        """The position of a cursor. Raises BadAnswer where it is none of ours."""
        try:
            return cls() if cursor is None else cls(**json.loads(cursor))
        except (ValueError, TypeError) as error:
            raise BadAnswer("the stored cursor is not one of this connector's") from error

    def cursor(self) -> str:
        """As text."""
        return json.dumps(asdict(self), separators=(",", ":"), sort_keys=True)


@dataclass(frozen=True)
class Session:
    """One time that a webinar was held."""

    scope: str
    uuid: str
    start: datetime
    topic: str

    @property
    def name(self) -> str:
        """Names it in ids: the uuid as a digest, for it may hold slashes."""
        return digest(self.uuid)

    @property
    def path(self) -> Mapping[str, str]:
        """Zoom wants a uuid encoded twice that begins with a slash or holds two; the HTTP client
        encodes once."""
        twice = self.uuid.startswith("/") or "//" in self.uuid
        return {"webinar": quote(self.uuid, safe="") if twice else self.uuid}


def digest(*parts: str) -> str:
    """A short name for what those parts say. Never of a person's data."""
    return blake2b("\0".join(parts).encode(), digest_size=6).hexdigest()


class ActivityReader:
    """Reads the activities of webinars."""

    def __init__(
        self, registrants: Registrants, kinds: frozenset[ActivityKind], now: Callable[[], datetime]
    ) -> None:
        self._registrants = registrants
        self._client: Client = registrants.client
        self._kinds = kinds & KINDS
        self._now = now

    def pages(self, scope: str, cursor: str | None) -> Iterator[ActivityPage]:
        """As `ReadsActivities.activities`."""
        at = Position.of(cursor)
        if not self._kinds:
            return
        listed = self._registrants.listed(scope)
        if listed is None:
            raise Misconfigured(
                f"Zoom has no webinar {scope}", mend="remove it from scopes, or correct its id"
            )
        topic = self._topic(scope)
        found, after = self._registrations(listed, at, topic)
        yield from self._paged(found, (), at, after)
        at = after
        for session in self._sessions(scope, topic, at):
            activities, rejected = self._told(session, listed)
            settled = self._now() - session.start >= SETTLED
            after = replace(at, settled=session.start.isoformat()) if settled else at
            yield from self._paged(activities, rejected, at, after)
            at = after

    @staticmethod
    def _paged(
        activities: Sequence[Activity],
        rejected: Sequence[Rejected],
        before: Position,
        after: Position,
    ) -> Iterator[ActivityPage]:
        for start in range(0, max(len(activities), 1), PAGE):
            some = activities[start : start + PAGE]
            last = start + PAGE >= len(activities)
            if some or rejected or after != before:
                yield ActivityPage(some, rejected, (after if last else before).cursor())
            rejected = ()

    def _topic(self, scope: str) -> str:
        found = self._client.get(WEBINAR, {"webinar": scope}) or {}
        return str(found.get("topic") or "")

    # registering

    def _registrations(
        self, listed: Listed, at: Position, topic: str
    ) -> tuple[list[Activity], Position]:
        found: list[Activity] = []
        latest, told = at.registered, list[str]()
        since = (utc(at.registered) - OVERLAP) if at.registered else None
        for record in listed.records:
            name = f"{record.ref.id}:{record.version}"
            when = utc(record.version)
            if ActivityKind.REGISTERED in self._kinds:
                latest = max(latest, record.version)
                if since is None or when >= since:
                    found.append(
                        _activity(
                            record, ActivityKind.REGISTERED, f"registered:{name}", when, topic
                        )
                    )
            if ActivityKind.CANCELLED in self._kinds and record.state is RecordState.ARCHIVED:
                told.append(digest(name))
                if told[-1] not in at.cancelled:
                    identity = f"cancelled:{name}"
                    found.append(
                        _activity(record, ActivityKind.CANCELLED, identity, self._now(), topic)
                    )
        return found, replace(at, registered=latest, cancelled=sorted(told))

    # afterwards

    def _sessions(self, scope: str, topic: str, at: Position) -> list[Session]:
        if not self._kinds & _AFTERWARDS:
            return []
        body = self._client.get(INSTANCES, {"webinar": scope}) or {}
        rows = body.get("webinars", [])
        if not isinstance(rows, list):
            raise BadAnswer(f"{INSTANCES} answered without webinars")
        sessions: list[Session] = []
        for row in rows:
            uuid = row.get("uuid") if isinstance(row, dict) else None
            if not isinstance(uuid, str) or not uuid:
                raise BadAnswer(f"{INSTANCES} answered an instance without a uuid")
            try:
                start = utc(row.get("start_time"))
            except Malformed as error:
                raise BadAnswer(f"{INSTANCES} answered: {error}") from error
            if not at.settled or start > utc(at.settled):
                sessions.append(Session(scope, uuid, start, topic))
        return sorted(sessions, key=lambda one: one.start)

    def _told(self, session: Session, listed: Listed) -> tuple[list[Activity], list[Rejected]]:
        by_id = {record.ref.id: record for record in listed.records}
        telling = _Telling(session, listed, by_id)
        kinds = self._kinds
        if ActivityKind.ATTENDED in kinds:
            query = {"include_fields": "registrant_id"}
            telling.attended(self._rows(PARTICIPANTS, session, "participants", query))
        if ActivityKind.ABSENT in kinds:
            telling.absent(self._rows(ABSENTEES, session, "registrants"))
        for kind, route in ((ActivityKind.QUESTION, QA), (ActivityKind.POLL, POLLS)):
            if kind in kinds:
                body = self._client.get(route, session.path, limit=HEAVY) or {}
                people = body.get("questions", [])
                if not isinstance(people, list):
                    raise BadAnswer(f"{route} answered without questions")
                telling.said(kind, people)
        return sorted(telling.found, key=lambda one: (one.at, one.id)), telling.rejected

    def _rows(
        self,
        route: str,
        session: Session,
        name: str,
        query: Mapping[str, str | int] | None = None,
    ) -> list[Any]:
        return self._client.rows(route, session.path, name, query, limit=HEAVY) or []


class _Telling:
    """What the reports of one session say of the registrants."""

    def __init__(self, session: Session, listed: Listed, by_id: Mapping[str, Record]) -> None:
        self._session = session
        self._listed = listed
        self._by_id = by_id
        self.found: list[Activity] = []
        self.rejected: list[Rejected] = []

    def attended(self, rows: Iterable[Any]) -> None:
        """Who was there; somebody who came and went several times is told of once."""
        visits: dict[str, list[tuple[datetime, datetime]]] = {}
        for n, row in enumerate(rows):
            record = self._whose(ActivityKind.ATTENDED, n, row, "user_email")
            if record is None:
                continue
            try:
                visit = (utc(row.get("join_time")), utc(row.get("leave_time")))
            except Malformed as error:
                self._reject(ActivityKind.ATTENDED, n, row, str(error))
                continue
            visits.setdefault(record.ref.id, []).append(visit)
        for identity, times in visits.items():
            seconds = sum((leave - join).total_seconds() for join, leave in times)
            detail = {
                "minutes": str(round(seconds / 60)),
                "left": max(t[1] for t in times).isoformat(),
            }
            first = min(join for join, _ in times)
            self._tell(self._by_id[identity], ActivityKind.ATTENDED, "", first, detail)

    def absent(self, rows: Iterable[Any]) -> None:
        """Who was registered and did not come: at the start, for there is no other time."""
        for n, row in enumerate(rows):
            given = row if isinstance(row, dict) else {}
            record = self._whose(
                ActivityKind.ABSENT, n, {**given, "registrant_id": given.get("id")}, "email"
            )
            if record is not None:
                self._tell(record, ActivityKind.ABSENT, "", self._session.start, {})

    def said(self, kind: ActivityKind, people: Iterable[Any]) -> None:
        """What was asked, or answered in polls, person by person."""
        for n, person in enumerate(people):
            record = self._whose(kind, n, person, "email")
            if record is None:
                continue
            details = person.get("question_details")
            seen: dict[str, int] = {}
            for one in details if isinstance(details, list) else ():
                given = one if isinstance(one, dict) else {}
                try:
                    when = utc(given.get("create_time") or given.get("date_time"))
                except Malformed:
                    when = self._session.start
                question = str(given.get("question") or "")
                asked = str(given.get("question_id") or given.get("polling_id") or "")
                name = digest(asked, question if kind is ActivityKind.POLL or not asked else "")
                seen[name] = seen.get(name, 0) + 1
                if seen[name] > 1:
                    name = f"{name}:{seen[name]}"
                detail = {"question": question, "answer": str(given.get("answer") or "")}
                self._tell(record, kind, f":{name}", when, detail)

    def _whose(self, kind: ActivityKind, n: int, row: Any, email: str) -> Record | None:
        """The registrant of a row; None, and rejected, where it is nobody's."""
        given = row if isinstance(row, dict) else {}
        identity, address = given.get("registrant_id"), given.get(email)
        if isinstance(identity, str) and identity:
            return self._by_id.get(identity)
        record = None
        if isinstance(address, str) and address:
            record = self._listed.of_email(address)
        if record is None:
            reason = "no-registrant: neither a registrant's id nor a registered address"
            self._reject(kind, n, given, reason)
        return record

    def _reject(self, kind: ActivityKind, n: int, row: Mapping[str, Any], reason: str) -> None:
        kept = {name: row[name] for name in _KEPT if name in row}
        told = json.dumps({"kind": kind, "session": self._session.uuid, **kept})
        which = str(row.get("user_id") or row.get("registrant_id") or n)
        identity = f"{kind}:{self._session.name}:{which}"
        self.rejected.append(Rejected(identity, reason, told))

    def _tell(
        self,
        record: Record,
        kind: ActivityKind,
        which: str,
        when: datetime,
        detail: Mapping[str, str],
    ) -> None:
        identity = f"{kind}:{self._session.name}:{record.ref.id}{which}"
        self.found.append(_activity(record, kind, identity, when, self._session.topic, detail))


def _activity(
    record: Record,
    kind: ActivityKind,
    identity: str,
    when: datetime,
    topic: str,
    detail: Mapping[str, str] | None = None,
) -> Activity:
    ref = Ref(STREAM, record.ref.scope, record.ref.id, record.ref.email)
    return Activity(ref, identity, kind, when, topic, detail or {})
