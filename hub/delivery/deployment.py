"""Everything that is open while the hub runs: the landscape, the stores, the connectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from hub.api import Connector, ConnectorType
from hub.domain.landscape import Landscape, Stream, System
from hub.store.identity import Identities
from hub.vault import Vault
from hub.vault.database import Engine


@dataclass(frozen=True, eq=False)
class Opened:
    """A system with its connector; equal to itself alone."""

    system: System
    type: ConnectorType
    connector: Connector


@dataclass(frozen=True)
class Deployment:
    """What sync and delivery work with. Immutable; shared by threads."""

    landscape: Landscape
    database: Engine
    vault: Vault
    identities: Identities
    systems: Mapping[str, Opened]  # those that could be opened
    now: Callable[[], datetime]

    def places(self, controller: str) -> list[tuple[System, Stream, str]]:
        """Every place (system, stream, scope) of a controller that the hub may write to."""
        return [
            (system, stream, scope)
            for system in self.landscape.systems_of_controller.get(controller, ())
            for stream in system.streams
            if stream.direction.writes
            for scope in stream.scopes
        ]
