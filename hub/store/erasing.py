"""Removing a person's rows from the application's tables; a tombstone stays for what names it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from hub.store.activities import activity
from hub.store.deliveries import IN_FLIGHT, Lane, delivery
from hub.store.ledger import event
from hub.store.links import link
from hub.store.people import identifier, membership, person
from hub.store.progress import cursor
from hub.store.questions import quarantine, review
from hub.store.sql import chunks

GONE = b""
"""The profile of a tombstone. Its key is destroyed, so that it is never opened."""


def winners(connection: Connection, ids: Sequence[int]) -> dict[int, int]:
    """Into whom each of those persons was merged, followed to the end; itself where it was not."""
    ends = {one: one for one in ids}
    while True:
        asked = set(ends.values())
        found = {
            row.id: row.merged_into
            for part in chunks(sorted(asked))
            for row in connection.execute(
                sa.select(person.c.id, person.c.merged_into).where(
                    person.c.id.in_(part), person.c.merged_into.is_not(None)
                )
            )
        }
        if not found:
            return ends
        ends = {one: found.get(at, at) for one, at in ends.items()}


def persons_with_merged(connection: Connection, ids: Sequence[int]) -> list[Row[Any]]:
    """The rows (id, key_id) of those persons and of all that were merged into them, held until
    the transaction ends."""
    wanted = set(ids)
    while True:
        more = {
            row.id
            for part in chunks(sorted(wanted))
            for row in connection.execute(
                sa.select(person.c.id).where(person.c.merged_into.in_(part))
            )
        } - wanted
        if not more:
            break
        wanted |= more
    held: list[Row[Any]] = []
    for part in chunks(sorted(wanted)):
        query = sa.select(person.c.id, person.c.key_id).order_by(person.c.id).with_for_update()
        held += list(connection.execute(query.where(person.c.id.in_(part))))
    return held


def in_flight(connection: Connection, ids: Sequence[int]) -> bool:
    """Whether a sync write about any of them is out: settling it needs their rows."""
    return any(
        connection.execute(
            sa.select(delivery.c.id)
            .where(
                delivery.c.person_id.in_(part),
                delivery.c.state.in_(IN_FLIGHT),
                delivery.c.lane != int(Lane.RIGHTS),
            )
            .limit(1)
        ).first()
        for part in chunks(ids)
    )


def forget(connection: Connection, gone: Sequence[Row[Any]], now: datetime) -> list[int]:
    """Delete all that says something of those persons: identifiers, links with the vendors' ids,
    permissions, memberships, activities, reviews, quarantined rows. Deliveries keep which fields
    went where. Answers the keys of the quarantined rows, which are to be destroyed too."""
    keys: list[int] = []
    for part in chunks([row.id for row in gone]):
        places = connection.execute(
            sa.select(
                link.c.id, link.c.system, link.c.stream, link.c.scope, link.c.external_id
            ).where(link.c.person_id.in_(part))
        ).all()
        connection.execute(
            sa.update(delivery)
            .where(delivery.c.link_id.in_([row.id for row in places]))
            .values(link_id=None)
        )
        connection.execute(
            sa.update(link)
            .where(link.c.merged_into.in_([row.id for row in places]))
            .values(merged_into=None)
        )
        keys += forget_records(
            connection, [(row.system, row.stream, row.scope, row.external_id) for row in places]
        )
        for number in part:
            connection.execute(
                sa.delete(review).where(
                    (sa.literal(" ") + review.c.persons + " ").contains(f" {number} ")
                )
            )
        connection.execute(sa.delete(link).where(link.c.person_id.in_(part)))
        connection.execute(sa.delete(identifier).where(identifier.c.person_id.in_(part)))
        connection.execute(sa.delete(event).where(event.c.person_id.in_(part)))
        connection.execute(sa.delete(membership).where(membership.c.person_id.in_(part)))
        connection.execute(sa.delete(activity).where(activity.c.person_id.in_(part)))
        connection.execute(
            sa.update(person)
            .where(person.c.id.in_(part))
            .values(
                profile=GONE,
                notice_due=None,
                restricted=False,
                updated_at=now,
                version=person.c.version + 1,
            )
        )
    return keys


def forget_records(
    connection: Connection, records: Iterable[tuple[str, str, str, str]]
) -> list[int]:
    """Delete what waits for somebody about those records (system, stream, scope, the vendor's id),
    whether or not they have a person: reviews, rows in quarantine, and cursors that name one.
    Answers the keys of the quarantined rows, which are to be destroyed too."""
    keys: list[int] = []
    for system, stream, scope, id_ in records:
        connection.execute(
            sa.delete(review).where(
                review.c.system == system,
                review.c.stream == stream,
                review.c.scope == scope,
                review.c.external_id == id_,
            )
        )
        # activities that wait for their record stand under a stream of their own
        streams = (stream, f"{stream}:activities")
        aside = (
            quarantine.c.system == system,
            quarantine.c.stream.in_(streams),
            quarantine.c.scope == scope,
            quarantine.c.external_id == id_,
        )
        keys += connection.scalars(
            sa.select(quarantine.c.key_id).where(*aside, quarantine.c.key_id.is_not(None))
        )
        connection.execute(sa.delete(quarantine).where(*aside))
        # an enumeration that was interrupted behind this record: it begins anew
        connection.execute(
            sa.delete(cursor).where(
                cursor.c.system == system,
                cursor.c.stream.in_(streams),
                cursor.c.scope == scope,
                cursor.c.cursor.contains(f'"{id_}"', autoescape=True),
            )
        )
    return keys
