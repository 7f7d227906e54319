"""The audit log's rows: appended in the transaction of what they tell of, never changed.

They are chained as the transaction's last act. The log's end is one for everybody, so that whoever
took hold of it earlier would make all others wait for the rest of what it does, or, holding what
they hold, for ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

import orjson
import sqlalchemy as sa
from sqlalchemy import Connection, Row

from hub.domain.audit import (
    GENESIS,
    Broken,
    Chained,
    Entry,
    Event,
    Fault,
    Head,
    chain_hash,
    verify,
)
from hub.store import rights_tables
from hub.store.sql import insert_rows, table_of

audit = table_of(rights_tables.AuditEvent)

_LOCK = 0x6875625F61756474
"""Taken on PostgreSQL while entries are chained to the last one ("hub_audt")."""
_PAGE = 1000


class _Waiting:
    """Entries of a transaction that is not committed yet."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []  # with no number yet
        self.before: list[int] = []  # how many there were at each savepoint, the innermost last


_waiting: WeakKeyDictionary[sa.Transaction, _Waiting] = WeakKeyDictionary()


def record(
    connection: Connection,
    now: datetime,
    event: Event,
    actor: str,
    subject: str = "",
    detail: Mapping[str, str] | None = None,
) -> None:
    """Append an entry when the transaction commits. Raises ValueError where something is no
    code."""
    transaction = connection.get_transaction() or connection.begin()
    waiting = _waiting.setdefault(transaction, _Waiting())
    waiting.entries.append(Entry(_NO_NUMBER, now, event, actor, subject, detail or {}))


def head(connection: Connection) -> Head:
    """The last entry's number and hash."""
    _append_for_reader(connection)
    row = connection.execute(_LAST).first()
    return Head(0, GENESIS) if row is None else Head(row.seq, row.hash)


_NO_NUMBER = 1
_LAST = sa.select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)


@sa.event.listens_for(sa.Engine, "commit")
def _append(connection: Connection) -> None:
    transaction = connection.get_transaction()
    waiting = _waiting.pop(transaction, None) if transaction is not None else None
    if waiting is None or not waiting.entries:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    last = connection.execute(_LAST).first()
    number, hash_ = (0, GENESIS) if last is None else (last.seq, last.hash)
    rows = []
    for one in waiting.entries:
        number += 1
        entry = replace(one, seq=number)
        hash_ = chain_hash(hash_, entry)
        rows.append(
            {
                "seq": number,
                "at": entry.at,
                "event": entry.event.value,
                "actor": entry.actor,
                "subject": entry.subject,
                "detail": orjson.dumps(dict(entry.detail), option=orjson.OPT_SORT_KEYS).decode(),
                "hash": hash_,
            }
        )
    insert_rows(connection, audit, rows)


def _append_for_reader(connection: Connection) -> None:
    """A transaction reads its own entries; not within a savepoint, which may take them back."""
    if not connection.in_nested_transaction():
        _append(connection)


@sa.event.listens_for(sa.Engine, "savepoint")
def _mark(connection: Connection, name: str | None) -> None:
    transaction = connection.get_transaction()
    if transaction is not None:
        waiting = _waiting.setdefault(transaction, _Waiting())
        waiting.before.append(len(waiting.entries))


@sa.event.listens_for(sa.Engine, "release_savepoint")
def _keep(connection: Connection, name: str, context: None) -> None:
    transaction = connection.get_transaction()
    if transaction is not None and (waiting := _waiting.get(transaction)) and waiting.before:
        waiting.before.pop()


@sa.event.listens_for(sa.Engine, "rollback_savepoint")
def _forget(connection: Connection, name: str, context: None) -> None:
    """What was undone is not told."""
    transaction = connection.get_transaction()
    if transaction is not None and (waiting := _waiting.get(transaction)) and waiting.before:
        del waiting.entries[waiting.before.pop() :]


def entries(connection: Connection, *, subjects: list[str] | None = None) -> Iterator[Chained]:
    """All entries in their order, or those about some subjects. Raises ValueError for a row that
    can be no entry: the log was tampered with."""
    after = 0
    while True:
        rows = _rows(connection, after, _PAGE, subjects)
        for row in rows:  # one by one: those before a tampered row are still read
            yield _chained(row)
        if len(rows) < _PAGE:
            return
        after = rows[-1].seq


def check(connection: Connection, *heads: Head) -> tuple[Broken | None, Head]:
    """Verify the whole log, against heads that were exported earlier; answers the first broken
    place, and the last entry. A row that can be no entry was edited. Raises nothing of its own."""
    last = Head(0, GENESIS)

    def read() -> Iterator[Chained]:
        nonlocal last
        for one in entries(connection):
            last = Head(one.entry.seq, one.hash)
            yield one

    try:
        return verify(read(), *heads), last
    except ValueError:
        return Broken(Fault.EDITED, last.seq + 1), last


def page(
    connection: Connection, after: int, limit: int, *, subjects: list[str] | None = None
) -> list[Chained]:
    """At most `limit` entries behind one, in their order. Raises ValueError as `entries` does."""
    return [_chained(row) for row in _rows(connection, after, limit, subjects)]


def _rows(
    connection: Connection, after: int, limit: int, subjects: list[str] | None
) -> Sequence[Row[Any]]:
    _append_for_reader(connection)
    query = sa.select(audit).where(audit.c.seq > after).order_by(audit.c.seq).limit(limit)
    if subjects is not None:
        query = query.where(audit.c.subject.in_(subjects))
    return connection.execute(query).all()


def _chained(row: Row[Any]) -> Chained:
    entry = Entry(
        row.seq, row.at, Event(row.event), row.actor, row.subject, orjson.loads(row.detail)
    )
    return Chained(entry, row.hash)
