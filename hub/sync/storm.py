"""The storm guard: a run that would change too much of a system stops and asks."""

from __future__ import annotations

from hub.delivery.deployment import Deployment, Opened
from hub.store import deliveries, links, questions
from hub.vault.rows import ids


def held(deployment: Deployment, opened: Opened) -> bool:
    """Whether ordinary writes to the system wait for a person's word; asks for it if so.

    An approval lets through what was ready when it was given. Refusals never wait.
    """
    system, guard = opened.system.id, opened.system.guard
    with deployment.database.begin() as connection:
        approved = questions.decided(connection, "storm", system)
        after = int(approved.decision) if approved else 0
        changing = deliveries.changing(connection, system, after)
        total = links.count(connection, system)
        if changing <= guard.floor or changing <= guard.change_share * total:
            return False
        (number,) = ids(connection, questions.review, 1)
        questions.ask(
            connection,
            {
                "id": number,
                "kind": "storm",
                "system": system,
                "reason": f"{changing} of {total} records would change; "
                f"the guard allows {guard.change_share:.0%}",
                "created_at": deployment.now(),
            },
        )
    return True
