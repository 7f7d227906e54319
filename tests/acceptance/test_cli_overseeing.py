"""`hub audit` and `hub notices`: what a controller looks after besides."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.commands import Commands
from support.rights_commands import (
    asked,
    commands_in,
    somebody,
)

from hub.sandbox_world import SandboxWorld, sandboxes


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxWorld]:
    with sandboxes(people=40, seed=5, home=tmp_path_factory.mktemp("rights")) as made:
        yield made


@pytest.fixture(scope="module")
def hub(world: SandboxWorld, tmp_path_factory: pytest.TempPathFactory) -> Commands:
    return commands_in(world, tmp_path_factory.mktemp("config"))


def test_a_tampered_log_is_found_and_said_in_words(
    hub: Commands, world: SandboxWorld, tmp_path: Path
) -> None:
    for nth in (15, 16, 17):
        asked(hub, "access", somebody(world, nth))
    head = tmp_path / "head.json"
    hub.ok("audit", "export", "--head", str(head))
    kept = json.loads(head.read_text())
    assert hub("audit", "export", "--head", str(head)).code == 1  # an earlier one is kept
    assert hub.ok("audit", "verify", "--head", str(head), "--json").json["ok"]
    shown_here = hub.ok("audit", "show", "--last", "1", "--json").json
    assert shown_here[0]["seq"] == kept["seq"]
    changes = (
        (f"DELETE FROM audit_event WHERE seq = {kept['seq']}", "cut off"),
        ("UPDATE audit_event SET actor = 'hub' WHERE seq = 1", "entry 1 was changed"),
        ("UPDATE audit_event SET event = 'gossip' WHERE seq = 2", "entry 2 was changed"),
        ("DELETE FROM audit_event WHERE seq = 2", "taken out"),
    )
    database = world.folder / "hub.db"
    for change, said in changes:
        with sqlite3.connect(database) as connection:
            rows = connection.execute("SELECT * FROM audit_event").fetchall()
            connection.execute(change)
        ended = hub("audit", "verify", "--head", str(head))
        with sqlite3.connect(database) as connection:
            connection.execute("DELETE FROM audit_event")
            marks = ", ".join("?" * len(rows[0]))
            connection.executemany(f"INSERT INTO audit_event VALUES ({marks})", rows)
        assert ended.code == 1, change
        assert said in ended.err
    hub.ok("audit", "verify", "--head", str(head))
    head.write_text("{}")
    assert hub("audit", "verify", "--head", str(head)).code == 2


def test_notices_are_owed_by_number_and_closed_by_a_version(hub: Commands) -> None:
    owed = hub.ok("notices", "--json").json
    assert owed, "somebody's data crossed"
    assert [one["tell_by"] for one in owed] == sorted(one["tell_by"] for one in owed)
    assert all("address" not in one for one in owed)
    assert "@" not in hub.ok("notices").out
    addresses = hub.ok("notices", "--show-addresses", "--json").json
    who = addresses[0]
    assert "@" in who["address"]
    number = str(who["person"])
    bad = hub("notices", "given", number, "--version", "Syksyn seloste, versio 2")
    assert (bad.code, "short code" in bad.err) == (1, True)
    hub.ok("notices", "given", number, "--version", "2026-09-01", "--how", "letter")
    left = hub.ok("notices", "--json").json
    assert who["person"] not in {one["person"] for one in left}
    again = hub("notices", "given", number, "--version", "2026-09-01")
    assert again.code == 1
    shown_there = hub.ok("person", who["address"], "--controller", who["controller"]).out
    assert "notice 2026-09-01" in shown_there
    hub.ok("sync")  # what is read again does not make it owed again
    assert who["person"] not in {one["person"] for one in hub.ok("notices", "--json").json}
    logged = [
        one for one in hub.ok("audit", "show", "--json").json if one["event"] == "notice-given"
    ]
    assert logged[-1]["subject"] == f"person {number}"
    assert logged[-1]["detail"] == {"how": "letter", "version": "2026-09-01"}
