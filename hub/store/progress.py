"""Cursors, runs and fences: how far a system was read, by whom, and who may write for it now."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from hub.store import links, tables
from hub.store.sql import table_of

cursor = table_of(tables.Cursor)
run = table_of(tables.SyncRun)
fence = table_of(tables.Fence)


class Fenced(Exception):
    """Another run took this system over; nothing of this one may be committed any more."""

    def __init__(self, system: str) -> None:
        super().__init__(f"{system} was taken over by another run")
        self.system = system


class Place(NamedTuple):
    """Where reading goes on."""

    cursor: str
    began_at: datetime | None  # when the enumeration that is under way began
    complete_at: datetime | None  # when the last one was complete
    read_at: datetime
    mapping: str = ""  # Stream.signature when it was read


def take(connection: Connection, system: str, owner: str, now: datetime) -> int:
    """Become the one run that may write for `system`; answers the new epoch."""
    known = connection.scalar(
        sa.select(fence.c.epoch).where(fence.c.system == system).with_for_update()
    )
    if known is None:
        connection.execute(
            sa.insert(fence).values(system=system, epoch=1, owner=owner, taken_at=now)
        )
        return 1
    connection.execute(
        sa.update(fence)
        .where(fence.c.system == system)
        .values(epoch=known + 1, owner=owner, taken_at=now)
    )
    return int(known) + 1


def check(connection: Connection, system: str, epoch: int) -> None:
    """Raise Fenced unless `epoch` is still the system's. Every commit of a run asks this first,
    and holds the row until it ends."""
    query = sa.select(fence.c.epoch).where(fence.c.system == system).with_for_update(read=True)
    if connection.scalar(query) != epoch:
        raise Fenced(system)


def place(connection: Connection, system: str, stream: str, scope: str) -> Place | None:
    """Where reading that scope goes on; None before the first page."""
    row = connection.execute(
        sa.select(
            cursor.c.cursor,
            cursor.c.began_at,
            cursor.c.complete_at,
            cursor.c.read_at,
            cursor.c.mapping,
        ).where(cursor.c.system == system, cursor.c.stream == stream, cursor.c.scope == scope)
    ).first()
    return Place(*row) if row else None


def advance(
    connection: Connection,
    where: tuple[str, str, str],
    to: str,
    now: datetime,
    *,
    began: bool,
    complete: bool,
    mapping: str = "",
) -> None:
    """Move a cursor, in the transaction that landed its page. `began` says that the page is the
    first of an enumeration, `complete` that it is the last."""
    system, stream, scope = where
    values: dict[str, Any] = {"cursor": to, "read_at": now, "mapping": mapping}
    if began:
        values["began_at"] = now
    if complete:
        values["began_at"] = None
        values["complete_at"] = now
    moved = connection.execute(
        sa.update(cursor)
        .where(cursor.c.system == system, cursor.c.stream == stream, cursor.c.scope == scope)
        .values(**values)
    )
    if not moved.rowcount:
        connection.execute(
            sa.insert(cursor).values(system=system, stream=stream, scope=scope, **values)
        )


def rewind(connection: Connection, system: str) -> None:
    """Forget a system's cursors: the next run enumerates everything."""
    connection.execute(sa.delete(cursor).where(cursor.c.system == system))


def start_over(connection: Connection, system: str, stream: str, scope: str) -> None:
    """Read a place as if for the first time, because the configuration reads it otherwise now:
    every record is met anew, also one that did not change at the vendor."""
    connection.execute(
        sa.delete(cursor).where(
            cursor.c.system == system, cursor.c.stream == stream, cursor.c.scope == scope
        )
    )
    links.forget_fingerprints(connection, system, stream, scope)


def begin(connection: Connection, id_: int, system: str, epoch: int, now: datetime) -> None:
    """Open a run's row."""
    connection.execute(
        sa.insert(run).values(
            id=id_,
            system=system,
            epoch=epoch,
            state="running",
            started_at=now,
            counts="{}",
            reason="",
        )
    )


def end(
    connection: Connection, id_: int, *, state: str, counts: str, reason: str, now: datetime
) -> None:
    """Close a run's row."""
    connection.execute(
        sa.update(run)
        .where(run.c.id == id_)
        .values(state=state, counts=counts, reason=reason, ended_at=now)
    )


def abandon(connection: Connection, system: str, epoch: int, now: datetime) -> None:
    """Close rows of runs that never came to their end: a crash, or a process that was fenced."""
    connection.execute(
        sa.update(run)
        .where(run.c.system == system, run.c.state == "running", run.c.epoch < epoch)
        .values(state="interrupted", ended_at=now)
    )


def history(connection: Connection, system: str | None, limit: int) -> list[Row[Any]]:
    """The latest runs, newest first."""
    query = sa.select(run).order_by(run.c.id.desc()).limit(limit)
    if system:
        query = query.where(run.c.system == system)
    return list(connection.execute(query))
