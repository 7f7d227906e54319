"""The hub's conformance suite over the Zoom connector and its sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import SecretStr

from hub.api import Stance
from hub.testing.conformance import Ability, ConnectorConformance
from plugins.webinar.connector import WEBINAR
from plugins.webinar.sandbox import ZoomSandbox
from plugins.webinar.sandbox_webinar import Registrant, Webinar
from plugins.webinar.settings import Settings

WEBINAR_ID = 91000000001
QUESTION = "Saammeko lähettää sinulle uutiskirjeen?"


class TestZoom(ConnectorConformance):
    """A webinar that registers people at once, with a question of consent."""

    connector_type = WEBINAR
    stream, scope, topic = "registrants", str(WEBINAR_ID), QUESTION
    editable_field, other_field = "city", "job_title"
    unsupported: ClassVar = {
        Ability.MERGE: "Zoom does not merge registrants",
        Ability.BOUNCE: "Zoom tells nothing of its mails",
        Ability.UPDATE: "Zoom cannot change a registrant",
        Ability.STAFF_EDIT: "nobody edits a registration: the person registers again",
        Ability.STAFF_SUBSCRIBE: "an answer is given with the registration, by whoever makes it",
        Ability.WITHDRAWAL: "an unticked box on a registration form refuses nothing",
        Ability.EMAIL_CHANGE: "Zoom cannot change a registrant",
    }

    def settings(self) -> Settings:
        return Settings(
            account_id="acc",
            client_id="hub",
            client_secret=SecretStr("right"),
            base_url="http://localhost",
        )

    def wrong_settings(self) -> Settings:
        return self.settings().model_copy(update={"client_secret": SecretStr("wrong")})

    def seed(self) -> None:
        webinar = {
            "id": WEBINAR_ID,
            "topic": "Syksyn webinaari",
            "start_time": "2027-01-20T12:00:00Z",
            "questions": [{"field_name": "city"}, {"field_name": "job_title"}],
            "custom_questions": [
                {"title": QUESTION, "type": "single_radio", "answers": ["Kyllä", "Ei"]}
            ],
        }
        app = {"account_id": "acc", "client_id": "hub", "client_secret": "right"}
        user = {"id": "u1", "email": "webinaarit@crowst.example"}
        self.sandbox.seed({"apps": [app], "users": [user], "webinars": [webinar]})

    @property
    def zoom(self) -> ZoomSandbox:
        assert isinstance(self.sandbox, ZoomSandbox)
        return self.sandbox

    @property
    def webinar(self) -> Webinar:
        return self.zoom.webinars[WEBINAR_ID]

    def holding(self, email: str) -> Registrant | None:
        found = self.webinar.holding(email)
        return found if found is not None and found.status != "denied" else None

    def add_person(self, email: str, **fields: str) -> str:
        person = {"email": email, "first_name": "Aino", "last_name": "Esimerkki", **fields}
        self.sandbox.seed({"webinars": [{"id": WEBINAR_ID, "registrants": [person]}]})
        made = self.holding(email)
        assert made is not None
        return made.id

    def add_malformed(self) -> None:
        rows = [{"email": 17}]
        self.sandbox.seed({"webinars": [{"id": WEBINAR_ID, "registrants": rows}]})

    def again(
        self, there: Registrant, values: Mapping[str, str], answers: Mapping[str, str]
    ) -> None:
        """The person registers once more."""
        self.zoom.register(
            WEBINAR_ID, there.email, answers, there.first_name, there.last_name, **values
        )

    def edit(self, record_id: str, field: str, value: str | None) -> None:
        there = self.webinar.registrants[record_id]
        self.again(there, {**there.values, field: value or ""}, there.answers)

    def subscribe_by_form(self, email: str) -> None:
        there = self.webinar.find(email)
        self.again(there, there.values, {QUESTION: "Kyllä"})

    def archive(self, record_id: str) -> None:
        self.zoom.cancel(WEBINAR_ID, record_id)

    def remove(self, record_id: str) -> None:
        self.zoom.delete(WEBINAR_ID, record_id)

    def stored(self, email: str) -> Mapping[str, Any] | None:
        there = self.holding(email)
        if there is None:
            return None
        return {"city": "", "job_title": "", **there.values, "email": there.email}

    def stance(self, email: str) -> Stance:
        there = self.holding(email)
        said = there.answers.get(QUESTION) if there else ""
        return Stance.YES if said == "Kyllä" else Stance.UNSTATED
