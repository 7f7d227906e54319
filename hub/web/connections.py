"""Connections that ask nothing must not keep others out: each asks soon, and of one address there
are only some."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

from hub.web.problems import answer

PATIENCE = 15.0
"""Seconds that a connection has for the head of its next request."""
FROM_ONE = 50
"""Connections of one address; further ones are closed at once."""


class Connection(H11Protocol):
    """One connection, after its TLS handshake."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin, unless the address has enough."""
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        others = (one.client for one in self.connections if isinstance(one, H11Protocol))
        if sum(other is not None and other[0] == address for other in others) > FROM_ONE:
            transport.abort()
            return
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take what came; a part of a head is none yet."""
        super().data_received(data)
        self._wait()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        super().connection_lost(exc)
        self._done()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP like everything else that cannot be read."""
        told = answer(400, "bad-request", "The request cannot be read.")
        lines = [b"HTTP/1.1 400 Bad Request", b"connection: close"]
        lines += [b": ".join(header) for header in told.raw_headers]
        self.transport.write(b"\r\n".join([*lines, b"", bytes(told.body)]))
        self.transport.close()

    @property
    def _asking(self) -> bool:
        """Whether a request has come whose answer is not complete."""
        return self.cycle is not None and not self.cycle.response_complete

    def _wait(self) -> None:
        if self._asking:
            self._done()
        elif self._waiting is None:
            self._waiting = self.loop.call_later(PATIENCE, self._gives_up)

    def _done(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _gives_up(self) -> None:
        self._waiting = None
        if not self._asking:
            self.transport.abort()  # a close would wait for the other to agree
