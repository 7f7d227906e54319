"""Rights requests and their tasks: rows, and the conditions under which they may change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import Connection, Row

from hub.store import rights_tables, tables
from hub.store.sql import insert_rows, table_of

request = table_of(rights_tables.RightsRequest)
task = table_of(rights_tables.RightsTask)
tasks = table_of(tables.Task)


# What every attempt asks is built once: to build a statement costs more than to carry it out.
_NUMBER = sa.bindparam("number", type_=sa.Integer)
_NOW = sa.bindparam("now", type_=task.c.due_at.type)
_REQUEST = sa.select(request).where(request.c.id == _NUMBER)
_HELD_REQUEST = _REQUEST.with_for_update()
_TASKS = sa.select(task).where(task.c.request_id == _NUMBER).order_by(task.c.id)
_FREE = sa.or_(task.c.held_until.is_(None), task.c.held_until <= _NOW)
"""No attempt has it, or the one that had it is dead."""
_DUE = (
    sa.select(task.c.id)
    .join(request, request.c.id == task.c.request_id)
    .where(
        task.c.waiting,
        task.c.system == sa.bindparam("system"),
        task.c.due_at <= _NOW,
        _FREE,
        ~request.c.on_hold,
    )
    .order_by(task.c.due_at, task.c.id)
    .limit(sa.bindparam("limit"))
)
_CLAIM = (
    sa.update(task)
    .where(task.c.id == _NUMBER, task.c.waiting, task.c.due_at <= _NOW, _FREE)
    .values(
        epoch=task.c.epoch + 1,
        held_until=sa.bindparam("free_at", type_=task.c.held_until.type),
    )
    .returning(task)
)
_HELD = (
    sa.update(task)
    .where(
        task.c.id == _NUMBER,
        task.c.held_until == sa.bindparam("held", type_=task.c.held_until.type),
    )
    .values(held_until=sa.bindparam("free_at", type_=task.c.held_until.type))
)


@lru_cache(maxsize=64)
def _step(names: tuple[str, ...]) -> sa.Update:
    """The step that sets those columns."""
    return (
        sa.update(task)
        .where(task.c.id == sa.bindparam("this_id"), task.c.epoch == sa.bindparam("this_epoch"))
        .values({name: sa.bindparam(f"new_{name}", type_=task.c[name].type) for name in names})
    )


class Stale(Exception):
    """The row changed since it was read, or another attempt took the task over."""


# requests


def add(connection: Connection, row: dict[str, Any]) -> None:
    """Add a request."""
    connection.execute(sa.insert(request).values(**row))


def get(connection: Connection, number: int, *, lock: bool = False) -> Row[Any] | None:
    """A request. `lock` holds it until the transaction ends."""
    return connection.execute(_HELD_REQUEST if lock else _REQUEST, {"number": number}).first()


def open_twin(connection: Connection, duplicate: bytes) -> int | None:
    """The open request of the same person that asks for the same."""
    query = sa.select(request.c.id).where(request.c.duplicate == duplicate, request.c.open)
    return connection.scalar(query)


def change(connection: Connection, row: Row[Any], **values: Any) -> None:
    """Change a request as it was read. Raises Stale where somebody was quicker."""
    done = connection.execute(
        sa.update(request)
        .where(request.c.id == row.id, request.c.version == row.version)
        .values(version=row.version + 1, **values)
    )
    if not done.rowcount:
        raise Stale(f"request {row.id} changed meanwhile")


def listed(
    connection: Connection,
    *,
    states: Sequence[str] = (),
    right: str = "",
    controllers: Sequence[str] | None = None,
    open_only: bool = False,
    after: int = 0,
    limit: int = 100,
) -> list[Row[Any]]:
    """Requests in the order of their numbers; of `controllers`, those that concern one of them, or
    have a task of theirs."""
    query = sa.select(request).where(request.c.id > after).order_by(request.c.id).limit(limit)
    if states:
        query = query.where(request.c.state.in_(states))
    if right:
        query = query.where(request.c.right == right)
    if controllers is not None:
        whose = sa.literal(" ") + request.c.controllers + " " + request.c.also + " "
        theirs = sa.literal(" ") + task.c.controllers + " "
        named = [f" {one} " for one in controllers]
        query = query.where(
            sa.or_(
                *[whose.contains(one, autoescape=True) for one in named],
                *[
                    sa.exists().where(
                        task.c.request_id == request.c.id, theirs.contains(one, autoescape=True)
                    )
                    for one in named
                ],
            )
            if named
            else sa.false()
        )
    if open_only:
        query = query.where(request.c.open)
    return list(connection.execute(query))


def about(connection: Connection, persons: Iterable[int]) -> list[Row[Any]]:
    """Open requests whose plan names one of those persons."""
    wanted = {int(one) for one in persons}
    found = []
    for row in connection.execute(sa.select(request).where(request.c.open, request.c.plan != "")):
        if wanted & set(persons_of(row)):
            found.append(row)
    return found


def persons_of(row: Row[Any]) -> list[int]:
    """The persons that a request's plan names."""
    plan = orjson.loads(row.plan) if row.plan else {"persons": [], "partly": []}
    return [*plan["persons"], *plan["partly"]]


def note_merge(connection: Connection, row: Row[Any], persons: Iterable[int]) -> bool:
    """A merge that waits for the request: its persons join the plan. False where they are there."""
    known = {int(one) for one in row.merged.split()} | set(persons_of(row))
    wanted = known | set(persons)
    if wanted == known:
        return False
    merged = sorted(wanted - set(persons_of(row)))
    change(connection, row, merged=" ".join(str(one) for one in merged))
    return True


def starting(connection: Connection, now: datetime) -> list[int]:
    """Requests whose cooling-off is over."""
    query = sa.select(request.c.id).where(
        request.c.state == "cooling_off", request.c.starts_at <= now, ~request.c.on_hold
    )
    return list(connection.scalars(query))


def to_watch(connection: Connection, now: datetime) -> list[int]:
    """Closed erasures whose next re-read is due."""
    query = sa.select(request.c.id).where(
        request.c.watch_at.is_not(None), request.c.watch_at <= now
    )
    return list(connection.scalars(query))


def to_archive(connection: Connection, now: datetime, today: date) -> list[Row[Any]]:
    """Requests whose case file has been kept long enough. One that was carried out keeps it also
    while a task of it keeps data on a ground, or is not done: the task needs it."""
    unfinished = sa.exists().where(
        task.c.request_id == request.c.id,
        request.c.state.not_in(("refused", "withdrawn")),
        sa.or_(
            task.c.waiting,
            task.c.state.in_(("pending", "running", "sent", "attention", "awaiting_external")),
            sa.and_(task.c.state == "exempt", task.c.until > today),
        ),
    )
    query = sa.select(request).where(
        ~request.c.open,
        request.c.retain_until <= now,
        request.c.state != "archived",
        ~unfinished,
    )
    return list(connection.execute(query))


# tasks


def add_tasks(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Add tasks."""
    insert_rows(connection, task, rows)


def tasks_of(connection: Connection, number: int) -> list[Row[Any]]:
    """The tasks of a request, in their order."""
    return list(connection.execute(_TASKS, {"number": number}))


def get_task(connection: Connection, number: int, *, lock: bool = False) -> Row[Any] | None:
    """One task."""
    query = sa.select(task).where(task.c.id == number)
    return connection.execute(query.with_for_update() if lock else query).first()


def due(connection: Connection, system: str, now: datetime, limit: int) -> list[int]:
    """Tasks of a system with an attempt due now, the longest waiting first; those of requests on
    hold wait, and those that an attempt has."""
    return list(connection.scalars(_DUE, {"system": system, "now": now, "limit": limit}))


def next_due(connection: Connection, system: str) -> datetime | None:
    """When the next attempt of a system is due; None where none waits. One that an attempt has is
    due when that may be taken for dead, at the latest."""
    held = sa.case((task.c.held_until > task.c.due_at, task.c.held_until), else_=task.c.due_at)
    query = (
        sa.select(sa.func.min(held))
        .join(request, request.c.id == task.c.request_id)
        .where(task.c.waiting, task.c.system == system, ~request.c.on_hold)
    )
    found: datetime | None = connection.scalar(query)
    return found


def due_systems(connection: Connection, now: datetime) -> list[str]:
    """Systems with an attempt due now."""
    query = (
        sa.select(task.c.system)
        .join(request, request.c.id == task.c.request_id)
        .where(task.c.waiting, task.c.due_at <= now, _FREE, ~request.c.on_hold)
    )
    return list(connection.scalars(query.distinct(), {"now": now}))


def unserved(connection: Connection, kind: str, now: datetime) -> list[str]:
    """Systems with an attempt due now for which no durable task of that kind is under way: whoever
    made it due could not say so, or has died."""
    served = sa.exists().where(
        tasks.c.kind == kind,
        tasks.c.key == task.c.system,
        tasks.c.open,
        sa.or_(tasks.c.holder.is_not(None), tasks.c.due_at <= now),
    )
    query = (
        sa.select(task.c.system)
        .join(request, request.c.id == task.c.request_id)
        .where(task.c.waiting, task.c.due_at <= now, _FREE, ~request.c.on_hold, ~served)
    )
    return list(connection.scalars(query.distinct(), {"now": now}))


def free_at(row: Row[Any]) -> datetime:
    """When a task may be claimed: when it is due, or the attempt that has it taken for dead."""
    due_at: datetime = row.due_at
    return max(due_at, row.held_until or due_at)


def claim(connection: Connection, number: int, now: datetime, until: datetime) -> Row[Any] | None:
    """Take a task's attempt: its epoch rises, and nobody else has it until then. None where none
    is due any more, or another attempt has it."""
    return connection.execute(_CLAIM, {"number": number, "now": now, "free_at": until}).first()


def keep(connection: Connection, number: int, held: datetime, until: datetime | None) -> bool:
    """Have a task that is held until `held` for longer, or give it free (None). False where it
    is another attempt's by now, or nobody's."""
    given = {"number": number, "held": held, "free_at": until}
    return bool(connection.execute(_HELD, given).rowcount)


def step(connection: Connection, row: Row[Any], **values: Any) -> None:
    """Record a step of a claimed attempt. Raises Stale where another attempt took over."""
    given = {f"new_{name}": value for name, value in values.items()}
    done = connection.execute(
        _step(tuple(values)), {"this_id": row.id, "this_epoch": row.epoch, **given}
    )
    if not done.rowcount:
        raise Stale(f"task {row.id} was taken over")


def overdue_confirmations(connection: Connection, now: datetime) -> list[Row[Any]]:
    """Manual tasks whose time is over, and that somebody is still to do."""
    query = (
        sa.select(task)
        .join(request, request.c.id == task.c.request_id)
        .where(
            task.c.state == "awaiting_external",
            task.c.confirm_by <= now,
            request.c.state.not_in(("withdrawn", "archived")),
        )
    )
    return list(connection.execute(query))


def exempt(connection: Connection) -> list[Row[Any]]:
    """Tasks of erasures that keep data on a ground, with the plan of their request; not while that
    waits for its approval, from which it begins without what has ended."""
    query = (
        sa.select(task, request.c.plan)
        .join(request, request.c.id == task.c.request_id)
        .where(
            task.c.state == "exempt",
            request.c.right == "erasure",
            request.c.state.not_in(("planned", "cooling_off", "archived")),
        )
        .order_by(task.c.id)
    )
    return list(connection.execute(query))


def by_link(connection: Connection, digest: bytes) -> Row[Any] | None:
    """The manual task of a one-time confirmation link."""
    return connection.execute(sa.select(task).where(task.c.link_digest == digest)).first()
