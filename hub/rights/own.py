"""The hub's own copy: read out for an access, destroyed for an erasure.

An erasure's order (DESIGN section 4): every system has its proof first; then what stands in the
application's tables goes, then the persons' keys, so that whatever a copy or a log still holds is
shredded. A tombstone of each person stays (an id, its controller, dates): deliveries are the record
of what was disclosed, and they name it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hub.domain.audit import Event
from hub.domain.rights import TaskState
from hub.rights import targets
from hub.rights.coordinator import whole_persons
from hub.store import erasing, subjects
from hub.store.subjects import Subject
from hub.vault.database import Connection, checkpoint

if TYPE_CHECKING:
    from hub.rights.work import Work

_SETTLING = timedelta(milliseconds=200)


def carry_out(work: Work) -> None:
    """The hub's task of a request."""
    if work.task.act == "erase":
        _erase(work)
        return
    if work.task.act in ("export", "locate"):
        from hub.rights import package  # noqa: PLC0415 - it reads what the tasks gathered

        work.receipt.export = [package.own_copy(work, one) for one in work.mine]
    for one in work.mine:
        work.receipt.notes.append(f"person {one.id}")
    state = TaskState.VERIFIED if work.mine else TaskState.NOT_HELD
    event = Event.TASK_VERIFIED if work.mine else Event.TASK_NOT_HELD
    with work.deployment.database.begin() as connection:
        work.end(connection, state, event)


def _erase(work: Work) -> None:
    deployment = work.deployment
    whole = whole_persons(work.request)
    controllers = set(work.request.controllers.split()) | set(work.request.also.split())
    persons = [one.id for one in work.persons.values() if one.id in whole]
    with deployment.database.begin() as connection:
        gone = erasing.persons_with_merged(connection, sorted(whole))
        flying = erasing.in_flight(connection, [row.id for row in gone])
        if flying:
            work.step(connection, due_at=deployment.now() + _SETTLING)
            return
        for person in work.persons.values():
            if person.id not in whole:
                _forget_crossed(work, connection, person, controllers)
        aside = erasing.forget(connection, gone, deployment.now())
        work.receipt.notes = [f"person {row.id}" for row in gone]
        work.step(connection, state=TaskState.SENT.value)
    # rows first, keys second: a crash between is met by the next attempt, which finds the
    # tombstones and destroys their keys
    deployment.vault.destroy([*(row.key_id for row in gone), *aside])
    checkpoint(deployment.database)  # the write-ahead log still holds what the rows held
    with deployment.database.begin() as connection:
        if gone:
            work.told(connection, Event.KEYS_DESTROYED, persons=str(len(gone)))
        state = TaskState.VERIFIED if gone or persons else TaskState.NOT_HELD
        event = Event.TASK_VERIFIED if gone or persons else Event.TASK_NOT_HELD
        work.end(connection, state, event)


def _forget_crossed(
    work: Work, connection: Connection, person: Subject, controllers: set[str]
) -> None:
    """Another controller's independent person stays, without what came only from here."""
    names = targets.crossed(person, sorted(controllers))
    if not names:
        return
    fresh = subjects.load(
        connection, work.deployment.vault, work.deployment.identities, [person.id], lock=True
    ).get(person.id)
    if fresh is None:
        return
    for name in names:
        fresh.profile.pop(name, None)
    fresh.changed = True
    subjects.save(connection, [fresh], work.deployment.now())
