"""The sandbox of Acme, an invented vendor: what a connector's author writes beside a connector."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from hub.testing.sandbox import Answer, Call, FaultKind, Refusal, Sandbox, route

PAGE = 20


class AcmeSandbox(Sandbox):
    """People in rooms, changed in batches, with a wish per topic; and what they did."""

    title = "Acme"

    def clear(self) -> None:
        self.token = "right"
        self.fields = ["email", "city", "title", "phone"]
        self.rooms = ["main", "annex"]
        self.topics = {"news": "Acme News"}
        self.people: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.made = 100

    def state(self) -> Any:
        return {"people": self.people, "events": self.events}

    def authenticate(self, call: Call) -> None:
        if call.headers.get("authorization") != f"Bearer {self.token}":
            raise Refusal(Answer(401, {"error": "unauthorised"}))

    # acts at the vendor

    def add(self, email: Any, fields: Mapping[str, Any], room: str = "main") -> str:
        self.made += 1
        person = {"id": str(self.made), "room": room, "email": email, "fields": dict(fields)}
        self.people[person["id"]] = {
            **person,
            **{"wishes": {}, "archived": False, "paused": False, "merged": []},
        }
        self.touch(person["id"])
        return str(person["id"])

    def touch(self, person_id: str) -> None:
        self.people[person_id]["updated"] = self.now().isoformat(timespec="microseconds")

    def happen(self, person_id: str, what: str, about: str, at: str | None = None) -> None:
        event = {"n": len(self.events) + 1, "person": person_id, "what": what, "about": about}
        self.events.append({**event, "at": at or self.now().isoformat()})

    def find(self, person_id: str, email: str, room: str = "main") -> dict[str, Any] | None:
        if person_id:
            return self.people.get(person_id)
        here = (p for p in self.people.values() if p["room"] == room)
        return next((p for p in here if str(p["email"]).lower() == email.lower()), None)

    def wish(self, person_id: str, topic: str, stance: str, source: str) -> None:
        at = self.now().isoformat()
        self.people[person_id]["wishes"][topic] = {"stance": stance, "at": at, "source": source}
        self.touch(person_id)

    # the API

    @route("GET", "/account")
    def account(self, call: Call) -> Answer:
        answer = {"fields": self.fields, "topics": self.topics, "rooms": self.rooms}
        return Answer(200, answer)

    @route("GET", "/people")
    def listing(self, call: Call) -> Answer:
        after = (call.query.get("updated", ""), call.query.get("id", ""))
        rows = [p for p in self.people.values() if p["room"] == call.query["room"]]
        rows = sorted(rows, key=lambda p: (p["updated"], p["id"]))
        rows = [p for p in rows if (p["updated"], p["id"]) > after]
        return Answer(200, {"people": rows[:PAGE], "more": len(rows) > PAGE})

    @route("POST", "/people/lookup")
    def lookup(self, call: Call) -> Answer:
        asked = call.json()["people"]
        found = [self.find(one["id"], one["email"], one["room"]) for one in asked]
        return Answer(200, {"people": found})

    @route("POST", "/people/everywhere")
    def everywhere(self, call: Call) -> Answer:
        """In every room, at once: by id or merged id, by address, by phone."""
        ids, emails, phones = (set(call.json()[name]) for name in ("ids", "emails", "phones"))
        found = [
            person
            for person in self.people.values()
            if {person["id"], *person["merged"]} & ids
            or str(person["email"]).lower() in emails
            or person["fields"].get("phone") in phones
        ]
        return Answer(200, {"people": found})

    @route("POST", "/people/search")
    def search(self, call: Call) -> Answer:
        """As everywhere, but late."""
        seen = (self.now() - timedelta(seconds=self.search_lag(call))).isoformat()
        found = self.everywhere(call).body["people"]
        return Answer(200, {"people": [one for one in found if one["updated"] <= seen]})

    @route("GET", "/events")
    def happenings(self, call: Call) -> Answer:
        room, person = call.query.get("room"), call.query.get("person")
        kinds = call.query.get("what", "").split(",")
        rows = [
            event
            for event in self.events[int(call.query.get("after", 0)) :]
            if (event["person"] == person or self.people[event["person"]]["room"] == room)
            and (kinds == [""] or event["what"] in kinds)
        ]
        return Answer(200, {"events": rows[:PAGE], "more": len(rows) > PAGE})

    @route("POST", "/people/batch")
    def batch(self, call: Call) -> Answer:
        return Answer(207, {"results": [self.change(call, one) for one in call.json()["inputs"]]})

    def change(self, call: Call, given: Mapping[str, Any]) -> dict[str, Any]:
        if self.failing(FaultKind.PARTIAL, call):
            return {"key": given["key"], "status": 503}
        person = self.people.get(given["id"]) if given["id"] else None
        if given["id"] and person is None:
            return {"key": given["key"], "status": 404}
        if person is not None and given["act"] == "erase":
            self.erase(person["id"])
            return {"key": given["key"], "status": 200}
        fields = dict(given["fields"])
        email = fields.pop("email", None)
        if email is not None and "@" not in email:
            return {"key": given["key"], "status": 400}
        taken = self.find("", email, given["room"]) if email else None
        if taken and taken is not person:
            return {"key": given["key"], "status": 409, "person": taken}
        if person is None:
            person = self.people[self.add(email, {}, given["room"])]
        person["email"] = email or person["email"]
        person["fields"].update(fields)
        if given["act"] in ("pause", "resume"):
            person["paused"] = given["act"] == "pause"
        if given["act"] in ("archive", "restore"):
            person["archived"] = given["act"] == "archive"
        for topic, stance in given["wishes"].items():
            self.wish(person["id"], topic, stance, given["source"])
        self.touch(person["id"])
        return {"key": given["key"], "status": 200, "person": person}

    def erase(self, person_id: str) -> None:
        del self.people[person_id]
        self.events = [event for event in self.events if event["person"] != person_id]
