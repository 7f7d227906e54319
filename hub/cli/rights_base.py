"""What the `hub rights` commands share: who acts, what refuses, and carrying out what is due."""

from __future__ import annotations

import os
import pwd
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.api import Misconfigured
from hub.cli.base import Code, Stop, ask_daemon, daemon_lives, opened
from hub.cli.show import hint, progress
from hub.domain.audit import is_code
from hub.opening import Hub
from hub.rights import slices
from hub.rights.coordinator import NotProved
from hub.rights.decide import CannotDecide, NoSuchRequest
from hub.rights.intake import Invalid
from hub.rights.manual import CannotConfirm
from hub.rights.targets import HUB
from hub.store import overview, requests
from hub.store.requests import Stale
from hub.sync.run import run_system
from hub.vault.database import Row, read_only

NumberArgument = Annotated[int, typer.Argument(metavar="N", help="The number of the request.")]
TaskArgument = Annotated[
    int, typer.Argument(metavar="TASK", help="The number of the task: hub rights show N has it.")
]

SOON = 10.0
"""Seconds: what is due sooner is waited for, a read-back for example."""
PATIENCE = 60.0
"""Seconds that a command carries on, or waits for the daemon; the rest is done later."""
_LOOK = 0.3


@contextmanager
def deciding(number: int | None = None) -> Iterator[None]:
    """Turn what refuses a decision into one message with its mend."""
    look = f"see `hub rights show {number}`" if number is not None else "see `hub rights list`"
    try:
        yield
    except NoSuchRequest as error:
        raise Stop(str(error), "`hub rights list --all` lists the requests") from None
    except (CannotDecide, NotProved) as error:
        raise Stop(str(error), look) from None
    except CannotConfirm as error:
        raise Stop(str(error), "`hub rights show N` lists the tasks of a request") from None
    except Invalid as error:
        raise Stop(f"{error.field}: {error}", "see `hub rights open --help`", Code.USAGE) from None
    except Stale:
        raise Stop("somebody else changed it a moment ago", f"{look} and try again") from None


@contextmanager
def decision(number: int, config: Path | None, *, sandbox: bool) -> Iterator[Hub]:
    """The hub, opened for a decision about one request: what refuses it becomes one message."""
    with opened(config, sandbox=sandbox) as hub, deciding(number):
        yield hub


def actor() -> str:
    """Who acts, as a code for the audit log: the account that the command runs under, behind sudo
    the one that called it. No variable that somebody may set for themselves makes them another."""
    uid = os.getuid()
    caller = os.environ.get("SUDO_UID", "") if uid == 0 else ""
    name = account(int(caller) if caller.isascii() and caller.isdecimal() else uid)
    said = f"cli:{re.sub('[^a-z0-9_-]', '-', name.lower()).strip('-')}"
    return said if is_code(said) and said != "cli:" else "cli:handler"


def account(uid: int) -> str:
    """The name of that account of this machine."""
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return f"uid-{uid}"


def request_row(hub: Hub, number: int) -> Row[Any]:
    """A request as it is now. Raises Stop."""
    with read_only(hub.deployment.database).connect() as connection:
        row = requests.get(connection, number)
    if row is None:
        raise Stop(f"there is no request {number}", "`hub rights list --all` lists the requests")
    return row


def task_row(hub: Hub, number: int) -> Row[Any]:
    """A task as it is now. Raises Stop."""
    with read_only(hub.deployment.database).connect() as connection:
        row = requests.get_task(connection, number)
    if row is None:
        raise Stop(f"there is no task {number}", "`hub rights show N` lists the tasks of a request")
    return row


def carry_out(hub: Hub, number: int, systems: Iterable[str] = (), *, quiet: bool) -> None:
    """Have done what a request has due now: by the daemon, and in this process where none runs.
    `systems` may have refusals to send besides."""
    refusing = [one for one in systems if one in hub.settings.landscape.systems]
    if daemon_lives(hub):
        for system in dict.fromkeys([*systems, *_due(hub, number)[0]]):
            ask_daemon(hub, "rights", system)
        for system in refusing:
            ask_daemon(hub, "send", system)
        _wait(hub, number, quiet=quiet)
    else:
        _here(hub, number, refusing, quiet=quiet)


def _here(hub: Hub, number: int, refusing: Iterable[str], *, quiet: bool) -> None:
    until = time.monotonic() + PATIENCE
    with progress(quiet=quiet) as bar:
        task = bar.add_task("carrying out", total=None, note="")
        for system in refusing:
            bar.update(task, note=system)
            _send(hub, system)
        while True:
            due, wait = _due(hub, number)
            for system in due:
                bar.update(task, note="the hub's own copy" if system == HUB else system)
                slices.work(hub.deployment, system, hub.open_system)
            if due and time.monotonic() < until:
                continue
            if due or wait is None or wait > SOON or time.monotonic() + wait > until:
                return
            bar.update(task, note="waiting for a read-back")
            time.sleep(min(wait, _LOOK))


def _send(hub: Hub, system: str) -> None:
    """Write what is ready for a system; what cannot go now is left for the next sync."""
    with read_only(hub.deployment.database).connect() as connection:
        due = overview.next_due(connection, system)
    if due is None or due > hub.deployment.now():
        return
    try:
        run_system(hub.deployment, hub.open_system(system), "command", read=False)
    except Misconfigured:
        hint(f"{system} cannot be written to now: see `hub check`. Nothing is lost.")


def _wait(hub: Hub, number: int, *, quiet: bool) -> None:
    """Wait until the daemon has done what is due now."""
    if not quiet:
        hint("The daemon is running; it does the work.")
    until = time.monotonic() + PATIENCE
    with progress(quiet=quiet) as bar:
        bar.add_task("waiting for the daemon", total=None, note="")
        while time.monotonic() < until and daemon_lives(hub):
            due, wait = _due(hub, number)
            if not due and (wait is None or wait > SOON):
                return
            time.sleep(_LOOK)
    hint(f"The daemon goes on with it: `hub rights show {number}` tells how far it is.")


def _due(hub: Hub, number: int) -> tuple[list[str], float | None]:
    """The systems with something of the request due now, and in how many seconds there is more."""
    now = hub.deployment.now()
    with read_only(hub.deployment.database).connect() as connection:
        request = requests.get(connection, number)
        tasks = requests.tasks_of(connection, number)
    if request is None or request.on_hold:
        return [], None
    waiting = [one for one in tasks if one.waiting]
    free = [(one.system, requests.free_at(one)) for one in waiting]
    due = list(dict.fromkeys(system for system, at in free if at <= now))
    later = [(at - now).total_seconds() for _, at in free if at > now]
    return due, min(later, default=None)
