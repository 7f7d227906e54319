"""Zoom's registrants as the hub's records, and the hub's creates as registrations.

A registrant's version is the time of the registration: Zoom has no other time, and nothing but a
new registration changes what the person said. A changed status keeps the version, so it is never
taken for older than what is known; the hub sees it by the record's state.

    approved, pending   LIVE
    denied              ARCHIVED: cancelled by the person or denied by the host, which the API does
                        not tell apart. Put aside, no withdrawal: what was consented to stands

A custom question is a topic (its id is its title, for Zoom has no ids) or a field of that name. An
answer that means yes is an act of the person at the time of the registration; any other answer,
and none, is UNSTATED: an empty box on a form for a webinar refuses nothing.

Every registration counts as the person's own act (`Record.act`), whatever became of it: Zoom does
not tell one that the person made from one that staff or the hub made for them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from hub.api import Consent, FieldValue, Record, RecordState, Ref, Stance, Write

STREAM = "registrants"
EMAIL = "email"
ACT = "registration"
NAMES = ("first_name", "last_name")
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
OWN_FIELDS = frozenset((EMAIL, *NAMES, *STANDARD))

NAMELESS = "-"
"""The first name of somebody whose name the hub does not know: Zoom registers nobody without.
Read back as an empty name."""

_STATES = {
    "approved": RecordState.LIVE,
    "pending": RecordState.LIVE,
    "denied": RecordState.ARCHIVED,
}
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_SEVERAL = re.compile(r"[;,]")


class Malformed(ValueError):
    """A registrant outside Zoom's contract, or a write that no registration can be made of. The
    message holds no personal data."""


def utc(text: Any) -> datetime:
    """A vendor's time as aware UTC. Raises Malformed."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise Malformed("a time is not in ISO 8601") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def is_address(value: Any) -> bool:
    """Whether it has the shape of an e-mail address."""
    return isinstance(value, str) and _ADDRESS.fullmatch(value) is not None


def answers(row: Mapping[str, Any]) -> dict[str, str]:
    """Title of each custom question -> the answer, "" where none."""
    given = row.get("custom_questions")
    return {
        str(one.get("title")).strip(): str(one.get("value") or "").strip()
        for one in (given if isinstance(given, list) else ())
        if isinstance(one, dict) and one.get("title")
    }


class RegistrantMapper:
    """Knows what the mapping uses."""

    def __init__(
        self, fields: Sequence[str], topics: Sequence[str], yes_answers: Sequence[str]
    ) -> None:
        self._fields = tuple(fields)
        self._topics = tuple(topics)
        self._yes = frozenset(answer.strip().casefold() for answer in yes_answers)
        self._first_yes = yes_answers[0]

    def record(self, scope: str, row: Any) -> Record:
        """The record of one registrant. Raises Malformed."""
        if not isinstance(row, dict):
            raise Malformed("row: expected an object")
        identity, email, status = row.get("id"), row.get(EMAIL), row.get("status")
        if not isinstance(identity, str) or not identity:
            raise Malformed("id: expected text")
        if not is_address(email):
            raise Malformed("email: expected an address")
        if status not in _STATES:
            raise Malformed("status: expected pending, approved or denied")
        at = utc(row.get("create_time"))
        said = answers(row)
        return Record(
            ref=Ref(STREAM, scope, identity, email),
            version=at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            fields=self._values(row, said),
            state=_STATES[status],
            consents=tuple(
                self._consent(topic, said[topic], at) for topic in self._topics if topic in said
            ),
            act=ACT,
            acted_at=at,
        )

    def _values(self, row: Mapping[str, Any], said: Mapping[str, str]) -> dict[str, FieldValue]:
        values: dict[str, FieldValue] = {}
        for name in self._fields:
            if name in OWN_FIELDS:
                if name in row:
                    values[name] = _text(row[name])
            elif name in said:
                values[name] = said[name] or None
        if values.get("first_name") == NAMELESS:
            values["first_name"] = None
        return values

    def _consent(self, topic: str, answer: str, at: datetime) -> Consent:
        if not self.is_yes(answer):
            return Consent(topic, Stance.UNSTATED)
        return Consent(topic, Stance.YES, at, "form", {"wording": topic, "answer": answer})

    def is_yes(self, answer: str) -> bool:
        """Whether an answer means consent; of several ticked ones, whether each does. "Yes, but
        only by post" and a "Yes" beside a "No" are no unambiguous wish."""
        return self._means_yes(answer) or all(map(self._means_yes, _SEVERAL.split(answer)))

    def _means_yes(self, part: str) -> bool:
        return part.strip().casefold() in self._yes

    def registration(
        self, write: Write, questions: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Any]:
        """The body that registers somebody: `questions` by title. Raises Malformed."""
        if not is_address(write.fields.get(EMAIL)):
            raise Malformed("invalid-address")
        body: dict[str, Any] = {"first_name": NAMELESS, "last_name": ""}
        custom: dict[str, str] = {}
        for name, value in write.fields.items():
            if value is None or value == "":
                continue
            if isinstance(value, bool | Sequence) and not isinstance(value, str):
                raise Malformed("field-shape")
            if name in OWN_FIELDS:
                body[name] = str(value)
            elif name in questions:
                custom[name] = str(value)
            else:
                raise Malformed("unknown-question")
        for consent in write.consents:
            if consent.stance is not Stance.YES:
                continue  # nothing that is not said is answered for the person
            if consent.topic not in questions:
                raise Malformed("unknown-question")
            custom[consent.topic] = self._yes_of(questions[consent.topic])
        if custom:
            body["custom_questions"] = [
                {"title": title, "value": value} for title, value in custom.items()
            ]
        return body

    def _yes_of(self, question: Mapping[str, Any]) -> str:
        offered = question.get("answers") or ()
        for one in offered:
            if self.is_yes(str(one)):
                return str(one)
        if offered:
            raise Malformed("no-answer-means-yes")
        return self._first_yes


def _text(value: Any) -> FieldValue:
    if value is None or value == "":
        return None
    return value.strip() or None if isinstance(value, str) else str(value)
