"""The answer to an access or portability request, put together from every task's receipt and the
hub's own copy (GDPR Arts. 15(1)-(3), 20).

It is gathered into the receipts and stays sealed there; the handler looks at it before it is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from hub.delivery.deployment import Deployment
from hub.domain.landscape import Landscape, Purpose
from hub.domain.plan import Plan
from hub.domain.rights import Right
from hub.rights import assess, targets
from hub.rights.casefile import Receipt
from hub.rights.decide import load
from hub.rights.exporting import Chosen
from hub.store import activities, deliveries, overview, requests
from hub.store.subjects import Subject
from hub.vault.database import read_only

if TYPE_CHECKING:
    from hub.rights.work import Work


ANSWERED = frozenset({Right.ACCESS, Right.PORTABILITY, Right.INFORMATION})
"""The rights whose answer is more than what was done."""


def own_copy(work: Work, person: Subject) -> dict[str, Any]:
    """What the hub itself holds of one person: everything, or what they provided where the request
    is for a portability; without what was withheld of the system that it came from."""
    deployment = work.deployment
    chosen = Chosen(deployment, work.request)
    with read_only(deployment.database).connect() as connection:
        events = overview.events_of(connection, person.id)
        done = activities.of_person(connection, person.id)
        projects = overview.memberships_of(connection, person.id)
        disclosed = deliveries.disclosures(connection, person.id)
        others = targets.receivers(connection, deployment, person)
    # a merged person's rows stay under their own keys
    sealed = {one.key_id for one in done} | {one.key_id for one in events if one.key_id}
    keys = deployment.vault.open_keys(sorted(sealed))
    if chosen.portability:
        projects, disclosed, others = [], [], []
    return {
        "controller": person.controller,
        "known_since": person.created_at.isoformat() if person.created_at else None,
        "restricted": person.restricted,
        "profile": {
            name: {
                "value": value.value,
                "source": value.source,
                "at": value.at.isoformat(),
                "known_by": sorted(value.origins),
                "rectified": value.rectified,
            }
            for name, value in person.profile.items()
            if chosen.value(name, value)
        },
        "permissions": [
            {
                "purpose": one.purpose,
                "kind": one.kind,
                "at": (one.at or one.seen_at).isoformat(),
                "ground": one.ground,
                "act": one.act,
                "system": one.system,
                "evidence": orjson.loads(one.open(keys[one.key_id]))
                if one.evidence and one.key_id and one.key_id in keys
                else None,
            }
            for one in events
            if chosen.permission(one.system, one.kind)
        ],
        "activities": [
            {
                "system": one.system,
                "scope": one.scope,
                "kind": content.kind,
                "at": one.at.isoformat(),
                "about": content.about,
                **content.detail,
            }
            for one in done
            if one.key_id in keys
            and chosen.activity(one.system, (content := one.open(keys[one.key_id])).kind)
        ],
        "projects": [
            {
                "project": one.project,
                "how": one.how,
                "since": one.since.isoformat(),
                "until": one.until.isoformat() if one.until else None,
            }
            for one in projects
        ],
        "recipients": [
            *(
                {
                    "company": deployment.landscape.controllers[other].name,
                    "contact": deployment.landscape.controllers[other].contact,
                    "fields": names,
                }
                for other, names in others
            ),
            *(
                {
                    "system": one.system,
                    "fields": one.fields.split(),
                    "purposes": one.purposes.split(),
                    "at": one.sent_at.isoformat(),
                    "outcome": one.state,
                }
                for one in disclosed
            ),
        ],
    }


def assemble(deployment: Deployment, number: int) -> dict[str, Any]:
    """The whole answer as JSON: what is held, why, from where, to whom it went, how long it stays,
    and what may be done about it. Raises NoSuchRequest."""
    with read_only(deployment.database).connect() as connection:
        request = load(connection, number)
        tasks = requests.tasks_of(connection, number)
    key = deployment.vault.open_keys([request.key_id])[request.key_id]
    landscape = deployment.landscape
    controllers = assess.controllers_of(request)
    plan = Plan.load(request.plan) if request.plan else None
    parts: dict[str, Any] = {}
    own: list[Any] = []
    looked = False
    for task in tasks:
        receipt = Receipt.open(key, task.id, task.receipt)
        if task.system == "hub":
            own = receipt.export
            looked = task.ended_at is not None
        else:
            parts[task.system] = {
                "state": task.state,
                "records": receipt.export,
                "statement": receipt.statement,
                "withheld": [
                    {
                        "category": one.category.value,
                        "ground": one.ground.value,
                        "law": one.ground.law,
                    }
                    for one in (plan.exemptions if plan else ())
                    if one.system == task.system
                ],
            }
    answer: dict[str, Any] = {
        "request": number,
        "right": request.right,
        "received_at": request.received_at.isoformat(),
        "systems": parts,
        "hub": own,
    }
    if request.right == Right.PORTABILITY.value:
        # as it was when it was gathered: they may have taken a consent back, or be erased, since
        if looked and not own and not any(part["records"] for part in parts.values()):
            # said, so that the handler can say why (Art. 20(1)); nothing is handed over
            return {**answer, "not_portable": "no consent or contract"}
        return answer
    return {**answer, **processing(landscape, controllers)}


def processing(landscape: Landscape, controllers: list[str]) -> dict[str, Any]:
    """What Art. 15(1)-(2) wants said beside the data, from the configuration."""
    return {
        "controllers": [
            {
                "name": one.name,
                "business_id": one.business_id,
                "contact": one.contact,
            }
            for one in landscape.controllers.values()
            if one.id in controllers
        ],
        "purposes": [
            _purpose(one)
            for one in landscape.purposes.values()
            if one.controllers.intersection(controllers)
        ],
        "systems_of_record": [
            {
                "system": one.id,
                "kind": one.plugin,
                "country": one.country,
                "transfer": one.transfer or None,
                "controllers": list(one.controllers),
            }
            for one in landscape.systems.values()
            if set(one.controllers).intersection(controllers)
        ],
        "rights": [one.value for one in Right],
        "automated_decisions": False,
        "complaint": "Tietosuojavaltuutetun toimisto, PL 800, 00531 Helsinki, https://tietosuoja.fi",
    }


def _purpose(purpose: Purpose) -> dict[str, Any]:
    return {
        "title": dict(purpose.title),
        "channel": purpose.channel,
        "grounds": sorted(purpose.grounds),
        "retention_days": purpose.retention.days if purpose.retention else None,
    }
