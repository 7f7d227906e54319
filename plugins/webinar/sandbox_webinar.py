"""What a webinar is in the sandbox: registrants, questions, and what became of it when it was held.

People act here by methods; the API's routes use the same ones, so that both leave the same state.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

PENDING, APPROVED, DENIED = "pending", "approved", "denied"
STATUSES = (PENDING, APPROVED, DENIED)
OUTCOME = {"approve": APPROVED, "deny": DENIED, "cancel": DENIED}
"""A cancelled registrant stays, as a denied one: the API tells the two apart no longer."""

STANDARD = (
    "address",
    "city",
    "country",
    "zip",
    "state",
    "phone",
    "industry",
    "org",
    "job_title",
    "purchasing_time_frame",
    "role_in_purchase_process",
    "no_of_employees",
    "comments",
)
"""The questions that Zoom knows itself, beside the names. Told here by themselves: a sandbox that
had them from the connector could not show that one is wrong there."""

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_OPEN_TYPES = ("short",)


class Refused(Exception):
    """Zoom says no: HTTP status, its own code, its sentence, and single fields."""

    def __init__(
        self, status: int, code: int, message: str, fields: Iterable[tuple[str, str]] = ()
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.fields = tuple(fields)


def invalid(name: str, message: str) -> Refused:
    """A field that fails the vendor's check."""
    return Refused(400, 300, "Validation Failed.", [(name, message)])


def stamp(moment: datetime) -> str:
    """A time as Zoom tells it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> datetime:
    """The reverse. Raises ValueError."""
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


@dataclass
class Registrant:
    """One registration. The id stays for the address, also when the person registers again."""

    id: str
    email: Any
    first_name: str = ""
    last_name: str = ""
    status: str = APPROVED
    create_time: str = ""
    values: dict[str, str] = field(default_factory=dict)  # standard questions
    answers: dict[str, str] = field(default_factory=dict)  # custom ones, by title


@dataclass
class Instance:
    """One time that the webinar was held."""

    uuid: str
    start_time: str
    end_time: str
    attended: list[dict[str, Any]] = field(default_factory=list)  # rows of the report
    expected: list[str] = field(default_factory=list)  # ids approved when it ended
    qa: list[dict[str, Any]] = field(default_factory=list)
    polls: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Webinar:
    """A webinar with all that hangs on it."""

    id: int
    host: str  # user id
    topic: str
    start_time: str
    duration: int = 60  # minutes
    approval: str = "automatic"  # "manual": somebody must approve; "none": no registration
    capacity: int = 500
    questions: list[dict[str, Any]] = field(default_factory=list)
    custom_questions: list[dict[str, Any]] = field(default_factory=list)
    registrants: dict[str, Registrant] = field(default_factory=dict)
    instances: list[Instance] = field(default_factory=list)

    @property
    def uuid(self) -> str:
        """Of the session that is still to come."""
        return uuid_of(self.id, len(self.instances))

    def holding(self, email: Any) -> Registrant | None:
        """The registrant with that address, in any letter case and status."""
        wanted = str(email).casefold()
        for one in self.registrants.values():
            if isinstance(one.email, str) and one.email.casefold() == wanted:
                return one
        return None

    def find(self, email_or_id: str) -> Registrant:
        """By id or address. Raises Refused."""
        found = self.registrants.get(email_or_id) or self.holding(email_or_id)
        if found is None:
            raise Refused(404, 404, "Registrant not found.")
        return found

    def in_status(self, status: str) -> list[Registrant]:
        """Those of one status, newest first as the vendor lists them."""
        rows = [one for one in self.registrants.values() if one.status == status]
        return sorted(rows, key=lambda one: (one.create_time, one.id), reverse=True)

    def register(self, now: datetime, given: Mapping[str, Any], *, approve: bool) -> Registrant:
        """Register a person. Raises Refused.

        Zoom's documents do not say what becomes of somebody who is registered already. Here the
        worse for a careless caller: the answer is a success with the same id, and the new values
        replace the old ones, the status and the time of registration included.
        """
        email = given.get("email")
        if self.approval == "none":
            raise Refused(404, 3000, "Registration has not been enabled for this webinar.")
        if self.instances and now >= moment(self.start_time):
            raise Refused(400, 3038, "Webinar is over, you cannot register now.")
        if not isinstance(email, str) or not _ADDRESS.fullmatch(email):
            raise invalid("email", "Invalid field.")
        if not given.get("first_name"):
            raise invalid("first_name", "Invalid field.")
        values = {name: str(given[name]) for name in STANDARD if given.get(name) is not None}
        for one in self._required(given):
            raise invalid(one["field_name"], "This field is required.")
        answers = self._answers(given.get("custom_questions") or ())
        there = self.holding(email)
        taken = sum(1 for one in self.registrants.values() if one.status == APPROVED)
        if (there is None or there.status != APPROVED) and taken >= self.capacity:
            raise Refused(400, 3035, "Webinar has reached maximum attendee capacity.")
        made = Registrant(
            id=there.id if there else registrant_id(self.id, email),
            email=email,
            first_name=str(given["first_name"]),
            last_name=str(given.get("last_name") or ""),
            status=APPROVED if approve or self.approval == "automatic" else PENDING,
            create_time=stamp(now),
            values=values,
            answers=answers,
        )
        self.registrants[made.id] = made
        return made

    def _required(self, given: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [
            one
            for one in self.questions
            if one.get("required") and not given.get(one["field_name"])
        ]

    def _answers(self, given: Iterable[Mapping[str, Any]]) -> dict[str, str]:
        known = {one["title"]: one for one in self.custom_questions}
        answers: dict[str, str] = {}
        for one in given:
            title, value = str(one.get("title")), str(one.get("value") or "")
            question = known.get(title)
            if question is None:
                raise invalid("custom_questions", "Unknown question.")
            offered = question.get("answers") or ()
            if value and question["type"] not in _OPEN_TYPES and value not in offered:
                raise invalid("custom_questions", "Not an answer of this question.")
            answers[title] = value
        for title, question in known.items():
            if question.get("required") and not answers.get(title):
                raise invalid("custom_questions", "This field is required.")
        return answers

    def set_status(self, registrant: Registrant, action: str) -> None:
        """Approve, deny or cancel. Raises Refused."""
        if action not in OUTCOME:
            raise invalid("action", "Invalid field.")
        if action == "cancel" and registrant.status == PENDING:
            raise Refused(400, 300, "Only an approved registrant can be cancelled.")
        registrant.status = OUTCOME[action]

    def show(self, registrant: Registrant) -> dict[str, Any]:
        """A registrant as the API tells it: unanswered questions come empty."""
        asked = {one["field_name"] for one in self.questions}
        values = {name: "" for name in STANDARD if name in asked} | registrant.values
        return {
            "id": registrant.id,
            "email": registrant.email,
            "first_name": registrant.first_name,
            "last_name": registrant.last_name,
            **values,
            "custom_questions": [
                {"title": one["title"], "value": registrant.answers.get(one["title"], "")}
                for one in self.custom_questions
            ],
            "status": registrant.status,
            "create_time": registrant.create_time,
            "join_url": f"https://zoom.example/w/{self.id}?tk={registrant.id}",
        }

    def overview(self) -> dict[str, Any]:
        """The webinar in a list of webinars."""
        return {
            "id": self.id,
            "uuid": self.uuid,
            "host_id": self.host,
            "topic": self.topic,
            "type": 5,
            "start_time": self.start_time,
            "duration": self.duration,
            "timezone": "Europe/Helsinki",
            "created_at": self.start_time,
            "join_url": f"https://zoom.example/j/{self.id}",
        }

    def hold(
        self,
        now: datetime,
        attended: Iterable[Any] = (),
        qa: Iterable[Mapping[str, Any]] = (),
        polls: Iterable[Mapping[str, Any]] = (),
        **more: Any,
    ) -> Instance:
        """The webinar takes place and ends: from its start for its duration, or as `more` says;
        by now at the latest.

        Who is in `attended` (an address, or a row of the report) came; the other approved ones
        are absent. `qa` and `polls`: {"email", "question", "answer", "at"}.
        """
        lasts = timedelta(minutes=self.duration)
        start = moment(more.get("start_time") or self.start_time)
        if "start_time" not in more:
            again = bool(self.instances)
            start = now - lasts if again else min(start, now - lasts)
        end = start + lasts
        made = Instance(
            uuid=str(more.get("uuid") or self.uuid),
            start_time=stamp(start),
            end_time=str(more.get("end_time") or stamp(end)),
            expected=[one.id for one in self.in_status(APPROVED)],
        )
        for one in attended:
            given = {"email": one} if isinstance(one, str) else dict(one)
            made.attended.append(self._attendance(made, given))
        for rows, target in ((qa, made.qa), (polls, made.polls)):
            target.extend({"at": made.start_time, **row} for row in rows)
        self.instances.append(made)
        return made

    def _attendance(self, instance: Instance, given: dict[str, Any]) -> dict[str, Any]:
        there = self.holding(given.get("email"))
        join = given.get("join_time") or instance.start_time
        leave = given.get("leave_time") or instance.end_time
        name = f"{there.first_name} {there.last_name}".strip() if there else ""
        return {
            "id": "",  # only of signed-in users
            "user_id": str(given.get("user_id") or 16778240 + len(instance.attended)),
            "name": given.get("name", name),
            "user_email": "" if given.get("guest") else given.get("email", ""),
            "join_time": join,
            "leave_time": leave,
            "duration": int((moment(leave) - moment(join)).total_seconds()),
            "registrant_id": given.get("registrant_id", there.id if there else ""),
            "failover": False,
            "status": "in_meeting",
        }


def registrant_id(webinar: int, email: Any) -> str:
    """Opaque, 22 characters, the same for a webinar and an address."""
    digest = hashlib.sha256(f"{webinar}/{str(email).casefold()}".encode()).digest()[:16]
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def uuid_of(webinar: int, n: int) -> str:
    """Base64 as Zoom's are; the first ends in plain letters, others begin with or hold slashes."""
    text = base64.b64encode(hashlib.sha256(f"{webinar}#{n}".encode()).digest()[:15]).decode()
    return (text, "/" + text[1:], text[:4] + "//" + text[6:])[n % 3] + "=="
