"""How SQLite's locks are waited for: again and again for a moment, so that nobody is kept out."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from hub.vault.database import BUSY_TIMEOUT_MS, checkpoint, open_database, read_only


def test_one_of_several_that_open_a_new_file_at_once_waits_for_the_quicker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quicker = sqlite3.connect(tmp_path / "new.db", isolation_level=None)
    quicker.execute("BEGIN IMMEDIATE")
    quicker.execute("CREATE TABLE made (id INTEGER)")
    waits: list[float] = []

    def meanwhile(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            quicker.execute("COMMIT")

    monkeypatch.setattr("tenacity.nap.time.sleep", meanwhile)
    engine = open_database(f"sqlite:///{tmp_path}/new.db", synchronous="FULL", secure_delete=True)
    with engine.connect() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("SELECT count(*) FROM made")) == 0
    assert len(waits) == 2
    engine.dispose()
    quicker.close()


def test_a_checkpoint_that_waits_for_a_reader_lets_others_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/test.db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE made (id INTEGER)"))
    reader = read_only(engine).connect()
    reader.execute(text("SELECT id FROM made")).all()
    written: list[int] = []

    def meanwhile(seconds: float) -> None:
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO made VALUES (1)"))
        written.append(len(written))
        if len(written) == 3:
            reader.close()

    monkeypatch.setattr("hub.vault.database.BUSY_TIMEOUT_MS", 2000)
    monkeypatch.setattr("tenacity.nap.time.sleep", meanwhile)
    assert checkpoint(engine)
    assert len(written) == 3
    assert (tmp_path / "test.db-wal").stat().st_size == 0
    engine.dispose()


def test_a_writer_asks_again_soon_however_long_it_has_waited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/test.db")
    other = engine.connect()
    taken = other.begin()
    waits: list[float] = []

    def meanwhile(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 50:
            taken.commit()

    monkeypatch.setattr("tenacity.nap.time.sleep", meanwhile)
    with engine.begin() as connection:
        assert connection.scalar(text("PRAGMA busy_timeout")) == BUSY_TIMEOUT_MS
    assert len(waits) == 50
    assert max(waits) <= 0.002
    other.close()
    engine.dispose()
