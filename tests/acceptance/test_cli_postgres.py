"""Commands and daemon on PostgreSQL: the same code, other addresses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from support.commands import over, varied
from support.daemon_process import JSON_LOG, daemon

from hub.sandbox_world import SandboxWorld

Small = Callable[..., SandboxWorld]


def test_dry_run_sync_and_daemon_work_on_postgresql(
    small: Small, tmp_path: Path, pg_url: str
) -> None:
    world = small(people=20)
    config = varied(
        tmp_path,
        ("database: sqlite:///var/sandbox/hub.db", f"database: {pg_url}"),
        ("engine: sqlite:///var/sandbox/engine.db", f"engine: {pg_url}"),
        JSON_LOG,
    )
    hub = over(world, config)
    hub.ok("db", "upgrade")
    hub.ok("keys", "confirm-kept")
    told = hub.ok("sync", "--dry-run", "--json").json
    assert sum(one["creates"] for one in told.values()) > 0
    assert hub.ok("db", "status", "--json").json["holds"]["open questions"] == 0
    assert sum(n for _, n in world.calls().values()) == 0
    with daemon(config, hub.environ) as running:
        running.until(lambda line: line["event"] == "engine.started")
        for _ in range(3):
            hub.ok("sync")
        assert running.stop() == 0
    before = {name: n for name, (_, n) in world.calls().items()}
    assert sum(before.values()) > 0
    hub.ok("sync")
    again = hub.ok("sync", "--dry-run", "--full", "--json").json
    assert sum(one["creates"] + one["updates"] for one in again.values()) == 0
    assert {name: n for name, (_, n) in world.calls().items()} == before
    assert pg_url not in hub.ok("check").out
