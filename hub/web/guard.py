"""What stands before every route: hosts, sizes, kinds and times of what comes in; headers of what
goes out; one log line for each, with the route's pattern and never its path, query or body.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from typing import Any

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.web.problems import answer

log = structlog.get_logger(__name__)

LONGEST_BODY = 1024 * 1024
BODY_SECONDS = 15.0
"""How long a body may take to arrive."""
LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """The outermost layer. `hosts` are names besides this machine's own that requests may be sent
    to; `hsts` tells browsers to come by TLS only, which a local certificate cannot keep up."""

    def __init__(self, app: ASGIApp, *, hosts: Collection[str] = (), hsts: bool = False) -> None:
        self._app = app
        self._hosts = LOCAL | {host.lower() for host in hosts}
        self._headers = _HEADERS | (
            {"Strict-Transport-Security": "max-age=31536000"} if hsts else {}
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
            await send(message)

        try:
            refused = await self._received(scope, receive)
            if isinstance(refused, bytes):
                await self._app(scope, _once(refused, receive), sending)
            else:
                await refused(scope, receive, sending)
        except Exception as error:
            log.error("request failed", route=_route(scope), exc_info=error)
            if status:
                raise  # it has begun: all that is left is to cut the connection
            told = "A fault of ours; it is in the log. Try again later."
            await answer(500, "fault", told)(scope, receive, sending)
        caller = scope.get("state", {}).get("caller")
        log.info(
            "answered",
            method=scope["method"] if scope["method"].isalpha() else "?",
            route=_route(scope),
            status=status,
            ms=round((time.perf_counter() - began) * 1000),
            caller=caller.actor if caller else None,
        )

    async def _received(self, scope: Scope, receive: Receive) -> Any:
        """The body, or the answer to what is not let in."""
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if name not in self._hosts:
            return answer(400, "host", "Requests for this host are not answered here.")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length[:20]) > LONGEST_BODY:
            return answer(413, "too-large", "A body has at most 1 MiB.")
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _body(receive)
        except TimeoutError:
            return answer(408, "too-slow", "The body did not arrive in time.")
        if body is None:
            return answer(413, "too-large", "A body has at most 1 MiB.")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if body and scope["method"] == "POST" and kind != "application/json":
            return answer(415, "not-json", "Send JSON: Content-Type: application/json.")
        return body


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None where it is too long."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        part = message.get("body", b"")
        size += len(part)
        if size > LONGEST_BODY:
            return None
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _once(body: bytes, receive: Receive) -> Receive:
    """Hands the body on, then whatever else comes."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _route(scope: Scope) -> str:
    """The pattern of the route: its path may hold a one-time link."""
    return getattr(scope.get("route"), "path", None) or "none"
