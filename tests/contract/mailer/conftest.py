"""A Mailchimp sandbox on the loopback interface, the vendor's own client, and our connector."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import mailchimp_marketing  # type: ignore[import-untyped]  # it ships no types
import pytest
from pydantic import SecretStr
from support.vendor import Account, Door, behind

from hub.api import ActivityKind, Context
from hub.connect.http import HttpClient
from hub.testing.clock import ManualClock
from plugins.mailer.connector import MAILER
from plugins.mailer.mailchimp import Mailchimp
from plugins.mailer.mailchimp_activities import KINDS
from plugins.mailer.sandbox import MailchimpSandbox
from plugins.mailer.sandbox_audience import Member
from plugins.mailer.settings import Settings

KEY = "0123456789abcdef-us21"
LIST = "crowst-uutiset"
CONFIRMED = "bangeri-uutiset"
PERMISSION = "9f1c2d"

SEED = {
    "api_keys": [KEY],
    "lists": [
        {
            "id": LIST,
            "name": "Crowst: uutiset",
            "merge_fields": [{"tag": "FNAME"}, {"tag": "LNAME"}, {"tag": "AGE", "type": "number"}],
            "marketing_permissions": [
                {"marketing_permission_id": PERMISSION, "text": "Sähköposti"},
                {"marketing_permission_id": "aa00bb", "text": "Puhelin"},
            ],
        },
        {
            "id": CONFIRMED,
            "name": "Bängeri: uutiset",
            "double_optin": True,
            "merge_fields": [{"tag": "FNAME"}, {"tag": "LNAME", "required": True}],
        },
    ],
}

FIELDS = ("email_address", "FNAME", "LNAME", "tags", "language")


class World(Account[MailchimpSandbox]):
    """One account, served; what tests ask of it."""

    def seed(self, scope: str, *members: Mapping[str, Any]) -> None:
        self.sandbox.seed({"lists": [{"id": scope, "members": list(members)}]})

    def act(self, scope: str, email: str, act: str, **more: Any) -> None:
        self.sandbox.seed({"acts": [{"list": scope, "email": email, "act": act, **more}]})

    def send(self, campaign: str, scope: str = LIST, **more: Any) -> None:
        """A campaign goes out; `more` as in `plugins.mailer.sandbox_campaigns`."""
        act = {"list": scope, "act": "send", "campaign": campaign, **more}
        self.sandbox.seed({"acts": [act]})

    def member(self, scope: str, email: str) -> Member:
        found = self.sandbox.audiences[scope].holding(email)
        assert found is not None
        return found

    def open(
        self,
        fields: Sequence[str] = FIELDS,
        scopes: Sequence[str] = (LIST, CONFIRMED),
        topics: Sequence[str] = ("*",),
        double_opt_in: Sequence[str] = (CONFIRMED,),
        key: str = KEY,
        activities: Iterable[ActivityKind] = KINDS,
    ) -> Mailchimp:
        """The connector over real HTTP."""
        settings = Settings(
            api_key=SecretStr(key), base_url=self.url, double_opt_in=list(double_opt_in)
        )
        http = HttpClient(
            "mailer",
            MAILER.base_url(settings),
            MAILER.auth(settings),
            limits=MAILER.limits,
            concurrency=MAILER.concurrency,
            clock=self.clock,
        )
        self.clients.append(http)
        opened = MAILER.open(
            Context(
                system="mailer",
                settings=settings,
                http=http,
                fields={"members": tuple(fields)},
                scopes={"members": tuple(scopes)},
                topics={"members": tuple(topics)},
                now=self.clock.now,
                activities={"members": frozenset(activities)},
            )
        )
        assert isinstance(opened, Mailchimp)
        return opened


@pytest.fixture
def world(door: Door) -> Iterator[World]:
    clock = ManualClock()
    sandbox = MailchimpSandbox(now=clock.now)
    sandbox.seed(SEED)
    with behind(door, World(sandbox, clock, door.url)) as made:
        yield made


@pytest.fixture
def mailer(world: World) -> Mailchimp:
    return world.open()


@pytest.fixture
def chimp(world: World) -> mailchimp_marketing.Client:
    """The vendor's own client, pointed at the sandbox."""
    client = mailchimp_marketing.Client()
    client.set_config({"api_key": KEY})
    client.api_client.host = world.url + "/3.0"
    return client
