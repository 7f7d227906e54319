"""The connector of Acme, an invented vendor: the smallest that conforms and can do everything.

It proves the conformance suite, and is an example for a connector's author; its sandbox is in
`acme_sandbox`, and what the suite is told of both in `acme_suite`.
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
    Act,
    Activity,
    ActivityKind,
    ActivityPage,
    AuthFailed,
    BadAnswer,
    Capability,
    ConnectorType,
    Consent,
    Context,
    Exported,
    Held,
    Page,
    Problem,
    Rate,
    Record,
    RecordState,
    Ref,
    Rejected,
    Residual,
    Result,
    Sought,
    Stance,
    StreamType,
    Verdict,
    Verification,
    Write,
)
from tests.unit.testing.acme_sandbox import PAGE

ABSENT = "absent"
BACKUPS = {
    "fi": "Pyydä Acmea poistamaan henkilö myös varmuuskopioista.",
    "sv": "Be Acme att också radera personen ur säkerhetskopiorna.",
    "en": "Ask Acme to erase the person from its backups too.",
}
"""What to do about them: no call reaches them."""


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
            *(
                Problem("field", f"Acme has no field {name}", "mend the mapping, or add it at Acme")
                for name in self.context.fields["people"]
                if name not in account["fields"]
            ),
            *(
                Problem("scope-id", f"Acme has no room {room}", "mend the scopes")
                for room in self.context.scopes["people"]
                if room not in account["rooms"]
            ),
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
            query = {"room": scope, "updated": updated, "id": last}
            answer = self.http.call("GET", "/people", query=query).json()
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
        return [self.record(person) if person else None for person in self.lookup(refs)]

    def lookup(self, refs: Sequence[Ref]) -> list[dict[str, Any] | None]:
        found: list[dict[str, Any] | None] = []
        for start in range(0, len(refs), PAGE):
            asked = [
                {"id": ref.id, "email": ref.email or "", "room": ref.scope}
                for ref in refs[start : start + PAGE]
            ]
            body = {"people": asked}
            answer = self.http.call("POST", "/people/lookup", json=body, idempotent=True).json()
            found += answer["people"]
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

    def send(self, batch: Sequence[Write], act: str = "change") -> list[Result]:
        inputs = [
            {
                "key": one.key,
                "id": one.ref.id if one.ref else "",
                "room": one.scope,
                "act": act,
                "fields": dict(one.fields),
                "wishes": {consent.topic: consent.stance for consent in one.consents},
                "source": "api",  # whatever it rests on: nobody fills in a form here
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
            case 404:
                return Result(key, Verdict.PERMANENT, ABSENT)
            case 503:
                return Result(key, Verdict.RETRYABLE, "busy")
            case status:
                return Result(key, Verdict.PERMANENT, f"status {status}")

    def record(self, person: Mapping[str, Any]) -> Record:
        values = {**person["fields"], "email": person["email"]}
        return Record(
            ref=Ref("people", person["room"], person["id"], person["email"]),
            version=person["updated"],
            fields={name: values.get(name) or None for name in self.context.fields["people"]},
            state=RecordState.ARCHIVED if person["archived"] else RecordState.LIVE,
            consents=tuple(self.consent(*wish) for wish in person["wishes"].items()),
            aliases=tuple(Ref("people", person["room"], alias) for alias in person["merged"]),
        )

    def consent(self, topic: str, wish: Mapping[str, str]) -> Consent:
        act = "form" if wish["source"] == "form" else None
        return Consent(topic, Stance(wish["stance"]), datetime.fromisoformat(wish["at"]), act)

    # activities

    def activities(self, stream: str, scope: str, cursor: str | None) -> Iterator[ActivityPage]:
        kinds = ",".join(sorted(self.context.activities.get(stream, ())))
        after, more = int(cursor or 0), bool(kinds)
        while more:
            query: dict[str, str | int] = {"room": scope, "after": after, "what": kinds}
            answer = self.http.call("GET", "/events", query=query).json()
            rows, more = answer["events"], answer["more"]
            activities, rejected = [], []
            for row in rows:
                try:
                    activities.append(self.activity(row, scope))
                except ValueError:
                    rejected.append(Rejected(str(row["n"]), "at: time expected", json.dumps(row)))
            if rows:
                after = rows[-1]["n"]
                yield ActivityPage(activities, rejected, str(after))

    def activity(self, row: Mapping[str, Any], room: str) -> Activity:
        return Activity(
            ref=Ref("people", room, row["person"]),
            id=str(row["n"]),
            kind=ActivityKind(row["what"]),
            at=datetime.fromisoformat(row["at"]),
            about=row["about"],
        )

    # rights

    def locate(self, batch: Sequence[Sought]) -> Sequence[Sequence[Held]]:
        return [self.located(sought) for sought in batch]

    def located(self, sought: Sought) -> Sequence[Held]:
        ids = {ref.id for ref in sought.refs if ref.id}
        emails = {email.lower() for email in sought.emails}
        body = {"ids": sorted(ids), "emails": sorted(emails), "phones": list(sought.phones)}
        answer = self.http.call("POST", "/people/everywhere", json=body, idempotent=True).json()
        return [self.held(person, ids, emails) for person in answer["people"]]

    def held(self, person: Mapping[str, Any], ids: set[str], emails: set[str]) -> Held:
        record = self.record(person)
        if person["id"] in ids:
            by = "link"
        elif ids & set(person["merged"]):
            by = "alias"
        else:
            by = "email" if str(person["email"]).lower() in emails else "phone"
        return Held(record.ref, by, record.state, certain=by != "phone")

    def export(self, refs: Sequence[Ref]) -> Sequence[Exported]:
        return [
            Exported(ref, person, self.history(person))
            for ref, person in zip(refs, self.lookup(refs), strict=True)
            if person
        ]

    def history(self, person: Mapping[str, Any]) -> Sequence[Activity]:
        rows: list[dict[str, Any]] = []
        more = True
        while more:
            query = {"person": person["id"], "after": rows[-1]["n"] if rows else 0}
            answer = self.http.call("GET", "/events", query=query).json()
            rows, more = [*rows, *answer["events"]], answer["more"]
        return [self.activity(row, person["room"]) for row in rows]

    def rectify(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        return self.act([replace(one, consents=()) for one in batch], "change")

    def erase(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        results = self.act([replace(one, fields={}) for one in batch], "erase")
        return [
            replace(one, verdict=Verdict.OK) if one.reason == ABSENT else one for one in results
        ]

    def restrict(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        # a pause of its own: what was is still there, and there is nothing to remember
        return self.act([replace(one, fields={}) for one in batch], "pause")

    def lift(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        return self.act([replace(one, fields={}) for one in batch], "resume")

    def act(self, batch: Sequence[Write], act: str) -> list[Result]:
        # without an id the vendor would make a new person
        known = [one for one in batch if one.ref and one.ref.id]
        unknown = [one for one in batch if one not in known]
        refused = [Result(one.key, Verdict.PERMANENT, "no id") for one in unknown]
        return [*self.send(known, act), *refused]

    def verify(self, refs: Sequence[Ref], act: Act) -> Sequence[Verification]:
        by_id = [replace(ref, email=None) for ref in refs]
        found = self.lookup(by_id)
        return [self.shown(ref, act, one) for ref, one in zip(refs, found, strict=True)]

    def shown(self, ref: Ref, act: Act, person: Mapping[str, Any] | None) -> Verification:
        if person is None:
            return Verification(ref, True, "removed")
        if act is Act.ERASE:
            return Verification(ref, False, "still there")
        code = "paused" if person["paused"] else "in use"
        return Verification(ref, person["paused"] == (act is Act.RESTRICT), code)


def acme_type(connector: type[Acme] = Acme) -> ConnectorType:
    """The connector type, of another connector class where a test wants a broken one."""
    return ConnectorType(
        kind="acme",
        title="Acme",
        api_version=API_VERSION,
        settings=Settings,
        streams=(
            StreamType(
                "people",
                email_field="email",
                scoped=True,
                read_page=PAGE,
                write_batch=10,
                consent_batch=10,
                activities=frozenset({ActivityKind.ATTENDED, ActivityKind.QUESTION}),
            ),
        ),
        capabilities=frozenset(Capability),
        open=connector,
        base_url=lambda settings: str(settings.base_url),  # type: ignore[attr-defined]  # always Acme's Settings
        auth=lambda settings: {"Authorization": f"Bearer {settings.token}"},  # type: ignore[attr-defined]  # always Acme's Settings
        limits={"": Rate(1000, 1)},
        residuals=(Residual("backups", Act.ERASE, BACKUPS),),
    )
