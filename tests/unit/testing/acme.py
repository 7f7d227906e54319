"""Acme: an invented vendor with its sandbox and connector, the smallest that conforms.

It proves the conformance suite, and is the example that a connector's author begins from.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from hub.api import (
    API_VERSION,
    EXISTS,
    AuthFailed,
    BadAnswer,
    Capability,
    ConnectorType,
    Consent,
    Context,
    Page,
    Problem,
    Rate,
    Record,
    RecordState,
    Ref,
    Rejected,
    Result,
    Stance,
    StreamType,
    Verdict,
    Write,
)
from hub.testing.sandbox import Answer, Call, FaultKind, Refusal, Sandbox, route

PAGE = 20


class AcmeSandbox(Sandbox):
    """People in one list, changed in batches, with a wish per topic."""

    title = "Acme"

    def clear(self) -> None:
        self.token = "right"
        self.fields = ["email", "city", "title"]
        self.topics = {"news": "Acme News"}
        self.people: dict[str, dict[str, Any]] = {}
        self.made = 100

    def state(self) -> Any:
        return {"people": self.people}

    def authenticate(self, call: Call) -> None:
        if call.headers.get("authorization") != f"Bearer {self.token}":
            raise Refusal(Answer(401, {"error": "unauthorised"}))

    def add(self, email: Any, fields: Mapping[str, Any]) -> str:
        self.made += 1
        person = {"id": str(self.made), "email": email, "fields": dict(fields), "wishes": {}}
        self.people[person["id"]] = {**person, "archived": False, "merged": []}
        self.touch(person["id"])
        return str(person["id"])

    def touch(self, person_id: str) -> None:
        self.people[person_id]["updated"] = self.now().isoformat(timespec="microseconds")

    def find(self, person_id: str, email: str) -> dict[str, Any] | None:
        if person_id:
            return self.people.get(person_id)
        alike = (p for p in self.people.values() if str(p["email"]).lower() == email.lower())
        return next(alike, None)

    def wish(self, person_id: str, topic: str, stance: str, source: str) -> None:
        at = self.now().isoformat()
        self.people[person_id]["wishes"][topic] = {"stance": stance, "at": at, "source": source}
        self.touch(person_id)

    @route("GET", "/account")
    def account(self, call: Call) -> Answer:
        return Answer(200, {"fields": self.fields, "topics": self.topics})

    @route("GET", "/people")
    def listing(self, call: Call) -> Answer:
        after = (call.query.get("updated", ""), call.query.get("id", ""))
        rows = sorted(self.people.values(), key=lambda p: (p["updated"], p["id"]))
        rows = [p for p in rows if (p["updated"], p["id"]) > after]
        return Answer(200, {"people": rows[:PAGE], "more": len(rows) > PAGE})

    @route("POST", "/people/lookup")
    def lookup(self, call: Call) -> Answer:
        asked = call.json()["people"]
        return Answer(200, {"people": [self.find(one["id"], one["email"]) for one in asked]})

    @route("POST", "/people/batch")
    def batch(self, call: Call) -> Answer:
        return Answer(207, {"results": [self.change(call, one) for one in call.json()["inputs"]]})

    def change(self, call: Call, given: Mapping[str, Any]) -> dict[str, Any]:
        if self.failing(FaultKind.PARTIAL, call):
            return {"key": given["key"], "status": 503}
        fields = dict(given["fields"])
        email = fields.pop("email", None)
        if email is not None and "@" not in email:
            return {"key": given["key"], "status": 400}
        taken = self.find("", email) if email else None
        person = self.people.get(given["id"]) if given["id"] else None
        if given["id"] and person is None:
            return {"key": given["key"], "status": 404}
        if taken and taken is not person:
            return {"key": given["key"], "status": 409, "person": taken}
        if person is None:
            person = self.people[self.add(email, {})]
        person["email"] = email or person["email"]
        person["fields"].update(fields)
        for topic, stance in given["wishes"].items():
            self.wish(person["id"], topic, stance, given["source"])
        self.touch(person["id"])
        return {"key": given["key"], "status": 200, "person": person}


class Settings(BaseModel):
    """How to reach Acme."""

    token: str
    base_url: str = "http://localhost"


class Acme:
    """The connector."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.http = context.http

    def check(self) -> Sequence[Problem]:
        try:
            account = self.http.call("GET", "/account").json()
        except AuthFailed as error:
            return [Problem("auth", str(error), error.mend)]
        return [
            Problem("field", f"Acme has no field {name}", "mend the mapping, or add it at Acme")
            for name in self.context.fields["people"]
            if name not in account["fields"]
        ]

    def prepare(self) -> Sequence[str]:
        return []

    def topics(self, stream: str, scope: str) -> Mapping[str, str]:
        titles: Mapping[str, str] = self.http.call("GET", "/account").json()["topics"]
        return titles

    def read(self, stream: str, scope: str, cursor: str | None) -> Iterator[Page]:
        full, updated, last = json.loads(cursor) if cursor else (True, "", "")
        more = True
        while more:
            answer = self.http.call("GET", "/people", query={"updated": updated, "id": last}).json()
            rows, more = answer["people"], answer["more"]
            records, rejected = [], []
            for row in rows:
                if isinstance(row["email"], str):
                    records.append(self.record(row))
                else:
                    rejected.append(Rejected(row["id"], "email: text expected", json.dumps(row)))
            if rows:
                updated, last = rows[-1]["updated"], rows[-1]["id"]
            if not more:
                last = ""  # the next read begins with everything as old as the last
            if rows or full:
                yield self.page(records, rejected, (full and more, updated, last), full, more)

    def page(
        self,
        records: Sequence[Record],
        rejected: Sequence[Rejected],
        cursor: tuple[bool, str, str],
        full: bool,
        more: bool,
    ) -> Page:
        return Page(records, rejected, json.dumps(cursor), complete=full and not more)

    def fetch(self, stream: str, refs: Sequence[Ref]) -> Sequence[Record | None]:
        found: list[Record | None] = []
        for start in range(0, len(refs), PAGE):
            asked = [{"id": r.id, "email": r.email or ""} for r in refs[start : start + PAGE]]
            body = {"people": asked}
            answer = self.http.call("POST", "/people/lookup", json=body, idempotent=True).json()
            found += [self.record(person) if person else None for person in answer["people"]]
        return found

    def write(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        # an update carries no wish: those have a lane of their own
        return self.send([replace(one, consents=()) if one.ref else one for one in batch])

    def write_consents(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        present = self.fetch(stream, [one.ref for one in batch if one.ref])
        results: list[Result] = []
        sent: list[Write] = []
        for one, record in zip(batch, present, strict=True):
            if record is None:
                results.append(Result(one.key, Verdict.PERMANENT, "not there"))
            elif self.refuses(one, record):
                results.append(Result(one.key, Verdict.REFUSED, "the person said no", record))
            else:
                sent.append(replace(one, fields={}))
        return [*results, *self.send(sent)]

    def refuses(self, one: Write, record: Record) -> bool:
        said = {consent.topic: consent.stance for consent in record.consents}
        return any(
            consent.stance is Stance.YES and said.get(consent.topic) is Stance.NO
            for consent in one.consents
        )

    def send(self, batch: Sequence[Write]) -> list[Result]:
        inputs = [
            {
                "key": one.key,
                "id": one.ref.id if one.ref else "",
                "fields": dict(one.fields),
                "wishes": {consent.topic: consent.stance for consent in one.consents},
                "source": "form" if any(consent.act for consent in one.consents) else "api",
            }
            for one in batch
        ]
        if not inputs:
            return []
        reply = self.http.call("POST", "/people/batch", json={"inputs": inputs})
        try:
            answers = reply.json()["results"]
        except BadAnswer:
            return [Result(one.key, Verdict.UNKNOWN, "no answer") for one in batch]
        return [self.result(answer, answer["key"]) for answer in answers]

    def result(self, answer: Mapping[str, Any], key: str) -> Result:
        record = self.record(answer["person"]) if "person" in answer else None
        match answer["status"]:
            case 200:
                return Result(key, Verdict.OK, record=record)
            case 409:
                return Result(key, Verdict.PERMANENT, EXISTS, record)
            case 503:
                return Result(key, Verdict.RETRYABLE, "busy")
            case status:
                return Result(key, Verdict.PERMANENT, f"status {status}")

    def record(self, person: Mapping[str, Any]) -> Record:
        values = {**person["fields"], "email": person["email"]}
        return Record(
            ref=Ref("people", "", person["id"], person["email"]),
            version=person["updated"],
            fields={name: values.get(name) or None for name in self.context.fields["people"]},
            state=RecordState.ARCHIVED if person["archived"] else RecordState.LIVE,
            consents=tuple(self.consent(*wish) for wish in person["wishes"].items()),
            aliases=tuple(Ref("people", "", alias) for alias in person["merged"]),
        )

    def consent(self, topic: str, wish: Mapping[str, str]) -> Consent:
        act = "form" if wish["source"] == "form" else None
        return Consent(topic, Stance(wish["stance"]), datetime.fromisoformat(wish["at"]), act)


def acme_type(connector: type[Acme] = Acme) -> ConnectorType:
    """The connector type, of another connector class where a test wants a broken one."""
    return ConnectorType(
        kind="acme",
        title="Acme",
        api_version=API_VERSION,
        settings=Settings,
        streams=(
            StreamType(
                "people", email_field="email", read_page=PAGE, write_batch=10, consent_batch=10
            ),
        ),
        capabilities=frozenset(Capability),
        open=connector,
        base_url=lambda settings: str(settings.base_url),  # type: ignore[attr-defined]  # always Acme's Settings
        auth=lambda settings: {"Authorization": f"Bearer {settings.token}"},  # type: ignore[attr-defined]  # always Acme's Settings
        limits={"": Rate(1000, 1)},
    )
