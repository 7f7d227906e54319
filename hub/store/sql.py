"""Small helpers shared by the repositories."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlmodel import SQLModel

CHUNK = 500  # values in one IN list: longer lists make the statement slower, not the trips fewer

T = TypeVar("T")


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """The values in pieces that one IN list takes."""
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]


def table_of(model: type[SQLModel]) -> Table:
    """The Core table of a SQLModel class, which SQLModel does not type."""
    table = model.__table__  # type: ignore[attr-defined]  # added by SQLModel's metaclass
    assert isinstance(table, Table)
    return table


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add many rows with one statement. Every row names the same columns.

    On SQLite the driver gets tuples in the order of a statement compiled once: going through the
    construct builds a dictionary for each row, which costs more than SQLite's own work.
    """
    if not rows:
        return
    if connection.dialect.name != "sqlite":
        connection.execute(sa.insert(table), list(rows))
        return
    statement, columns = _sqlite_insert(table, tuple(rows[0]), connection.dialect)
    connection.exec_driver_sql(
        statement,
        [
            tuple([row[name] if fix is None else fix(row[name]) for name, fix in columns])
            for row in rows
        ],
    )


def update_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Change many rows by their `id` with one statement. Every row names the same columns."""
    if not rows:
        return
    names = tuple(name for name in rows[0] if name != "id")
    if connection.dialect.name != "sqlite":
        statement = (
            sa.update(table)
            .where(table.c.id == sa.bindparam("b_id"))
            .values({name: sa.bindparam(name) for name in names})
        )
        connection.execute(statement, [{**row, "b_id": row["id"]} for row in rows])
        return
    text, columns = _sqlite_update(table, names, connection.dialect)
    connection.exec_driver_sql(
        text,
        [
            tuple([row[name] if fix is None else fix(row[name]) for name, fix in columns])
            for row in rows
        ],
    )


_Columns = list[tuple[str, Callable[[Any], Any] | None]]


@lru_cache(maxsize=64)
def _sqlite_insert(table: Table, names: tuple[str, ...], dialect: Dialect) -> tuple[str, _Columns]:
    text = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608 - names of our own columns
    return text, _fixes(table, names, dialect)


@lru_cache(maxsize=64)
def _sqlite_update(table: Table, names: tuple[str, ...], dialect: Dialect) -> tuple[str, _Columns]:
    changes = ", ".join(f"{name} = ?" for name in names)
    text = f"UPDATE {table.name} SET {changes} WHERE id = ?"  # noqa: S608 - names of our own columns
    return text, _fixes(table, (*names, "id"), dialect)


def _fixes(table: Table, names: Sequence[str], dialect: Dialect) -> _Columns:
    """How each column's values are bound."""
    return [
        (name, table.c[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in names
    ]


def once_more(transaction: Callable[[], T], tries: int = 4) -> T:
    """Carry out a whole transaction, again where another one was quicker.

    Only PostgreSQL lets two of them decide at the same moment that a person, a link or a delivery
    is not there yet: then one of them meets the other's row, or both wait crosswise, and its second
    try sees what the first one made. SQLite has one writer at a time.
    """
    for left in reversed(range(tries)):
        try:
            return transaction()
        except (IntegrityError, OperationalError) as error:
            if not left or error.connection_invalidated or _is_sqlite(error):
                raise
    raise AssertionError("the last try returns or raises")


def _is_sqlite(error: DBAPIError) -> bool:
    return type(error.orig).__module__.startswith("sqlite3")
