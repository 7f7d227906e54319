"""What `hub check` says about where keys lie."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hub.vault.placement import placement_warnings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def file(path: Path, *, age: timedelta = timedelta(0), mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    path.chmod(mode)
    moment = (NOW - age).timestamp()
    os.utime(path, (moment, moment))
    return path


def test_apart_is_well(tmp_path: Path) -> None:
    store = file(tmp_path / "keys" / "keys.db", age=timedelta(days=100))
    file(tmp_path / "keys" / "keys.db-wal", age=timedelta(days=100))
    file(tmp_path / "keys" / "keys-copy.db", age=timedelta(days=13))
    master = file(tmp_path / "secret" / "master.key")
    assert (
        placement_warnings(f"sqlite:///{store}", f"sqlite:///{tmp_path}/hub.db", master, NOW) == []
    )


def test_each_rule_that_does_not_hold_is_named(tmp_path: Path) -> None:
    store = file(tmp_path / "keys.db")
    copy = file(tmp_path / "keys.db.backup", age=timedelta(days=15))
    master = file(tmp_path / "master.key", mode=0o644)
    found = placement_warnings(f"sqlite:///{store}", f"sqlite:///{tmp_path}/hub.db", master, NOW)
    assert len(found) == 4
    assert "one backup would hold both" in found[0]
    assert "beside the keys it wraps" in found[1]
    assert "chmod 600" in found[2]
    assert str(copy) in found[3]


def test_a_postgresql_key_store_cannot_be_judged_from_here() -> None:
    assert placement_warnings("postgresql://h/keys", "sqlite:///hub.db", None, NOW) == []
