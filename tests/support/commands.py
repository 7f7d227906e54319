"""Running `hub …` in tests: in this process, over sandboxes that are served."""

from __future__ import annotations

import base64
import functools
import json
import logging
import os
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner

from hub import log
from hub.cli import base, rights_base
from hub.cli.app import app
from hub.sandbox_world import SandboxWorld, sandbox_config
from hub.testing.clock import ManualClock
from support import world as small


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Commands:
    """`hub` with a configuration."""

    config: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    login: str = ""  # of whoever sits at the terminal, "" for whoever runs the tests

    def __call__(self, *words: str, typed: str | None = None) -> Ended:
        with _logging_kept(), pytest.MonkeyPatch.context() as patch:
            if self.login:
                patch.setattr(rights_base, "account", lambda _: self.login)
            result = CliRunner().invoke(
                app,
                list(words),
                input=typed,
                env={**self.environ, "HUB_CONFIG": str(self.config), "COLUMNS": "100"},
            )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ended(result.exit_code, result.stdout, result.stderr)

    def ok(self, *words: str) -> Ended:
        """The same, for a command that must succeed."""
        ended = self(*words)
        assert ended.code == 0, ended
        return ended


@contextmanager
def _logging_kept() -> Iterator[None]:
    """A command sets the process's logging up for itself; the tests after it have their own."""
    names = ("", *log.QUIET)
    before = {
        name: (one.level, one.handlers[:], one.propagate)
        for name in names
        for one in [logging.getLogger(name)]
    }
    try:
        yield
    finally:
        logging.captureWarnings(False)
        structlog.reset_defaults()
        for name, (level, handlers, propagate) in before.items():
            one = logging.getLogger(name)
            one.setLevel(level)
            one.handlers[:] = handlers
            one.propagate = propagate


def over(world: SandboxWorld, config: Path | None = None) -> Commands:
    """The commands over a sandbox world."""
    environ = world.environ({})
    return Commands(config or sandbox_config(), environ)


def inside(folder: Path, clock: ManualClock, patch: pytest.MonkeyPatch) -> Commands:
    """The commands over a small world in that folder (`migrated`), at the world's own time; those
    that call no system."""
    environ = small.environment(folder)
    environ["HUB_MASTER_KEY"] = (folder / "master.key").read_text(encoding="utf-8")
    patch.setattr(base, "open_hub", functools.partial(base.open_hub, clock=clock.now))
    return Commands(small.CONFIG, environ)


def varied(folder: Path, *changes: tuple[str, str]) -> Path:
    """The sandbox configuration with some of its text replaced."""
    text = sandbox_config().read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "varied.yaml"
    config.write_text(text, encoding="utf-8")
    return config


def mailchimp(world: SandboxWorld, system: str, method: str, path: str, body: Any = None) -> Any:
    """A call of Mailchimp's API, as somebody at that account would make it."""
    key = base64.b64encode(f"any:sandbox-{system}-us1".encode()).decode()
    return _call(f"{world.urls[system]}/3.0{path}", method, body, f"Basic {key}")


def hubspot(world: SandboxWorld, system: str, method: str, path: str, body: Any = None) -> Any:
    """A call of HubSpot's API, as somebody at that account would make it."""
    return _call(f"{world.urls[system]}{path}", method, body, f"Bearer sandbox-{system}")


def _call(url: str, method: str, body: Any, authorization: str) -> Any:
    request = urllib.request.Request(
        url,
        data=None if body is None else json.dumps(body).encode(),
        method=method,
        headers={"Authorization": authorization, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def members(world: SandboxWorld, system: str, audience: str, status: str) -> list[dict[str, Any]]:
    """The members of an audience who have that status."""
    state = world.control(system, "state")
    listed = state["lists"][audience]["members"]
    return [one for one in listed if one["status"] == status]


def contact(world: SandboxWorld, system: str, email: str) -> dict[str, Any] | None:
    """The live contact with that address."""
    for one in world.control(system, "state")["contacts"].values():
        if not one["archived"] and one["properties"].get("email") == email:
            return dict(one)
    return None


def subscription(world: SandboxWorld, system: str, email: str, topic: str) -> str | None:
    """What a CRM holds of a wish."""
    held = world.control(system, "state")["statuses"].get(email, {}).get(topic)
    return held["status"] if held else None


def environment(world: SandboxWorld) -> dict[str, str]:
    """The environment of a process over the world."""
    return {**world.environ(os.environ), "COLUMNS": "100"}
