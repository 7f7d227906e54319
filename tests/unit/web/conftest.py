"""The endpoint over a small world of two companies, without a network or a clock."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.asgi import client_of
from support.world import World, small_world

from hub.delivery.deployment import Deployment, Opened
from hub.store import tokens
from hub.store.tokens import Scope
from hub.web.api import app
from hub.web.desk import Limits

BOTH = ("crowst", "bangeri")
EMAIL = "aino.virtanen@kesko.example"


def no_dns(*_: Any, **__: Any) -> None:
    """Nobody's name is known here."""


@dataclass
class Office:
    """The endpoint, and ways to call it."""

    world: World
    client: httpx.Client
    woken: list[str]
    secrets: dict[str, str] = field(default_factory=dict)

    @property
    def deployment(self) -> Deployment:
        return self.world.deployment

    def open_system(self, name: str) -> Opened:
        return self.world.deployment.systems[name]

    def token(
        self, *scopes: Scope, controllers: Iterable[str] = BOTH, name: str = "", **more: Any
    ) -> dict[str, str]:
        """The header of a new token; without scopes it has all."""
        with self.deployment.database.begin() as connection:
            secret = tokens.create(
                connection,
                self.deployment.now(),
                name or f"t{len(self.secrets)}",
                scopes or Scope,
                controllers,
                "cli:test",
                **more,
            )
        self.secrets[name or f"t{len(self.secrets)}"] = secret
        return {"Authorization": f"Bearer {secret}"}

    def get(self, path: str, token: dict[str, str] | None = None, **options: Any) -> Any:
        return self.client.get(f"/api/v1{path}", headers=token, **options)

    def post(
        self,
        path: str,
        token: dict[str, str] | None = None,
        body: Any = None,
        key: str | None = None,
    ) -> Any:
        headers = {**(token or {}), **({"Idempotency-Key": key} if key else {})}
        return self.client.post(f"/api/v1{path}", headers=headers, json=body)

    def opened(
        self,
        token: dict[str, str],
        right: str = "erasure",
        controllers: Iterable[str] = ("crowst",),
        email: str = EMAIL,
        **more: Any,
    ) -> int:
        """The number of a new request."""
        body = {"right": right, "controllers": list(controllers), "email": email, **more}
        answer = self.post("/requests", token, body)
        assert answer.status_code == 201, answer.text
        return int(answer.json()["number"])

    def known(self, token: dict[str, str], number: int) -> str:
        """Have the person known; answers the plan's hash."""
        body = {"how": "known-to-handler", "note": "met at the desk"}
        answer = self.post(f"/requests/{number}/identity", token, body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["plan_hash"])


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    woken: list[str] = []
    with small_world(tmp_path) as world:
        made = Office(world, None, woken)  # type: ignore[arg-type]  # set below
        limits = Limits(clock=world.clock.monotonic)
        web = app(made, woken.extend, hosts=["hub.example"], limits=limits, resolve=no_dns)
        with client_of(web) as client:
            made.client = client
            yield made


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """Everything that was logged until now."""
    caplog.set_level(logging.DEBUG)
    return lambda: "\n".join(str(vars(one)) for one in caplog.records)
