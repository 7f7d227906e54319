"""The permission ledger's rows. There is no update and no delete of what was once recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from hub.domain.landscape import Ground
from hub.domain.permission import EventKind, PermissionEvent
from hub.store import tables
from hub.store.sql import chunks, insert_rows, table_of

event = table_of(tables.PermissionEventRow)


def append(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Add events (the columns of PermissionEventRow)."""
    insert_rows(connection, event, rows)


def row(
    id_: int,
    person_id: int,
    one: PermissionEvent,
    evidence: bytes | None = None,
    key_id: int | None = None,
) -> dict[str, Any]:
    """An event as a row; `key_id` names the key that sealed the evidence."""
    return {
        "id": id_,
        "person_id": person_id,
        "purpose": one.purpose,
        "kind": one.kind.value,
        "at": one.at,
        "seen_at": one.seen_at,
        "ground": one.ground.value if one.ground else None,
        "act": one.act,
        "system": one.system,
        "evidence": evidence,
        "key_id": key_id,
    }


_OF_PERSONS = (
    sa.select(
        event.c.person_id,
        event.c.purpose,
        event.c.kind,
        event.c.seen_at,
        event.c.at,
        event.c.ground,
        event.c.act,
        event.c.system,
    )
    .where(event.c.person_id.in_(sa.bindparam("persons", expanding=True)))
    .order_by(event.c.id)
)


def of_persons(
    connection: Connection, persons: Sequence[int]
) -> Iterator[tuple[int, PermissionEvent]]:
    """The events of those persons, oldest first."""
    for part in chunks(persons):
        for person_id, purpose, kind, seen_at, at, ground, act, system in connection.execute(
            _OF_PERSONS, {"persons": part}
        ).all():
            yield (
                person_id,
                PermissionEvent(
                    purpose=purpose,
                    kind=EventKind(kind),
                    seen_at=seen_at,
                    at=at,
                    ground=Ground(ground) if ground else None,
                    act=act,
                    system=system,
                ),
            )


def move(connection: Connection, loser: int, winner: int) -> None:
    """A merge: the loser's events become the winner's. Sealed evidence stays under its old key,
    which a merged person keeps until it is erased."""
    connection.execute(sa.update(event).where(event.c.person_id == loser).values(person_id=winner))
