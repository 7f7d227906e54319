"""Taking a task: whether it may be worked on now, and all that an attempt needs."""

from __future__ import annotations

from hub.delivery.deployment import Deployment
from hub.rights import assess, coordinator, targets
from hub.rights.casefile import CaseFile, Receipt
from hub.rights.lease import LEASE
from hub.rights.work import Work
from hub.store import requests
from hub.store.together import commit
from hub.vault.database import Connection, read_only


class _OutgrownError(Exception):
    """The claimed task's plan names too few: nothing is claimed, the plan grows first."""

    def __init__(self, request: int) -> None:
        super().__init__()
        self.request = request


def claim(deployment: Deployment, task_id: int) -> Work | None:
    """Take a task's attempt, with all it needs; None where there is nothing to do any more, or the
    plan has to grow first. Raises Stale where another task of the request is at that."""

    def take(connection: Connection) -> Work | None:
        now = deployment.now()
        task = requests.claim(connection, task_id, now, now + LEASE)
        if task is None:
            return None
        request = requests.get(connection, task.request_id)
        assert request is not None  # a task's request is there as long as it
        if not coordinator.may_work(request):
            # one that is held back meanwhile is due again when the request is released
            requests.step(connection, task, waiting=bool(request.on_hold), held_until=None)
            return None
        if coordinator.outgrown(request):
            raise _OutgrownError(request.id)
        key = deployment.vault.open_keys([request.key_id])[request.key_id]
        return Work(
            deployment,
            task,
            request,
            key,
            CaseFile.open(key, request.id, request.casefile),
            Receipt.open(key, task.id, task.receipt),
        )

    try:
        work = commit(deployment.database, take)
    except _OutgrownError as found:
        # in a transaction of its own, for this one holds the task: the request is always first
        number = found.request
        commit(deployment.database, lambda connection: assess.grow(connection, deployment, number))
        return None
    if work is not None:
        with read_only(deployment.database).connect() as connection:
            work.persons = targets.loaded(connection, deployment, requests.persons_of(work.request))
    return work
