"""What people did with a webinar: registered, cancelled, came or stayed away, asked, answered.

Registrations and cancellations come from the registrants themselves. Zoom tells no time of a
cancellation: it counts from when it was first seen, and the cursor remembers (as digests) which
were seen, so that it is told once.

The rest comes from the reports of each time that the webinar was held. They fill up for a while
after the end, so an instance is read again until it is three days old. A row belongs to the
registrant whose id it names, else to the one with its address; guests may have neither. A row that
names a registrant who is gone is passed over, and what belongs to nobody is rejected without its
name and address: the reports still know people whose registration has been erased.

A read goes through parts: registrations, cancellations, each session. Some are told again by every
read, so a cursor says which parts this read has had, and how far it has come in the next: whoever
takes it up page by page gets through all of them. The last page's cursor begins anew.
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
    settled: Sequence[str] = ()  # digests of the instances that need not be read again
    had: Sequence[str] = ()  # names of the parts that this read is through with
    after: str = ""  # the last activity told of the part that comes next

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


def _after(at: Position, some: Sequence[Activity]) -> Position:
    return replace(at, after=_place(some[-1]))


@dataclass(frozen=True)
class Part:
    """A part of a read."""

    name: str
    told: Callable[[], tuple[Sequence[Activity], Sequence[Rejected]]]
    ended: Callable[[Position], Position]  # where reading stands once all of it is told
    upto: Callable[[Position, Sequence[Activity]], Position] = _after  # once some of it is


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
        last = cursor
        for part in self._parts(scope, self._topic(scope), listed, at):
            if part.name in at.had:
                continue
            told, rejected = part.told()
            rest = [one for one in sorted(told, key=_place) if _place(one) > at.after]
            for start in range(0, max(len(rest), 1), PAGE):
                some = rest[start : start + PAGE]
                if start + PAGE < len(rest):
                    at = part.upto(at, some)
                else:
                    at = replace(part.ended(at), had=(*at.had, part.name), after="")
                if some or rejected:
                    last = at.cursor()
                    yield ActivityPage(some, rejected, last)
                rejected = ()
        end = replace(at, had=(), after="").cursor()
        if end != last:
            yield ActivityPage((), (), end)

    def _topic(self, scope: str) -> str:
        found = self._client.get(WEBINAR, {"webinar": scope}) or {}
        return str(found.get("topic") or "")

    def _parts(self, scope: str, topic: str, listed: Listed, at: Position) -> Iterator[Part]:
        if ActivityKind.REGISTERED in self._kinds:
            yield self._registrations(listed, at, topic)
        if ActivityKind.CANCELLED in self._kinds:
            yield self._cancellations(listed, at, topic)
        for session in self._sessions(scope, topic, at):
            yield self._session(session, listed)

    # registering

    @staticmethod
    def _registrations(listed: Listed, at: Position, topic: str) -> Part:
        since = utc(at.registered) - OVERLAP if at.registered else None
        found: list[Activity] = []
        for record in listed.records:
            when = utc(record.version)
            if since is None or when >= since:
                identity = f"registered:{_name(record)}"
                found.append(_activity(record, ActivityKind.REGISTERED, identity, when, topic))
        latest = max([at.registered, *(record.version for record in listed.records)])
        return Part("registered", lambda: (found, ()), lambda at: replace(at, registered=latest))

    def _cancellations(self, listed: Listed, at: Position, topic: str) -> Part:
        denied = [one for one in listed.records if one.state is RecordState.ARCHIVED]
        known, now = set(at.cancelled), self._now()
        found = [
            _activity(one, ActivityKind.CANCELLED, f"cancelled:{_name(one)}", now, topic)
            for one in denied
            if digest(_name(one)) not in known
        ]
        told = sorted(digest(_name(one)) for one in denied)

        def upto(at: Position, some: Sequence[Activity]) -> Position:
            these = (digest(one.id.removeprefix("cancelled:")) for one in some)
            return replace(at, cancelled=sorted({*at.cancelled, *these}))

        return Part("cancelled", lambda: (found, ()), lambda at: replace(at, cancelled=told), upto)

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
            session = Session(scope, uuid, start, topic)
            if session.name not in at.settled:
                sessions.append(session)
        return sorted(sessions, key=lambda one: one.start)

    def _session(self, session: Session, listed: Listed) -> Part:
        def ended(at: Position) -> Position:
            if not self._settled(session):
                return at
            return replace(at, settled=(*at.settled, session.name))

        return Part(session.name, lambda: self._told(session, listed), ended)

    def _told(self, session: Session, listed: Listed) -> tuple[list[Activity], list[Rejected]]:
        by_id = {record.ref.id: record for record in listed.records}
        telling = _Telling(session, listed, by_id)
        kinds = self._kinds
        ready = True
        if ActivityKind.ATTENDED in kinds:
            query = {"include_fields": "registrant_id"}
            came = self._rows(PARTICIPANTS, session, "participants", query)
            ready = came is not None or self._settled(session)
            telling.attended(came or ())
        # until that report is there, everybody passes for absent
        if ActivityKind.ABSENT in kinds and ready:
            telling.absent(self._rows(ABSENTEES, session, "registrants") or ())
        for kind, route in ((ActivityKind.QUESTION, QA), (ActivityKind.POLL, POLLS)):
            if kind in kinds:
                body = self._client.get(route, session.path, limit=HEAVY) or {}
                people = body.get("questions", [])
                if not isinstance(people, list):
                    raise BadAnswer(f"{route} answered without questions")
                telling.said(kind, people)
        return telling.found, telling.rejected

    def _rows(
        self,
        route: str,
        session: Session,
        name: str,
        query: Mapping[str, str | int] | None = None,
    ) -> list[Any] | None:
        return self._client.rows(route, session.path, name, query, limit=HEAVY)

    def _settled(self, session: Session) -> bool:
        return self._now() - session.start >= SETTLED


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
        """Who was registered and did not come: at the start, for there is no other time. Not who
        came, by a report that is further than this one."""
        came = {one.ref.id for one in self.found if one.kind is ActivityKind.ATTENDED}
        for n, row in enumerate(rows):
            given = row if isinstance(row, dict) else {}
            record = self._whose(
                ActivityKind.ABSENT, n, {**given, "registrant_id": given.get("id")}, "email"
            )
            if record is not None and record.ref.id not in came:
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


def _name(record: Record) -> str:
    """Names one registration: whoever registers anew has another."""
    return f"{record.ref.id}:{record.version}"


def _place(one: Activity) -> str:
    """Where it stands in its part: by time, and without naming the registrant."""
    return f"{one.at.isoformat()} {digest(one.id)}"
