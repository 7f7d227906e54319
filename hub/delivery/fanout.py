"""From a changed person to ready deliveries: every place it should be written to is planned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime

from hub.delivery.deployment import Deployment
from hub.delivery.plan import Plan, plan
from hub.domain.landscape import Stream, System
from hub.store import deliveries
from hub.store.subjects import Linked, Subject
from hub.vault.database import Connection
from hub.vault.rows import ids

Witness = Callable[[Subject, System, Stream, str, Linked | None, Plan], None]
"""Told of every plan: a dry run's report."""


def fan_out(
    connection: Connection,
    deployment: Deployment,
    subjects: Iterable[Subject],
    now: datetime,
    witness: Witness | None = None,
) -> Counter[str]:
    """Add a ready delivery for every write that the persons need and that is not ready yet.

    Answers how many were added, by system. Content is made when a delivery is claimed, so a
    person that changes again before that needs no new one.
    """
    people = list(subjects)
    known = deliveries.ready_keys(connection, [one.id for one in people if not one.new])
    wanted: list[tuple[tuple[str, str, str], int, int | None, deliveries.Lane]] = []
    for subject in people:
        facts = subject.facts(deployment.landscape, deployment.identities)
        for system, stream, scope in deployment.places(subject.controller):
            place = (system.id, stream.name, scope)
            there = subject.link_to(*place)
            for linked in there or (None,):
                result = plan(deployment, subject, facts, system, stream, scope, linked)
                if witness:
                    witness(subject, system, stream, scope, linked, result)
                link_id = linked.id if linked else None
                for lane in result.intents:
                    key = (*place, subject.id, link_id, int(lane))
                    if key not in known:
                        known.add(key)
                        wanted.append((place, subject.id, link_id, lane))
    numbers = ids(connection, deliveries.delivery, len(wanted))
    deliveries.add(
        connection,
        [
            deliveries.row(number, place, person_id, link_id, lane, now)
            for number, (place, person_id, link_id, lane) in zip(numbers, wanted, strict=True)
        ],
    )
    return Counter(place[0] for place, _, _, _ in wanted)
