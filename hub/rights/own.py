"""The hub's own copy: read out for an access, destroyed for an erasure.

An erasure's order (DESIGN section 4): every system has its proof first; then what stands in the
application's tables goes, then the persons' keys, so that whatever a copy or a log still holds is
shredded. A tombstone of each person stays (an id, its controller, dates): deliveries are the record
of what was disclosed, and they name it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from hub.delivery.deployment import Deployment
from hub.domain.audit import Event
from hub.domain.rights import Right, TaskState
from hub.rights import exempted, postponing
from hub.rights.casefile import Receipt
from hub.rights.coordinator import whole_persons
from hub.store import deliveries, erasing, people, requests
from hub.store.together import Gathered, commit
from hub.vault.database import Connection, Engine, Row, checkpoint

if TYPE_CHECKING:
    from hub.rights.work import Work


def carry_out(work: Work) -> None:
    """The hub's task of a request."""
    if work.task.act == "erase":
        _erase(work)
        return
    if work.task.act in ("export", "locate"):
        from hub.rights import exporting, package  # noqa: PLC0415 - it reads what tasks gathered

        moves = work.request.right == Right.PORTABILITY.value
        work.receipt.export = [
            package.own_copy(work, one)
            for one in work.mine
            if not moves or exporting.portable(work.deployment, one)
        ]
    for one in work.mine:
        work.receipt.notes.append(f"person {one.id}")
    state = TaskState.VERIFIED if work.mine else TaskState.NOT_HELD
    event = Event.TASK_VERIFIED if work.mine else Event.TASK_NOT_HELD
    commit(work.deployment.database, lambda connection: work.end(connection, state, event))


def _erase(work: Work) -> None:
    deployment = work.deployment
    whole = whole_persons(work.request)
    persons = [one.id for one in work.persons.values() if one.id in whole]

    def forget(connection: Connection) -> tuple[list[Row[Any]], list[int]] | datetime:
        work.still(connection)
        gone = erasing.persons_with_merged(connection, sorted(whole))
        flying = deliveries.flying_anywhere(connection, [row.id for row in gone])
        if flying is not None:  # settling it needs their rows
            return flying
        known = [one for one in work.persons.values() if one.id in whole]
        exempted.remember(connection, work.request.id, work.key, known)
        keys = erasing.forget(connection, gone, deployment.now(), _erased(work, connection))
        people.end_blocks(connection, work.request.id)
        work.receipt.notes = [f"person {row.id}" for row in gone]
        work.step(connection, state=TaskState.SENT.value)
        return gone, keys

    forgotten = commit(deployment.database, forget)
    if isinstance(forgotten, datetime):
        postponing.settling(work, forgotten)
        return
    gone, aside = forgotten
    # rows first, keys second: a crash between is met by the next attempt, which finds the
    # tombstones and destroys their keys
    if not _shredder(deployment)([*(row.key_id for row in gone), *aside]):
        # somebody reads: what was held is not gone
        work.save(due_at=deployment.now() + postponing.SETTLING)
        return

    def destroyed(connection: Connection) -> None:
        if gone:
            work.told(connection, Event.KEYS_DESTROYED, persons=str(len(gone)))

    def end(connection: Connection) -> None:
        state = TaskState.VERIFIED if gone or persons else TaskState.NOT_HELD
        event = Event.TASK_VERIFIED if gone or persons else Event.TASK_NOT_HELD
        work.end(connection, state, event, destroyed)

    commit(deployment.database, end)


def _erased(work: Work, connection: Connection) -> list[tuple[str, str, str, str]]:
    """(system, stream, scope, id) of what the request's tasks found in the systems: there may be
    rows about a record that the hub never gave a person."""
    found = []
    for task in requests.tasks_of(connection, work.request.id):
        for one in Receipt.open(work.key, task.id, task.receipt).records:
            if one["certain"] == "yes":
                found.append((task.system, one["stream"], one["scope"], one["id"]))
    return found


def _shredder(deployment: Deployment) -> Gathered[Sequence[int], bool]:
    """Destroys keys and empties the logs that still hold what was deleted: once for all erasures
    that came to it meanwhile. Answers whether nothing is left."""

    def shred(wanted: Sequence[Sequence[int]]) -> list[bool]:
        deployment.vault.destroy([key for keys in wanted for key in keys])
        return [checkpoint(deployment.database)] * len(wanted)

    with _making:
        return _shredders.setdefault(deployment.database, Gathered(shred))


_shredders: WeakKeyDictionary[Engine, Gathered[Sequence[int], bool]] = WeakKeyDictionary()
_making = threading.Lock()
