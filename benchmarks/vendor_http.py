"""A small HTTP/1.1 server, so that the vendor's side is never what a benchmark measures.

It understands what an HTTP client library sends and no more: whole requests with a content
length, on connections that stay open. A framework would take several times as long per request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import parse_qsl, unquote

import orjson

Answer = bytes | tuple[int, bytes]
"""The JSON to answer: with 200, or with the status given."""

Handler = Callable[[str, str, dict[str, str], bytes], Answer]
"""Takes the method, the path, the query, the body."""


class Connection(asyncio.Protocol):
    """One connection of a client. What it sends while an answer is made waits its turn."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._received[:end])
            length = _content_length(head)
            whole = end + 4 + length
            if len(self._received) < whole:
                return
            body = bytes(self._received[end + 4 : whole])
            del self._received[:whole]
            self._transport.write(self._answer(head, body))

    def _answer(self, head: bytes, body: bytes) -> bytes:
        method, target, _ = head[: head.index(b"\r\n")].decode("ascii").split(" ")
        path, _, query = target.partition("?")
        try:
            answer = self._handler(method, unquote(path), dict(parse_qsl(query)), body)
        except Exception as error:  # a fault here must be seen, and must not look like the hub's
            answer = 501, orjson.dumps({"message": f"{type(error).__name__}: {error}"})
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        return (
            b"HTTP/1.1 %d -\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (status, len(content), content)
        )


def _content_length(head: bytes) -> int:
    lowered = head.lower()
    at = lowered.find(b"\r\ncontent-length:")
    if at < 0:
        return 0
    end = lowered.find(b"\r\n", at + 2)
    return int(lowered[at + 17 : end if end >= 0 else None])


async def serve(handler: Handler, announce: Callable[[int], None]) -> None:
    """Serve on a free port of loopback, which is announced, until cancelled."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(handler), "127.0.0.1", 0)
    announce(server.sockets[0].getsockname()[1])
    async with server:
        await server.serve_forever()


Whole = Callable[[str, str, str, dict[str, str], bytes], Answer]
"""Takes the method, the path, the query as it came, the headers in lower case, the body."""


class Server:
    """A server for handlers that see whole requests; every answer is held back for `latency` of
    its path, seconds."""

    def __init__(self, handler: Whole, latency: Callable[[str], float]) -> None:
        self._handler = handler
        self._latency = latency
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Serve on a free port of loopback, which is answered."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Whole(self._handler, self._latency), "127.0.0.1", 0
        )
        return int(self._server.sockets[0].getsockname()[1])


class _Whole(Connection):
    def __init__(self, handler: Whole, latency: Callable[[str], float]) -> None:
        super().__init__(lambda *_: b"")
        self._whole = handler
        self._latency = latency

    def _answer(self, head: bytes, body: bytes) -> bytes:
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        path, _, query = target.partition("?")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        hold = self._latency(path)
        if hold:
            loop = asyncio.get_running_loop()
            loop.call_later(hold, self._send, method, path, query, headers, body)
            return b""
        return self._made(method, path, query, headers, body)

    def _send(
        self, method: str, path: str, query: str, headers: dict[str, str], body: bytes
    ) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(self._made(method, path, query, headers, body))

    def _made(
        self, method: str, path: str, query: str, headers: dict[str, str], body: bytes
    ) -> bytes:
        try:
            answer = self._whole(method, unquote(path), query, headers, body)
        except Exception as error:  # a fault here must be seen, and must not look like the hub's
            answer = 501, orjson.dumps({"message": f"{type(error).__name__}: {error}"})
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        return (
            b"HTTP/1.1 %d -\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (status, len(content), content)
        )
