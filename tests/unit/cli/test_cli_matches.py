"""`hub rights match`: which records are asked about, and a word on each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.accounts import Crm, open_accounts
from support.commands import Commands, inside
from support.rights_desk import Desk
from support.world import World, small_world

from hub.cli import rights_tasks
from hub.domain.rights import Right

AINO = "aino.kukkamaa@posti.example"
PHONE = "+358401234567"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with small_world(tmp_path, migrated=True) as made:
        open_accounts(made)
        yield made


@pytest.fixture
def hub(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    monkeypatch.setattr(rights_tasks, "carry_out", lambda *_, **__: None)  # nothing is served here
    return inside(tmp_path, world.clock, monkeypatch)


def test_the_records_are_listed_and_judged_one_by_one(world: World, hub: Commands) -> None:
    crm, desk = Crm(world, "crowst"), Desk(world)
    crm.add(AINO, first_name="Aino", phone=PHONE)
    world.sync()
    number = desk.open(Right.ERASURE, AINO)
    shared = {crm.add(None, first_name=name, phone=PHONE) for name in ("Aimo", "Aini")}
    desk.identify(number)
    desk.approve(number)
    desk.work()
    task = str(desk.tasks(number)["crowst-crm", "records"].id)
    listed = hub.ok("rights", "match", task, "--json").json
    assert {(one["id"], one["by"]) for one in listed} == {(one, "phone") for one in shared}
    text = hub.ok("rights", "match", task).out
    assert all(one in text for one in (*shared, "crowst-crm", "phone", "--record"))

    which = hub("rights", "match", task, "--other")
    assert which.code == 2
    assert "--record" in which.err
    for one in listed:
        assert desk.states(number)["crowst-crm"] == "attention: weak-match"
        ended = hub("rights", "match", task, "--other", "--record", str(one["record"]), "--json")
        assert ended.code == 0, ended
    assert desk.states(number)["crowst-crm"] != "attention: weak-match"
    assert hub.ok("rights", "match", task, "--json").json == []
