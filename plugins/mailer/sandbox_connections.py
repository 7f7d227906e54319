"""Mailchimp's limit on simultaneous connections, in front of its sandbox."""

from __future__ import annotations

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.testing.sandbox import Answer, Dropped, Sandbox

CONNECTIONS = 10

OVER_LIMIT = "x-sandbox-over-limit"
"""A header that the vendor does not have: it tells the sandbox that the limit was passed."""


class Connections:
    """Refuses what comes while ten requests are under way."""

    def __init__(self, app: ASGIApp, sandbox: Sandbox) -> None:
        self._app = app
        self._sandbox = sandbox
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/_control/"):
            await self._app(scope, receive, send)
            return
        self._open += 1
        try:
            if self._open <= CONNECTIONS:
                await self._app(scope, receive, send)
                return
            headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
            try:
                answer = self._sandbox.handle(
                    scope["method"], scope["path"], "", {**headers, OVER_LIMIT: "1"}, b""
                )
            except Dropped:
                answer = Answer(500)
            response = Response(answer.encoded(), answer.status, dict(answer.headers))
            await response(scope, receive, send)
        finally:
            self._open -= 1
