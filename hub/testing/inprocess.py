"""Calls a sandbox without a network: the transport of property tests."""

from __future__ import annotations

from urllib.parse import unquote

import httpx

from hub.connect.clock import Clock
from hub.testing.sandbox import Dropped, Sandbox


class InProcess(httpx.BaseTransport):
    """An httpx transport that sends every request straight into `Sandbox.handle`.

    Behaves as the sandbox served over HTTP does, except that nothing waits: a LATENCY fault moves
    `clock` on where one is given and is ignored otherwise. A latency above the caller's read
    timeout is a timeout after the call took effect. A dropped connection is a ReadError whether
    or not the call took effect: the caller cannot know either.
    """

    def __init__(self, sandbox: Sandbox, clock: Clock | None = None) -> None:
        self.sandbox = sandbox
        self._clock = clock

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = unquote(request.url.raw_path.decode("ascii").split("?")[0])
        hold = self.sandbox.latency(request.method, path) if self._clock else 0.0
        patience = request.extensions.get("timeout", {}).get("read")
        late = patience is not None and hold > patience
        if self._clock and hold:
            self._clock.sleep(patience if late else hold)
        try:
            answer = self.sandbox.handle(
                request.method,
                path,
                request.url.query.decode("ascii"),
                dict(request.headers.items()),
                request.read(),
            )
        except Dropped:
            raise httpx.ReadError("connection closed", request=request) from None
        if late:
            raise httpx.ReadTimeout("timed out", request=request)
        headers = {"Content-Type": "application/json", **answer.headers}
        return httpx.Response(answer.status, headers=headers, content=answer.encoded())
