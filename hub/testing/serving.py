"""Serves a sandbox on the loopback interface: for tests with the vendors' own clients, and people.

Only loopback: a sandbox has no protection to speak of.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from hub.testing.sandbox import DROP_EXTENSION, Sandbox

_LOOPBACK = "127.0.0.1"
_STOP_SECONDS = 10.0


class _Server(uvicorn.Server):
    """Says when it is ready, so that nobody has to poll for it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


class _DroppingProtocol(H11Protocol):
    """Lets the application close the connection without an answer, which ASGI has no word for."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        inner: Any = self.app

        async def app(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
            drop: Callable[[], None] = self.transport.abort
            scope["extensions"] = {**scope.get("extensions", {}), DROP_EXTENSION: drop}
            await inner(scope, receive, send)

        self.app = app


@contextmanager
def serve(
    app: Sandbox | ASGIApp, port: int = 0, protocol: type[H11Protocol] = _DroppingProtocol
) -> Iterator[str]:
    """Serve `app` while the context lasts; yields its base URL ("http://127.0.0.1:40123").

    `port` 0 takes a free one; `protocol` is what speaks HTTP. Raises OSError where the port is
    taken, RuntimeError where the application does not start.
    """
    # named, because asyncio turns Nagle's algorithm off only for sockets that say they are TCP:
    # left on, half of the answers wait 40 ms for an acknowledgement
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_LOOPBACK, port))
        server = _Server(
            uvicorn.Config(
                app.asgi() if isinstance(app, Sandbox) else app,
                http=protocol,
                ws="none",
                loop="asyncio",
                lifespan="auto",
                log_config=None,
                log_level="warning",  # a chattier one writes down whole requests
                access_log=False,  # its lines hold full paths
                # longer than clients keep an idle connection, so that they are the ones to close
                timeout_keep_alive=60,
                timeout_graceful_shutdown=2,
            )
        )

        def run() -> None:
            try:
                server.run(sockets=[listener])
            except SystemExit:
                pass  # uvicorn's way to say that the application does not start; told below
            finally:
                server.ready.set()

        thread = threading.Thread(target=run, name="sandbox-server", daemon=True)
        thread.start()
        server.ready.wait()
        if not server.started:
            thread.join(_STOP_SECONDS)
            raise RuntimeError("the application did not start")
        try:
            yield f"http://{_LOOPBACK}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(_STOP_SECONDS)
