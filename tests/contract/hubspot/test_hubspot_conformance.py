"""HubSpot's connector under the suite that the hub demands of every connector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from hub.api import ActivityKind, Stance, Verdict
from hub.testing.conformance import Ability, ConnectorConformance
from hub.testing.factories import write
from plugins.hubspot.connector import HUBSPOT, Settings
from plugins.hubspot.mapping import STANCES
from plugins.hubspot.sandbox import TOKEN, HubSpotSandbox

NEWSLETTER = "101"


class TestHubSpot(ConnectorConformance):
    connector_type = HUBSPOT
    stream, scope, topic = "contacts", "", NEWSLETTER
    editable_field, other_field = "city", "jobtitle"
    phone_field = "phone"
    unsupported: ClassVar = {
        Ability.CHANGED_CONSENTS: "HubSpot has no changed-since for subscription statuses",
    }

    sandbox: HubSpotSandbox

    def settings(self) -> Settings:
        return Settings(token=TOKEN)  # type: ignore[arg-type]  # pydantic makes it a SecretStr

    def wrong_settings(self) -> Settings:
        return Settings(token="wrong")  # type: ignore[arg-type]  # as above

    def seed(self) -> None:
        self.sandbox.seed({"definitions": [{"id": NEWSLETTER, "name": "Uutiskirje"}]})

    def add_person(self, email: str, **fields: str) -> str:
        at = self.sandbox.ms()
        return str(self.sandbox.account.create({"email": email, **fields}, at).id)

    def add_malformed(self) -> None:
        self.sandbox.seed({"contacts": [{"properties": {"email": 17}}]})

    def edit(self, id: str, field: str, value: str | None) -> None:  # noqa: A002 - as in the suite
        self.sandbox.edit(id, {field: value})

    def unsubscribe(self, email: str) -> None:
        self.sandbox.person_sets(email, self.topic, "UNSUBSCRIBED", "EMAIL_PREFERENCES_PAGE")

    def subscribe_by_form(self, email: str) -> None:
        self.sandbox.person_sets(email, self.topic, "SUBSCRIBED", "FORM_SUBMISSION")

    def subscribe_by_staff(self, email: str) -> None:
        self.sandbox.person_sets(email, self.topic, "SUBSCRIBED", "CRM_UI")

    def bounce(self, email: str) -> None:
        found = self.sandbox.account.by_email(email)
        assert found
        self.edit(str(found.id), "hs_email_hard_bounce_reason_enum", "UNKNOWN_USER")

    def archive(self, id: str) -> None:  # noqa: A002 - as in the suite
        found = self.sandbox.account.find(id)
        assert found
        self.sandbox.account.archive(found, self.sandbox.ms())

    def remove(self, id: str) -> None:  # noqa: A002 - as in the suite
        found = self.sandbox.account.find(id)
        assert found
        self.sandbox.account.remove(found)

    def merge(self, winner: str, loser: str) -> None:
        one, other = self.sandbox.account.find(winner), self.sandbox.account.find(loser)
        assert one
        assert other
        self.sandbox.account.merge(one, other, self.sandbox.ms())

    def add_activity(self, record_id: str, kind: ActivityKind, about: str) -> None:
        assert kind is ActivityKind.COMMUNICATION
        self.sandbox.engage("calls", [record_id], {"hs_call_title": about})

    def add_malformed_activity(self, record_id: str) -> None:
        self.sandbox.engage("calls", [record_id], {"hs_timestamp": "eilen"})

    def stored(self, email: str) -> Mapping[str, Any] | None:
        found = self.sandbox.account.by_email(email)
        return None if found is None else dict(found.properties)

    def stance(self, email: str) -> Stance:
        held = self.sandbox.account.statuses.get(email.lower(), {}).get(self.topic)
        return STANCES[held.status] if held else Stance.UNSTATED

    def test_a_changed_address_keeps_the_id(self) -> None:
        """As everywhere, but for the wishes: HubSpot keeps them by address, so those of the old
        one do not follow. The hub's ledger, which is kept by person, sends the refusals again."""
        old, new = self.email("aino.virtanen"), self.email("aino.korhonen")
        person = self.add_person(old, city="Vantaa")
        self.unsubscribe(old)
        result = self.sent(write(self.ref(person, old), {"email": new}))
        assert result.verdict is Verdict.OK, result.reason
        assert self.stored(old) is None
        assert (self.stored(new) or {})["city"] == "Vantaa"
        assert self.there(person).ref.email == new
        assert self.wish(self.there(person)).stance is Stance.UNSTATED
