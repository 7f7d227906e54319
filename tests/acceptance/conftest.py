"""Served sandbox worlds for the commands and the daemon."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.commands import Commands, over

from hub.sandbox_world import SandboxWorld, sandboxes


@pytest.fixture(scope="session")
def synced_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxWorld]:
    """A world that is in step. Tests only look at it."""
    home = tmp_path_factory.mktemp("synced")
    with sandboxes(people=150, seed=3, home=home) as world:
        hub = over(world)
        hub.ok("keys", "confirm-kept")
        hub.ok("sync")
        yield world


@pytest.fixture
def looking(synced_world: SandboxWorld) -> Commands:
    """`hub` over the world that is in step."""
    return over(synced_world)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Callable[..., SandboxWorld]]:
    """Makes fresh worlds of this test's own; nothing is synced yet."""
    with ExitStack() as stack:

        def make(people: int = 30, seed: int = 1) -> SandboxWorld:
            return stack.enter_context(sandboxes(people=people, seed=seed, home=tmp_path))

        yield make
