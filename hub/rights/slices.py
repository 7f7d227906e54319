"""The due tasks of one system, some at a time side by side: what the daemon calls."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from hub.api import Misconfigured
from hub.delivery.deployment import Deployment, Opened
from hub.rights import worker
from hub.rights.dryrun import Open
from hub.rights.targets import HUB
from hub.store import requests
from hub.vault.database import read_only

SIDE_BY_SIDE = 16
"""Attempts at one system at once; the connector's own limits hold besides."""
AHEAD = 64
"""Due tasks looked up at once."""
LOOK = 0.5
"""Seconds after which it is looked for new tasks while others are still under way."""


def work(
    deployment: Deployment,
    system: str,
    open_system: Open,
    stopping: Callable[[], bool] = lambda: False,
) -> float | None:
    """Carry out what is due for a system, "hub" for the hub's own copy. Answers in how many
    seconds there is more to do, None where nothing waits.

    A task that takes long, or fails for a reason of our own, holds up nobody: its neighbours go
    on, and what becomes due meanwhile is taken up. Raises what the stores raised, at the end.
    """
    opened, why = _opened(deployment, system, open_system)
    due = deque(_due(deployment, system, 2))
    if len(due) == 1 and not stopping():  # the usual case needs no threads
        worker.attempt(deployment, opened, due.popleft(), why)
        due.extend(_due(deployment, system, 2))
    failed: dict[int, BaseException] = {}
    if due:
        with ThreadPoolExecutor(SIDE_BY_SIDE, f"rights-{system}") as pool:
            running: dict[Future[None], int] = {}
            while True:
                if len(due) <= SIDE_BY_SIDE - len(running) or not running:
                    busy = {*running.values(), *failed}
                    found = _due(deployment, system, AHEAD + len(busy))
                    due = deque(one for one in found if one not in busy)
                while due and len(running) < SIDE_BY_SIDE and not stopping():
                    task_id = due.popleft()
                    made = pool.submit(worker.attempt, deployment, opened, task_id, why)
                    running[made] = task_id
                if not running:
                    break
                ended, _ = wait(running, timeout=LOOK, return_when=FIRST_COMPLETED)
                for one in ended:
                    task_id = running.pop(one)
                    error = one.exception()
                    if error is not None:
                        failed[task_id] = error
    for error in failed.values():
        raise error
    with read_only(deployment.database).connect() as connection:
        then = requests.next_due(connection, system)
    if then is None:
        return None
    return max(0.0, (then - deployment.now()).total_seconds())


def _due(deployment: Deployment, system: str, limit: int) -> list[int]:
    with read_only(deployment.database).connect() as connection:
        return requests.due(connection, system, deployment.now(), limit)


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
