"""What screens and housekeeping ask: counts, histories, what waits. It decides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from hub.store.activities import activity
from hub.store.deliveries import IN_FLIGHT, OPEN, State, delivery
from hub.store.ledger import event
from hub.store.links import link
from hub.store.people import membership, person
from hub.store.progress import run
from hub.store.questions import quarantine, review
from hub.store.sql import chunks
from hub.store.tasks import tasks, workers
from hub.vault import KeyHandle, aad


class Recorded(NamedTuple):
    """One event of the permission ledger with its evidence still sealed."""

    id: int
    purpose: str
    kind: str
    at: datetime | None
    seen_at: datetime
    ground: str | None
    act: str | None
    system: str
    evidence: bytes | None
    key_id: int | None

    def open(self, key: KeyHandle) -> bytes:
        """The evidence as JSON text. Raises Tampered."""
        assert self.evidence is not None
        return key.open(self.evidence, aad("permission_event", self.id, "evidence"))


def events_of(connection: Connection, person_id: int) -> list[Recorded]:
    """A person's permission events, oldest first."""
    query = (
        sa.select(*(event.c[name] for name in Recorded._fields))
        .where(event.c.person_id == person_id)
        .order_by(event.c.seen_at, event.c.id)
    )
    return [Recorded(*row) for row in connection.execute(query)]


def memberships_of(connection: Connection, person_id: int) -> list[Row[Any]]:
    """A person's memberships of projects, ended ones too."""
    query = sa.select(membership).where(membership.c.person_id == person_id)
    return list(connection.execute(query.order_by(membership.c.since, membership.c.id)))


def waiting_for(connection: Connection, person_id: int) -> list[Row[Any]]:
    """A person's deliveries that are not settled, oldest first."""
    query = sa.select(delivery).where(delivery.c.person_id == person_id, delivery.c.state.in_(OPEN))
    return list(connection.execute(query.order_by(delivery.c.id)))


def reviews_about(connection: Connection, person_id: int) -> list[Row[Any]]:
    """Open reviews that name a person."""
    query = sa.select(review).where(
        review.c.state == "open",
        (sa.literal(" ") + review.c.persons + " ").contains(f" {person_id} "),
    )
    return list(connection.execute(query.order_by(review.c.id)))


def person_ids(connection: Connection, page: int) -> Iterator[list[int]]:
    """Ids of all persons, a page at a time, in their order; merged ones left out."""
    last = 0
    while True:
        query = (
            sa.select(person.c.id)
            .where(person.c.id > last, person.c.merged_into.is_(None))
            .order_by(person.c.id)
            .limit(page)
        )
        found = list(connection.scalars(query))
        if not found:
            return
        last = found[-1]
        yield found


def persons_with_ready(connection: Connection) -> set[int]:
    """Persons that some ready delivery is about."""
    query = sa.select(delivery.c.person_id).where(delivery.c.state == State.READY.value)
    return set(connection.scalars(query.distinct()))


def records(connection: Connection) -> dict[tuple[str, str, str], dict[str, int]]:
    """How many records of each place are linked, by state."""
    query = sa.select(
        link.c.system, link.c.stream, link.c.scope, link.c.state, sa.func.count()
    ).group_by(link.c.system, link.c.stream, link.c.scope, link.c.state)
    found: dict[tuple[str, str, str], dict[str, int]] = {}
    for system, stream, scope, state, n in connection.execute(query):
        found.setdefault((system, stream, scope), {})[state] = n
    return found


def observed(connection: Connection) -> dict[tuple[str, str, str], dict[str, int]]:
    """How many records of each place each controller has linked: (system, scope, controller) ->
    state -> how many. A joint system's records are there once for each."""
    where = (link.c.system, link.c.scope, link.c.controller, link.c.state)
    found: dict[tuple[str, str, str], dict[str, int]] = {}
    query = sa.select(*where, sa.func.count()).group_by(*where)
    for system, scope, controller, state, n in connection.execute(query):
        found.setdefault((system, scope, controller), {})[state] = n
    return found


def collected(connection: Connection) -> dict[tuple[str, str, str], int]:
    """How many activities are kept: (system, scope, controller) -> how many."""
    where = (activity.c.system, activity.c.scope, person.c.controller)
    query = (
        sa.select(*where, sa.func.count())
        .join_from(activity, person, activity.c.person_id == person.c.id)
        .group_by(*where)
    )
    return {(row[0], row[1], row[2]): row[3] for row in connection.execute(query)}


def settled(connection: Connection) -> dict[str, dict[tuple[int, str], int]]:
    """How deliveries ended, by system: (lane, state) to how many."""
    query = (
        sa.select(delivery.c.system, delivery.c.lane, delivery.c.state, sa.func.count())
        .where(delivery.c.sent_at.is_not(None))
        .group_by(delivery.c.system, delivery.c.lane, delivery.c.state)
    )
    found: dict[str, dict[tuple[int, str], int]] = {}
    for system, lane, state, n in connection.execute(query):
        found.setdefault(system, {})[lane, state] = n
    return found


def open_reviews(connection: Connection) -> dict[str, int]:
    """Open reviews by kind."""
    query = (
        sa.select(review.c.kind, sa.func.count())
        .where(review.c.state == "open")
        .group_by(review.c.kind)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def set_aside(connection: Connection) -> dict[str, int]:
    """Quarantined rows by system."""
    query = sa.select(quarantine.c.system, sa.func.count()).group_by(quarantine.c.system)
    return {row[0]: row[1] for row in connection.execute(query)}


def get_aside(connection: Connection, id_: int) -> Row[Any] | None:
    """One quarantined row."""
    return connection.execute(sa.select(quarantine).where(quarantine.c.id == id_)).first()


# what the daemon asks


def next_due(connection: Connection, system: str) -> datetime | None:
    """When the next ready delivery of a system may be sent; None where none waits."""
    query = sa.select(sa.func.min(delivery.c.due_at)).where(
        delivery.c.system == system, delivery.c.state == State.READY.value
    )
    found: datetime | None = connection.scalar(query)
    return found


def in_flight(connection: Connection, system: str) -> bool:
    """Whether the outcome of some write to a system is not known."""
    query = sa.select(delivery.c.id).where(
        delivery.c.system == system, delivery.c.state.in_(IN_FLIGHT)
    )
    return connection.execute(query.limit(1)).first() is not None


class TaskState(NamedTuple):
    """A task as the commands show it."""

    open: bool
    n: int
    due_at: datetime
    failures: int
    reason: str


def task(connection: Connection, kind: str, key: str) -> TaskState | None:
    """One task's row."""
    query = sa.select(
        tasks.c.open, tasks.c.n, tasks.c.due_at, tasks.c.failures, tasks.c.reason
    ).where(tasks.c.kind == kind, tasks.c.key == key)
    row = connection.execute(query).first()
    return TaskState(*row) if row else None


def alive(connection: Connection, since: datetime) -> list[str]:
    """Workers that have beaten since then."""
    query = sa.select(workers.c.id).where(workers.c.beat_at >= since)
    return sorted(connection.scalars(query))


def last_run(connection: Connection) -> int:
    """The id of the newest run, 0 where there is none."""
    return connection.scalar(sa.select(sa.func.max(run.c.id))) or 0


def runs_after(connection: Connection, system: str, after: int) -> list[Row[Any]]:
    """Runs of a system that began after run `after`, oldest first."""
    query = sa.select(run).where(run.c.system == system, run.c.id > after).order_by(run.c.id)
    return list(connection.execute(query))


# housekeeping


def keys_in_use(connection: Connection, key_ids: Sequence[int]) -> set[int]:
    """Which of those data keys some row is sealed under."""
    return {
        found
        for part in chunks(key_ids)
        for column in (person.c.key_id, event.c.key_id, activity.c.key_id, quarantine.c.key_id)
        for found in connection.scalars(sa.select(column).where(column.in_(part)))
    }


def prune_runs(connection: Connection, before: datetime) -> int:
    """Forget the history of runs that ended before then; answers how many."""
    return connection.execute(sa.delete(run).where(run.c.ended_at < before)).rowcount


def prune_cancelled(connection: Connection, before: datetime) -> int:
    """Forget deliveries that were cancelled before then without ever having been sent: nothing
    was disclosed by them. Answers how many."""
    return connection.execute(
        sa.delete(delivery).where(
            delivery.c.state == State.CANCELLED.value,
            delivery.c.sent_at.is_(None),
            delivery.c.settled_at < before,
        )
    ).rowcount
