"""The application's database: opening it, and bringing its tables to what this version needs.

    engine = open_store(settings.database)
    migrate(engine)                 # processes that write: daemon, web, sync
    check_current(engine)           # commands that must not change the tables

Migrations live in `hub.store.migrations` and run in one transaction: they happen whole or not at
all, and of several processes that start at once one migrates while the others wait for it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, func, inspect, select
from sqlalchemy.engine import URL

from hub.store import rights_tables, tables
from hub.vault.database import DatabaseUnusable, open_database, read_only

_LOCK = 0x6875625F61707031
"""Taken on PostgreSQL while migrating ("hub_app1"); the key store uses a number of its own."""

assert rights_tables  # its tables are in the same metadata

_one_at_a_time = threading.Lock()
"""Alembic keeps the migration that runs in a variable of its module."""


class DatabaseNewer(DatabaseUnusable):
    """The database was migrated by a newer hub than this one."""


class DatabaseOutdated(DatabaseUnusable):
    """The database lacks migrations that this hub needs."""


def open_store(url: str | URL) -> Engine:
    """An engine for the application's database.

    What is committed survives a power cut, because a receipt or a cursor that was acted upon must
    not be forgotten; and on SQLite what is deleted is overwritten, because an erased person's
    rows have to be gone from the file. Raises DatabaseUnusable.
    """
    return open_database(url, synchronous="FULL", secure_delete=True)


def revision(engine: Engine) -> str | None:
    """The migration that the database is at, None where it has no tables yet.

    Raises DatabaseUnusable where it holds tables that are not the application's.
    """
    with read_only(engine).connect() as connection:
        return _revision(connection)


def migrate(engine: Engine) -> None:
    """Bring the database to the newest migration; nothing is written where it is there already.

    Raises DatabaseNewer, and DatabaseUnusable where it holds tables that are not the
    application's.
    """
    config = alembic_config()
    script = ScriptDirectory.from_config(config)
    if _state(engine, script, revision(engine)) == "current":
        return
    with _one_at_a_time, _without_foreign_keys(engine) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        # Asked again under the lock: another process may have been quicker, or newer.
        if _state(engine, script, _revision(connection)) == "current":
            return
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        _check_foreign_keys(connection)


def check_current(engine: Engine) -> None:
    """Raise DatabaseOutdated or DatabaseNewer unless the database is at the newest migration."""
    found = revision(engine)
    if _state(engine, ScriptDirectory.from_config(alembic_config()), found) == "behind":
        at = f"at migration {found}" if found else "empty"
        raise DatabaseOutdated(
            f"The database {_name(engine)} is {at}, which is older than this version of the hub: "
            "start the daemon, which brings it up to date."
        )


def alembic_config() -> Config:
    """Alembic's settings without a file: the migrations travel inside the package."""
    config = Config()
    config.set_main_option("script_location", "hub.store:migrations")
    config.set_main_option("path_separator", "os")  # unset, Alembic warns
    return config


def _revision(connection: Connection) -> str | None:
    found = MigrationContext.configure(connection).get_current_revision()
    if found is None and (
        strange := set(inspect(connection).get_table_names()) & set(tables.metadata.tables)
    ):
        raise DatabaseUnusable(
            f"The database {_name(connection.engine)} is not the application's: it has the "
            f"table {min(strange)} but no record of migrations. Give the application a database "
            "of its own, apart from the key store's."
        )
    return found


def _state(engine: Engine, script: ScriptDirectory, found: str | None) -> str:
    """`current` or `behind`. Raises DatabaseNewer."""
    known = {one.revision for one in script.walk_revisions()}
    if found is not None and found not in known:
        raise DatabaseNewer(
            f"The database {_name(engine)} is at migration {found}, which this version of the hub "
            "does not know: a newer one has used it. Start that newer version again, or go back "
            "to a copy of the database from before the upgrade."
        )
    return "current" if found == script.get_current_head() else "behind"


def _name(engine: Engine) -> str:
    """How a person knows the database: never the whole address, it may hold a password."""
    return engine.url.database or ""


@contextmanager
def _without_foreign_keys(engine: Engine) -> Iterator[Connection]:
    """A connection on which SQLite does not enforce them, for migrations that copy a table: the
    old one is dropped while others still point at it.

    The pragma does nothing inside a transaction, and SQLAlchemy opens one with the first
    statement, so the driver's own connection is told (https://sqlite.org/lang_altertable.html,
    section 7).
    """
    with engine.connect() as connection:
        if engine.dialect.name != "sqlite":
            yield connection
            return
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("PRAGMA foreign_keys = OFF").close()
        try:
            yield connection
        finally:
            driver.execute("PRAGMA foreign_keys = ON").close()


def _check_foreign_keys(connection: Connection) -> None:
    """Before the commit, what was not enforced meanwhile has to hold again."""
    if connection.dialect.name != "sqlite":
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        names = ", ".join(sorted({row[0] for row in broken}))
        raise DatabaseUnusable(
            f"The migration would leave rows without the rows they belong to in: {names}. "
            "Nothing was changed; please report this."
        )
