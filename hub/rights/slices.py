"""The due tasks of one system, some at a time side by side: what the daemon calls."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from hub.api import Misconfigured
from hub.delivery.deployment import Deployment, Opened
from hub.rights import worker
from hub.rights.dryrun import Open
from hub.rights.targets import HUB
from hub.store import requests
from hub.vault.database import read_only

SIDE_BY_SIDE = 8
"""Attempts at one system at once; the connector's own limits hold besides."""
IN_ONE_SLICE = 64


def work(
    deployment: Deployment,
    system: str,
    open_system: Open,
    stopping: Callable[[], bool] = lambda: False,
) -> float | None:
    """Carry out what is due for a system, "hub" for the hub's own copy. Answers in how many
    seconds there is more to do, None where nothing waits."""
    opened, why = _opened(deployment, system, open_system)
    while not stopping():
        with read_only(deployment.database).connect() as connection:
            due = requests.due(connection, system, deployment.now(), IN_ONE_SLICE)
        if not due:
            break

        def one(task_id: int) -> None:
            if not stopping():
                worker.attempt(deployment, opened, task_id, why)

        if len(due) == 1:
            one(due[0])
            continue
        with ThreadPoolExecutor(max_workers=SIDE_BY_SIDE) as pool:
            list(pool.map(one, due))
    with read_only(deployment.database).connect() as connection:
        then = requests.next_due(connection, system)
    if then is None:
        return None
    return max(0.0, (then - deployment.now()).total_seconds())


def _opened(deployment: Deployment, system: str, open_system: Open) -> tuple[Opened | None, str]:
    """The system with its connector, or the code of why it cannot be used."""
    if system == HUB:
        return None, ""
    configured = deployment.landscape.systems.get(system)
    if configured is None:
        return None, "system-missing"
    if not configured.enabled:
        return None, "system-disabled"
    try:
        return open_system(system), ""
    except Misconfigured:
        return None, "misconfigured"
