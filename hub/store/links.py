"""Links: which record of which system is which person's, and what was last agreed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy import Connection

from hub.store import tables
from hub.store.sql import chunks, insert_rows, table_of, update_rows

if TYPE_CHECKING:
    from hub.store.subjects import Linked

link = table_of(tables.Link)

_LINKED = (
    link.c.id,
    link.c.system,
    link.c.stream,
    link.c.scope,
    link.c.external_id,
    link.c.controller,
    link.c.person_id,
    link.c.digest,
    link.c.shadow,
    link.c.version,
    link.c.state,
    link.c.writes_on,
    link.c.writes,
)
_OF_PERSONS = sa.select(*_LINKED).where(
    link.c.person_id.in_(sa.bindparam("persons", expanding=True))
)


class Known(NamedTuple):
    """What is needed to tell whether a read record changed."""

    id: int
    external_id: str
    controller: str
    person_id: int
    digest: bytes
    version: str
    state: str
    merged_into: int | None


_KNOWN = "id, external_id, controller, person_id, digest, version, state, merged_into"
_AT_PLACE = "system = :system AND stream = :stream AND scope = :scope"
# every record that is read is looked up here: one value for all the ids, not one for each
_KNOWN_SQLITE = sa.text(
    f"SELECT {_KNOWN} FROM link WHERE {_AT_PLACE} "  # noqa: S608 - no value is in the text
    "AND external_id IN (SELECT value FROM json_each(:ids))"
)
_KNOWN_POSTGRESQL = sa.text(
    f"SELECT {_KNOWN} FROM link WHERE {_AT_PLACE} AND external_id = ANY(:ids)"  # noqa: S608 - see above
)


def known(
    connection: Connection, system: str, stream: str, scope: str, external_ids: Sequence[str]
) -> dict[str, list[Known]]:
    """Links to those records by external id; several only in a joint system."""
    sqlite = connection.dialect.name == "sqlite"
    ids = orjson.dumps(list(external_ids)).decode() if sqlite else list(external_ids)
    rows = connection.execute(
        _KNOWN_SQLITE if sqlite else _KNOWN_POSTGRESQL,
        {"system": system, "stream": stream, "scope": scope, "ids": ids},
    ).all()
    found: dict[str, list[Known]] = {}
    for row in rows:
        found.setdefault(row[1], []).append(Known._make(row))
    return found


def of_persons(connection: Connection, persons: Sequence[int]) -> Iterable[Linked]:
    """All links of those persons, with their shadows still sealed."""
    from hub.store.subjects import Linked  # noqa: PLC0415 - subjects is built on this module

    for part in chunks(persons):
        for row in connection.execute(_OF_PERSONS, {"persons": part}).all():
            yield Linked(*row)


def place_of(connection: Connection, ids: Sequence[int]) -> dict[int, int]:
    """Person id of each link id."""
    return {
        row.id: row.person_id
        for part in chunks(ids)
        for row in connection.execute(
            sa.select(link.c.id, link.c.person_id).where(link.c.id.in_(part))
        )
    }


def insert(connection: Connection, fresh: Sequence[dict[str, Any]]) -> None:
    """Add link rows."""
    insert_rows(connection, link, fresh)


def update(connection: Connection, changed: Sequence[dict[str, Any]]) -> None:
    """Change link rows, found by their id."""
    update_rows(connection, link, changed)


def merge_into(connection: Connection, loser: int, winner: int) -> None:
    """Leave `loser` as the alias of a record that the vendor merged into `winner`'s."""
    connection.execute(
        sa.update(link).where(link.c.id == loser).values(state="merged", merged_into=winner)
    )


def set_state(connection: Connection, ids: Sequence[int], state: str) -> None:
    """Put links into a state without touching their shadows."""
    for part in chunks(ids):
        connection.execute(sa.update(link).where(link.c.id.in_(part)).values(state=state))


def forget_fingerprints(connection: Connection, system: str, stream: str, scope: str) -> None:
    """Let every record of a place count as changed when it is read next."""
    connection.execute(
        sa.update(link)
        .where(link.c.system == system, link.c.stream == stream, link.c.scope == scope)
        .values(digest=b"")
    )


def count(connection: Connection, system: str) -> int:
    """Live links of a system."""
    query = sa.select(sa.func.count()).where(link.c.system == system, link.c.state == "live")
    return connection.scalar(query) or 0


def live_ids(
    connection: Connection, system: str, stream: str, scope: str, after: int, limit: int
) -> list[tuple[int, str]]:
    """Live links of one place in the order of their ids: (id, external id)."""
    query = (
        sa.select(link.c.id, link.c.external_id)
        .where(
            link.c.system == system,
            link.c.stream == stream,
            link.c.scope == scope,
            link.c.state == "live",
            link.c.id > after,
        )
        .order_by(link.c.id)
        .limit(limit)
    )
    return [(row.id, row.external_id) for row in connection.execute(query)]
