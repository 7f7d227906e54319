"""Persons, their identifiers, memberships, blocks and whole-company prohibitions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from hub.store import tables
from hub.store.sql import chunks, insert_rows, table_of, update_rows
from hub.vault.rows import ids, upsert

person = table_of(tables.Person)
identifier = table_of(tables.Identifier)
membership = table_of(tables.Membership)
block = table_of(tables.ErasureBlock)
domain = table_of(tables.DomainProhibition)
refusal = table_of(tables.Refusal)


class Found(NamedTuple):
    """An identifier row. `person_id` None: several persons share it."""

    kind: str
    digest: bytes
    person_id: int | None
    undeliverable_at: datetime | None


# built once: to build a statement costs more than to carry it out for a few persons
_THESE: sa.BindParameter[Any] = sa.bindparam("these", expanding=True)
_ROWS = sa.select(person).where(person.c.id.in_(_THESE)).order_by(person.c.id)
_IDENTIFIERS = sa.select(*(identifier.c[name] for name in Found._fields)).where(
    identifier.c.person_id.in_(_THESE)
)
_BLOCKED = sa.select(block.c.digest).where(
    block.c.controller == sa.bindparam("controller"),
    block.c.kind == sa.bindparam("kind"),
    block.c.digest.in_(_THESE),
)
_MEMBERSHIPS = sa.select(membership.c.person_id, membership.c.project, membership.c.how).where(
    membership.c.person_id.in_(_THESE), membership.c.until.is_(None)
)


def rows(connection: Connection, ids: Sequence[int], *, lock: bool = False) -> list[Row[Any]]:
    """Person rows of those ids. `lock` holds them until the transaction ends: on PostgreSQL
    another one that would decide about the same persons waits; SQLite has one writer anyway."""
    query = _ROWS.with_for_update() if lock else _ROWS
    return [row for part in chunks(ids) for row in connection.execute(query, {"these": part}).all()]


def ends(connection: Connection, each: int) -> list[Row[Any]]:
    """(id, key_id, profile) of the oldest and of the newest persons, `each` of them; tombstones
    are left out."""
    query = (
        sa.select(*(person.c[name] for name in ("id", "key_id", "profile")))
        .where(sa.func.length(person.c.profile) > 0)
        .limit(each)
    )
    orders = (person.c.id, person.c.id.desc())
    return [row for one in orders for row in connection.execute(query.order_by(one))]


def insert(connection: Connection, fresh: Sequence[dict[str, Any]]) -> None:
    """Add person rows."""
    insert_rows(connection, person, fresh)


def update(connection: Connection, moved: Sequence[dict[str, Any]]) -> None:
    """Change person rows, found by their id."""
    update_rows(connection, person, moved)


def versions(connection: Connection, ids: Iterable[int]) -> dict[int, tuple[int, int | None]]:
    """The version of each of these persons, and into whom it was merged if it was; the rows are
    held until the transaction ends, as `rows` does with `lock`."""
    found: dict[int, tuple[int, int | None]] = {}
    for part in chunks(sorted(ids)):
        query = (
            sa.select(person.c.id, person.c.version, person.c.merged_into)
            .order_by(person.c.id)
            .with_for_update()
        )
        for row in connection.execute(query.where(person.c.id.in_(part))):
            found[row.id] = (row.version, row.merged_into)
    return found


def find(
    connection: Connection, controller: str, kind: str, digests: Sequence[bytes]
) -> dict[bytes, Found]:
    """The identifiers of one controller and kind among `digests`."""
    found: dict[bytes, Found] = {}
    for part in chunks(digests):
        query = sa.select(
            identifier.c.kind,
            identifier.c.digest,
            identifier.c.person_id,
            identifier.c.undeliverable_at,
        ).where(
            identifier.c.controller == controller,
            identifier.c.kind == kind,
            identifier.c.digest.in_(part),
        )
        for row in connection.execute(query).all():
            found[row.digest] = Found(*row)
    return found


def identifiers(connection: Connection, persons: Sequence[int]) -> list[Found]:
    """All identifiers of those persons."""
    return [
        Found(*row)
        for part in chunks(persons)
        for row in connection.execute(_IDENTIFIERS, {"these": part}).all()
    ]


def add_identifiers(connection: Connection, fresh: Sequence[dict[str, Any]]) -> None:
    """Add identifier rows (id, controller, kind, digest, person_id, undeliverable_at)."""
    insert_rows(connection, identifier, fresh)


def share_identifier(connection: Connection, controller: str, kind: str, digest: bytes) -> None:
    """Let an identifier find nobody: more than one person has it."""
    connection.execute(
        sa.update(identifier)
        .where(
            identifier.c.controller == controller,
            identifier.c.kind == kind,
            identifier.c.digest == digest,
        )
        .values(person_id=None)
    )


def set_undeliverable(
    connection: Connection, controller: str, digest: bytes, at: datetime | None
) -> None:
    """Mark an address as bouncing since then, or (None) as working again."""
    connection.execute(
        sa.update(identifier)
        .where(
            identifier.c.controller == controller,
            identifier.c.kind == "email",
            identifier.c.digest == digest,
        )
        .values(undeliverable_at=at)
    )


def move(connection: Connection, loser: int, winner: int) -> None:
    """Give everything that points at person `loser` to `winner`, except links and deliveries."""
    connection.execute(
        sa.update(identifier).where(identifier.c.person_id == loser).values(person_id=winner)
    )
    taken = sa.select(membership.c.project, membership.c.how).where(
        membership.c.person_id == winner
    )
    connection.execute(
        sa.delete(membership).where(
            membership.c.person_id == loser,
            sa.tuple_(membership.c.project, membership.c.how).in_(taken),
        )
    )
    connection.execute(
        sa.update(membership).where(membership.c.person_id == loser).values(person_id=winner)
    )
    connection.execute(sa.update(person).where(person.c.id == loser).values(merged_into=winner))


# memberships


def memberships(connection: Connection, persons: Sequence[int]) -> list[tuple[int, str, str]]:
    """Standing memberships: (person, project, how)."""
    return [
        (row.person_id, row.project, row.how)
        for part in chunks(persons)
        for row in connection.execute(_MEMBERSHIPS, {"these": part}).all()
    ]


def join(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Begin memberships (id, person_id, project, how, since, until=None); one that had ended is
    taken up again."""
    upsert(connection, membership, rows, key=["person_id", "project", "how"], update=["until"])


def leave(connection: Connection, person_id: int, project: str, how: str, at: datetime) -> None:
    """End one membership."""
    connection.execute(
        sa.update(membership)
        .where(
            membership.c.person_id == person_id,
            membership.c.project == project,
            membership.c.how == how,
            membership.c.until.is_(None),
        )
        .values(until=at)
    )


def forget_membership(connection: Connection, person_id: int, project: str, how: str) -> None:
    """Let nothing be left of one membership, its history included."""
    connection.execute(
        sa.delete(membership).where(
            membership.c.person_id == person_id,
            membership.c.project == project,
            membership.c.how == how,
        )
    )


# erasure blocks, whole-company prohibitions, and refusals that wait for their person


def any_blocks(connection: Connection) -> bool:
    """Whether there is any erasure block at all."""
    return connection.scalar(sa.select(block.c.id).limit(1)) is not None


def blocked(
    connection: Connection, controller: str, kind: str, digests: Sequence[bytes]
) -> list[bytes]:
    """Which of the digests are blocked."""
    return [
        row.digest
        for part in chunks(digests)
        for row in connection.execute(
            _BLOCKED, {"controller": controller, "kind": kind, "these": part}
        )
    ]


def add_block(connection: Connection, row: dict[str, Any]) -> None:
    """Put an erasure block (id, controller, kind, digest, at); one that stands counts anew."""
    known = sa.update(block).where(
        block.c.controller == row["controller"],
        block.c.kind == row["kind"],
        block.c.digest == row["digest"],
    )
    if not connection.execute(known.values(at=row["at"], request_id=None)).rowcount:
        connection.execute(sa.insert(block).values(**row))


def add_blocks(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """The same for many, ids aside, which are given here; no two are the same. Those with a
    `request_id` stand for as long as that request runs, and change none that stands already."""
    numbers = ids(connection, block, len(rows))
    numbered = [
        {"id": number, "request_id": None, **row} for number, row in zip(numbers, rows, strict=True)
    ]
    key = ["controller", "kind", "digest"]
    passing = [row for row in numbered if row["request_id"] is not None]
    lasting = [row for row in numbered if row["request_id"] is None]
    upsert(connection, block, passing, key=key, update=[])
    upsert(connection, block, lasting, key=key, update=["at", "request_id"])


def end_blocks(connection: Connection, request_id: int) -> None:
    """Remove the blocks that stood only for as long as that request ran."""
    connection.execute(sa.delete(block).where(block.c.request_id == request_id))


def blocked_at(
    connection: Connection, controller: str, kind: str, digests: Sequence[bytes]
) -> datetime | None:
    """Since when the latest block among the digests stands; None where none does."""
    found: datetime | None = connection.scalar(
        sa.select(sa.func.max(block.c.at)).where(
            block.c.controller == controller, block.c.kind == kind, block.c.digest.in_(digests)
        )
    )
    return found


def lift_blocks(
    connection: Connection, controller: str, kind: str, digests: Sequence[bytes]
) -> None:
    """Remove erasure blocks: a handler admitted the person as new."""
    connection.execute(
        sa.delete(block).where(
            block.c.controller == controller, block.c.kind == kind, block.c.digest.in_(digests)
        )
    )


def any_domain_prohibitions(connection: Connection) -> bool:
    """Whether any whole company said no."""
    return connection.scalar(sa.select(domain.c.id).limit(1)) is not None


def prohibited_domains(
    connection: Connection, controller: str, digests: Sequence[bytes]
) -> list[tuple[bytes, datetime]]:
    """Which of the domain digests are prohibited, and since when."""
    return [
        (row.digest, row.at)
        for part in chunks(digests)
        for row in connection.execute(
            sa.select(domain.c.digest, domain.c.at).where(
                domain.c.controller == controller, domain.c.digest.in_(part)
            )
        )
    ]


def add_domain_prohibition(connection: Connection, row: dict[str, Any]) -> None:
    """Record a whole company's no (id, controller, digest, at, source)."""
    if not prohibited_domains(connection, row["controller"], [row["digest"]]):
        connection.execute(sa.insert(domain).values(**row))


def refusals(connection: Connection, controller: str, digests: Sequence[bytes]) -> list[Row[Any]]:
    """Prohibitions that were seen for an address before its person was known."""
    return [
        row
        for part in chunks(digests)
        for row in connection.execute(
            sa.select(refusal).where(refusal.c.controller == controller, refusal.c.digest.in_(part))
        )
    ]


def any_refusals(connection: Connection) -> bool:
    """Whether any refusal waits for its person."""
    return connection.scalar(sa.select(refusal.c.id).limit(1)) is not None


def add_refusal(connection: Connection, row: dict[str, Any]) -> None:
    """Keep a prohibition for an address (id, controller, digest, purpose, at, seen_at, system);
    the latest of a system, by when it began, stands for the others."""
    same = [refusal.c[name] == row[name] for name in ("controller", "digest", "purpose", "system")]
    kept = connection.execute(sa.select(refusal.c.at, refusal.c.seen_at).where(*same)).first()
    if kept is None:
        connection.execute(sa.insert(refusal).values(**row))
    elif _began(row["at"], row["seen_at"]) > _began(*kept):
        moved = {"at": row["at"], "seen_at": row["seen_at"]}
        connection.execute(sa.update(refusal).where(*same).values(**moved))


def _began(at: datetime | None, seen_at: datetime) -> datetime:
    """As `PermissionEvent.effective`: without a time, from when it was seen."""
    return seen_at if at is None else min(at, seen_at)


def count(connection: Connection) -> dict[str, int]:
    """Persons by controller, merged ones left out."""
    query = (
        sa.select(person.c.controller, sa.func.count().label("n"))
        .where(person.c.merged_into.is_(None))
        .group_by(person.c.controller)
    )
    return {row.controller: row.n for row in connection.execute(query)}
