"""Serves the admin endpoint over TLS, in a thread of the process that runs the hub.

with serving(app, listen("127.0.0.1", 8443), pair, grace=30) as url:
    ...
"""

from __future__ import annotations

import errno
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import uvicorn
from starlette.types import ASGIApp

from hub.vault.certificate import Pair
from hub.web.connections import PATIENCE, Connection

log = structlog.get_logger(__name__)

_BACKLOG = 128
_AT_ONCE = 100
"""Connections; beyond them callers get 503."""


class CannotListen(Exception):
    """The endpoint cannot be served; `mend` says what to do."""

    def __init__(self, message: str, mend: str) -> None:
        super().__init__(message)
        self.mend = mend


class _Server(uvicorn.Server):
    """Says when it is ready."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises CannotListen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        where = _written(host, port)
        if error.errno == errno.EADDRINUSE:
            message = f"another program listens at {where} already"
            mend = "end it (perhaps another hub run), or choose another port in web: listen"
        elif error.errno in (errno.EACCES, errno.EPERM):
            message = f"this user may not listen at {where}"
            mend = "choose a port above 1023 in web: listen"
        else:
            message = f"it is not possible to listen at {where} ({error.strerror})"
            mend = "name an address of this machine in web: listen"
        raise CannotListen(message, mend) from None
    return listener


@contextmanager
def serving(app: ASGIApp, listener: socket.socket, pair: Pair, *, grace: float) -> Iterator[str]:
    """Serve while the context lasts; yields the base URL ("https://127.0.0.1:8443").

    At the end nothing new is taken, and what is under way gets `grace` seconds. The listener is
    closed.
    """
    with listener:
        server = _Server(
            uvicorn.Config(
                app,
                ssl_certfile=pair.certificate,
                ssl_keyfile=pair.key,
                http=Connection,
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,  # its lines hold full paths
                server_header=False,
                proxy_headers=False,
                limit_concurrency=_AT_ONCE,
                timeout_keep_alive=round(PATIENCE),
                timeout_graceful_shutdown=max(1, round(grace)),
                h11_max_incomplete_event_size=16 * 1024,
            )
        )

        def run() -> None:
            try:
                server.run(sockets=[listener])
            finally:
                server.ready.set()

        thread = threading.Thread(target=run, name="admin-endpoint", daemon=True)
        thread.start()
        server.ready.wait()
        log.info("the admin endpoint listens", at=url_of(listener))
        try:
            yield url_of(listener)
        finally:
            server.should_exit = True
            thread.join(grace + 5)


def check(pair: Pair) -> None:
    """Raise CannotListen where certificate or key cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(pair.certificate, pair.key)
    except (OSError, ssl.SSLError) as error:
        why = error.strerror if isinstance(error, FileNotFoundError | PermissionError) else ""
        raise CannotListen(
            f"the certificate {pair.certificate} with the key {pair.key} cannot be used"
            + (f" ({why})" if why else ""),
            "name a PEM certificate and its unencrypted key in web: certificate, key",
        ) from None


def url_of(listener: socket.socket) -> str:
    """Where a listener is reached."""
    host, port = listener.getsockname()[:2]
    return f"https://{_written(host, port)}"


def _written(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
