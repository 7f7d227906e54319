"""A small world for the tests of sync."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.accounts import open_accounts
from support.world import World, small_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The four systems, empty."""
    with small_world(tmp_path) as made:
        open_accounts(made)
        yield made
