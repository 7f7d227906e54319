"""The audit log's rows: appended in the transaction of what they tell of, never changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

import orjson
import sqlalchemy as sa
from sqlalchemy import Connection, Row
from sqlalchemy.engine import RootTransaction

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
from hub.store.sql import table_of

audit = table_of(rights_tables.AuditEvent)

_LOCK = 0x6875625F61756474
"""Taken on PostgreSQL while an entry is chained to the last one ("hub_audt")."""
_PAGE = 1000


def record(
    connection: Connection,
    now: datetime,
    event: Event,
    actor: str,
    subject: str = "",
    detail: Mapping[str, str] | None = None,
) -> None:
    """Append an entry. Raises ValueError where something is no code.

    On PostgreSQL, where others write at the same time, entries are chained as the last thing that
    their transaction does: the log's end is held from then on, and who holds it waits for no row.
    """
    entry = Entry(1, now, event, actor, subject, detail or {})
    if connection.dialect.name != "postgresql":
        _append(connection, entry)
        return
    transaction = connection.get_transaction()
    assert transaction is not None  # whatever is told of was done in one
    if not sa.event.contains(connection, "commit", _append_waiting):
        sa.event.listen(connection, "commit", _append_waiting)
    _waiting.setdefault(transaction, []).append(entry)


_waiting: WeakKeyDictionary[RootTransaction, list[Entry]] = WeakKeyDictionary()
"""What transactions that are under way on PostgreSQL are to append; of one that is rolled back
nothing is left."""


def _append_waiting(connection: Connection) -> None:
    transaction = connection.get_transaction()
    entries = _waiting.pop(transaction, []) if transaction is not None else []
    if entries:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    for one in entries:
        _append(connection, one)


def _append(connection: Connection, given: Entry) -> None:
    before = head(connection)
    entry = replace(given, seq=before.seq + 1)
    connection.execute(
        sa.insert(audit).values(
            seq=entry.seq,
            at=entry.at,
            event=entry.event.value,
            actor=entry.actor,
            subject=entry.subject,
            detail=orjson.dumps(dict(entry.detail), option=orjson.OPT_SORT_KEYS).decode(),
            hash=chain_hash(before.hash, entry),
        )
    )


def head(connection: Connection) -> Head:
    """The last entry's number and hash."""
    row = connection.execute(
        sa.select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)
    ).first()
    return Head(0, GENESIS) if row is None else Head(row.seq, row.hash)


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
    query = sa.select(audit).where(audit.c.seq > after).order_by(audit.c.seq).limit(limit)
    if subjects is not None:
        query = query.where(audit.c.subject.in_(subjects))
    return connection.execute(query).all()


def _chained(row: Row[Any]) -> Chained:
    entry = Entry(
        row.seq, row.at, Event(row.event), row.actor, row.subject, orjson.loads(row.detail)
    )
    return Chained(entry, row.hash)
