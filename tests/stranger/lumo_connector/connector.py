"""The connector of Lumo: people with some fields, and a wish per topic."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field, SecretStr

from hub import api
from hub.api import Capability, Consent, Page, Record, Ref, Result, Stance, Verdict, Write

SIZE = 100  # of a page, and of a look-up
STANCES = {"yes": Stance.YES, "no": Stance.NO}
ACTS = {"form": "form"}  # of a wish's sources, only Lumo's own form is an act of the person


class LumoSettings(BaseModel):
    token: SecretStr = Field(description="API token of the account.")
    base_url: str = Field("https://api.lumo.example", description="Where the API is.")


class LumoConnector:
    def __init__(self, context: api.Context) -> None:
        self.http = context.http
        self.fields = context.fields["people"]

    def ask(self, method: str, route: str, **more: Any) -> Any:
        reply = self.http.call(method, route, **more)
        if reply.status >= 400:
            raise api.BadAnswer(f"Lumo answered {reply.status} to {method} {route}")
        return reply.json()

    def check(self) -> Sequence[api.Problem]:
        try:
            known = self.ask("GET", "/account")["fields"]
        except api.AuthFailed as error:
            return [api.Problem("auth", str(error), error.mend)]
        mend = f"mend the mapping; Lumo has {', '.join(known)}"
        unknown = [name for name in self.fields if name not in known]
        return [api.Problem("field", f"Lumo has no field {name}", mend) for name in unknown]

    def prepare(self) -> Sequence[str]:
        return []  # in Lumo, fields are made by hand

    def topics(self, stream: str, scope: str) -> Mapping[str, str]:
        return dict(self.ask("GET", "/account")["topics"])

    def read(self, stream: str, scope: str, cursor: str | None) -> Iterator[Page]:
        full, updated, last = json.loads(cursor) if cursor else (True, "", "")
        more = True
        while more:
            query = {"updated_from": updated, "after_id": last, "limit": SIZE}
            answer = self.ask("GET", "/people", query=query)
            rows, more = answer["people"], answer["more"]
            records, rejected = [], []
            for row in rows:
                try:
                    records.append(self.record(row))
                except api.BadAnswer as error:
                    rejected.append(api.Rejected(row["id"], str(error), json.dumps(row)))
            if rows:
                updated, last = rows[-1]["updated"], rows[-1]["id"]
            if not more:
                last = ""  # the next read begins with all that is as old as the last: an overlap
            if rows or full:
                here = json.dumps([full and more, updated, last])
                yield Page(records, rejected, here, complete=full and not more)

    def fetch(self, stream: str, refs: Sequence[Ref]) -> Sequence[Record | None]:
        found: list[Record | None] = []
        for part in (refs[start : start + SIZE] for start in range(0, len(refs), SIZE)):
            asked = {"people": [{"id": one.id, "email": one.email} for one in part]}
            answer = self.ask("POST", "/people/lookup", json=asked, idempotent=True)
            found += [self.record(row) if row else None for row in answer["people"]]
        return found

    def write(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        # an update carries no wish: those have a way of their own
        return [self.send(one, one.fields, () if one.ref else one.consents) for one in batch]

    def write_consents(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        present = self.fetch(stream, [one.ref for one in batch if one.ref])
        return [self.wish(one, record) for one, record in zip(batch, present, strict=True)]

    def wish(self, one: Write, record: Record | None) -> Result:
        if record is None:
            return Result(one.key, Verdict.PERMANENT, "not-there")
        refused = {said.topic for said in record.consents if said.stance is Stance.NO}
        if any(wish.stance is Stance.YES and wish.topic in refused for wish in one.consents):
            return Result(one.key, Verdict.REFUSED, "said-no", record)
        return self.send(one, {}, one.consents)

    def send(self, one: Write, fields: Mapping[str, Any], wishes: Sequence[Consent]) -> Result:
        body = {"fields": dict(fields), "wishes": {wish.topic: wish.stance for wish in wishes}}
        method, route = ("PATCH", "/people/{id}") if one.ref else ("POST", "/people")
        path = {"id": one.ref.id} if one.ref else {}
        try:
            reply = self.http.call(method, route, path=path, json=body)
            if reply.status == 409 and not one.ref:
                there = self.record(reply.json()["person"])
                return Result(one.key, Verdict.PERMANENT, api.EXISTS, there)
            if reply.status >= 400:
                return Result(one.key, Verdict.PERMANENT, f"status-{reply.status}")
            return Result(one.key, Verdict.OK, record=self.record(reply.json()))
        except api.BadAnswer:  # it may have been carried out: the hub reads back, and never guesses
            return Result(one.key, Verdict.UNKNOWN, "no-answer")

    def record(self, row: Mapping[str, Any]) -> Record:
        values, wishes = row["fields"], row["wishes"].items()
        known = all(wish["answer"] in STANCES for _, wish in wishes)
        if not known or not isinstance(values["email"], str):
            raise api.BadAnswer("email: text expected; wishes: yes or no expected")
        consents = [
            Consent(
                topic,
                STANCES[wish["answer"]],
                at=datetime.fromisoformat(wish["at"]),
                act=ACTS.get(wish["source"]),
            )
            for topic, wish in wishes
        ]
        fields = {name: values[name] or None for name in self.fields if name in values}
        return Record(
            Ref("people", "", row["id"], values["email"]), row["updated"], fields, consents=consents
        )


LUMO = api.ConnectorType(
    kind="lumo",
    title="Lumo",
    api_version=api.API_VERSION,
    settings=LumoSettings,
    streams=(api.StreamType("people", email_field="email", read_page=SIZE),),
    capabilities=frozenset({Capability.READ, Capability.WRITE, Capability.WRITE_CONSENTS}),
    open=LumoConnector,
    base_url=lambda settings: settings.base_url,  # type: ignore[attr-defined]  # LumoSettings
    auth=lambda settings: {"Authorization": f"Bearer {settings.token.get_secret_value()}"},  # type: ignore[attr-defined]  # LumoSettings
    limits={"": api.Rate(100, 10)},  # a hundred calls in ten seconds
    sandbox="lumo_connector.sandbox:LumoSandbox",
)


@api.hookimpl
def hub_connector_types() -> Iterable[api.ConnectorType]:
    return [LUMO]
