"""Finding persons by an address somebody typed: each controller has its own view of a human."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.delivery.deployment import Deployment
from hub.store import normalise, people, subjects
from hub.store.subjects import Subject
from hub.vault.database import Connection


@dataclass(frozen=True, slots=True)
class FoundAt:
    """What one controller knows under an address."""

    controller: str
    subject: Subject | None = None
    shared: bool = False  # several persons have the address: it finds nobody
    shredded: bool = False  # the person was erased, its key is gone
    blocked: bool = False  # an erasure block stands for the address


def find(
    connection: Connection,
    deployment: Deployment,
    address: str,
    controllers: Sequence[str] | None = None,
) -> list[FoundAt]:
    """What each controller knows under `address`, present or former; those that know nothing are
    left out. Raises Malformed where it is no address."""
    plain = normalise.email(address)
    found: list[FoundAt] = []
    for controller in controllers or deployment.landscape.controllers:
        digest = deployment.identities.email(controller, plain)
        blocks = deployment.identities.blocks(controller, "email", plain)
        blocked = bool(people.blocked(connection, controller, "email", blocks))
        hit = people.find(connection, controller, "email", [digest]).get(digest)
        if hit is None:
            if blocked:
                found.append(FoundAt(controller, blocked=True))
            continue
        if hit.person_id is None:
            found.append(FoundAt(controller, shared=True, blocked=blocked))
            continue
        loaded = subjects.load(connection, deployment.vault, deployment.identities, [hit.person_id])
        subject = loaded.get(hit.person_id)
        found.append(FoundAt(controller, subject, shredded=subject is None, blocked=blocked))
    return found
