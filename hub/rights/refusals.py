"""Objection and withdrawal (GDPR Arts. 21(2)-(3), 7(3)): proof that a refusal reached a system.

The refusal itself is an event of the ledger from the moment the request is recorded, and travels on
the lane of refusals like any other. The task reads back what each record shows.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hub.api import Held, Ref, Stance
from hub.delivery.deployment import Opened
from hub.domain.audit import Event
from hub.domain.rights import TaskState
from hub.rights.casefile import Receipt
from hub.store.subjects import Subject

if TYPE_CHECKING:
    from hub.rights.work import Work

_SENDS = (Stance.YES, Stance.PENDING)
_LOOK_AGAIN = tuple(timedelta(seconds=s) for s in (1, 5, 30, 300, 3600))


def check(work: Work, opened: Opened) -> None:
    """Whether every linked record of the persons shows no more that they may be mailed."""
    deployment, system = work.deployment, opened.system
    refs: list[tuple[Subject, Ref]] = [
        (one, Ref(link.stream, link.scope, link.external_id, one.email))
        for one in work.mine
        for link in one.links
        if link.system == system.id and link.state != "merged"
    ]
    still: list[str] = []
    receipt = Receipt()
    by_stream: dict[str, list[tuple[Subject, Ref]]] = {}
    for person, ref in refs:
        by_stream.setdefault(ref.stream, []).append((person, ref))
    for name, some in by_stream.items():
        records = opened.connector.fetch(name, [ref for _, ref in some])
        stream = next((one for one in system.streams if one.name == name), None)
        for (person, ref), record in zip(some, records, strict=True):
            if record is None:
                continue
            entry = receipt.found(Held(ref, "link", record.state))
            facts = person.facts(deployment.landscape, deployment.identities)
            refused = {
                purpose
                for purpose, permission in facts.permissions.items()
                if permission.prohibited_at is not None and not permission.allowed
            }
            stances = {one.topic: one.stance for one in record.consents}
            bad = [
                topic.topic
                for topic in (stream.topics_of(ref.scope) if stream else ())
                if topic.direction.writes
                and any(
                    effect.purpose in refused and effect.controller == person.controller
                    for effect in topic.effects
                )
                and stances.get(topic.topic) in _SENDS
            ]
            entry["verified"] = "" if bad else "refused"
            still += bad
    work.receipt.records = receipt.records
    with deployment.database.begin() as connection:
        if not refs:
            work.end(connection, TaskState.NOT_HELD, Event.TASK_NOT_HELD)
        elif not still:
            work.end(connection, TaskState.VERIFIED, Event.TASK_VERIFIED)
        else:
            tries = work.task.tries
            raised = tries >= len(_LOOK_AGAIN)
            work.step(
                connection,
                state=(TaskState.ATTENTION if raised else TaskState.SENT).value,
                reason="refusal-not-shown",
                tries=tries + 1,
                due_at=deployment.now() + _LOOK_AGAIN[min(tries, len(_LOOK_AGAIN) - 1)],
            )
