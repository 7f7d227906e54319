"""Opening SQLite and PostgreSQL the one way the hub needs, for the key store and the application.

    engine = open_database("sqlite:////var/lib/hub/hub.db")
    with engine.begin() as connection:              # writes: the lock is taken at the start
        upsert(connection, table, rows, key=["id"], update=["sealed"])
    with read_only(engine).connect() as connection: # reads: block nobody, are refused writes
        ...

On SQLite a transaction that begins as a reader and turns into a writer fails at once, without
waiting, when another one wrote in between. So every transaction takes the write lock as it
begins (BEGIN IMMEDIATE, waiting up to 30 s), unless it is declared `read_only`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Engine, Row, create_engine, event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry
from tenacity import Retrying, retry_if_exception, retry_if_result, stop_after_delay, wait_random

from hub.vault.rows import id_allocator, ids, upsert
from hub.vault.types import UtcDateTime

if TYPE_CHECKING:
    import psycopg

# Connection, Engine, Row and the two errors are here so that those who only hand a connection on
# need not import SQLAlchemy.
__all__ = [
    "Connection",
    "DatabaseUnusable",
    "Engine",
    "IntegrityError",
    "Row",
    "SQLAlchemyError",
    "UtcDateTime",
    "checkpoint",
    "id_allocator",
    "ids",
    "in_words",
    "open_database",
    "read_only",
    "sqlite_path",
    "upsert",
    "use_write_ahead_log",
]

BUSY_TIMEOUT_MS = 30_000
"""How long a SQLite transaction waits for another one's lock."""

_MOMENT_MS = 10
"""How long others may be kept from writing while a checkpoint waits for readers."""
_CACHE_KIB = 16 * 1024
_WAL_KEPT_BYTES = 64 * 1024 * 1024
_READ_ONLY = "hub_read_only"
_QUERY_ONLY_NOW = "hub_query_only_now"
_BEGIN = "BEGIN IMMEDIATE"

Synchronous = Literal["FULL", "NORMAL"]


class DatabaseUnusable(Exception):
    """A database address is wrong or its file cannot be used; the message says the mend."""


def open_database(
    url: str | URL, *, synchronous: Synchronous = "FULL", secure_delete: bool = False
) -> Engine:
    """An engine for `url`: ``sqlite:///path`` or ``postgresql://user@host/name``.

    A SQLite file is made with its parent folders, readable by its owner only. `synchronous` and
    `secure_delete` are SQLite's: FULL survives a power cut, NORMAL may lose the last commits
    without corrupting; `secure_delete` overwrites what is deleted. PostgreSQL is used at its own
    settings. Values bound to statements are kept out of logs and exception texts.

    Raises DatabaseUnusable.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        _make_private(Path(parsed.database or ""))
        engine = create_engine(parsed, hide_parameters=True)
        _configure_sqlite(engine, synchronous=synchronous, secure_delete=secure_delete)
        return engine
    engine = create_engine(parsed, hide_parameters=True, pool_pre_ping=True, max_overflow=20)
    event.listen(engine, "connect", _prefer_binary_arrays)
    return engine


def read_only(engine: Engine) -> Engine:
    """The same pool with transactions that only read: they wait for nobody and block nobody.

    A write inside one is refused by the database.
    """
    return engine.execution_options(**{_READ_ONLY: True, "postgresql_readonly": True})


def sqlite_path(url: str | URL) -> Path | None:
    """The file behind a SQLite address, None for PostgreSQL."""
    parsed = make_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def in_words(error: SQLAlchemyError) -> tuple[str, str]:
    """What a database says is wrong, and the mend. Without the statement; and PostgreSQL's own text
    may hold an address, so only the kind of error is told of it."""
    original = getattr(error, "orig", None)
    if not isinstance(original, sqlite3.Error):
        kind = type(original or error).__name__
        return f"the database does not answer as it should ({kind})", "check that it is running"
    said = str(original)
    mends = [mend for part, mend in _MENDS.items() if part in said]
    return f"a database cannot be used: {said}", mends[0] if mends else "the log has the place"


_MENDS = {
    "locked": "another process holds it: end that one, or try again",
    "full": "make room on its disk; nothing that was recorded is lost",
    "readonly": "let the hub's user write to the file and to its folder",
    "unable to open": "check the path, and that the hub's user may write there",
    "not a database": "it is damaged, or another kind of file: go back to a copy",
    "malformed": "it is damaged: go back to a copy",
    "disk I/O": "look whether its disk is full, and what the system's log says of it",
}
"""By what SQLite says."""


def checkpoint(engine: Engine) -> bool:
    """Move SQLite's write-ahead log into the file and empty it; False if readers held it up for
    all of 30 s.

    Until this happens the log still holds older images of changed pages. Always True on
    PostgreSQL, which manages its own log.

    SQLite keeps everybody from writing while it waits for readers to end, so it waits for a moment
    only, again and again. Most is moved before, which holds up nobody.
    """
    if engine.dialect.name != "sqlite":
        return True
    raw = engine.raw_connection()
    try:
        connection = raw.driver_connection
        assert isinstance(connection, sqlite3.Connection)
        connection.execute(f"PRAGMA busy_timeout = {_MOMENT_MS}").close()
        patient = Retrying(
            retry=retry_if_result(lambda emptied: not emptied),
            stop=stop_after_delay(BUSY_TIMEOUT_MS / 1000),
            wait=wait_random(0.005, 0.02),
            retry_error_callback=lambda _: False,
        )
        try:
            return patient(_empty, connection)
        finally:
            connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}").close()
    finally:
        raw.close()


def _empty(connection: sqlite3.Connection) -> bool:
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").close()
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _parse(url: str | URL) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        # The address may hold a password, so it is not repeated here.
        raise DatabaseUnusable(
            "a database address could not be read: "
            "write sqlite:///path/to/file.db or postgresql://user@host/name"
        ) from error
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise DatabaseUnusable(f"{backend} is not supported: use SQLite or PostgreSQL")
    if not parsed.database or parsed.database == ":memory:" or parsed.query:
        raise DatabaseUnusable("a SQLite database needs a plain file path: sqlite:///path/to.db")
    return parsed


def _make_private(path: Path) -> None:
    """Make the file for its owner only; SQLite gives its -wal and -shm the same mode.

    The file is never opened here when it exists: closing any handle of a file drops the locks
    that SQLite holds on it in this process (POSIX advisory locks).
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            if path.stat().st_mode & 0o077:
                path.chmod(0o600)
    except OSError as error:
        raise DatabaseUnusable(
            f"{path} cannot be made or made private ({error.strerror}): "
            "give the hub's user a folder of its own"
        ) from error


def _prefer_binary_arrays(connection: psycopg.Connection, _: ConnectionPoolEntry) -> None:
    from psycopg.types.array import ListBinaryDumper  # noqa: PLC0415 - 0.1 s that SQLite can do without

    # `upsert` sends a column as an array; written as text, each of its bytes would be escaped.
    connection.adapters.register_dumper(list, ListBinaryDumper)


def _configure_sqlite(engine: Engine, *, synchronous: Synchronous, secure_delete: bool) -> None:
    pragmas = [
        f"PRAGMA synchronous = {synchronous}",
        "PRAGMA foreign_keys = ON",
        f"PRAGMA secure_delete = {'ON' if secure_delete else 'OFF'}",
        f"PRAGMA cache_size = -{_CACHE_KIB}",
        f"PRAGMA journal_size_limit = {_WAL_KEPT_BYTES}",
        "PRAGMA temp_store = MEMORY",
    ]

    def on_connect(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        # The driver's own BEGIN comes too late and is always deferred; ours is in on_begin.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}").close()
        use_write_ahead_log(connection)
        for pragma in pragmas:
            connection.execute(pragma).close()

    def on_begin(connection: Connection) -> None:
        reads = bool(connection.get_execution_options().get(_READ_ONLY))
        if bool(connection.info.get(_QUERY_ONLY_NOW)) != reads:
            connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if reads else 'OFF'}")
            connection.info[_QUERY_ONLY_NOW] = reads
        if reads:
            connection.exec_driver_sql("BEGIN DEFERRED")
        else:
            _begin_writing(connection)

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)


def use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Turn a new file to WAL; nothing is written where it is so already.

    Several processes may open a new file at once. SQLite turns it while it holds a read lock,
    and for that it does not wait for the one who was quicker, whatever `busy_timeout` says.
    """
    _when_free(lambda: connection.execute("PRAGMA journal_mode = WAL").close())


def _begin_writing(connection: Connection) -> None:
    """Take the write lock.

    SQLite's own waiting asks ever more seldom, every tenth of a second in the end. Where two
    processes write without a pause, one was seen to wait for two seconds while the other took the
    lock a hundred times. Asking every millisecond or so is fair enough.
    """
    timeout = connection.connection.cursor()
    timeout.execute("PRAGMA busy_timeout = 0")
    try:
        try:
            connection.exec_driver_sql(_BEGIN)
        except OperationalError as error:
            if not _is_busy(error):
                raise
            _when_free(lambda: connection.exec_driver_sql(_BEGIN))
    finally:
        timeout.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        timeout.close()


def _when_free(act: Callable[[], object]) -> None:
    for attempt in Retrying(
        retry=retry_if_exception(_is_busy),
        stop=stop_after_delay(BUSY_TIMEOUT_MS / 1000),
        wait=wait_random(0.0005, 0.002),
        reraise=True,
    ):
        with attempt:
            act()


def _is_busy(error: BaseException) -> bool:
    origin = error.orig if isinstance(error, OperationalError) else error
    return (
        isinstance(origin, sqlite3.OperationalError)
        and origin.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
    )
