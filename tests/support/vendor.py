"""A vendor's sandbox on the loopback interface, and what its contract tests share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from starlette.types import ASGIApp, Receive, Scope, Send

from hub.api import Record
from hub.connect.http import HttpClient
from hub.testing.clock import ManualClock
from hub.testing.sandbox import Sandbox

S = TypeVar("S", bound=Sandbox)


class Account(Generic[S]):
    """One account, served; what tests ask of it."""

    def __init__(self, sandbox: S, clock: ManualClock, url: str) -> None:
        self.sandbox = sandbox
        self.clock = clock
        self.url = url
        self.clients: list[HttpClient] = []

    def calls(self, method: str = "", *, ending: str = "") -> list[dict[str, Any]]:
        """The journal's entries of a method whose route ends so."""
        return [
            entry
            for entry in self.sandbox.journal
            if (not method or entry["method"] == method) and entry["route"].endswith(ending)
        ]


class Door:
    """One server for all tests; behind it each test has a sandbox of its own."""

    app: ASGIApp
    url: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"  # uvicorn then knows that there is no lifespan to wait for
        await self.app(scope, receive, send)


A = TypeVar("A", bound="Account[Any]")


@contextmanager
def behind(door: Door, account: A) -> Iterator[A]:
    """Have the door lead to that account; the clients that were opened to it are closed."""
    door.app = account.sandbox.asgi()
    try:
        yield account
    finally:
        for client in account.clients:
            client.close()


def by_email(pages: Any) -> dict[Any, Record]:
    """Every record that pages tell of, by address; the last telling counts."""
    return {record.ref.email: record for page in pages for record in page.records}
