"""The hub's conformance suite over the Mailchimp connector and its sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import SecretStr

from hub.api import ActivityKind, Ref, Stance
from hub.testing.conformance import Ability, ConnectorConformance
from plugins.mailer.connector import MAILER
from plugins.mailer.sandbox import MailchimpSandbox
from plugins.mailer.sandbox_audience import Audience, Member
from plugins.mailer.settings import Settings

KEY = "conformance-us1"
STANCES = {
    "subscribed": Stance.YES,
    "unsubscribed": Stance.NO,
    "pending": Stance.PENDING,
    "cleaned": Stance.UNDELIVERABLE,
}


class TestMailchimp(ConnectorConformance):
    """An audience that subscribes people at once."""

    connector_type = MAILER
    stream, scope, topic = "members", "uutiset", "*"
    editable_field, other_field = "CITY", "TITLE"
    unsupported: ClassVar = {Ability.MERGE: "Mailchimp does not merge members"}
    double_optin: ClassVar = False

    def settings(self) -> Settings:
        asking = [self.scope] if self.double_optin else []
        return Settings(api_key=SecretStr(KEY), base_url="http://localhost", double_opt_in=asking)

    def wrong_settings(self) -> Settings:
        return Settings(api_key=SecretStr("wrong-us1"), base_url="http://localhost")

    def seed(self) -> None:
        audience = {
            "id": self.scope,
            "name": "Uutiset",
            "double_optin": self.double_optin,
            "merge_fields": [{"tag": "CITY"}, {"tag": "TITLE"}],
        }
        self.sandbox.seed({"api_keys": [KEY], "lists": [audience]})

    @property
    def audience(self) -> Audience:
        assert isinstance(self.sandbox, MailchimpSandbox)
        return self.sandbox.audiences[self.scope]

    def member(self, email: str) -> Member | None:
        found = self.audience.holding(email)
        return found if found is not None and found.status != "archived" else None

    def add_person(self, email: str, **fields: str) -> str:
        member = {"email_address": email, "status": "transactional", "merge_fields": fields}
        self.sandbox.seed({"lists": [{"id": self.scope, "members": [member]}]})
        made = self.member(email)
        assert made is not None
        return made.contact_id

    def add_malformed(self) -> None:
        member = {"email_address": 17, "status": "transactional"}
        self.sandbox.seed({"lists": [{"id": self.scope, "members": [member]}]})

    def act(self, email: Any, act: str, **more: Any) -> None:
        acts = [{"list": self.scope, "email": email, "act": act, **more}]
        self.sandbox.seed({"acts": acts})

    def edit(self, record_id: str, field: str, value: str | None) -> None:
        if field == "email_address":
            self.act(record_id, "profile", new_email=value)
        else:
            self.act(record_id, "staff-edit", merge_fields={field: value or ""})

    def unsubscribe(self, email: str) -> None:
        self.act(email, "unsubscribe")

    def subscribe_by_form(self, email: str) -> None:
        self.act(email, "form-subscribe")
        if self.double_optin:
            self.act(email, "confirm")

    def subscribe_by_staff(self, email: str) -> None:
        self.act(email, "staff-subscribe")

    def bounce(self, email: str) -> None:
        self.act(email, "bounce")

    def archive(self, record_id: str) -> None:
        self.act(record_id, "archive")

    def add_activity(self, record_id: str, kind: ActivityKind, about: str) -> None:
        assert isinstance(self.sandbox, MailchimpSandbox)
        campaign = f"c{len(self.sandbox.campaigns)}"
        self.act(record_id, "send", campaign=campaign, title=about, to=[record_id])
        if kind is not ActivityKind.MAIL_SENT:
            did = "open" if kind is ActivityKind.MAIL_OPENED else "click"
            self.act(record_id, did, campaign=campaign)

    def add_malformed_activity(self, record_id: str) -> None:
        self.act(record_id, "send", campaign="rikki", to=[record_id])
        self.act(record_id, "click", campaign="rikki", at="eilen")

    def unlisted_scope_person(self, email: str) -> Ref:
        member = {"email_address": email, "status": "transactional"}
        fields = [{"tag": "CITY"}, {"tag": "TITLE"}]
        audience = {"id": "vanha", "merge_fields": fields, "members": [member]}
        self.sandbox.seed({"lists": [audience]})
        assert isinstance(self.sandbox, MailchimpSandbox)
        made = self.sandbox.audiences["vanha"].holding(email)
        assert made is not None
        return Ref(self.stream, "vanha", made.contact_id, email)

    def remove(self, record_id: str) -> None:
        self.act(record_id, "delete")

    def stored(self, email: str) -> Mapping[str, Any] | None:
        member = self.member(email)
        if member is None:
            return None
        blank = dict.fromkeys(self.audience.merge_fields, "")
        return {**blank, **member.merge_fields, "email_address": member.email}

    def stance(self, email: str) -> Stance:
        member = self.member(email)
        return STANCES.get(member.status, Stance.UNSTATED) if member else Stance.UNSTATED


class TestMailchimpThatAsksToConfirm(TestMailchimp):
    """An audience that is double opt-in."""

    double_optin: ClassVar = True
