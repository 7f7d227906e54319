"""The process that serves the sandbox world; `hub.sandbox_world` starts it and tells it how."""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from hub.connect.host import Host
from hub.sandbox_world import SandboxFailed
from hub.testing.people import make_world, seeds
from hub.testing.sandbox import Sandbox
from hub.testing.serving import serve
from hub.testing.world import UNTIL, Mess, World


def _sandbox(host: Host, plugin: str) -> Sandbox:
    module, _, name = (host.type(plugin).sandbox or "").partition(":")
    if not name:
        raise SandboxFailed(f"the plugin {plugin} brings no sandbox")
    made: Sandbox = getattr(importlib.import_module(module), name)()
    return made


def serve_world(order: Mapping[str, Any]) -> None:
    """The child: make people, serve the stand-ins, and stay until standard input closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with ExitStack() as stack:
        try:
            host = stack.enter_context(Host.load())
            # never later than the present: a consent of tomorrow would not count
            world = make_world(order["people"], order["seed"], until=min(UNTIL, _today()))
            given = seeds(world)
            urls = {}
            for number, (system, plugin) in enumerate(order["plugins"].items()):
                sandbox = _sandbox(host, plugin)
                sandbox.seed(given[system])
                port = order["port"] + number if order["port"] else 0
                urls[system] = stack.enter_context(serve(sandbox, port))
        except Exception as error:
            print(json.dumps({"error": f"the sandboxes did not start: {error}"}), flush=True)
            return
        print(json.dumps({"urls": urls, "examples": _examples(world)}), flush=True)
        sys.stdin.read()
        # nothing in here is worth an orderly end, which would take the servers seconds
        os._exit(0)


def _examples(world: World) -> list[str]:
    """Addresses that are worth a look: of both companies and in the live project; who said yes
    here and no there; of one company only."""
    wanted = (
        {Mess.BOTH_COMPANIES, Mess.LIVE_MEMBER},
        {Mess.TORN_WISH},
        {Mess.ONE_COMPANY, Mess.LETTERS},
    )
    found: list[str] = []
    for traits in wanted:
        fitting = (one.email for one in world.people if one.mess >= traits and one.last_name)
        found.append(next(fitting, "EMAIL"))
    return found


def _today() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


if __name__ == "__main__":
    serve_world(json.loads(sys.argv[1]))
