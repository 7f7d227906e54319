"""Opens the hub over the benchmark's vendors as the daemon does: real HTTP, durable commits."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_bytes
from typing import Final

from hub.collector import calm
from hub.opening import Hub, open_hub
from hub.settings import load

CONFIG: Final = Path(__file__).with_name("world.yaml")
SYNCHRONOUS: Final = "FULL"
"""A commit survives a power cut: the hub's setting, and the floor's too."""


@contextmanager
def opened(folder: Path, vendor_url: str, config: Path = CONFIG) -> Iterator[Hub]:
    """A new hub in `folder`, with a key of its own."""
    environ = {
        "HUB_HOME": str(folder),
        "HUB_MASTER_KEY": b64encode(token_bytes(32)).decode(),
        "VENDOR_URL": vendor_url,
    }
    with open_hub(load(config, environ), upgrade=True) as hub:
        with hub.deployment.database.connect() as connection:
            level = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
        assert level == ("OFF", "NORMAL", "FULL", "EXTRA").index(SYNCHRONOUS), "not comparable"
        troubles = hub.open_systems()
        assert not troubles, [str(trouble) for trouble in troubles.values()]
        calm()
        yield hub
