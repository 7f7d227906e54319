"""A Zoom sandbox on the loopback interface, zoomus, and our connector."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pytest
import zoomus  # type: ignore[import-untyped]  # it ships no types
from pydantic import SecretStr
from support.vendor import Account, Door, behind

from hub.api import Activity, ActivityKind, ActivityPage, Context
from hub.connect.http import HttpClient
from hub.testing.clock import ManualClock
from plugins.webinar.connector import WEBINAR as TYPE
from plugins.webinar.sandbox import ZoomSandbox
from plugins.webinar.sandbox_webinar import Webinar
from plugins.webinar.settings import Settings
from plugins.webinar.zoom import Zoom

WEBINAR, MANUAL, ELSEWHERE = 91000000001, 91000000002, 91000000003
SCOPE = str(WEBINAR)
SECRET = "salainen-canary"
CROWST = "Saako Crowst lähettää uutiskirjeen?"
BANGERI = "Saako Bängeri lähettää uutiskirjeen?"
TEAM = "Mistä kuulit webinaarista?"
AINO, BERTTA, CECILIA = (f"{name}@kuviteltu.example" for name in ("aino", "bertta", "cecilia"))

SEED: Mapping[str, Any] = {
    "apps": [{"account_id": "acc", "client_id": "hub", "client_secret": SECRET}],
    "users": [
        {"id": "u1", "email": "webinaarit@crowst.example"},
        {"id": "u2", "email": "toinen@crowst.example"},
    ],
    "webinars": [
        {
            "id": WEBINAR,
            "topic": "Syksyn webinaari",
            "start_time": "2026-11-20T12:00:00Z",
            "questions": [{"field_name": name} for name in ("org", "job_title", "phone", "city")],
            "custom_questions": [
                {"title": CROWST, "type": "single_radio", "answers": ["Kyllä", "Ei"]},
                {"title": BANGERI, "type": "multiple", "answers": ["Ja", "Nej"]},
                {"title": TEAM, "type": "short"},
            ],
        },
        {
            "id": MANUAL,
            "topic": "Rajattu webinaari",
            "start_time": "2026-12-20T12:00:00Z",
            "approval": "manual",
            "capacity": 2,
            "questions": [{"field_name": "org", "required": True}],
        },
        {
            "id": ELSEWHERE,
            "topic": "Vanha webinaari",
            "host": "u2",
            "start_time": "2026-01-20T12:00:00Z",
        },
    ],
}

FIELDS = ("email", "first_name", "last_name", "org", "job_title", "phone", "city", TEAM)


class World(Account[ZoomSandbox]):
    """One account, served; what tests ask of it."""

    @property
    def webinar(self) -> Webinar:
        return self.sandbox.webinars[WEBINAR]

    def seed(self, *registrants: Mapping[str, Any], webinar: int = WEBINAR) -> None:
        self.sandbox.seed({"webinars": [{"id": webinar, "registrants": list(registrants)}]})

    def id_of(self, email: str, webinar: int = WEBINAR) -> str:
        return self.sandbox.webinars[webinar].find(email).id

    def open(
        self,
        *,
        fields: Sequence[str] = FIELDS,
        scopes: Sequence[int | str] = (WEBINAR, MANUAL),
        topics: Sequence[str] = (CROWST, BANGERI),
        kinds: Iterable[ActivityKind] = (),
        **settings: Any,
    ) -> Zoom:
        """The connector over real HTTP."""
        made = Settings(
            **{
                "account_id": "acc",
                "client_id": "hub",
                "client_secret": SecretStr(SECRET),
                "base_url": self.url,
                **settings,
            }
        )
        assert TYPE.token
        http = HttpClient(
            "joint-webinar",
            TYPE.base_url(made),
            TYPE.auth(made),
            limits=TYPE.limits,
            concurrency=TYPE.concurrency,
            token=TYPE.token(made),
            clock=self.clock,
        )
        self.clients.append(http)
        opened = TYPE.open(
            Context(
                system="joint-webinar",
                settings=made,
                http=http,
                fields={"registrants": tuple(fields)},
                scopes={"registrants": tuple(str(scope) for scope in scopes)},
                topics={"registrants": tuple(topics)},
                now=self.clock.now,
                activities={"registrants": frozenset(kinds)},
            )
        )
        assert isinstance(opened, Zoom)
        return opened


@pytest.fixture
def world(door: Door) -> Iterator[World]:
    clock = ManualClock()
    sandbox = ZoomSandbox(now=clock.now)
    sandbox.seed(SEED)
    with behind(door, World(sandbox, clock, door.url)) as made:
        yield made


@pytest.fixture
def zoom(world: World) -> Zoom:
    return world.open()


@pytest.fixture
def witness(world: World) -> zoomus.ZoomClient:
    """A client that others have written, pointed at the sandbox."""
    return zoomus.ZoomClient(
        "hub",
        SECRET,
        api_account_id="acc",
        base_uri=world.url + "/v2",
        oauth_uri=world.url + "/oauth/token",
    )


def told(pages: Iterable[ActivityPage]) -> list[Activity]:
    """Every activity of the pages."""
    return [activity for page in pages for activity in page.activities]
