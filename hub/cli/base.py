"""What every command shares: options, opening, errors, exit codes."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import IntEnum
from pathlib import Path
from typing import Annotated, NamedTuple, NoReturn, ParamSpec, TypeVar

import typer

from hub import log
from hub.api import ConnectorError, Misconfigured
from hub.cli.show import problem
from hub.opening import Hub, open_hub
from hub.sandbox_world import SandboxFailed, running, sandbox_config
from hub.settings import ConfigError, Settings, load
from hub.store import overview
from hub.store.normalise import Malformed
from hub.store.progress import Fenced
from hub.store.tasks import Tasks
from hub.vault import VaultError
from hub.vault.database import (
    DatabaseUnusable,
    SQLAlchemyError,
    in_words,
    read_only,
    sqlite_path,
)

DEFAULT_CONFIG = Path("config") / "hub.yaml"

FRESH = timedelta(seconds=5)
"""How old the last heartbeat of a daemon that lives can be."""

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Code(IntEnum):
    """Exit codes; what they mean stands in `hub.cli`."""

    OK = 0
    FAILED = 1
    USAGE = 2
    DECIDE = 3
    UNSETTLED = 4
    INTERRUPTED = 130


class Stop(Exception):
    """Ends the command with a message, a mend and an exit code."""

    def __init__(self, message: str, mend: str = "", code: Code = Code.FAILED) -> None:
        super().__init__(message)
        self.mend = mend
        self.code = code


ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        envvar="HUB_CONFIG",
        metavar="PATH",
        help="Configuration file or folder.  [dim]\\[default: config/hub.yaml][/dim]",
    ),
]
SandboxOption = Annotated[
    bool, typer.Option("--sandbox", help="Use the world that `hub sandbox` is running.")
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print JSON on standard output, and nothing else there.")
]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", "-v", help="Show the log of what happens on the way.")
]


def command(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Turn what a user can cause into one message with its mend, and an exit code."""

    @functools.wraps(function)
    def told(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return function(*args, **kwargs)
        except Stop as stop:
            _end(str(stop), stop.mend, stop.code)
        except ConfigError as error:
            _end(str(error), "", Code.USAGE)
        except (VaultError, DatabaseUnusable, SandboxFailed) as error:
            _end(str(error), "", Code.USAGE)
        except SQLAlchemyError as error:
            _end(*in_words(error), Code.FAILED)
        except Malformed as error:
            _end(f"that is {error}", "", Code.USAGE)
        except Misconfigured as error:
            _end(str(error), error.mend, Code.USAGE)
        except ConnectorError as error:
            _end(str(error), "nothing is lost; try again", Code.FAILED)
        except Fenced as error:
            _end(f"{error} meanwhile", "try again in a moment", Code.FAILED)
        except KeyboardInterrupt:
            _end("interrupted", "", Code.INTERRUPTED)

    return told


def _end(message: str, mend: str, code: Code) -> NoReturn:
    problem(message, mend)
    raise typer.Exit(code)


def settings_of(
    config: Path | None, *, sandbox: bool = False, level: str | None = "warning"
) -> Settings:
    """The configuration that the options ask for, with logging set up by it.

    `level` overrides how much is logged; None takes the configuration's. Raises ConfigError,
    SandboxFailed, Stop.
    """
    if sandbox:
        world = running()
        settings = load(sandbox_config(), world.environ(os.environ))
    else:
        path = config or DEFAULT_CONFIG
        if not path.exists():
            mend = (
                "copy config/hub.example.yaml there and fill it in, or name another with --config"
                if config is None
                else "check the path given by --config or HUB_CONFIG"
            )
            raise Stop(f"there is no configuration at {path}", mend, Code.USAGE)
        settings = load(path, os.environ)
    log.setup(pretty=settings.log.format == "pretty", level=level or settings.log.level)
    return settings


@contextmanager
def opened(
    config: Path | None, *, sandbox: bool = False, verbose: bool = False, first: bool = False
) -> Iterator[Hub]:
    """The stores, opened by the options, without any system yet.

    `first` lets the command make the database; the others say that there is none, so that a
    mistaken path is not answered by an empty hub.
    """
    settings = settings_of(config, sandbox=sandbox, level=None if verbose else "warning")
    path = sqlite_path(settings.database)
    fresh = path is not None and not path.exists()
    if fresh and not first:
        raise Stop(
            f"there is no database at {path} yet",
            "begin with `hub sync --dry-run` or `hub run`; or check `home` and `database` at "
            f"{settings.where('hub', 'database')}",
            Code.FAILED,
        )
    with open_hub(settings, upgrade=fresh) as hub:
        yield hub


class Asked(NamedTuple):
    """A task that was opened for the daemon."""

    kind: str
    key: str
    n: int
    due_at: datetime


def ask_daemon(hub: Hub, kind: str, key: str) -> Asked:
    """Have the daemon look at a task soon; where none runs, the next one does."""
    ledger: Tasks[Asked, tuple[int, int]] = Tasks(
        hub.deployment.database, Asked, lambda epoch, failures: (epoch, failures)
    )
    return ledger.open(kind, key, hub.deployment.now(), force=True)


def daemon_lives(hub: Hub) -> bool:
    """Whether a daemon has beaten a moment ago."""
    with read_only(hub.deployment.database).connect() as connection:
        return bool(overview.alive(connection, hub.deployment.now() - FRESH))


def require_system(settings: Settings, name: str) -> None:
    """Raise Stop unless the configuration has that system."""
    systems = settings.landscape.systems
    if name not in systems:
        raise Stop(
            f"there is no system {name!r}", f"the systems are: {', '.join(systems)}", Code.USAGE
        )


def require_controller(settings: Settings, name: str) -> None:
    """Raise Stop unless the configuration has that controller."""
    known = settings.landscape.controllers
    if name not in known:
        raise Stop(
            f"there is no controller {name!r}",
            f"the controllers are: {', '.join(known)}",
            Code.USAGE,
        )
