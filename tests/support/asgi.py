"""Calls an ASGI application in this process: the transport of an ordinary httpx client."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx


class InAsgi(httpx.BaseTransport):
    """Each request runs in an event loop of its own, so several threads may call at once. What the
    application raises comes out here."""

    def __init__(self, app: Any, client: str = "127.0.0.1") -> None:
        self._app = app
        self._client = client

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run(self._handle(request, request.read()))

    async def _handle(self, request: httpx.Request, body: bytes) -> httpx.Response:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": request.url.scheme,
            "path": request.url.path,
            "raw_path": request.url.raw_path.split(b"?")[0],
            "query_string": request.url.query,
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "client": (self._client, 40000),
            "server": (request.url.host, request.url.port or 443),
        }
        started: dict[str, Any] = {}
        parts: list[bytes] = []
        given = False

        async def receive() -> dict[str, Any]:
            nonlocal given
            if given:
                return {"type": "http.disconnect"}
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))

        await self._app(scope, receive, send)
        return httpx.Response(
            started["status"], headers=started["headers"], content=b"".join(parts)
        )


def client_of(app: Any, client: str = "127.0.0.1") -> httpx.Client:
    """A client that calls the application under the name localhost."""
    return httpx.Client(transport=InAsgi(app, client), base_url="https://localhost:8443")
