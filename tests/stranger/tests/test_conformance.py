"""The hub's conformance suite over the connector and its sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from lumo_connector import connector
from lumo_connector.sandbox import LumoSandbox

from hub.api import Stance
from hub.testing import quality
from hub.testing.conformance import Ability, ConnectorConformance


class TestLumo(ConnectorConformance):
    connector_type = connector.LUMO
    stream, topic = "people", "news"
    editable_field, other_field = "name", "title"
    unsupported: ClassVar = {
        Ability.ARCHIVE: "Lumo has no archive",
        Ability.MERGE: "Lumo does not merge people",
        Ability.BOUNCE: "Lumo sends no mail",
    }
    sandbox: LumoSandbox

    def settings(self) -> connector.LumoSettings:
        return connector.LumoSettings(token="right", base_url="http://localhost")

    def wrong_settings(self) -> connector.LumoSettings:
        return connector.LumoSettings(token="wrong", base_url="http://localhost")

    def seed(self) -> None:
        account = {"tokens": ["right"], "fields": ["name", "title"], "topics": {"news": "News"}}
        self.sandbox.seed(account)

    def add_person(self, email: str, **fields: str) -> str:
        return self.sandbox.add({"email": email, **fields})

    def add_malformed(self) -> None:
        self.sandbox.add({"email": 17})

    def edit(self, record_id: str, field: str, value: str | None) -> None:
        self.sandbox.edit(record_id, {field: value})

    def says(self, email: str, answer: str, source: str) -> None:
        person = self.sandbox.holding(email)
        assert person is not None
        self.sandbox.wish(person["id"], self.topic, answer, source)

    def unsubscribe(self, email: str) -> None:
        self.says(email, "no", "form")

    def subscribe_by_form(self, email: str) -> None:
        self.says(email, "yes", "form")

    def subscribe_by_staff(self, email: str) -> None:
        self.says(email, "yes", "staff")

    def remove(self, record_id: str) -> None:
        del self.sandbox.people[record_id]

    def stored(self, email: str) -> Mapping[str, Any] | None:
        person = self.sandbox.holding(email)
        return person and person["fields"]

    def stance(self, email: str) -> Stance:
        person = self.sandbox.holding(email)
        said = person and person["wishes"].get(self.topic)
        return connector.STANCES[said["answer"]] if said else Stance.UNSTATED


def test_the_quality_file_answers_for_every_rule() -> None:
    file = Path(connector.__file__).with_name("quality.yaml")
    assert quality.faults(file.read_text(encoding="utf-8"), connector.LUMO) == []
