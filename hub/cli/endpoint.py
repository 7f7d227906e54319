"""The admin endpoint beside a running daemon: where it listens, with what certificate."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hub.cli.base import Code, Stop
from hub.daemon import Daemon
from hub.opening import Hub
from hub.settings import Settings
from hub.vault.certificate import Pair, local_certificate
from hub.vault.database import sqlite_path

MOST_GRACE = 10.0
"""Seconds that calls under way get at the end: each is a transaction or two."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Everything but the server itself, found before any work begins."""

    url: str
    pair: Pair
    local: bool  # whether the certificate is our own
    listener: socket.socket

    @contextmanager
    def serving(self, hub: Hub, daemon: Daemon, grace: float) -> Iterator[str]:
        """Serve while the context lasts."""
        from hub.web.api import app  # noqa: PLC0415 - `hub --help` must not wait for FastAPI
        from hub.web.server import serving  # noqa: PLC0415 - as above

        hosts = hub.settings.web.hosts
        web = app(hub, daemon.serve_requests, hosts=hosts, hsts=not self.local)
        with serving(web, self.listener, self.pair, grace=min(grace, MOST_GRACE)) as url:
            yield url


def prepare(hub: Hub) -> Endpoint | None:
    """Take the address, and make the local certificate where none is configured. None where the
    endpoint is switched off. Raises Stop."""
    from hub.web.server import CannotListen, check, listen, url_of  # noqa: PLC0415 - as above

    web = hub.settings.web
    if not web.enabled:
        return None
    local = web.certificate is None or web.key is None
    try:
        pair = (
            Pair(web.certificate, web.key)
            if web.certificate is not None and web.key is not None
            else local_certificate(
                folder_of(hub.settings), hub.deployment.now(), [socket.gethostname(), *web.hosts]
            )
        )
        check(pair)
    except CannotListen as error:
        place = hub.settings.where("web", "certificate")
        raise Stop(str(error), f"{error.mend} ({place})", Code.USAGE) from None
    except OSError as error:
        raise Stop(
            f"the local certificate cannot be made ({error.strerror})",
            "give the hub's user a folder of its own for the databases",
        ) from None
    try:
        listener = listen(web.host, web.port)
    except CannotListen as error:
        place = hub.settings.where("web", "listen")
        raise Stop(str(error), f"{error.mend} ({place})") from None
    return Endpoint(url_of(listener), pair, local, listener)


def folder_of(settings: Settings) -> Path:
    """Where the local certificate lies: beside the database, or in the hub's home."""
    path = sqlite_path(settings.database)
    return path.parent if path else settings.home
