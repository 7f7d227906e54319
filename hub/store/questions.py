"""What waits for a person: reviews (questions) and quarantine (rows that could not land)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from hub.store import tables
from hub.store.sql import chunks, table_of

review = table_of(tables.Review)
quarantine = table_of(tables.Quarantine)

_REVIEWS = sa.select(review).order_by(review.c.id)
_REVIEWS_IN = _REVIEWS.where(review.c.state == sa.bindparam("state"))

RETURNED = "returned"
"""The kind of review that asks whether somebody who was erased, and is back by an act of their own,
may come in."""


def ask(connection: Connection, row: dict[str, Any]) -> bool:
    """Open a review unless the same question is open, or a handler said to leave it alone;
    answers whether it is new.

    `row` holds id, kind, system, reason, created_at and what else of Review applies.
    """
    full = {
        "stream": "",
        "scope": "",
        "external_id": "",
        "field": "",
        "persons": "",
        "state": "open",
        "decision": "",
        **row,
    }
    same = sa.select(review.c.id).where(
        sa.or_(review.c.state == "open", review.c.decision == "ignore"),
        *(
            review.c[name] == full[name]
            for name in ("kind", "system", "stream", "scope", "external_id", "field")
        ),
    )
    if connection.scalar(same) is not None:
        return False
    connection.execute(sa.insert(review).values(**full))
    return True


def reviews(connection: Connection, state: str | None = "open") -> list[Row[Any]]:
    """Reviews of a state (None: all), oldest first."""
    if state is None:
        return list(connection.execute(_REVIEWS))
    return list(connection.execute(_REVIEWS_IN, {"state": state}))


def get_review(connection: Connection, id_: int) -> Row[Any] | None:
    """One review."""
    return connection.execute(sa.select(review).where(review.c.id == id_)).first()


def decide(
    connection: Connection, ids: Sequence[int], state: str, decision: str, now: datetime
) -> None:
    """Close reviews."""
    for part in chunks(ids):
        connection.execute(
            sa.update(review)
            .where(review.c.id.in_(part), review.c.state == "open")
            .values(state=state, decision=decision, decided_at=now)
        )


def open_about(
    connection: Connection, system: str, stream: str, scope: str, external_ids: Sequence[str]
) -> list[Row[Any]]:
    """Open reviews about those records."""
    return [
        row
        for part in chunks(external_ids)
        for row in connection.execute(
            sa.select(review).where(
                review.c.state == "open",
                review.c.system == system,
                review.c.stream == stream,
                review.c.scope == scope,
                review.c.external_id.in_(part),
            )
        )
    ]


def decided(connection: Connection, kind: str, system: str) -> Row[Any] | None:
    """The latest approved review of a kind about a system as a whole."""
    query = (
        sa.select(review)
        .where(review.c.kind == kind, review.c.system == system, review.c.state == "approved")
        .order_by(review.c.decided_at.desc())
    )
    return connection.execute(query.limit(1)).first()


def spend(connection: Connection, id_: int) -> None:
    """An approval that counted once has been used."""
    connection.execute(sa.update(review).where(review.c.id == id_).values(state="spent"))


def find_aside(
    connection: Connection, system: str, stream: str, scope: str, external_id: str
) -> Row[Any] | None:
    """The quarantined row of a record."""
    query = sa.select(quarantine).where(
        quarantine.c.system == system,
        quarantine.c.stream == stream,
        quarantine.c.scope == scope,
        quarantine.c.external_id == external_id,
    )
    return connection.execute(query).first()


def put_aside(connection: Connection, row: dict[str, Any]) -> None:
    """Quarantine a row (id, system, stream, scope, external_id, reason, raw, key_id, seen_at);
    one that is there already keeps its number, is renewed, and its tries are counted."""
    renewed = connection.execute(
        sa.update(quarantine)
        .where(
            quarantine.c.system == row["system"],
            quarantine.c.stream == row["stream"],
            quarantine.c.scope == row["scope"],
            quarantine.c.external_id == row["external_id"],
        )
        .values(
            reason=row["reason"],
            raw=row["raw"],
            key_id=row["key_id"],
            seen_at=row["seen_at"],
            tries=quarantine.c.tries + 1,
        )
    )
    if not renewed.rowcount:
        connection.execute(sa.insert(quarantine).values(**row, created_at=row["seen_at"], tries=1))


def aside(connection: Connection, system: str | None = None) -> list[Row[Any]]:
    """Quarantined rows, oldest first."""
    query = sa.select(quarantine).order_by(quarantine.c.created_at, quarantine.c.id)
    return list(connection.execute(query.where(quarantine.c.system == system) if system else query))


def unread(connection: Connection, system: str, stream: str, scope: str) -> set[str]:
    """External ids of the quarantined rows of one place that could not be read."""
    query = sa.select(quarantine.c.external_id).where(
        quarantine.c.system == system,
        quarantine.c.stream == stream,
        quarantine.c.scope == scope,
        quarantine.c.raw.is_not(None),
    )
    return {row.external_id for row in connection.execute(query)}


def release(
    connection: Connection, system: str, stream: str, scope: str, external_ids: Sequence[str]
) -> int:
    """Take rows out of quarantine, because they landed or were discarded; answers how many."""
    return sum(
        connection.execute(
            sa.delete(quarantine).where(
                quarantine.c.system == system,
                quarantine.c.stream == stream,
                quarantine.c.scope == scope,
                quarantine.c.external_id.in_(part),
            )
        ).rowcount
        for part in chunks(external_ids)
    )
