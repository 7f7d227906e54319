"""A copy of the application's database to try things on: what a dry run writes goes nowhere else.

The copy is always a SQLite file, whatever the original is: on PostgreSQL an outer transaction that
is rolled back would hold the locks that the running hub waits for.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Engine

from hub.store import tables
from hub.vault.database import open_database, sqlite_path

_ROWS = 5_000  # copied at a time


def copy_store(source: Engine, path: Path, each: Callable[[str], None] = lambda _: None) -> Engine:
    """Copy the whole database to a new SQLite file and open the copy. `each` is told every table.

    The source is read as of one moment and is not held up. What is personal stays sealed in the
    copy; the caller deletes it.
    """
    original = sqlite_path(source.url)
    if original is not None:
        _back_up(original, path)
        return open_database(f"sqlite:///{path}", synchronous="NORMAL")
    copy = open_database(f"sqlite:///{path}", synchronous="NORMAL")
    tables.metadata.create_all(copy)
    reader = source.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with reader.connect() as connection, copy.begin() as target:
        for table in tables.metadata.sorted_tables:
            if table.name == tables.id_allocator.name:
                continue  # PostgreSQL counts by sequences; the copy goes on from its highest ids
            each(table.name)
            found = connection.execution_options(yield_per=_ROWS).execute(sa.select(table))
            for page in found.mappings().partitions(_ROWS):
                target.execute(sa.insert(table), [dict(row) for row in page])
    return copy


def _back_up(original: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    source = sqlite3.connect(f"file:{original}?mode=ro", uri=True)
    target = sqlite3.connect(path)
    try:
        path.chmod(0o600)
        source.backup(target)
    finally:
        target.close()
        source.close()
