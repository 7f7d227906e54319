"""Opens the hub over the benchmark's vendors as the daemon does: real HTTP, durable commits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hub.collector import calm
from hub.opening import Hub, open_hub
from hub.settings import load
from hub.vault import MasterKeys

CONFIG: Final = Path(__file__).with_name("world.yaml")
SYNCHRONOUS: Final = "FULL"
"""A commit survives a power cut: the hub's setting, and the floor's too."""


@contextmanager
def opened(folder: Path, vendor_url: str) -> Iterator[Hub]:
    """A hub in `folder`; the same folder again is the same hub after a restart."""
    master = folder / "master.key"
    if not master.exists():
        MasterKeys.generate().write_file(master)
    environ = {
        "HUB_HOME": str(folder),
        "HUB_MASTER_KEY": master.read_text().strip(),
        "VENDOR_URL": vendor_url,
    }
    with open_hub(load(CONFIG, environ), upgrade=True) as hub:
        with hub.deployment.database.connect() as connection:
            level = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
        assert level == ("OFF", "NORMAL", "FULL", "EXTRA").index(SYNCHRONOUS), "not comparable"
        troubles = hub.open_systems()
        assert not troubles, [str(trouble) for trouble in troubles.values()]
        calm()
        yield hub
