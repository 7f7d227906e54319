"""Telling persons whose data came from another source than themselves (GDPR Art. 14)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import structlog

from hub.delivery.deployment import Deployment
from hub.domain.audit import Event, is_code
from hub.domain.deadline import Due, Escalation, helsinki_day, notice_by
from hub.rights.decide import CannotDecide
from hub.store import audit, notices
from hub.vault.database import Connection, read_only
from hub.vault.rows import ids

log = structlog.get_logger(__name__)


class Way(StrEnum):
    """How a person was told."""

    MESSAGE = "message"  # in the first message to them
    EMAIL = "email"  # a mail of its own
    LETTER = "letter"
    PHONE = "phone"
    FORM = "form"  # where they registered


@dataclass(frozen=True, slots=True)
class Owed:
    """A notice that a person is still owed. No personal data."""

    person: int
    controller: str
    obtained: datetime
    subscribed: datetime | None  # since when a message may reach them
    disclosed: datetime | None  # when it was first given to somebody besides their own controller
    due: Due
    level: Escalation


@dataclass(frozen=True, slots=True)
class Given:
    """What recording notices came to."""

    persons: Sequence[int]
    none_due: Sequence[int]  # unknown, erased, or told already


def owed(deployment: Deployment, controllers: Collection[str] = ()) -> list[Owed]:
    """Who must be told by when, the first due on top; of those controllers, or of all."""
    today = helsinki_day(deployment.now())
    with read_only(deployment.database).connect() as connection:
        rows = [
            row
            for row in notices.due(connection)
            if not controllers or row.controller in controllers
        ]
        messages = notices.first_subscribed(connection, [row.id for row in rows])
        disclosures = _first_disclosed(connection, deployment, {r.id: r.controller for r in rows})
    found = []
    for row in rows:
        message, disclosure = messages.get(row.id), disclosures.get(row.id)
        due = notice_by(row.created_at, first_message=message, first_disclosure=disclosure)
        found.append(
            Owed(
                row.id,
                row.controller,
                row.created_at,
                message,
                disclosure,
                due,
                due.escalation(today),
            )
        )
    return sorted(found, key=lambda one: (one.due.ends or today, one.person))


def _first_disclosed(
    connection: Connection, deployment: Deployment, persons: Mapping[int, str]
) -> dict[int, datetime]:
    """When something of each person (id -> controller) was first written where another controller
    has it too: a joint system. A controller's own tools work for itself and are nobody else."""
    systems = deployment.landscape.systems
    found: dict[int, datetime] = {}
    for row in notices.first_written(connection, list(persons)):
        system = systems.get(row.system)
        if system is None or not {*system.controllers} - {persons[row.person_id]}:
            continue
        found[row.person_id] = min(row.at, found.get(row.person_id, row.at))
    return found


def give(
    deployment: Deployment, persons: Sequence[int], version: str, how: Way, actor: str
) -> Given:
    """Record that those persons were given that version of the notice, which closes what they are
    owed. Raises CannotDecide where the version is no code."""
    if not version or not is_code(version):
        raise CannotDecide(
            "version", "a notice's version is a short code such as 2026-09-01, v3 or syksy-2026"
        )
    now = deployment.now()
    with deployment.database.begin() as connection:
        closed = notices.close(connection, persons, now)
        notices.add(
            connection,
            [
                {
                    "id": number,
                    "person_id": person,
                    "version": version,
                    "how": how.value,
                    "at": now,
                    "by": actor,
                }
                for number, person in zip(
                    ids(connection, notices.notice, len(closed)), closed, strict=True
                )
            ],
        )
        for person in closed:
            audit.record(
                connection,
                now,
                Event.NOTICE_GIVEN,
                actor,
                f"person {person}",
                {"version": version, "how": how.value},
            )
    return Given(closed, sorted(set(persons) - set(closed)))


def escalate(deployment: Deployment) -> None:
    """Tell of notices whose time comes near, each person once for each level."""
    near = [one for one in owed(deployment) if one.level is not Escalation.NONE]
    if not near:
        return
    now = deployment.now()
    with deployment.database.begin() as connection:
        told = {
            (one.entry.subject, one.entry.detail.get("level"))
            for one in audit.entries(connection, subjects=[f"person {n.person}" for n in near])
            if one.entry.event is Event.NOTICE_DUE
        }
        fresh = [one for one in near if (f"person {one.person}", one.level.value) not in told]
        for one in fresh:
            audit.record(
                connection,
                now,
                Event.NOTICE_DUE,
                "hub",
                f"person {one.person}",
                {"level": one.level.value},
            )
    for level, persons in sorted(Counter(one.level.value for one in fresh).items()):
        log.warning("notices are due", level=level, persons=persons)
