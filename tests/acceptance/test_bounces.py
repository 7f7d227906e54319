"""An address that bounces says nothing of the wish, and hides none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support.accounts import Crm, List, open_accounts
from support.world import World, small_world

from hub.store import questions
from hub.store.ledger import event
from hub.testing.sandbox import Answer

AINO = "aino@posti.example"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The four systems, empty."""
    with small_world(tmp_path) as made:
        open_accounts(made)
        yield made


def kinds(world: World) -> list[str]:
    """What the ledger holds, of whatever purpose."""
    with world.deployment.database.connect() as connection:
        return sorted(set(connection.scalars(sa.select(event.c.kind))))


def test_who_opts_out_after_a_bounce_is_mailed_by_nobody(world: World) -> None:
    crm, mailer = Crm(world, "crowst"), List(world, "crowst-uutiset")
    aino = crm.add(AINO, first_name="Aino")
    crm.subscribes(AINO, "1001")
    assert world.sync()
    assert mailer.status(AINO) == "subscribed"
    world.clock.advance(3600)
    crm.box.edit(aino, {"hs_email_hard_bounce_reason_enum": "MAILBOX_FULL"})
    assert world.sync()
    world.clock.advance(3600)
    crm.opts_out(AINO)
    assert world.sync()
    assert mailer.status(AINO) == "unsubscribed"


def test_a_bounce_between_reading_and_writing_is_no_withdrawal(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    crm, mailer = Crm(world, "crowst"), List(world, "crowst-uutiset")
    aino = crm.add(AINO, first_name="Aino")
    mailer.add(AINO, status="transactional", first_name="Aino")
    assert world.sync()
    world.clock.advance(3600)
    crm.subscribes(AINO, "1001")
    crm.edit(aino, job_title="Johtaja")
    real = mailer.box._answer

    def meanwhile(call: Any, endpoint: Any) -> Answer:
        if call.method == "GET" and "member" in call.path and mailer.status(AINO) != "cleaned":
            mailer.act(AINO, "bounce")
        return real(call, endpoint)

    monkeypatch.setattr(mailer.box, "_answer", meanwhile)
    for _ in range(4):
        world.sync()
        world.clock.advance(3600)
    assert mailer.status(AINO) == "cleaned"
    assert kinds(world) == ["consent"]
    with world.deployment.database.connect() as connection:
        reasons = [row.reason for row in connection.execute(sa.select(questions.quarantine))]
    assert reasons == ["consent refused: cleaned"], "somebody is told, once"
