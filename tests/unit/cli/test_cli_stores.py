"""Commands over stores that cannot be used: one message with its mend, and no trace of the code."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.accounts import Crm, open_accounts
from support.commands import Commands, inside
from support.world import small_world

AINO = "aino@posti.example"


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Over a hub that knows Aino, and is not running."""
    with small_world(tmp_path, migrated=True) as world:
        open_accounts(world)
        Crm(world, "crowst").add(AINO, first_name="Aino")
        world.run("crowst-crm")
        clock = world.clock
    return inside(tmp_path, clock, monkeypatch)


def store(folder: Path, name: str) -> Path:
    """One of the hub's files, without its log."""
    (found,) = folder.rglob(f"{name}.db")
    for more in ("-wal", "-shm"):
        found.with_name(found.name + more).unlink(missing_ok=True)
    return found


def test_a_key_store_that_is_not_there_is_not_made_anew(tmp_path: Path, commands: Commands) -> None:
    assert commands("person", AINO).code == 0
    store(tmp_path, "keys").unlink()
    for words in (("person", AINO), ("run", "--once", "--master-key-kept")):
        ended = commands(*words)
        assert ended.code == 2
        assert "The key store does not hold the keys" in ended.err
    checked = commands("check", "--json").json
    assert ["key store", "problem"] in [[one["about"], one["state"]] for one in checked["findings"]]


def test_a_damaged_database(tmp_path: Path, commands: Commands) -> None:
    store(tmp_path, "hub").write_bytes(b"no database at all, " * 100)
    ended = commands("person", AINO)
    assert ended.code == 1
    assert ended.err.startswith("Error: a database cannot be used: file is not a database")
    assert "Traceback" not in ended.err
    found = {one["about"]: one for one in commands("check", "--json").json["findings"]}
    assert "file is not a database" in found["database"]["found"]
