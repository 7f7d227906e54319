"""What the conformance suite is told of Acme: its account, and how people act in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from hub.api import ActivityKind, Ref, Stance
from hub.testing.conformance import Ability, ConnectorConformance
from hub.testing.sandbox import Sandbox
from tests.unit.testing.acme import Acme, Settings, acme_type
from tests.unit.testing.acme_sandbox import AcmeSandbox


class AcmeSuite(ConnectorConformance):
    """Acme's account, and how people act in it."""

    connector_type = acme_type()
    stream, scope, topic = "people", "main", "news"
    editable_field, other_field = "city", "title"
    unsupported: ClassVar = {Ability.BOUNCE: "Acme sends no mail"}

    activity_kinds: ClassVar = (ActivityKind.ATTENDED, ActivityKind.QUESTION)
    phone_field = "phone"

    @property
    def acme(self) -> AcmeSandbox:
        assert isinstance(self.sandbox, AcmeSandbox)
        return self.sandbox

    def make_sandbox(self) -> Sandbox:
        return AcmeSandbox(now=self.clock.now)

    def settings(self) -> Settings:
        return Settings(token="right")

    def wrong_settings(self) -> Settings:
        return Settings(token="wrong")

    def seed(self) -> None:
        pass

    def add_person(self, email: str, **fields: str) -> str:
        return self.acme.add(email, fields)

    def add_malformed(self) -> None:
        self.acme.add(17, {})

    def edit(self, record_id: str, field: str, value: str | None) -> None:
        person = self.acme.people[record_id]
        if field == "email":
            person["email"] = value
        else:
            person["fields"][field] = value
        self.acme.touch(record_id)

    def person(self, email: str) -> Mapping[str, Any]:
        person = self.acme.find("", email)
        assert person is not None
        return person

    def unsubscribe(self, email: str) -> None:
        self.acme.wish(self.person(email)["id"], "news", "no", "form")

    def subscribe_by_form(self, email: str) -> None:
        self.acme.wish(self.person(email)["id"], "news", "yes", "form")

    def subscribe_by_staff(self, email: str) -> None:
        self.acme.wish(self.person(email)["id"], "news", "yes", "screen")

    def archive(self, record_id: str) -> None:
        self.acme.people[record_id]["archived"] = True
        self.acme.touch(record_id)

    def remove(self, record_id: str) -> None:
        del self.acme.people[record_id]

    def merge(self, winner: str, loser: str) -> None:
        gone = self.acme.people.pop(loser)
        self.acme.people[winner]["merged"] += [loser, *gone["merged"]]
        self.acme.touch(winner)

    def stored(self, email: str) -> Mapping[str, Any] | None:
        person = self.acme.find("", email)
        return {**person["fields"], "email": person["email"]} if person else None

    def stance(self, email: str) -> Stance:
        return Stance(self.person(email)["wishes"].get("news", {"stance": "unstated"})["stance"])

    def count(self, email: str) -> int:
        return sum(str(p["email"]).lower() == email.lower() for p in self.acme.people.values())

    def add_activity(self, record_id: str, kind: ActivityKind, about: str) -> None:
        self.acme.happen(record_id, kind, about)

    def add_malformed_activity(self, record_id: str) -> None:
        self.acme.happen(record_id, ActivityKind.ATTENDED, "Webinaari", at="eilen")

    def unlisted_scope_person(self, email: str) -> Ref:
        return Ref(self.stream, "annex", self.acme.add(email, {}, "annex"), email)


def account_of(connector: type[Acme]) -> AcmeSuite:
    """The suite over that connector, ready to run single tests."""
    suite = AcmeSuite()
    suite.connector_type = acme_type(connector)  # type: ignore[misc]  # an instance of its own, for this test
    suite.clients = []
    suite.fresh()
    return suite
