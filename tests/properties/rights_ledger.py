"""I6, I7 and I10 of rights, from the outside: acts received against deliveries settled, tasks done
once, and the audit log with its heads.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson
import sqlalchemy as sa
from properties.oracle import Violation, purposes_of

from hub.domain.audit import Broken, Event, Head, verify
from hub.store import audit, rights_tables
from hub.store.deliveries import IN_FLIGHT, Lane, delivery
from hub.store.sql import table_of

if TYPE_CHECKING:
    from properties.rights_town import RightsTown

task = table_of(rights_tables.RightsTask)

DONE = (Event.TASK_VERIFIED, Event.TASK_NOT_HELD)
REOPENS = (Event.REQUEST_STARTED, Event.REQUEST_GREW, Event.REAPPEARED)
ACTS = {"erase": "erase", "restrict": "restrict", "lift": "lift"}
NOTHING_SENT = (
    "absent",
    "archived",
    "already-archived",
    "nothing-sent",
    "not-archived",
    "read-back",
)
"""Reasons of acts that were settled by looking: there was nothing to send."""


Place = tuple[str, str, str, str]  # system, scope, human, hub field or purpose

Act = tuple[str, str, str | None, str]  # system, scope, human, what was done


@dataclass
class Account:
    """Whose persons the hub's numbers are, kept from before they are erased."""

    human_of_person: dict[int, str] = field(default_factory=dict)


def settled(connection: sa.Connection, town: RightsTown) -> None:
    """I6: every write that a vendor carried out is a settled delivery, and the other way round,
    rights writes included. Raises Violation."""
    _acts(connection, town)
    _synced(connection, town)


def _acts(connection: sa.Connection, town: RightsTown) -> None:
    received: Counter[Act] = Counter()
    for act, human in town.acted_log:
        if act.accepted:
            received[act.system, act.scope, human, act.kind] += 1
    done: Counter[Act] = Counter()
    tried: Counter[Act] = Counter()
    proved: Counter[Act] = Counter()
    joined = delivery.join(task, task.c.id == delivery.c.task_id)
    columns = (delivery.c.id, delivery.c.system, delivery.c.scope, delivery.c.state)
    more = (delivery.c.reason, delivery.c.lane, task.c.act, task.c.request_id)
    for row in connection.execute(sa.select(*columns, *more).select_from(joined)):
        if row.lane != int(Lane.RIGHTS):
            raise Violation(f"I6: delivery {row.id} of a rights task is on another lane")
        if row.state in IN_FLIGHT:
            raise Violation(f"I6: rights delivery {row.id} was never settled: {row.state}")
        request = town.law.asked[row.request_id]
        where = (row.system, row.scope, request.who, row.act)
        tried[where] += 1
        if row.state == "done" and row.act == "erase" and row.reason == "read-back":
            proved[where] += 1
        # in the mailer "archived" is what was done, in the CRM what was met
        met = row.reason in NOTHING_SENT and not (row.scope and row.reason == "archived")
        if row.state == "done" and not met:
            done[where] += 1
    for where, count in (proved + _only(done, "erase")).items():
        if count > received[where]:
            raise Violation(f"I6: {where} was settled {count} times, received {received[where]}")
    for where, count in received.items():
        if not tried[where]:
            raise Violation(f"I6: {where} was received {count} times, and no delivery says so")
        if town.calm and done[where] < count:
            raise Violation(f"I6: {where} was received {count} times, settled {done[where]}")
    for where, count in done.items():
        if where[3] in ACTS and not received[where]:
            raise Violation(f"I6: {where} was settled {count} times, and never received")
        if where[3] in ACTS and town.calm and received[where] != count:
            raise Violation(f"I6: {where} was settled {count} times, received {received[where]}")


def _only(counted: Counter[Act], kind: str) -> Counter[Act]:
    return Counter({where: count for where, count in counted.items() if where[3] == kind})


def _synced(connection: sa.Connection, town: RightsTown) -> None:
    received: Counter[Place] = Counter()
    everything = [(one, town.oracle.human_of.get(town._address_of(one))) for one in town.log]
    for one, human in [*everything, *town.corrected_log]:
        if not one.accepted:
            continue
        where = (one.system, one.scope, human or "?")
        received.update((*where, name) for name in one.fields)
        for topic in one.stances:
            received.update((*where, about) for about in purposes_of(one.system, one.scope, topic))
    settled_: Counter[Place] = Counter()
    tried: Counter[Place] = Counter()
    names = (delivery.c.system, delivery.c.scope, delivery.c.person_id, delivery.c.task_id)
    more = (delivery.c.fields, delivery.c.purposes, delivery.c.state, delivery.c.tries)
    requests = {
        row.id: row.request_id
        for row in connection.execute(sa.select(task.c.id, task.c.request_id))
    }
    query = sa.select(*names, *more).where(delivery.c.sent_at.is_not(None))
    for row in connection.execute(query):
        human = town.account.human_of_person.get(row.person_id)
        if row.task_id is not None:
            human = town.law.asked[requests[row.task_id]].who
        for what in (*row.fields.split(), *row.purposes.split()):
            place = (row.system, row.scope, human or "?", what)
            tried[place] += row.tries
            # a batch is answered 200 although the mailer refused somebody whom it has forgotten
            settled_[place] += row.state in ("done", "refused")
    for place, count in received.items():
        if not tried[place]:
            raise Violation(f"I6: {place} was written {count} times, and no delivery says so")
        if town.calm and count > settled_[place]:
            raise Violation(f"I6: {place} was written {count} times, settled {settled_[place]}")


def audited(connection: sa.Connection, heads: list[Head]) -> None:
    """I10: the chain verifies with every head seen so far; I7: no task was completed twice without
    a reason to begin again. Raises Violation."""
    entries = list(audit.entries(connection))
    if broken := verify(entries, *heads):
        raise Violation(f"I10: {broken}")
    finished: dict[str, str] = {}
    tasks: dict[str, set[str]] = defaultdict(set)
    for entry, _ in entries:
        if entry.event in DONE:
            if entry.subject in finished:
                raise Violation(f"I7: {entry.subject} was completed twice")
            finished[entry.subject] = entry.detail["request"]
            tasks[entry.detail["request"]].add(entry.subject)
        elif entry.event in REOPENS:
            for one in tasks.pop(entry.subject.removeprefix("request "), ()):
                finished.pop(one, None)


def tampered(connection: sa.Connection, how: str, at: int, heads: list[Head]) -> Broken | None:
    """What `verify` says of the log after somebody changed it; the caller takes it back."""
    table = audit.audit
    last = audit.head(connection)
    seq = at % (last.seq - 1) + 1
    known = [*heads, last]
    row = connection.execute(sa.select(table).where(table.c.seq == seq)).one()
    match how:
        case "edited":
            detail = orjson.dumps({**orjson.loads(row.detail), "edited": "yes"}).decode()
            connection.execute(sa.update(table).where(table.c.seq == seq).values(detail=detail))
        case "removed":
            connection.execute(sa.delete(table).where(table.c.seq == seq))
        case "truncated":
            connection.execute(sa.delete(table).where(table.c.seq >= seq))
        case _:  # exchanged with the last one
            other = connection.execute(sa.select(table).where(table.c.seq == last.seq)).one()
            for one, place in ((row, last.seq), (other, seq)):
                values = {name: value for name, value in one._mapping.items() if name != "seq"}
                connection.execute(sa.update(table).where(table.c.seq == place).values(**values))
    return verify(audit.entries(connection), *known)
