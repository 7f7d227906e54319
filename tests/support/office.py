"""The endpoint over a small world of two companies, without a network or a clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from hub.delivery.deployment import Deployment, Opened
from hub.domain.audit import Event
from hub.rights import slices
from hub.store import audit, tokens
from hub.store.tokens import Scope
from hub.vault.database import read_only
from hub.web.api import app
from hub.web.desk import Limits
from support.accounts import open_accounts
from support.asgi import client_of
from support.world import World, small_world

BOTH = ("crowst", "bangeri")
EMAIL = "aino.virtanen@kuviteltu.example"


def no_dns(*_: Any, **__: Any) -> None:
    """Nobody's name is known here."""


@dataclass
class Office:
    """The endpoint, and ways to call it."""

    world: World
    woken: list[str] = field(default_factory=list)
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

    def work(self) -> None:
        """Carry out what is due, as the daemon would."""
        for system in (*self.deployment.systems, "hub"):
            slices.work(self.deployment, system, self.open_system)

    def events(self, event: Event) -> int:
        """How often the audit log has it."""
        with read_only(self.deployment.database).connect() as connection:
            return sum(one.entry.event is event for one in audit.entries(connection))

    @cached_property
    def web(self) -> FastAPI:
        """The application."""
        limits = Limits(clock=self.world.clock.monotonic)
        return app(self, self.woken.extend, hosts=["hub.example"], limits=limits, resolve=no_dns)

    @cached_property
    def client(self) -> httpx.Client:
        """Calls it, from this machine."""
        return client_of(self.web)


@contextmanager
def office_in(folder: Path) -> Iterator[Office]:
    """An endpoint over a new world."""
    with small_world(folder) as world:
        open_accounts(world)
        office = Office(world)
        try:
            yield office
        finally:
            office.client.close()
