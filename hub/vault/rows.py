"""Many rows at once: allocating their ids and writing them with one statement.

Both take an open Connection and never commit, so they share the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Column, MetaData, String, Table, bindparam, column, func, select
from sqlalchemy import text as sql
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.sql.dml import Insert, ReturningInsert
from sqlalchemy.types import TypeEngine


def id_allocator(metadata: MetaData) -> Table:
    """The table `ids` keeps its counts in on SQLite; add it to the metadata that it serves.

    (AUTOINCREMENT would do the same until the first migration that copies a table: the copy
    starts again at the highest id present, and hands out deleted ids.)
    """
    return Table(
        "id_allocator",
        metadata,
        Column("name", String, primary_key=True),
        Column("last", BigInteger, nullable=False),
    )


_ALLOCATOR = id_allocator(MetaData())


def ids(connection: Connection, table: Table, n: int) -> Sequence[int]:
    """`n` ascending ids for new rows of `table`, never one that was handed out before.

    SQLite: consecutive, from the allocator table, under the transaction's write lock; a rollback
    gives them back. PostgreSQL: from the key column's own sequence, so that transactions never
    wait for one another; other transactions' ids may lie between, and a rollback leaves a gap.

    Raises ValueError if `n` is negative or the table has no such key.
    """
    if n < 0:
        raise ValueError("a negative number of ids was asked for")
    if n == 0:
        return range(0)
    if connection.dialect.name == "sqlite":
        last = connection.execute(_allocation(table), {"n": n}).scalar_one()
        return range(last - n + 1, last + 1)
    (key,) = table.primary_key.columns
    found = connection.execute(
        sql(
            "SELECT nextval(s.name) FROM "
            "(SELECT pg_get_serial_sequence(:table, :column)::regclass AS name OFFSET 0) AS s, "
            "generate_series(1, :n)"
        ),
        {
            "table": connection.dialect.identifier_preparer.format_table(table),
            "column": key.name,
            "n": n,
        },
    ).scalars()
    allocated = list(found)
    if allocated[0] is None:
        raise ValueError(f"{table.name}.{key.name} has no sequence to take ids from")
    return allocated


@lru_cache(maxsize=256)
def _allocation(table: Table) -> ReturningInsert[int]:
    """Takes `n` ids on SQLite; built once, for to build it costs more than to carry it out."""
    (key,) = table.primary_key.columns
    n = bindparam("n", type_=BigInteger)
    # max(id) also honours rows that were inserted with ids of their own.
    highest = select(func.coalesce(func.max(key), 0)).scalar_subquery()
    insert = sqlite.insert(_ALLOCATOR).values(name=table.name, last=highest + n)
    return insert.on_conflict_do_update(
        index_elements=["name"], set_={"last": func.max(_ALLOCATOR.c.last, highest) + n}
    ).returning(_ALLOCATOR.c.last)


def insert_or_skip(connection: Connection, table: Table) -> Insert:
    """INSERT … ON CONFLICT DO NOTHING, in the connection's dialect."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Sequence[str],
    update: Sequence[str],
) -> None:
    """Insert `rows`; where a row with the same `key` columns exists, set its `update` columns.

    Every row names the same columns, by their names in the database, and gives a value for each
    one without a default in the database. An empty `update` leaves existing rows as they are.

    Raises ValueError if two rows share a key: databases differ on which of them would win.
    """
    if not rows:
        return
    names = list(rows[0])
    if len({tuple([row[k] for k in key]) for row in rows}) != len(rows):
        raise ValueError(f"two rows for {table.name} share the same {', '.join(key)}")
    if connection.dialect.name == "sqlite":
        _upsert_sqlite(connection, table, rows, names, key, update)
    else:
        _upsert_postgresql(connection, table, rows, names, key, update)


def _upsert_sqlite(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    names: list[str],
    key: Sequence[str],
    update: Sequence[str],
) -> None:
    statement, processors = _compiled(
        connection.dialect, table, tuple(names), tuple(key), tuple(update)
    )
    values = [
        [process(row[name]) if process else row[name] for name, process in processors]
        for row in rows
    ]
    connection.exec_driver_sql(statement, [tuple(v) for v in values])


@lru_cache(maxsize=256)
def _compiled(
    dialect: Dialect,
    table: Table,
    names: tuple[str, ...],
    key: tuple[str, ...],
    update: tuple[str, ...],
) -> tuple[str, list[tuple[str, Any]]]:
    """The text of an upsert, and its columns in their order with what the driver needs of each.

    Compiled once and handed to the driver as it is: executing the construct would build a
    parameter dictionary per row, which costs more than SQLite's own work.
    """
    insert = sqlite.insert(table)
    statement = (
        insert.on_conflict_do_update(
            index_elements=list(key), set_={name: insert.excluded[name] for name in update}
        )
        if update
        else insert.on_conflict_do_nothing(index_elements=list(key))
    )
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    order = compiled.positiontup or []
    if set(order) != set(names):
        raise ValueError(f"rows for {table.name} leave out a column that has a default in Python")

    def processor(type_: TypeEngine[Any]) -> Any:
        return type_.dialect_impl(dialect).bind_processor(dialect)

    return str(compiled), [(name, processor(table.c[name].type)) for name in order]


def _upsert_postgresql(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    names: list[str],
    key: Sequence[str],
    update: Sequence[str],
) -> None:
    # One array per column and one statement whatever the number of rows.
    arrays = [
        bindparam(
            name,
            [row[name] for row in rows],
            type_=postgresql.ARRAY(table.c[name].type, dimensions=1),
        )
        for name in names
    ]
    source = func.unnest(*arrays).table_valued(*[column(name) for name in names])
    source = source.render_derived()
    insert = postgresql.insert(table).from_select(
        names, select(*[source.c[name] for name in names]), include_defaults=False
    )
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=list(key), set_={name: insert.excluded[name] for name in update}
        )
        if update
        else insert.on_conflict_do_nothing(index_elements=list(key))
    )
