"""Making persons, and joining two that a vendor or a handler says are one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from hub.delivery.deployment import Deployment
from hub.store import activities, deliveries, ledger, people
from hub.store.subjects import Subject
from hub.vault import KeyKind, aad
from hub.vault.database import Connection
from hub.vault.rows import ids


def make(
    connection: Connection, deployment: Deployment, controllers: Sequence[str], now: datetime
) -> list[Subject]:
    """New persons, one for each controller named. Their keys are committed at once, their rows
    with the transaction: a crash between leaves keys that `Vault.collect_orphans` finds."""
    keys = deployment.vault.new_keys(KeyKind.PERSON, len(controllers))
    numbers = ids(connection, people.person, len(controllers))
    return [
        Subject(
            id=number,
            controller=controller,
            key_id=key_id,
            key=key,
            created_at=now,
            new=True,
            changed=True,
        )
        for controller, number, (key_id, key) in zip(controllers, numbers, keys, strict=True)
    ]


def join(connection: Connection, winner: Subject, loser: Subject) -> None:
    """Make `loser` part of `winner`: one human, one controller, two persons until now.

    Every refusal of either stands. The loser's key stays until the winner is erased: sealed
    evidence in the ledger, and activities, are still under it.
    """

    def under_winner(delivery_id: int, payload: bytes) -> bytes:
        bound = aad("delivery", delivery_id, "payload")
        return winner.key.seal(loser.key.open(payload, bound), bound)

    for name, value in loser.profile.items():
        winner.profile.setdefault(name, value)
    ledger.move(connection, loser.id, winner.id)
    winner.events.extend(loser.events)
    activities.move(connection, loser.id, winner.id)
    people.move(connection, loser.id, winner.id)
    winner.identifiers.update(loser.identifiers)
    for project, how in loser.memberships.items():
        winner.memberships.setdefault(project, set()).update(how)
    deliveries.reseal(connection, loser.id, under_winner)
    deliveries.move(connection, loser.id, winner.id)
    for linked in loser.links:
        linked.person_id = winner.id
        linked.dirty = True  # sealed again under the winner's key
        winner.links.append(linked)
    loser.links = []
    winner.restricted = winner.restricted or loser.restricted
    winner.changed = True
    loser.changed = False
