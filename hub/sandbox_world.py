"""The sandbox world: the vendors' stand-ins in a process of their own, with people in them.

    with sandboxes(people=2000, seed=1) as world:
        settings = load(sandbox_config(), world.environ(os.environ))

The stand-ins live as long as that process, and it lives as long as the one that started it: it
ends when its standard input closes, so nothing is left behind, whatever becomes of the parent.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hub.settings import load
from hub.testing.world import SYSTEMS
from hub.vault import MasterKeys

FOLDER = Path("var") / "sandbox"
"""Where a running sandbox world keeps its data, below its home."""
STATE = "sandbox.json"
MASTER = "master.key"
_ITS_FILES = (
    "hub.db",
    "keys.db",
    "engine.db",
    MASTER,
    STATE,
    "web-certificate.pem",
    "web-key.pem",
)
_READS = ("/search", "/read", "/oauth/token")
"""How routes end that are called by POST and change nothing that anybody holds."""
_NOTHING = '{"inputs":[]}'
"""An empty batch: a connector asks that way whether it has a right."""


class SandboxFailed(Exception):
    """The sandbox world could not be started, or is not there; the text says the mend."""


@dataclass(frozen=True, slots=True)
class SandboxWorld:
    """Where the stand-ins are, and whose data they hold."""

    urls: Mapping[str, str]  # by system
    home: str
    pid: int
    people: int
    seed: int
    examples: Sequence[str] = ()  # addresses of invented people that are worth a look

    @property
    def folder(self) -> Path:
        """Where the hub over them keeps its data."""
        return Path(self.home) / FOLDER

    def environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The environment that `config/sandbox.yaml` asks for."""
        master = self.folder / MASTER
        if not master.exists():
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            MasterKeys.generate().write_file(master)
        key = master.read_text(encoding="ascii").strip().rpartition(":")[2]
        return {
            **environ,
            **{_variable(name): url for name, url in self.urls.items()},
            "HUB_HOME": self.home,
            "HUB_MASTER_KEY": key,
        }

    def control(self, system: str, what: str, method: str = "GET", body: Any = None) -> Any:
        """Ask a stand-in's control surface. Raises SandboxFailed where it does not answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - loopback, our own address
            f"{self.urls[system]}/_control/{what}", data=data, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
                text = answer.read()
        except (urllib.error.URLError, OSError) as error:
            raise SandboxFailed(f"the sandbox of {system} does not answer ({error})") from None
        return json.loads(text) if text else None

    def calls(self) -> dict[str, tuple[int, int]]:
        """How many calls each stand-in received, and how many of them could change something."""
        return {name: _counted(self.control(name, "journal")) for name in self.urls}


def sandbox_config() -> Path:
    """`config/sandbox.yaml`, wherever the hub is installed. Raises SandboxFailed."""
    package = Path(__file__).resolve().parent
    for folder in (package.parent / "config", package / "config", Path.cwd() / "config"):
        if (folder / "sandbox.yaml").is_file():
            return folder / "sandbox.yaml"
    raise SandboxFailed("config/sandbox.yaml is nowhere to be found: reinstall the hub")


def default_home() -> Path:
    """The folder below which `var/sandbox` lies: HUB_HOME, or the checkout, or the present one."""
    if given := os.environ.get("HUB_HOME"):
        return Path(given).resolve()
    checkout = Path(__file__).resolve().parent.parent
    return checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()


def running(home: Path | None = None) -> SandboxWorld:
    """The world that `hub sandbox` runs elsewhere. Raises SandboxFailed where none does."""
    file = (home or default_home()) / FOLDER / STATE
    try:
        stored: Any = json.loads(file.read_text(encoding="utf-8"))
        world = SandboxWorld(
            stored["urls"],
            stored["home"],
            stored["pid"],
            stored["people"],
            stored["seed"],
            stored["examples"],
        )
    except (OSError, ValueError, TypeError, KeyError):
        raise SandboxFailed(
            "no sandbox world is running here: start one with `hub sandbox` in another terminal"
        ) from None
    if not _lives(world):
        raise SandboxFailed(
            "the sandbox world is no longer running: start it with `hub sandbox` in another "
            "terminal"
        )
    return world


def clear(home: Path) -> None:
    """Remove what an earlier world left. Raises SandboxFailed while it still runs."""
    folder = home / FOLDER
    try:
        alive = running(home)
    except SandboxFailed:
        alive = None
    if alive is not None:
        raise SandboxFailed(
            f"a sandbox world is running already (process {alive.pid}): stop it with Ctrl-C first"
        )
    for name in _ITS_FILES:
        for ending in ("", "-wal", "-shm"):
            (folder / f"{name}{ending}").unlink(missing_ok=True)


@contextmanager
def sandboxes(
    *, people: int = 2000, seed: int = 1, home: Path | None = None, port: int = 0
) -> Iterator[SandboxWorld]:
    """Start the stand-ins with that many people. `home` is where the hub over them keeps its data;
    `port` is the first of five consecutive ones, 0 takes free ones.

    Raises SandboxFailed.
    """
    home = home or default_home()
    plugins = {
        one.id: one.plugin
        for one in load(sandbox_config(), _placeholders()).landscape.systems.values()
        if one.by_hand is None  # nobody stands in for a folder of paper
    }
    order = json.dumps({"people": people, "seed": seed, "plugins": plugins, "port": port})
    process = subprocess.Popen(  # noqa: S603 - this very interpreter and module
        [sys.executable, "-m", "hub.sandbox_child", order],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is the parent's to hear
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        answer: Any = json.loads(line) if line else {"error": "the sandboxes did not start"}
        if "error" in answer:
            raise SandboxFailed(answer["error"])
        yield SandboxWorld(answer["urls"], str(home), process.pid, people, seed, answer["examples"])
    finally:
        process.stdin.close()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def remember(world: SandboxWorld) -> None:
    """Let commands with `--sandbox` find the world."""
    world.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (world.folder / STATE).write_text(json.dumps(asdict(world), indent=2) + "\n", encoding="utf-8")


def forget(world: SandboxWorld) -> None:
    """The world ends."""
    (world.folder / STATE).unlink(missing_ok=True)


def _variable(system: str) -> str:
    return f"SANDBOX_{system.upper().replace('-', '_')}_URL"


def _placeholders() -> dict[str, str]:
    return {_variable(name): "http://127.0.0.1" for name in SYSTEMS}


def _counted(journal: list[Mapping[str, Any]]) -> tuple[int, int]:
    changing = sum(
        entry["method"] != "GET"
        and not entry["route"].endswith(_READS)
        and entry["body"] != _NOTHING
        for entry in journal
    )
    return len(journal), changing


def _lives(world: SandboxWorld) -> bool:
    """Whether the stand-ins answer: a process id may be another's by now."""
    try:
        for name in world.urls:
            world.control(name, "faults")
    except SandboxFailed:
        return False
    return True
