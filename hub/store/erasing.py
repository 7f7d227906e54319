"""Removing a person's rows from the application's tables; a tombstone stays for what names it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from hub.store.activities import activity
from hub.store.deliveries import delivery
from hub.store.ledger import event
from hub.store.links import link
from hub.store.people import identifier, membership, person
from hub.store.progress import cursor
from hub.store.questions import quarantine, review
from hub.store.sql import chunks

GONE = b""
"""The profile of a tombstone. Its key is destroyed, so that it is never opened."""


_MERGED = sa.select(person.c.id, person.c.merged_into).where(
    person.c.id.in_(sa.bindparam("these", expanding=True)), person.c.merged_into.is_not(None)
)


def winners(connection: Connection, ids: Sequence[int]) -> dict[int, int]:
    """Into whom each of those persons was merged, followed to the end; itself where it was not."""
    ends = {one: one for one in ids}
    while True:
        asked = set(ends.values())
        found = {
            row.id: row.merged_into
            for part in chunks(sorted(asked))
            for row in connection.execute(_MERGED, {"these": part})
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


def forget(
    connection: Connection,
    gone: Sequence[Row[Any]],
    now: datetime,
    records: Iterable[tuple[str, str, str, str]] = (),
) -> list[int]:
    """Delete all that says something of those persons: identifiers, links with the vendors' ids,
    permissions, memberships, activities, reviews, quarantined rows; and what there is about
    further `records` of theirs (see `forget_records`). Deliveries keep which fields went where.
    Answers the keys of the quarantined rows, which are to be destroyed too."""
    known = list(records)
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
        known += [(row.system, row.stream, row.scope, row.external_id) for row in places]
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
    return forget_records(connection, known)


def forget_records(
    connection: Connection, records: Iterable[tuple[str, str, str, str]]
) -> list[int]:
    """Delete what waits for somebody about those records (system, stream, scope, the vendor's id),
    whether or not they have a person: reviews, rows in quarantine, and cursors that name one.
    Answers the keys of the quarantined rows, which are to be destroyed too."""
    wanted = set(records)
    ids = sorted({id_ for *_, id_ in wanted})
    keys: list[int] = []
    for part in chunks(ids):
        doomed = [
            row.id
            for row in connection.execute(
                sa.select(
                    review.c.id,
                    review.c.system,
                    review.c.stream,
                    review.c.scope,
                    review.c.external_id,
                ).where(review.c.external_id.in_(part))
            )
            if tuple(row[1:]) in wanted
        ]
        if doomed:
            connection.execute(sa.delete(review).where(review.c.id.in_(doomed)))
        aside = [
            row
            for row in connection.execute(
                sa.select(
                    quarantine.c.id,
                    quarantine.c.key_id,
                    quarantine.c.system,
                    quarantine.c.stream,
                    quarantine.c.scope,
                    quarantine.c.external_id,
                ).where(quarantine.c.external_id.in_(part))
            )
            # activities that wait for their record stand under a stream of their own
            if (row.system, row.stream.removesuffix(":activities"), *row[4:]) in wanted
        ]
        if aside:
            gone = [row.id for row in aside]
            connection.execute(sa.delete(quarantine).where(quarantine.c.id.in_(gone)))
        keys += [row.key_id for row in aside if row.key_id is not None]
    _forget_cursors(connection, wanted)
    return keys


def _forget_cursors(connection: Connection, records: set[tuple[str, str, str, str]]) -> None:
    """An enumeration that was interrupted right behind one of those records begins anew."""
    places = {(system, stream, scope) for system, stream, scope, _ in records}
    for row in connection.execute(sa.select(cursor)).all():
        place = (row.system, row.stream.removesuffix(":activities"), row.scope)
        if place in places and any(
            f'"{id_}"' in row.cursor for *at, id_ in records if tuple(at) == place
        ):
            connection.execute(
                sa.delete(cursor).where(
                    cursor.c.system == row.system,
                    cursor.c.stream == row.stream,
                    cursor.c.scope == row.scope,
                )
            )
