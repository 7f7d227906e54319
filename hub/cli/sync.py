"""`hub sync`: here, by the running daemon, or as a dry run."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.base import (
    Code,
    ConfigOption,
    JsonOption,
    SandboxOption,
    Stop,
    VerboseOption,
    command,
    daemon_lives,
    opened,
    require_system,
)
from hub.cli.keeping import confirm_kept
from hub.cli.show import print_json, progress
from hub.cli.sync_daemon import by_daemon
from hub.cli.sync_show import Told, print_forecast, print_reports, verdict
from hub.opening import Hub, Trouble
from hub.store import progress as cursors
from hub.sync.dryrun import Forecast, dry_run
from hub.sync.run import run_system
from hub.vault.database import read_only

app = typer.Typer()

ROUNDS = 10


@app.command()
@command
def sync(
    systems: Annotated[
        list[str] | None, typer.Argument(help="Systems to sync.  [dim]\\[default: all][/dim]")
    ] = None,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done, and write nothing at all.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Read everything anew, not only what changed.")
    ] = False,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    verbose: VerboseOption = False,
    json: JsonOption = False,
) -> None:
    """Sync now, until nothing is left to do.

    While the daemon runs, it does the work and this command waits for it; otherwise the work is
    done here. With [bold]--dry-run[/bold] the systems are read, and nothing is written anywhere:
    you see what would be made, changed, subscribed and refused, and what the gate holds back.

    Exits with 1 where a system failed, 3 where a person has to decide first, 4 where there is
    still more to do.
    """
    with opened(config, sandbox=sandbox, verbose=verbose, first=True) as hub:
        for name in systems or ():
            require_system(hub.settings, name)
            if not hub.settings.landscape.systems[name].enabled:
                raise Stop(
                    f"{name} is switched off",
                    f"set enabled: true at {hub.settings.where('systems', name, 'enabled')}",
                    Code.USAGE,
                )
            if not hub.settings.landscape.systems[name].synced:
                raise Stop(
                    f"nothing connects {name}, so it is never synced",
                    "what requests ask of it is done by hand: `hub rights list`",
                    Code.USAGE,
                )
        names = systems or [one.id for one in hub.synced]
        if dry:
            raise typer.Exit(_dry(hub, names, full=full, json=json))
        confirm_kept(hub.vault, said=False)
        if daemon_lives(hub):
            code, told, quiet = by_daemon(hub, names, full=full, json=json)
        else:
            code, told, quiet = run_here(hub, names, full=full, json=json)
        print_reports(told, quiet=quiet, json=json)
    raise typer.Exit(code)


def ready(hub: Hub, names: Sequence[str], *, quiet: bool) -> dict[str, Trouble]:
    """Open the systems, and look over those whose first run this is or whose last one failed;
    answers what stands in the way."""
    troubles = dict(hub.open_systems(names))
    with read_only(hub.deployment.database).connect() as connection:
        last = {name: next(iter(cursors.history(connection, name, 1)), None) for name in names}
    opened = [
        hub.systems[name]
        for name, run in last.items()
        if name not in troubles and (run is None or run.state == "failed")
    ]
    with progress(quiet=quiet) as bar, ThreadPoolExecutor(max_workers=8) as pool:
        bar.add_task("asking the systems", total=None, note="")
        for one, trouble in zip(opened, pool.map(hub.look_over, opened), strict=True):
            if trouble is not None:
                troubles[one.system.id] = trouble
    return troubles


def run_here(
    hub: Hub, names: Sequence[str] | None, *, full: bool = False, json: bool = False
) -> tuple[Code, list[Told], bool]:
    """Run the systems in this process until a round changes nothing; answers the exit code, what
    each came to, and whether it became quiet."""
    names = list(names or [one.id for one in hub.synced])
    troubles = ready(hub, names, quiet=json)
    told = {name: Told(name) for name in names}
    for name, trouble in troubles.items():
        told[name].state, told[name].reason = "failed", trouble.message
        told[name].mend = f"{trouble.mend} ({trouble.place})"
    active = [name for name in names if name not in troubles]
    quiet = not active
    with progress(quiet=json) as bar:
        for turn in range(ROUNDS):
            task = bar.add_task(f"round {turn + 1}", total=len(active), note="")
            quiet = True
            for name in active:
                bar.update(task, note=name)
                started = time.monotonic()
                report = run_system(
                    hub.deployment, hub.systems[name], "command", full=full and turn == 0
                )
                told[name].add(report, time.monotonic() - started)
                quiet = quiet and (report.quiet or report.state == "failed")
                bar.advance(task)
            bar.remove_task(task)
            if quiet:
                break
    return verdict(told.values(), quiet=quiet), list(told.values()), quiet


def _dry(hub: Hub, names: Sequence[str], *, full: bool, json: bool) -> Code:
    troubles = hub.open_systems(names)
    active = [name for name in names if name not in troubles]
    with (
        tempfile.TemporaryDirectory(prefix="hub-dry-run-") as folder,
        progress(quiet=json) as bar,
    ):
        tasks = {name: bar.add_task(name, total=None, note="") for name in active}
        read: Counter[str] = Counter()

        def each(system: str, records: int) -> None:
            read[system] += records
            bar.update(tasks[system], note=f"{read[system]:,} records read".replace(",", " "))

        found = dry_run(hub.deployment, active, Path(folder), full=full, each=each)
    for name, trouble in troubles.items():
        found[name] = Forecast(name, trouble=trouble.message, mend=trouble.mend)
    if json:
        print_json(found)
    else:
        print_forecast(list(found.values()), names)
    if any(one.trouble for one in found.values()):
        return Code.FAILED
    return Code.DECIDE if any(one.stops for one in found.values()) else Code.OK
