"""Worker processes on a real database: SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.engine_ledgers import SqlLedger
from support.engine_world import World


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Databases without anything in them, and no worker yet."""
    if request.param == "postgresql":
        engine = app = request.getfixturevalue("pg_url")
    else:
        engine, app = f"sqlite:///{tmp_path / 'engine.db'}", str(tmp_path / "app.db")
    ledger = SqlLedger(app)
    ledger.create()
    world = World(engine, app, tmp_path, ledger)
    yield world
    world.end()
