"""What persons did or were sent: rows with sealed content, each landed once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy import Connection

from hub.api import Activity
from hub.store import tables
from hub.store.sql import chunks, table_of
from hub.vault import KeyHandle, aad
from hub.vault.rows import upsert

activity = table_of(tables.ActivityRow)


class Content(NamedTuple):
    """The sealed part of an activity."""

    kind: str  # of hub.api.ActivityKind
    about: str
    detail: dict[str, str]


class Stored(NamedTuple):
    """One activity with its content still sealed."""

    id: int
    person_id: int
    system: str
    stream: str
    scope: str
    at: datetime
    content: bytes
    key_id: int

    def open(self, key: KeyHandle) -> Content:
        """The content. Raises Tampered where it does not open under its key."""
        document = key.open(self.content, aad("activity", self.id, "content"))
        raw = orjson.loads(document)
        return Content(raw["k"], raw.get("a", ""), raw.get("d", {}))


_STORED = tuple(activity.c[name] for name in Stored._fields)


def row(
    id_: int,
    person_id: int,
    place: tuple[str, str, str],
    one: Activity,
    digest: bytes,
    key: tuple[int, KeyHandle],
) -> dict[str, Any]:
    """An activity as a row, sealed under the key whose id stands before it."""
    key_id, handle = key
    more = {"a": one.about, "d": dict(one.detail)}
    document = orjson.dumps({"k": one.kind.value, **{n: v for n, v in more.items() if v}})
    system, stream, scope = place
    return {
        "id": id_,
        "person_id": person_id,
        "system": system,
        "stream": stream,
        "scope": scope,
        "digest": digest,
        "at": one.at,
        "content": handle.seal(document, aad("activity", id_, "content")),
        "key_id": key_id,
    }


def add(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Add activities; one that is there already stays as it is."""
    upsert(connection, activity, rows, key=["digest"], update=[])


def known(connection: Connection, digests: Iterable[bytes]) -> set[bytes]:
    """Which of the digests have landed."""
    return {
        digest
        for part in chunks(list(digests))
        for digest in connection.scalars(
            sa.select(activity.c.digest).where(activity.c.digest.in_(part))
        )
    }


def of_person(connection: Connection, person_id: int) -> list[Stored]:
    """A person's activities, newest first."""
    query = sa.select(*_STORED).where(activity.c.person_id == person_id)
    query = query.order_by(activity.c.at.desc(), activity.c.id.desc())
    return [Stored(*found) for found in connection.execute(query)]


def any_of(connection: Connection, system: str, persons: Sequence[int]) -> bool:
    """Whether a system ever told of anything that those persons did."""
    return any(
        connection.scalar(
            sa.select(
                sa.exists().where(activity.c.person_id.in_(part), activity.c.system == system)
            )
        )
        for part in chunks(persons)
    )


def of_place(
    connection: Connection, place: tuple[str, str, str], persons: Sequence[int]
) -> Iterator[Stored]:
    """What those persons did in one place."""
    system, stream, scope = place
    for part in chunks(persons):
        query = sa.select(*_STORED).where(
            activity.c.person_id.in_(part),
            activity.c.system == system,
            activity.c.stream == stream,
            activity.c.scope == scope,
        )
        for found in connection.execute(query).all():
            yield Stored(*found)


def delete(connection: Connection, numbers: Iterable[int]) -> None:
    """Delete activities by their ids."""
    for part in chunks(list(numbers)):
        connection.execute(sa.delete(activity).where(activity.c.id.in_(part)))


def move(connection: Connection, loser: int, winner: int) -> None:
    """A merge: the loser's activities become the winner's. Their content stays under its old key,
    which a merged person keeps until it is erased."""
    connection.execute(
        sa.update(activity).where(activity.c.person_id == loser).values(person_id=winner)
    )
