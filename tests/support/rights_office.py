"""A privacy handler in a process that runs no daemon, over sandboxes that are served.

What the office decides is committed to the application's database, and the daemons hear of it
there, as from the command line.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from hub.cli.base import ask_daemon
from hub.domain.rights import Right
from hub.opening import Hub, open_hub
from hub.rights import assess, decide
from hub.rights.casefile import CaseFile
from hub.sandbox_world import SandboxWorld
from hub.settings import load
from hub.store import requests
from support.commands import over, varied
from support.daemon_process import JSON_LOG
from support.rights_desk import Desk

CRM, MAILER, AUDIENCE = "crowst-crm", "crowst-mailer", "crowst-uutiset"
TOPIC = "1001"
RARELY = ("schedule: {every: 30s}", "schedule: {every: 1h}")
"""The daemon reads everything once, when it starts; then nothing but requests keeps it busy."""
_RATE = "    rate: {search: 30/1s} # HubSpot allows 5; its stand-in does not mind\n"
BRISKLY = (_RATE, "    rate: {default: 2000/1s, search: 2000/1s}\n")
"""HubSpot allows five searches a second, which would be most of the time of a hundred requests."""
_ZOOM = '      base_url: "${SANDBOX_JOINT_WEBINAR_URL}"\n'
IN_BUSINESS = (_ZOOM, f"{_ZOOM}    rate: {{light: 80/1s, medium: 60/1s, heavy: 40/1s}}\n")
"""What Zoom allows on its Business plan, which the stand-in has; the default is the Pro plan's."""
PROVED = frozenset({"verified", "not_held"})


class Office(Desk):
    """What a handler does, by the functions that the web and the command line call too."""

    def __init__(self, world: SandboxWorld, config: Path, hub: Hub) -> None:
        self.sandboxes = world
        self.config = config
        self.hub = hub
        self.who = "cli:handler"
        self.second = "cli:second"

    @property
    def deployment(self) -> Any:
        return self.hub.deployment

    def erase(self, email: str, *controllers: str) -> int:
        """A request for erasure, approved; the daemons are told."""
        number = self.open(Right.ERASURE, email, *controllers)
        self.identify(number)
        for actor in (self.who, self.second):
            started, systems = decide.approve(
                self.deployment, number, self.row(number).plan_hash, actor
            )
            if started:
                self.ask(systems)
                return number
        raise AssertionError(f"request {number} was not started")

    def retry(self, number: int) -> None:
        self.ask(decide.retry(self.deployment, number, self.who))

    def ask(self, systems: Iterable[str]) -> None:
        for system in systems:
            ask_daemon(self.hub, "rights", system)

    def case(self, number: int) -> CaseFile:
        """The case file, opened."""
        return assess.casefile(self.deployment, self.row(number))

    def state(self, number: int, system: str) -> str:
        return str(self.tasks(number)[system, "records"].state)

    def pause(self, number: int, system: str) -> float:
        """Seconds until a task's next try, as they were when it was put off."""
        return float(
            (self.tasks(number)[system, "records"].due_at - self.deployment.now()).total_seconds()
        )

    def hurry(self, number: int, system: str) -> None:
        """As if the pause before a task's next try were over."""
        task = self.tasks(number)[system, "records"]
        with self.deployment.database.begin() as connection:
            requests.step(connection, task, due_at=self.deployment.now())
        self.ask([system])

    def proved(self, number: int) -> bool:
        """Whether every automatic task has its proof, the hub's own copy included."""
        tasks = [one for (_, part), one in self.tasks(number).items() if part == "records"]
        return all(one.state in PROVED for one in tasks)

    def finish(self, number: int) -> None:
        """What is left for people: they confirm, tell the person, close."""
        self.confirm(number)
        assert self.row(number).state == "notifying", self.states(number)
        self.close(number)
        assert self.row(number).state == "closed"


@contextmanager
def office(world: SandboxWorld, config: Path) -> Iterator[Office]:
    """The office, with the hub's stores made where there are none."""
    over(world, config).ok("keys", "confirm-kept")
    with open_hub(load(config, world.environ({})), upgrade=True) as hub:
        yield Office(world, config, hub)


def rights_config(folder: Path, url: str | None, *changes: tuple[str, str]) -> Path:
    """The sandbox configuration for these tests; on PostgreSQL where an address is given."""
    on = (
        (
            ("database: sqlite:///var/sandbox/hub.db", f"database: {url}"),
            ("engine: sqlite:///var/sandbox/engine.db", f"engine: {url}"),
        )
        if url
        else ()
    )
    return varied(folder, JSON_LOG, RARELY, BRISKLY, IN_BUSINESS, *on, *changes)


def until(holds: Callable[[], bool], seconds: float, told: Callable[[], object] = str) -> float:
    """Look again and again until it holds; answers how long that took."""
    began = time.monotonic()
    pause = threading.Event()
    while not holds():
        if time.monotonic() - began > seconds:
            raise AssertionError(f"not within {seconds} s: {told()}")
        pause.wait(0.05)
    return time.monotonic() - began


# people


def address(n: int) -> str:
    """The address of the nth of `newcomers`."""
    return f"tilaaja.{n}@kunta{n}.example"


def newcomers(world: SandboxWorld, count: int) -> list[str]:
    """Let people subscribe by Crowst's form in the CRM; nothing is synced yet."""
    contacts = [
        {
            "properties": {
                "email": address(n),
                "firstname": "Tilaaja",
                "lastname": f"Numero{n}",
                "phone": f"+35840{5000000 + n}",
            },
            "statuses": {
                TOPIC: {
                    "status": "SUBSCRIBED",
                    "source": "FORM",
                    "legalBasis": "CONSENT_WITH_NOTICE",
                    "timestamp": "2026-10-01T09:00:00+00:00",
                }
            },
        }
        for n in range(count)
    ]
    world.control(CRM, "seed", "POST", {"contacts": contacts})
    return [address(n) for n in range(count)]


def in_step(office: Office, count: int) -> list[str]:
    """Newcomers who are members of the newsletter too, by the hub's own doing."""
    people = newcomers(office.sandboxes, count)
    commands = over(office.sandboxes, office.config)
    for _ in range(3):
        commands.ok("sync")
    held = {one["email_address"] for one in _members(office.sandboxes)}
    assert held.issuperset(people)
    return people


def still_held(world: SandboxWorld, people: Iterable[str]) -> list[str]:
    """Who of them some tool of Crowst's still has."""
    contacts = world.control(CRM, "state")["contacts"].values()
    held = {one["properties"].get("email") for one in contacts}
    held |= {one["email_address"] for one in _members(world)}
    return [one for one in people if one in held]


def erased(world: SandboxWorld) -> Counter[str]:
    """How often each record was erased, by what the tools received: contact id or member hash."""
    counted: Counter[str] = Counter()
    for entry in world.control(CRM, "journal"):
        if entry["route"].endswith("/gdpr-delete"):
            counted[f"{CRM} {orjson.loads(entry['body'])['objectId']}"] += 1
    for entry in world.control(MAILER, "journal"):
        if entry["route"].endswith("/actions/delete-permanent"):
            counted[f"{MAILER} {entry['path']['list']} {entry['path']['member']}"] += 1
    return counted


def _members(world: SandboxWorld) -> list[dict[str, Any]]:
    return list(world.control(MAILER, "state")["lists"][AUDIENCE]["members"])
