"""What the sandbox tells of a webinar that was held: participants, absentees, questions, polls."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from hub.testing.sandbox import Answer, Call, Sandbox, route
from plugins.webinar.sandbox_access import Access, P, R
from plugins.webinar.sandbox_webinar import Instance, Refused, Webinar


class Reports(Sandbox):
    """The routes of past webinars and of reports, where a webinar is named by its id (the latest
    instance) or by an instance's uuid."""

    access: Access
    webinars: dict[int, Webinar]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # a uuid may hold a slash, which arrives decoded
        self._routes = [
            (method, template, _slashes(template, pattern), endpoint)
            for method, template, pattern, endpoint in self._routes
        ]

    @route("GET", P + "/instances")
    def instances(self, call: Call) -> Answer:
        """When it was held."""
        number = call.path["webinar"]
        webinar = self.webinars.get(int(number)) if number.isdecimal() else None
        if webinar is None:
            raise Refused(404, 3001, f"Webinar {number} not found or has expired.")
        rows = [{"uuid": one.uuid, "start_time": one.start_time} for one in webinar.instances]
        return Answer(200, {"webinars": rows})

    @route("GET", P + "/participants")
    def past_participants(self, call: Call) -> Answer:
        """Who was there."""
        _, held = self._held(call)
        return self.access.paged(call, "participants", held.attended)

    @route("GET", P + "/absentees")
    def absentees(self, call: Call) -> Answer:
        """Approved registrants who were not there."""
        webinar, held = self._held(call)
        came = {row["registrant_id"] for row in held.attended}
        rows = [
            webinar.show(webinar.registrants[one])
            for one in held.expected
            if one not in came and one in webinar.registrants
        ]
        return self.access.paged(call, "registrants", rows)

    @route("GET", R + "/participants")
    def participants(self, call: Call) -> Answer:
        """Who was there; with their registrant ids where asked for."""
        _, held = self._held(call)
        asked = call.query.get("include_fields") == "registrant_id"
        rows = [
            {name: value for name, value in row.items() if asked or name != "registrant_id"}
            for row in held.attended
        ]
        return self.access.paged(call, "participants", rows)

    @route("GET", R + "/qa")
    def qa(self, call: Call) -> Answer:
        """What was asked, by person."""
        webinar, held = self._held(call)

        def detail(row: Mapping[str, Any], n: int) -> dict[str, Any]:
            return {
                "question": row["question"],
                "answer": row.get("answer", ""),
                "question_id": _opaque(held.uuid, n),
                "create_time": row["at"],
                "question_status": "answered" if row.get("answer") else "open",
            }

        return Answer(200, _by_person(webinar, held, held.qa, detail))

    @route("GET", R + "/polls")
    def polls(self, call: Call) -> Answer:
        """What was answered, by person."""
        webinar, held = self._held(call)

        def detail(row: Mapping[str, Any], _: int) -> dict[str, Any]:
            return {
                "question": row["question"],
                "answer": row.get("answer", ""),
                "polling_id": _opaque(held.uuid, row["question"]),
                "date_time": row["at"],
            }

        return Answer(200, _by_person(webinar, held, held.polls, detail))

    def _held(self, call: Call) -> tuple[Webinar, Instance]:
        named = call.path["webinar"]
        if named.isdecimal() and int(named) in self.webinars:
            webinar = self.webinars[int(named)]
            if webinar.instances:
                return webinar, webinar.instances[-1]
        # encoded once only, such a uuid falls apart on the way
        if not named.startswith("/") and "//" not in named:
            for webinar in self.webinars.values():
                for held in webinar.instances:
                    if held.uuid == unquote(named):
                        return webinar, held
        raise Refused(404, 3001, "Webinar not found or has expired.")


def _slashes(template: str, pattern: re.Pattern[str]) -> re.Pattern[str]:
    if template.startswith((P, R)):
        return re.compile(pattern.pattern.replace("(?P<webinar>[^/]+)", "(?P<webinar>.+)"))
    return pattern


def _by_person(
    webinar: Webinar, held: Instance, rows: Sequence[Mapping[str, Any]], detail: Any
) -> dict[str, Any]:
    """The report's form: a person, and all that he or she said."""
    people: dict[str, dict[str, Any]] = {}
    for n, row in enumerate(rows):
        email = str(row.get("email", ""))
        there = webinar.holding(email)
        name = f"{there.first_name} {there.last_name}".strip() if there else "Anonymous Attendee"
        person = people.setdefault(
            email, {"email": email, "name": row.get("name", name), "question_details": []}
        )
        person["question_details"].append(detail(row, n))
    return {
        "id": webinar.id,
        "uuid": held.uuid,
        "start_time": held.start_time,
        "questions": list(people.values()),
    }


def _opaque(*parts: Any) -> str:
    return hashlib.sha256("/".join(str(part) for part in parts).encode()).hexdigest()[:22]
