"""Deliveries: one row per intended write, from ready to settled. The row is the outbox entry, the
memory of what is in flight, and afterwards the record of what was disclosed to whom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from hub.store import tables
from hub.store.sql import chunks, insert_rows, table_of, update_rows

delivery = table_of(tables.Delivery)


class Lane(IntEnum):
    """The order of sending: a refusal waits for nothing."""

    REFUSAL = 0  # NO, ahead of everything
    RECORD = 1  # creates and updates
    CONSENT = 2  # YES, on a valid ground
    RIGHTS = 3  # erasing, restricting, correcting for a rights request; sent by hub.rights


SYNCED = (Lane.REFUSAL, Lane.RECORD, Lane.CONSENT)
"""The lanes that a sync run sends; a rights task sends and reads back its own."""


class State(StrEnum):
    """The life of a delivery."""

    READY = "ready"
    SENT = "sent"
    UNKNOWN = "unknown"  # sent, outcome not known: read back before anything else
    DONE = "done"
    REFUSED = "refused"  # the vendor's compliance state forbids it
    FAILED = "failed"  # permanent, reason given
    CANCELLED = "cancelled"  # nothing left to write, or the gate says no


OPEN = (State.READY.value, State.SENT.value, State.UNKNOWN.value)
IN_FLIGHT = (State.SENT.value, State.UNKNOWN.value)


def add(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Add ready deliveries."""
    insert_rows(connection, delivery, rows)


def row(
    id_: int,
    place: tuple[str, str, str],
    person_id: int | None,
    link_id: int | None,
    lane: Lane,
    now: datetime,
) -> dict[str, Any]:
    """A ready delivery."""
    system, stream, scope = place
    return {
        "id": id_,
        "system": system,
        "stream": stream,
        "scope": scope,
        "person_id": person_id,
        "link_id": link_id,
        "lane": int(lane),
        "state": State.READY.value,
        "due_at": now,
        "created_at": now,
        "fields": "",
        "purposes": "",
        "person_version": 0,
        "tries": 0,
        "reason": "",
    }


def ready_keys(
    connection: Connection, persons: Sequence[int]
) -> set[tuple[str, str, str, int, int | None, int]]:
    """(system, stream, scope, person, link, lane) of what is ready for those persons."""
    return {
        tuple(row)
        for part in chunks(persons)
        for row in connection.execute(
            sa.select(
                delivery.c.system,
                delivery.c.stream,
                delivery.c.scope,
                delivery.c.person_id,
                delivery.c.link_id,
                delivery.c.lane,
            ).where(delivery.c.person_id.in_(part), delivery.c.state == State.READY.value)
        ).all()
    }


# in the words of the partial index ix_delivery_open: that is how the databases know to use it
_OPEN_NOW = sa.text("delivery.state in ('ready', 'sent', 'unknown')")
# What every attempt at a rights task asks is built once: that costs more than to carry it out.
_THESE: sa.BindParameter[Any] = sa.bindparam("these", expanding=True)
_OF_TASK = (
    sa.select(delivery).where(delivery.c.task_id == sa.bindparam("task")).order_by(delivery.c.id)
)
_OF_TASK_OPEN = _OF_TASK.where(delivery.c.state.in_(IN_FLIGHT))
_FLYING_AT = (
    sa.select(delivery.c.id)
    .where(
        _OPEN_NOW,
        delivery.c.system == sa.bindparam("system"),
        delivery.c.state.in_(IN_FLIGHT),
        delivery.c.lane != int(Lane.RIGHTS),
        delivery.c.person_id.in_(_THESE),
    )
    .limit(1)
)
_FLYING_ABOUT = (
    sa.select(delivery.c.id)
    .where(_OPEN_NOW, delivery.c.link_id.in_(_THESE), delivery.c.state.in_(IN_FLIGHT))
    .limit(1)
)
_flying = delivery.alias("flying")
_NEXT = (
    sa.select(delivery)
    .where(
        _OPEN_NOW,
        delivery.c.system == sa.bindparam("system"),
        delivery.c.lane == sa.bindparam("lane"),
        delivery.c.state == State.READY.value,
        delivery.c.due_at <= sa.bindparam("now", type_=delivery.c.due_at.type),
        ~sa.exists().where(
            _flying.c.state.in_(IN_FLIGHT),
            _flying.c.system == delivery.c.system,
            _flying.c.stream == delivery.c.stream,
            _flying.c.scope == delivery.c.scope,
            _flying.c.person_id == delivery.c.person_id,
        ),
    )
    .order_by(delivery.c.id)
    .limit(sa.bindparam("limit"))
)


def next_ready(
    connection: Connection, system: str, lane: Lane, now: datetime, limit: int
) -> list[Row[Any]]:
    """The oldest due deliveries of a lane that share the place of the first, none of them with
    another write of the same record in flight."""
    found = connection.execute(
        _NEXT, {"system": system, "lane": int(lane), "now": now, "limit": limit}
    ).all()
    if not found:
        return []
    first = (found[0].stream, found[0].scope)
    return [one for one in found if (one.stream, one.scope) == first]


def in_flight(connection: Connection, system: str, limit: int) -> list[Row[Any]]:
    """Deliveries of a system whose outcome nobody knows, oldest first; those of rights tasks are
    left to their tasks."""
    return list(
        connection.execute(
            sa.select(delivery)
            .where(
                _OPEN_NOW,
                delivery.c.system == system,
                delivery.c.state.in_(IN_FLIGHT),
                delivery.c.lane != int(Lane.RIGHTS),
            )
            .order_by(delivery.c.id)
            .limit(limit)
        )
    )


def mark_sent(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Claim: (id, tries, fields, purposes, payload, link_id, person_version, sent_at) of each."""
    update_rows(connection, delivery, [{**row, "state": State.SENT.value} for row in rows])


def settle(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """End deliveries: (id, state, reason, link_id, settled_at) of each; payloads are cleared."""
    update_rows(connection, delivery, [{**row, "payload": None} for row in rows])


def forget_try(connection: Connection, id_: int, fields: str, purposes: str) -> None:
    """The vendor did nothing of the last try: the row names again what it named before."""
    connection.execute(
        sa.update(delivery).where(delivery.c.id == id_).values(fields=fields, purposes=purposes)
    )


def put_back(connection: Connection, ids: Sequence[int], due_at: datetime, reason: str) -> None:
    """Make claimed deliveries ready again. One whose place is taken by a newer ready delivery of
    the same record and lane is cancelled instead: the newer one will write the present state."""
    newer = delivery.alias("newer")
    taken = sa.exists().where(
        newer.c.id != delivery.c.id,
        newer.c.state == State.READY.value,
        newer.c.system == delivery.c.system,
        newer.c.stream == delivery.c.stream,
        newer.c.scope == delivery.c.scope,
        newer.c.person_id == delivery.c.person_id,
        newer.c.lane == delivery.c.lane,
        sa.func.coalesce(newer.c.link_id, 0) == sa.func.coalesce(delivery.c.link_id, 0),
    )
    for part in chunks(ids):
        connection.execute(
            sa.update(delivery)
            .where(delivery.c.id.in_(part), taken)
            .values(state=State.CANCELLED.value, reason="superseded", payload=None)
        )
        connection.execute(
            sa.update(delivery)
            .where(delivery.c.id.in_(part), delivery.c.state != State.CANCELLED.value)
            .values(state=State.READY.value, due_at=due_at, reason=reason, payload=None)
        )


def mark_unknown(connection: Connection, ids: Sequence[int]) -> None:
    """The outcome of those is not known; payloads stay, to be compared with what is there."""
    for part in chunks(ids):
        connection.execute(
            sa.update(delivery).where(delivery.c.id.in_(part)).values(state=State.UNKNOWN.value)
        )


def cancel_ready(connection: Connection, persons: Sequence[int], reason: str) -> int:
    """Cancel everything that is ready for those persons; answers how many."""
    done = 0
    for part in chunks(persons):
        done += connection.execute(
            sa.update(delivery)
            .where(delivery.c.person_id.in_(part), delivery.c.state == State.READY.value)
            .values(state=State.CANCELLED.value, reason=reason, payload=None)
        ).rowcount
    return done


def reseal(connection: Connection, person_id: int, under: Callable[[int, bytes], bytes]) -> None:
    """Bring the payloads of a person's deliveries under another key: `under` is given a delivery's
    id and its payload. What is on its way must still be opened when it is read back."""
    held = sa.select(delivery.c.id, delivery.c.payload).where(
        delivery.c.person_id == person_id, delivery.c.payload.is_not(None)
    )
    for row in connection.execute(held).all():
        connection.execute(
            sa.update(delivery)
            .where(delivery.c.id == row.id)
            .values(payload=under(row.id, row.payload))
        )


def move(connection: Connection, loser: int, winner: int) -> None:
    """A merge of persons: history moves to the winner, what was ready is cancelled (the winner is
    planned anew)."""
    cancel_ready(connection, [loser], "merged")
    connection.execute(
        sa.update(delivery).where(delivery.c.person_id == loser).values(person_id=winner)
    )


def flying(connection: Connection, persons: Sequence[int]) -> set[int]:
    """Which of the persons have a write in flight."""
    return {
        row.person_id
        for part in chunks(persons)
        for row in connection.execute(
            sa.select(delivery.c.person_id).where(
                delivery.c.person_id.in_(part), delivery.c.state.in_(IN_FLIGHT)
            )
        )
    }


def add_sent(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Record acts of a rights task that go out now (the columns of `row`, state `sent`, with
    task_id, payload and sent_at)."""
    insert_rows(connection, delivery, rows)


def of_task(connection: Connection, task_id: int, *, open_only: bool = False) -> list[Row[Any]]:
    """The acts of a rights task, oldest first; `open_only`: those whose outcome is not known."""
    query = _OF_TASK_OPEN if open_only else _OF_TASK
    return list(connection.execute(query, {"task": task_id}))


def flying_at(connection: Connection, system: str, persons: Sequence[int]) -> bool:
    """Whether a sync write about one of the persons is in flight to that system."""
    return any(
        connection.execute(_FLYING_AT, {"system": system, "these": part}).first()
        for part in chunks(persons)
    )


def flying_about(connection: Connection, links: Sequence[int]) -> bool:
    """Whether a write of one of those linked records is in flight, on whatever lane."""
    return any(connection.execute(_FLYING_ABOUT, {"these": part}).first() for part in chunks(links))


def waiting(connection: Connection) -> dict[str, int]:
    """How many open deliveries each system has."""
    query = (
        sa.select(delivery.c.system, sa.func.count().label("n"))
        .where(_OPEN_NOW, delivery.c.lane != int(Lane.RIGHTS))
        .group_by(delivery.c.system)
    )
    return {row.system: row.n for row in connection.execute(query)}


def due(connection: Connection, now: datetime) -> dict[str, int]:
    """How many deliveries of each system could be sent now."""
    query = (
        sa.select(delivery.c.system, sa.func.count().label("n"))
        .where(_OPEN_NOW, delivery.c.lane != int(Lane.RIGHTS), delivery.c.due_at <= now)
        .group_by(delivery.c.system)
    )
    return {row.system: row.n for row in connection.execute(query)}


def changing(connection: Connection, system: str, after: int = 0) -> int:
    """Ready deliveries with ids above `after` that would change records that exist: what the storm
    guard counts. Refusals are left out: they are never held back (docs/decisions/0005)."""
    query = sa.select(sa.func.count()).where(
        _OPEN_NOW,
        delivery.c.id > after,
        delivery.c.system == system,
        delivery.c.state == State.READY.value,
        delivery.c.lane != int(Lane.REFUSAL),
        delivery.c.link_id.is_not(None),
    )
    return connection.scalar(query) or 0


def newest(connection: Connection, system: str) -> int:
    """The highest delivery id of a system."""
    query = sa.select(sa.func.max(delivery.c.id)).where(delivery.c.system == system)
    return connection.scalar(query) or 0


def cancel_waiting(connection: Connection, system: str, up_to: int, reason: str) -> int:
    """Cancel ready deliveries of a system up to an id, refusals excepted; answers how many."""
    return connection.execute(
        sa.update(delivery)
        .where(
            delivery.c.system == system,
            delivery.c.state == State.READY.value,
            delivery.c.lane != int(Lane.REFUSAL),
            delivery.c.id <= up_to,
        )
        .values(state=State.CANCELLED.value, reason=reason, payload=None)
    ).rowcount


def disclosures(connection: Connection, person_id: int) -> list[Row[Any]]:
    """What was written where about a person, oldest first."""
    return list(
        connection.execute(
            sa.select(delivery)
            .where(delivery.c.person_id == person_id, delivery.c.sent_at.is_not(None))
            .order_by(delivery.c.id)
        )
    )
