"""Two companies with one person in every tool, and a handler."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.accounts import Crm, List, open_accounts
from support.rights_desk import Desk
from support.world import World, small_world

AINO = "aino.kukkamaa@posti.example"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with small_world(tmp_path) as made:
        open_accounts(made)
        yield made


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


@pytest.fixture
def aino(world: World) -> str:
    """Known to Crowst's CRM and newsletter, subscribed by her own act."""
    crm = Crm(world, "crowst")
    crm.add(AINO, first_name="Aino", last_name="Kukkamaa", phone="+358401234567")
    crm.subscribes(AINO, "1001")
    world.sync()
    assert List(world, "crowst-uutiset").status(AINO) == "subscribed"
    return AINO
