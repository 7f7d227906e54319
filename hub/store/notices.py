"""Who must be told that their data came from elsewhere (GDPR Art. 14), and who was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from hub.store import rights_tables, tables
from hub.store.deliveries import Lane
from hub.store.sql import chunks, insert_rows, table_of

notice = table_of(rights_tables.Notice)
_person = table_of(tables.Person)
_delivery = table_of(tables.Delivery)


def due(connection: Connection) -> list[Row[Any]]:
    """(id, controller, created_at, notice_due) of the persons who are still to be told."""
    query = (
        sa.select(_person.c.id, _person.c.controller, _person.c.created_at, _person.c.notice_due)
        .where(_person.c.notice_due.is_not(None), _person.c.merged_into.is_(None))
        .order_by(_person.c.notice_due, _person.c.id)
    )
    return list(connection.execute(query))


def first_subscribed(connection: Connection, persons: Sequence[int]) -> dict[int, datetime]:
    """When each of those persons was first written "subscribed" somewhere: from then on a message
    may reach them."""
    found: dict[int, datetime] = {}
    for part in chunks(persons):
        query = (
            sa.select(_delivery.c.person_id, sa.func.min(_delivery.c.sent_at))
            .where(
                _delivery.c.person_id.in_(part),
                _delivery.c.lane == Lane.CONSENT.value,
                _delivery.c.sent_at.is_not(None),
            )
            .group_by(_delivery.c.person_id)
        )
        found.update((number, at) for number, at in connection.execute(query))
    return found


def first_written(connection: Connection, persons: Sequence[int]) -> list[Row[Any]]:
    """(person_id, system, at): when something of each of those persons was first written to each
    system."""
    found: list[Row[Any]] = []
    for part in chunks(persons):
        query = (
            sa.select(
                _delivery.c.person_id,
                _delivery.c.system,
                sa.func.min(_delivery.c.sent_at).label("at"),
            )
            .where(_delivery.c.person_id.in_(part), _delivery.c.sent_at.is_not(None))
            .group_by(_delivery.c.person_id, _delivery.c.system)
        )
        found += connection.execute(query)
    return found


def close(connection: Connection, persons: Sequence[int], now: datetime) -> list[int]:
    """End the duty to tell those persons; answers those who had it. Their rows are held until the
    transaction ends."""
    closed: list[int] = []
    for part in chunks(sorted(set(persons))):
        query = (
            sa.select(_person.c.id)
            .where(_person.c.id.in_(part), _person.c.notice_due.is_not(None))
            .order_by(_person.c.id)
            .with_for_update()
        )
        closed += connection.scalars(query)
    for part in chunks(closed):
        connection.execute(
            sa.update(_person)
            .where(_person.c.id.in_(part))
            # a sync that has read the person before reads it again
            .values(notice_due=None, updated_at=now, version=_person.c.version + 1)
        )
    return closed


def add(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Record notices that were given."""
    insert_rows(connection, notice, rows)


def given(connection: Connection, persons: Sequence[int]) -> list[Row[Any]]:
    """The notices that those persons were given, oldest first."""
    return [
        row
        for part in chunks(persons)
        for row in connection.execute(
            sa.select(notice).where(notice.c.person_id.in_(part)).order_by(notice.c.id)
        )
    ]
