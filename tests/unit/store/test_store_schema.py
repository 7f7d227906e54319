"""Migrations end at what tables.py says, once however many processes start, and never go back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.exc import IntegrityError

from hub.store import schema, tables
from hub.store.schema import (
    DatabaseNewer,
    DatabaseOutdated,
    check_current,
    migrate,
    open_store,
    revision,
)
from hub.vault import MasterKeys, Vault
from hub.vault.database import DatabaseUnusable, open_database, read_only
from hub.vault.rows import ids

HEAD = "0002"


@pytest.fixture
def empty(database_url: str) -> Iterator[Engine]:
    engine = open_store(database_url)
    yield engine
    engine.dispose()


def statements(engine: Engine) -> list[str]:
    """Collects what is executed from now on."""
    seen: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    return seen


def indexes(engine: Engine) -> dict[str, dict[str, Any]]:
    """Every index with what compare_metadata does not look at."""
    look = inspect(engine)
    return {
        index["name"]: {
            "table": table,
            "columns": index["column_names"],
            "unique": bool(index["unique"]),
            "where": index["dialect_options"].get(f"{engine.dialect.name}_where") is not None,
        }
        for table in look.get_table_names()
        for index in look.get_indexes(table)
        if index["name"] is not None and not index.get("duplicates_constraint")
    }


def test_the_migrated_tables_are_those_of_tables_py(empty: Engine) -> None:
    assert revision(empty) is None
    migrate(empty)
    assert revision(empty) == HEAD
    with empty.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, tables.metadata) == []


def test_a_difference_would_be_seen(empty: Engine) -> None:
    """Or the test above could not fail."""
    migrate(empty)
    with empty.begin() as connection:
        connection.execute(text("ALTER TABLE link ADD COLUMN more INTEGER"))
        connection.execute(text("DROP INDEX uq_delivery_ready"))
        context = MigrationContext.configure(connection)
        found = [one[0] for one in compare_metadata(context, tables.metadata)]
    assert sorted(found) == ["add_index", "remove_column"]


def test_indexes_are_those_of_a_database_made_without_migrations(
    empty: Engine, tmp_path: Any
) -> None:
    """The conditions of partial indexes too: a unique index without its condition would refuse
    what has to be allowed."""
    migrate(empty)
    made = indexes(empty)
    plain = create_engine(f"sqlite:///{tmp_path}/plain.db")
    tables.metadata.create_all(plain)
    wanted = indexes(plain)
    plain.dispose()
    assert made == wanted
    partial = {name for name, index in made.items() if index["where"]}
    assert partial == {
        "ix_delivery_open",
        "uq_delivery_in_flight",
        "uq_delivery_ready",
        "uq_delivery_ready_create",
        "uq_review_open",
    }


def test_conditions_of_partial_indexes_are_those_of_tables_py(empty: Engine) -> None:
    migrate(empty)
    source = (
        "SELECT sql FROM sqlite_master WHERE type = 'index' AND name = :name"
        if empty.dialect.name == "sqlite"
        else "SELECT indexdef FROM pg_indexes WHERE indexname = :name"
    )
    with empty.connect() as connection:
        found = {
            name: str(connection.execute(text(source), {"name": name}).scalar()).lower()
            for name in ("uq_delivery_ready", "uq_delivery_ready_create", "uq_review_open")
        }
        flying = str(
            connection.execute(text(source), {"name": "uq_delivery_in_flight"}).scalar()
        ).lower()
    assert "link_id is not null" in found["uq_delivery_ready"]
    assert "'ready'" in found["uq_delivery_ready"]
    assert "link_id is null" in found["uq_delivery_ready_create"]
    assert "'ready'" in found["uq_delivery_ready_create"]
    assert "'open'" in found["uq_review_open"]
    assert "'sent'" in flying
    assert "'unknown'" in flying


def test_every_table_with_an_id_hands_out_ids(empty: Engine) -> None:
    migrate(empty)
    counted = [
        table
        for table in tables.metadata.sorted_tables
        if "id" in table.c and table.c.id.type.python_type is int
    ]
    assert len(counted) > 10
    with empty.begin() as connection:
        for table in counted:
            assert list(ids(connection, table, 2)) == [1, 2]


def test_migrating_again_does_nothing(empty: Engine) -> None:
    migrate(empty)
    with empty.begin() as connection:
        connection.execute(text("INSERT INTO worker (id, beat_at) VALUES ('a', 1)"))
    seen = statements(empty)
    migrate(empty)
    assert all(one.lstrip().upper().startswith(("SELECT", "PRAGMA", "BEGIN")) for one in seen), seen
    assert "BEGIN IMMEDIATE" not in seen
    with empty.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM worker")).scalar() == 1


def test_foreign_keys_are_enforced_again_after_a_migration(empty: Engine) -> None:
    migrate(empty)
    insert = text(
        "INSERT INTO identifier (id, controller, kind, digest, person_id) "
        "VALUES (1, 'crowst', 'email', :digest, 99)"
    )
    with pytest.raises(IntegrityError), empty.begin() as connection:
        connection.execute(insert, {"digest": b"x"})


def test_a_migration_that_fails_leaves_nothing(
    empty: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Any) -> None:
        raise RuntimeError("out of space")

    with monkeypatch.context() as patch:
        patch.setattr(schema, "_check_foreign_keys", broken)
        with pytest.raises(RuntimeError, match="out of space"):
            migrate(empty)
    assert inspect(empty).get_table_names() == []
    migrate(empty)
    assert revision(empty) == HEAD


def test_rows_left_without_their_person_stop_a_migration(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Foreign keys are not enforced while tables are copied, so they are checked at the end."""
    engine = open_store(f"sqlite:///{tmp_path}/hub.db")
    upgrade = schema.command.upgrade

    def careless(config: Any, to: str) -> None:
        upgrade(config, to)
        config.attributes["connection"].execute(
            text(
                "INSERT INTO identifier (id, controller, kind, digest, person_id) "
                "VALUES (1, 'crowst', 'email', x'00', 99)"
            )
        )

    monkeypatch.setattr(schema.command, "upgrade", careless)
    with pytest.raises(DatabaseUnusable, match=r"in: identifier\. Nothing was changed"):
        migrate(engine)
    assert inspect(engine).get_table_names() == []
    engine.dispose()


_PROCESS = """
import sys
from hub.store.schema import migrate, open_store, revision
print("ready", flush=True)
sys.stdin.readline()
engine = open_store(sys.argv[1])
migrate(engine)
print(revision(engine), flush=True)
engine.dispose()
"""


def test_processes_that_start_at_once_migrate_once(database_url: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", _PROCESS, database_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ended = [process.communicate(timeout=60) for process in processes]
    assert ended == [(f"{HEAD}\n", "")] * 3


def test_a_newer_database_is_refused_and_left_alone(empty: Engine) -> None:
    migrate(empty)
    with empty.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for attempt in (migrate, check_current):
        with pytest.raises(DatabaseNewer) as caught:
            attempt(empty)
        message = str(caught.value)
        assert "migration 9999" in message
        assert str(empty.url.database) in message
        assert "Start that newer version again" in message
        assert "://" not in message  # the address may hold a password
    assert revision(empty) == "9999"


def test_commands_that_do_not_migrate_say_what_to_do(empty: Engine) -> None:
    with pytest.raises(DatabaseOutdated, match=r"is empty, which is older.*start the daemon"):
        check_current(empty)
    migrate(empty)
    check_current(empty)
    check_current(read_only(empty))


def test_the_key_stores_database_is_refused(database_url: str) -> None:
    from support.store_world import AT

    Vault(database_url, MasterKeys({1: bytes(32)}), lambda: AT).close()
    engine = open_store(database_url)
    before = inspect(engine).get_table_names()
    with pytest.raises(DatabaseUnusable, match=r"not the application's.*apart from the key store"):
        migrate(engine)
    assert inspect(engine).get_table_names() == before
    engine.dispose()


def test_other_peoples_tables_are_no_hindrance(database_url: str) -> None:
    engine = open_database(database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE visitors (id INTEGER)"))
    migrate(engine)
    assert revision(engine) == HEAD
    engine.dispose()


def test_what_is_deleted_is_overwritten_and_commits_survive(tmp_path: Any) -> None:
    engine = open_store(f"sqlite:///{tmp_path}/hub.db")
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA secure_delete")).scalar() == 1
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
    engine.dispose()


def test_migrating_leaves_logging_as_it_was(tmp_path: Any) -> None:
    import logging

    root = logging.getLogger()
    before = (list(root.handlers), root.level, logging.getLogger("alembic").level)
    engine = open_store(f"sqlite:///{tmp_path}/hub.db")
    migrate(engine)
    engine.dispose()
    assert (list(root.handlers), root.level, logging.getLogger("alembic").level) == before
    assert not logging.getLogger("hub").disabled
