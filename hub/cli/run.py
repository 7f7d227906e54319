"""`hub run`"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated

import structlog
import typer
from rich.text import Text

from hub.cli.base import Code, ConfigOption, JsonOption, SandboxOption, command, settings_of
from hub.cli.endpoint import Endpoint, prepare
from hub.cli.keeping import confirm_kept
from hub.cli.show import cells, out, table
from hub.cli.sync import run_here
from hub.cli.sync_show import print_reports
from hub.daemon import Daemon, describe, run_until
from hub.opening import Hub, open_hub
from hub.settings import Settings
from hub.vault.database import sqlite_path

app = typer.Typer()
log = structlog.get_logger(__name__)

GRACE = 30.0
"""Seconds that work gets to finish or hand back when the hub is asked to stop."""


@app.command()
@command
def run(
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    once: Annotated[
        bool, typer.Option("--once", help="Sync everything until quiet, then end.")
    ] = False,
    master_key_kept: Annotated[
        bool,
        typer.Option(
            "--master-key-kept",
            help="Confirm that the master key is also kept elsewhere (asked at the first start).",
        ),
    ] = False,
    grace: Annotated[
        float, typer.Option(help="Seconds that work gets to finish when the hub stops.")
    ] = GRACE,
    json: JsonOption = False,
) -> None:
    """Run the hub: keep every system in step by its schedule, until Ctrl-C or SIGTERM.

    A system that cannot run is named with its mend; the others run on, and it is tried again.
    What is under way when the hub stops is finished or handed back; after a crash the next start
    goes on from what was recorded.
    """
    settings = settings_of(config, sandbox=sandbox, level=None)
    with open_hub(settings, upgrade=True) as hub:
        confirm_kept(hub.vault, said=master_key_kept)
        if once:
            code, reports, quiet = run_here(hub, None, json=json)
            print_reports(reports, quiet=quiet, json=json)
            raise typer.Exit(code)
        serve(hub, grace, quiet=json or settings.log.format == "json")


def serve(
    hub: Hub,
    grace: float,
    *,
    quiet: bool = False,
    banner: bool = True,
    endpoint: Endpoint | None = None,
) -> None:
    """Run the daemon and the admin endpoint until a signal asks them to stop. Raises typer.Exit
    where work was left, Stop where the endpoint cannot listen."""
    endpoint = endpoint or prepare(hub)
    if quiet:  # nobody sees the banner
        for warning in hub.settings.warnings:
            log.warning("configuration", reason=warning)
    if banner and not quiet:
        print_banner(hub, endpoint)
    daemon = Daemon(hub)
    beside = endpoint.serving(hub, daemon, grace) if endpoint else None
    with _stopping() as stop:
        left = run_until(daemon, stop, grace, beside)
    if left:
        log.warning("stopped with work under way; the next start takes it up", unfinished=left)
        raise typer.Exit(Code.FAILED)
    if not quiet:
        out().print("[dim]Stopped. Nothing is lost; the next start goes on from here.[/]")


def print_banner(hub: Hub, endpoint: Endpoint | None) -> None:
    """What runs, how often, where the data lies, and where rights requests are handled."""
    console = out()
    settings = hub.settings
    console.print("[bold]The hub[/] keeps these systems in step:")
    shown = table("", "system", "kind", "of", "schedule", "streams")
    for one in settings.landscape.systems.values():
        schedule = describe(one.schedule) if one.enabled else "switched off"
        streams = [f"{stream.name} ({stream.direction})" for stream in one.streams]
        shown.add_row(*cells(one.id, one.plugin, one.controllers, schedule, streams))
    console.print(shown)
    for name, told in _stores(settings):
        console.print(Text.assemble((f"{name:<9}", "dim"), told), soft_wrap=True)
    told = f"{endpoint.url}/api/v1" if endpoint else "switched off (web: enabled: false)"
    console.print(Text.assemble((f"{'Admin':<9}", "dim"), told), soft_wrap=True)
    if endpoint is not None and endpoint.local:
        trust = str(endpoint.pair.certificate)
        console.print(Text.assemble((f"{'Trust':<9}", "dim"), trust), soft_wrap=True)
    for warning in settings.warnings:
        console.print(Text.assemble(("Warning: ", "yellow"), warning), soft_wrap=True)
    console.print("[dim]Ctrl-C stops it cleanly.[/]\n")


def _stores(settings: Settings) -> Iterator[tuple[str, str]]:
    """Where data lies; of a PostgreSQL address only that it is one: it may hold a password."""
    for name, url in (("Database", settings.database), ("Keys", settings.keys)):
        path = sqlite_path(url)
        yield name, str(path) if path else "PostgreSQL"


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that SIGTERM, Ctrl-C and a terminal that closes set; a second one ends the process
    at once. Under nohup a closed terminal stays ignored."""
    stop = threading.Event()

    def asked(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        signal.signal(number, signal.default_int_handler)

    wanted = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        wanted.append(signal.SIGHUP)
    before = {one: signal.signal(one, asked) for one in wanted}
    try:
        yield stop
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
