"""Opens the hub over the benchmark's vendors, as the daemon would: real HTTP, durable commits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from hub.connect.host import Host
from hub.delivery.deployment import Deployment, Opened
from hub.settings import load
from hub.store import tables
from hub.store.identity import Identities
from hub.vault import MasterKeys, Vault
from hub.vault.database import Synchronous, open_database

CONFIG = Path(__file__).with_name("world.yaml")
SYNCHRONOUS: Synchronous = "FULL"
"""A commit survives a power cut: the hub's setting, and the floor's too."""


@contextmanager
def opened(folder: Path, vendor_url: str) -> Iterator[Deployment]:
    """A hub in `folder`; the same folder again is the same hub after a restart."""
    settings = load(CONFIG, {"HUB_HOME": str(folder), "VENDOR_URL": vendor_url})
    master = folder / "master.key"
    if not master.exists():
        MasterKeys.generate().write_file(master)

    def now() -> datetime:
        return datetime.now(UTC)

    vault = Vault(settings.keys, MasterKeys.from_file(master), now)
    database = open_database(settings.database, synchronous=SYNCHRONOUS)
    tables.metadata.create_all(database)
    with Host.load() as host:
        systems = {
            system.id: Opened(
                system,
                host.types[system.plugin],
                host.open(
                    system,
                    host.settings(
                        system.plugin, dict(settings.plugin_settings[system.id]), system.id
                    ),
                    rates=settings.rates.get(system.id, {}),
                ),
            )
            for system in settings.landscape.systems.values()
        }
        try:
            yield Deployment(
                settings.landscape, database, vault, Identities(vault.index()), systems, now
            )
        finally:
            vault.close()
            database.dispose()
