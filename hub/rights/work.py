"""A claimed attempt at a task, with all it needs and the ways to record what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.api import Ref
from hub.delivery.deployment import Deployment
from hub.domain.audit import Event
from hub.domain.rights import TaskState
from hub.rights import coordinator
from hub.rights.casefile import CaseFile, Receipt
from hub.store import audit, requests
from hub.store.subjects import Subject
from hub.store.together import commit
from hub.vault import KeyHandle
from hub.vault.database import Connection, Row


@dataclass(slots=True)
class Work:
    """A claimed attempt with all it needs."""

    deployment: Deployment
    task: Row[Any]
    request: Row[Any]
    key: KeyHandle
    case: CaseFile
    receipt: Receipt
    persons: dict[int, Subject] = field(default_factory=dict)
    found: Sequence[Ref] = ()
    """Located, the person's, and not committed yet: blocked from the next step on."""

    @property
    def mine(self) -> list[Subject]:
        """The persons whose records this task is about."""
        whose = self.task.controllers.split()
        return [one for one in self.persons.values() if one.controller in whose]

    @property
    def links(self) -> dict[tuple[str, str, str], tuple[int, int]]:
        """(link, person) by stream, scope and id, in the task's system."""
        return {
            (link.stream, link.scope, link.external_id): (link.id, one.id)
            for one in self.mine
            for link in one.links
            if link.system == self.task.system
        }

    def step(self, connection: Connection, **values: Any) -> None:
        """Record a step with the receipt as it is now, and what was located. One that says when the
        next attempt is due, or that none is, ends this one: the task is free. Raises Stale."""
        if not {"waiting", "due_at"}.isdisjoint(values):
            values["held_until"] = None
        requests.step(
            connection,
            self.task,
            receipt=self.receipt.seal(self.key, self.task.id),
            found=len(self.receipt.records),
            **values,
        )
        coordinator.mark(connection, self.deployment, self.request, self.task, self.found)
        self.found = ()

    def still(self, connection: Connection) -> None:
        """Make sure, before something leaves, that the request is still to be carried out: it may
        have been held, taken back or grown while this attempt looked. Raises Stale."""
        request = requests.get(connection, self.request.id, lock=True)  # always before its tasks
        if request is None or not coordinator.may_work(request):
            raise requests.Stale(f"request {self.request.id} was stopped")

    def save(self, **values: Any) -> None:
        """Commit a step. Raises Stale."""
        commit(self.deployment.database, lambda connection: self.step(connection, **values))

    def end(
        self,
        connection: Connection,
        state: TaskState,
        event: Event,
        before: Callable[[Connection], None] | None = None,
        **detail: str,
    ) -> None:
        """The task has its proof, and the request may move on. `before` is done first, with the
        request held. Raises Stale, also where the plan is another one than this attempt worked
        on: what it found is no proof of that."""
        now = self.deployment.now()
        request = requests.get(connection, self.request.id, lock=True)  # always before its tasks
        if request is None or request.plan_hash != self.request.plan_hash:
            raise requests.Stale(f"the plan of request {self.request.id} has grown")
        if before is not None:
            before(connection)
        self.step(connection, state=state.value, waiting=False, reason="", tries=0, ended_at=now)
        self.told(connection, event, **detail)
        coordinator.advance(connection, self.deployment, self.request.id, request)

    def told(self, connection: Connection, event: Event, **detail: str) -> None:
        audit.record(
            connection,
            self.deployment.now(),
            event,
            "hub",
            f"task {self.task.id}",
            {"request": str(self.request.id), "system": self.task.system, **detail},
        )
