"""Claiming: in one transaction the gate is asked again, the content is made, the row is `sent`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from hub.api import Consent, Stance, Write
from hub.delivery.deployment import Deployment, Opened
from hub.delivery.plan import Intent, Plan, plan, ref
from hub.domain.gate import Facts
from hub.store import deliveries, progress, questions, subjects
from hub.store.deliveries import Lane, State
from hub.store.subjects import Linked, Subject
from hub.vault import KeyHandle, aad
from hub.vault.database import Connection, Row
from hub.vault.rows import ids


@dataclass(slots=True)
class Claimed:
    """A delivery on its way out."""

    id: int
    lane: Lane
    tries: int
    subject: Subject
    linked: Linked | None
    intent: Intent
    write: Write
    told: tuple[str, str] = ("", "")  # fields and purposes an earlier try may have written
    read_back: bool = False  # taken up after a crash: nobody heard the vendor's answer


@dataclass(slots=True)
class Batch:
    """Deliveries claimed together; all to one stream and scope."""

    stream: str = ""
    scope: str = ""
    claimed: list[Claimed] = field(default_factory=list)
    looked_at: int = 0  # rows taken from the queue, also those that needed nothing any more
    outcomes: Counter[str] = field(default_factory=Counter)


def claim(deployment: Deployment, opened: Opened, epoch: int, lane: Lane) -> Batch:
    """Take the next batch of a lane. An empty `looked_at` says that the lane has nothing due.

    Raises Fenced where another run took the system over.
    """
    system = opened.system
    now = deployment.now()
    limit = max((one.write_batch for one in opened.type.streams), default=1)
    if lane is not Lane.RECORD:
        limit = max((one.consent_batch for one in opened.type.streams), default=1)
    with deployment.database.begin() as connection:
        progress.check(connection, system.id, epoch)
        rows = deliveries.next_ready(connection, system.id, lane, now, limit)
        if not rows:
            return Batch()
        kind = opened.type.stream(rows[0].stream)
        rows = rows[: kind.write_batch if lane is Lane.RECORD else kind.consent_batch]
        batch = Batch(rows[0].stream, rows[0].scope, looked_at=len(rows))
        people = subjects.load(
            connection,
            deployment.vault,
            deployment.identities,
            [row.person_id for row in rows],
            lock=True,
        )
        ended: list[dict[str, Any]] = []
        out: set[int] = set()  # links with a write in this batch
        for row in rows:
            one, reason = _prepare(connection, deployment, opened, row, people, now)
            linked = one.linked if one else None
            if linked is not None and linked.id in out:
                one, reason = None, "superseded"  # a create whose record was met meanwhile
            elif linked is not None:
                out.add(linked.id)
            if one is None:
                ended.append(_cancelled(row, reason, now))
                batch.outcomes[f"not-sent:{reason}"] += 1
            else:
                batch.claimed.append(one)
        deliveries.settle(connection, ended)
        deliveries.mark_sent(connection, [_sent(one, now) for one in batch.claimed])
    return batch


def payload(intent: Intent, email: str | None, key: KeyHandle, delivery_id: int) -> bytes:
    """What was sent, sealed, to be compared with what is found after a crash."""
    consents = [(one.topic, one.stance.value) for one in intent.consents]
    return key.seal(
        orjson.dumps({"f": intent.fields, "c": consents, "e": email}),
        aad("delivery", delivery_id, "payload"),
    )


def open_payload(sealed: bytes, key: KeyHandle, delivery_id: int) -> tuple[Intent, str | None]:
    """The fields and consents of a payload, and the address it was for."""
    raw = orjson.loads(key.open(sealed, aad("delivery", delivery_id, "payload")))
    consents = [Consent(topic, Stance(stance)) for topic, stance in raw["c"]]
    return Intent(Lane.RECORD, fields=raw["f"], consents=consents), raw["e"]


def _prepare(
    connection: Connection,
    deployment: Deployment,
    opened: Opened,
    row: Row[Any],
    people: dict[int, Subject],
    now: datetime,
) -> tuple[Claimed | None, str]:
    """The write that the row stands for by the facts of now, or why there is none."""
    subject = people.get(row.person_id)
    if subject is None:
        return None, "shredded"
    system = opened.system
    try:
        stream = system.stream(row.stream)
    except KeyError:
        return None, "not-configured"
    if row.scope not in stream.scopes:
        return None, "not-configured"
    place = (system.id, row.stream, row.scope)
    there = subject.link_to(*place)
    if row.link_id is None:
        linked = there[0] if there else None
    else:
        linked = next((one for one in there if one.id == row.link_id), None)
        if linked is None:
            return None, "link-gone"
    lane = Lane(row.lane)
    if linked and lane is not Lane.REFUSAL and _spent(system.guard.writes_per_record, linked, now):
        _trip(connection, linked, now)
        return None, "write-budget"
    facts: Facts = subject.facts(deployment.landscape, deployment.identities)
    result = plan(deployment, subject, facts, system, stream, row.scope, linked)
    intent = result.intents.get(lane)
    if intent is None:
        return None, _why_nothing(result)
    write = Write(
        key=f"{row.id}.{row.tries + 1}",
        ref=ref(linked, subject) if linked else None,
        scope=row.scope,
        fields=intent.fields,
        consents=intent.consents,
    )
    return (
        Claimed(
            row.id,
            lane,
            row.tries + 1,
            subject,
            linked,
            intent,
            write,
            told=(row.fields, row.purposes),
        ),
        "",
    )


def _why_nothing(result: Plan) -> str:
    return result.blocked[0].decision.rule if result.blocked else "nothing-left"


def _spent(budget: int, linked: Linked, now: datetime) -> bool:
    return linked.writes_on == now.toordinal() and linked.writes >= budget


def _trip(connection: Connection, linked: Linked, now: datetime) -> None:
    (number,) = ids(connection, questions.quarantine, 1)
    questions.put_aside(
        connection,
        {
            "id": number,
            "system": linked.system,
            "stream": linked.stream,
            "scope": linked.scope,
            "external_id": linked.external_id,
            "reason": "write-budget: written too often in a day, two tools may be in dispute",
            "raw": None,
            "key_id": None,
            "seen_at": now,
        },
    )


def names(one: Claimed, intent: Intent) -> tuple[str, str]:
    """The fields and purposes of an intent, and those that an earlier try may have written: the row
    is what a person is told of who received what."""
    fields, purposes = one.told
    return (
        " ".join(dict.fromkeys([*fields.split(), *intent.names])),
        " ".join(dict.fromkeys([*purposes.split(), *intent.purposes])),
    )


def _sent(one: Claimed, now: datetime) -> dict[str, Any]:
    fields, purposes = names(one, one.intent)
    return {
        "id": one.id,
        "tries": one.tries,
        "fields": fields,
        "purposes": purposes,
        "payload": payload(one.intent, one.subject.email, one.subject.key, one.id),
        "person_version": one.subject.version,
        "link_id": one.linked.id if one.linked else None,
        "sent_at": now,
    }


def _cancelled(row: Row[Any], reason: str, now: datetime) -> dict[str, Any]:
    return {
        "id": row.id,
        "state": State.CANCELLED.value,
        "reason": reason,
        "link_id": row.link_id,
        "settled_at": now,
    }
