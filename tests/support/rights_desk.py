"""A handler at their desk: requests opened, identified, approved and carried out over a world."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from hub.domain.rights import Right, Way
from hub.rights import decide, identity, intake, manual, slices, watch, worker
from hub.rights.casefile import Receipt
from hub.rights.identity import How
from hub.rights.targets import HUB
from hub.store import requests
from hub.vault.database import read_only
from support.world import World


class Desk:
    """What a handler does. `who` approves; a second approver is `second`."""

    def __init__(self, world: World, who: str = "cli:handler", second: str = "cli:second") -> None:
        self.world = world
        self.who = who
        self.second = second

    @property
    def deployment(self) -> Any:
        return self.world.deployment

    def opened(self, name: str) -> Any:
        return self.deployment.systems[name]

    def open(
        self,
        right: Right,
        email: str,
        *controllers: str,
        corrections: Mapping[str, str] | None = None,
        **more: Any,
    ) -> int:
        asked = intake.Asked(
            right,
            controllers or ("crowst",),
            email,
            self.deployment.now(),
            corrections=corrections or {},
            **more,
        )
        return intake.open_request(self.deployment, asked, self.who).number

    def identify(self, number: int) -> None:
        identity.by_handler(
            self.deployment, number, How.KNOWN_TO_HANDLER, "called back on a known number", self.who
        )

    def approve(self, number: int) -> None:
        """Approved by as many as it takes."""
        for actor in (self.who, self.second):
            started, _ = decide.approve(self.deployment, number, self.row(number).plan_hash, actor)
            if started:
                return

    def work(self, rounds: int = 40) -> None:
        """Carry out what is due until nothing is, letting time pass for what waits a little."""
        for _ in range(rounds):
            waits = [
                wait
                for system in [*self.deployment.landscape.systems, HUB]
                if (wait := slices.work(self.deployment, system, self.opened)) is not None
            ]
            soon = [wait for wait in waits if wait <= 60]
            if not soon:
                return
            self.world.clock.advance(max(min(soon), 0.1))

    def attempts(self, systems: Iterable[str]) -> None:
        """One attempt at every task that is due, system by system, as a worker does."""
        for system in systems:
            opened, why = slices._opened(self.deployment, system, self.opened)
            with read_only(self.deployment.database).connect() as connection:
                due = requests.due(connection, system, self.deployment.now(), 100)
            for task_id in due:
                worker.attempt(self.deployment, opened, task_id, why)

    def run(self, right: Right, email: str, *controllers: str, **more: Any) -> int:
        """A whole request up to its notice."""
        number = self.open(right, email, *controllers, **more)
        if self.row(number).state == "identity_pending":
            self.identify(number)
        if self.row(number).state == "planned":
            self.approve(number)
        self.work()
        return number

    def confirm(self, number: int) -> None:
        """A named person says of every manual task that it is done."""
        for task in self.tasks(number).values():
            if task.state == "awaiting_external":
                with self.deployment.database.begin() as connection:
                    manual.confirm(
                        connection, self.deployment, task.id, "Maija Mallikas", "Done by hand."
                    )

    def close(self, number: int) -> None:
        decide.notified(self.deployment, number, Way.EMAIL, "It is done.", self.who)

    def watch(self, days: float) -> None:
        """Let days pass, and look at what has a date."""
        self.world.clock.advance(timedelta(days=days).total_seconds())
        watch.round_(self.deployment, self.opened)
        self.work()

    def row(self, number: int) -> Any:
        with read_only(self.deployment.database).connect() as connection:
            return requests.get(connection, number)

    def tasks(self, number: int) -> dict[tuple[str, str], Any]:
        with read_only(self.deployment.database).connect() as connection:
            return {(one.system, one.part): one for one in requests.tasks_of(connection, number)}

    def states(self, number: int) -> dict[str, str]:
        """System (and part, where it is not the records) -> state and reason of its task."""
        return {
            system if part == "records" else f"{system} {part}": (
                f"{task.state}: {task.reason}" if task.reason else task.state
            )
            for (system, part), task in self.tasks(number).items()
        }

    def receipt(self, number: int, system: str) -> Receipt:
        row, task = self.row(number), self.tasks(number)[system, "records"]
        key = self.deployment.vault.open_keys([row.key_id])[row.key_id]
        return Receipt.open(key, task.id, task.receipt)
