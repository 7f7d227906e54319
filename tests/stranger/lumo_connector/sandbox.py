"""A stand-in of Lumo's API: it keeps people, and refuses what Lumo refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.testing.sandbox import Answer, Call, Refusal, Sandbox, route


class LumoSandbox(Sandbox):
    title = "Lumo"

    def clear(self) -> None:
        self.tokens: list[str] = []
        self.fields = ["email"]
        self.topics: dict[str, str] = {}
        self.people: dict[str, dict[str, Any]] = {}
        self.made = 1000

    def state(self) -> Any:
        return {"fields": self.fields, "topics": self.topics, "people": self.people}

    def seed(self, data: Any) -> None:
        self.tokens += data.get("tokens", [])
        self.fields += data.get("fields", [])
        self.topics |= data.get("topics", {})
        for person in data.get("people", []):
            made = self.add(person["fields"])
            for topic, answer in person.get("wishes", {}).items():
                self.wish(made, topic, answer, "form")

    def authenticate(self, call: Call) -> None:
        if call.headers.get("authorization") not in [f"Bearer {one}" for one in self.tokens]:
            raise Refusal(Answer(401, {"error": "unknown token"}))

    # what people and staff do in Lumo itself; tests call these

    def add(self, fields: Mapping[str, Any]) -> str:
        self.made += 1
        blank = dict.fromkeys(self.fields)
        person_id = str(self.made)
        self.people[person_id] = {"id": person_id, "fields": {**blank, **fields}, "wishes": {}}
        self.edit(person_id, {})
        return person_id

    def edit(self, person_id: str, fields: Mapping[str, Any]) -> None:
        self.people[person_id]["fields"].update(fields)
        self.people[person_id]["updated"] = self.now().isoformat(timespec="microseconds")

    def wish(self, person_id: str, topic: str, answer: str, source: str) -> None:
        said = {"answer": answer, "at": self.now().isoformat(), "source": source}
        self.people[person_id]["wishes"][topic] = said
        self.edit(person_id, {})

    def holding(self, email: Any) -> dict[str, Any] | None:
        alike = str(email).lower()
        people = self.people.values()
        return next((p for p in people if str(p["fields"]["email"]).lower() == alike), None)

    # the API

    @route("GET", "/account")
    def account(self, call: Call) -> Answer:
        return Answer(200, {"fields": self.fields, "topics": self.topics})

    @route("GET", "/people")
    def listing(self, call: Call) -> Answer:
        after = (call.query["updated_from"], call.query["after_id"])
        limit = min(int(call.query["limit"]), 100)
        rows = sorted(self.people.values(), key=lambda person: (person["updated"], person["id"]))
        rows = [person for person in rows if (person["updated"], person["id"]) > after]
        return Answer(200, {"people": rows[:limit], "more": len(rows) > limit})

    @route("POST", "/people/lookup")
    def lookup(self, call: Call) -> Answer:
        asked = call.json()["people"]
        if len(asked) > 100:
            return Answer(400, {"error": "at most 100"})
        people = [self.people.get(p["id"]) if p["id"] else self.holding(p["email"]) for p in asked]
        return Answer(200, {"people": people})

    @route("POST", "/people")
    def create(self, call: Call) -> Answer:
        return self.change(call, None)

    @route("PATCH", "/people/{id}")
    def update(self, call: Call) -> Answer:
        person = self.people.get(call.path["id"])
        return self.change(call, person) if person else self.not_found(call)

    def change(self, call: Call, person: dict[str, Any] | None) -> Answer:
        given = call.json()
        if set(given["fields"]) - set(self.fields) or set(given["wishes"]) - set(self.topics):
            return Answer(400, {"error": "unknown field or topic"})
        email = (
            given["fields"].get("email") if person is None else given["fields"].get("email", "@")
        )
        if "@" not in (email or ""):
            return Answer(400, {"error": "no address"})
        there = self.holding(email)
        if there is not None and there is not person:
            return Answer(409, {"error": "the address is taken", "person": there})
        person_id = person["id"] if person else self.add({})
        self.edit(person_id, given["fields"])
        for topic, answer in given["wishes"].items():
            self.wish(person_id, topic, answer, "api")
        return Answer(200 if person else 201, self.people[person_id])
