"""A whole hub in one process: the sandbox world's five systems, without a network or a clock.

with small_world(tmp_path) as world:
    world.sandbox("crowst-crm").seed(…)
    world.sync()
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from hub.connect.host import Host
from hub.delivery.deployment import Deployment, Opened
from hub.settings import Settings, load
from hub.store import tables
from hub.store.identity import Identities
from hub.store.schema import migrate
from hub.sync.run import Report, run_system, until_quiet
from hub.testing.clock import ManualClock
from hub.testing.inprocess import InProcess
from hub.testing.sandbox import Sandbox
from hub.vault import MasterKeys, Vault
from hub.vault.database import open_database

VARIABLES = ("CROWST_CRM", "BANGERI_CRM", "CROWST_MAILER", "BANGERI_MAILER", "JOINT_WEBINAR")
"""Of the systems' addresses in the environment: SANDBOX_…_URL."""
CONFIG = Path(__file__).parents[2] / "config" / "sandbox.yaml"


@dataclass
class World:
    """Sandboxes, and the hub over them."""

    settings: Settings
    clock: ManualClock
    host: Host
    sandboxes: dict[str, Sandbox]
    deployment: Deployment
    close: Callable[[], None]
    reports: list[Report] = field(default_factory=list)

    def sandbox(self, system: str) -> Any:
        return self.sandboxes[system]

    def run(self, system: str, **options: Any) -> Report:
        """One run of one system."""
        report = run_system(self.deployment, self.deployment.systems[system], "test", **options)
        self.reports.append(report)
        return report

    def sync(self, **options: Any) -> bool:
        """Run all until quiet; answers whether it came to that."""
        quiet, reports = until_quiet(self.deployment, "test", **options)
        self.reports.extend(reports)
        return quiet

    def writes(self) -> dict[str, int]:
        """Calls each vendor received that could change something."""
        return {name: sum(map(is_write, box.journal)) for name, box in self.sandboxes.items()}


READS = ("search", "/read", "/oauth/token")


def is_write(entry: Mapping[str, Any]) -> bool:
    """Whether a journalled request could change something at the vendor."""
    return entry["method"] != "GET" and not entry["route"].endswith(READS)


def sandbox_class(host: Host, plugin: str) -> type[Sandbox]:
    """The sandbox that a connector type names."""
    module, name = (host.types[plugin].sandbox or "").split(":")
    found: type[Sandbox] = getattr(importlib.import_module(module), name)
    return found


def environment(folder: Path) -> dict[str, str]:
    """What the configuration of a small world in that folder takes from the environment."""
    names = {
        f"SANDBOX_{name}_URL": "http://127.0.0.1"  # the transport knows which one is meant
        for name in VARIABLES
    }
    return {"HUB_HOME": str(folder), **names}


@contextmanager
def small_world(
    folder: Path,
    *,
    config: Path = CONFIG,
    start: datetime = datetime(2026, 11, 2, 10, tzinfo=UTC),
    transports: Callable[[str, httpx.BaseTransport], httpx.BaseTransport] | None = None,
    environ: Mapping[str, str] | None = None,
    sandboxes: dict[str, Sandbox] | None = None,
    clock: ManualClock | None = None,
    migrated: bool = False,
) -> Iterator[World]:
    """Open a world in `folder`; the same folder again is the same hub after a restart.

    `migrated`: its database is made by the migrations, as commands want it; that takes longer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    clock = clock or ManualClock(start)
    settings = load(config, {**environment(folder), **(environ or {})})
    host = Host.load(clock=clock)
    if sandboxes is None:
        sandboxes = {
            system.id: sandbox_class(host, system.plugin)(now=clock.now)
            for system in settings.landscape.systems.values()
            if system.by_hand is None
        }
    master = folder / "master.key"
    if master.exists():
        keys = MasterKeys.from_file(master)
    else:
        keys = MasterKeys.generate()
        keys.write_file(master)
    vault = Vault(settings.keys, keys, clock.now)
    database = open_database(settings.database, synchronous="NORMAL")
    if migrated:
        migrate(database)
    tables.metadata.create_all(database)
    systems = {}
    for system in settings.landscape.systems.values():
        transport: httpx.BaseTransport | None = None
        if system.by_hand is None:
            transport = InProcess(sandboxes[system.id], clock)
        if transports and transport:
            transport = transports(system.id, transport)
        raw = dict(settings.plugin_settings[system.id])
        connector = host.open(
            system,
            host.settings(system.plugin, raw, system.id),
            transport=transport,
            now=clock.now,
            rates=settings.rates.get(system.id, {}),
        )
        systems[system.id] = Opened(system, host.types[system.plugin], connector)
    deployment = Deployment(
        settings.landscape, database, vault, Identities(vault.index()), systems, clock.now
    )

    def close() -> None:
        host.close()
        vault.close()
        database.dispose()

    try:
        yield World(settings, clock, host, sandboxes, deployment, close)
    finally:
        close()
