"""A run that was taken over while its write was out records nothing any more."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from support.accounts import Crm, List, open_accounts
from support.world import World, small_world

from hub.store import progress
from hub.store.deliveries import delivery
from hub.store.progress import Fenced

AINO = "aino@posti.example"


class _TakenOver(httpx.BaseTransport):
    """While the first write to a system is out, another process takes the system over."""

    def __init__(self, inner: httpx.BaseTransport, system: str) -> None:
        self._inner = inner
        self._system = system
        self.world: World | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._inner.handle_request(request)
        if request.method == "POST" and self.world is not None:
            world, self.world = self.world, None
            with world.deployment.database.begin() as connection:
                progress.take(connection, self._system, "another", world.clock.now())
        return answer


def test_a_run_that_was_taken_over_settles_nothing(tmp_path: Path) -> None:
    watch: dict[str, _TakenOver] = {}

    def transports(system: str, inner: httpx.BaseTransport) -> httpx.BaseTransport:
        watch[system] = _TakenOver(inner, system)
        return watch[system]

    with small_world(tmp_path, transports=transports) as world:
        open_accounts(world)
        Crm(world, "crowst").add(AINO, first_name="Aino", lifecycle="customer")
        world.run("crowst-crm")
        watch["crowst-mailer"].world = world
        with pytest.raises(Fenced):
            world.run("crowst-mailer")
        with world.deployment.database.connect() as connection:
            of_mailer = sa.select(delivery.c.state).where(delivery.c.system == "crowst-mailer")
            assert Counter(connection.scalars(of_mailer)) == {"sent": 1, "ready": 1}
        assert world.sync()
        assert world.writes()["crowst-mailer"] == 2, "read back, not sent again"
        assert List(world, "crowst-uutiset").status(AINO) == "subscribed"
        assert List(world, "crowst-tapahtumat").status(AINO) == "subscribed"


def test_nor_does_it_land_a_page(tmp_path: Path) -> None:
    with small_world(tmp_path) as world:
        open_accounts(world)
        Crm(world, "crowst").add(AINO, first_name="Aino")
        opened = world.deployment.systems["crowst-crm"]
        stream = opened.system.streams[0]
        (page, *_) = list(opened.connector.read("contacts", "", None))
        from hub.sync.land import Progress, land

        with world.deployment.database.begin() as connection:
            old = progress.take(connection, "crowst-crm", "one", world.clock.now())
            progress.take(connection, "crowst-crm", "another", world.clock.now())
        to = Progress(page.cursor, began=True, complete=True)
        with pytest.raises(Fenced):
            land(world.deployment, opened, old, stream, "", page.records, progress_to=to)
        with world.deployment.database.connect() as connection:
            assert progress.place(connection, "crowst-crm", "contacts", "") is None
