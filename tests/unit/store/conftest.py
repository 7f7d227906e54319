"""A migrated application database, and persons with real keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from support.store_world import AT, Kit

from hub.store.identity import Identities
from hub.store.schema import migrate, open_store
from hub.vault import MasterKeys, Vault


@pytest.fixture
def store(database_url: str) -> Iterator[Engine]:
    """An empty application database, once of each kind."""
    engine = open_store(database_url)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    with Vault(f"sqlite:///{tmp_path}/keys.db", MasterKeys({1: bytes(range(32))}), lambda: AT) as v:
        yield v


@pytest.fixture
def kit(store: Engine, vault: Vault) -> Kit:
    """The database with makers of rows."""
    return Kit(store, vault, Identities(vault.index()))
