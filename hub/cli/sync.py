"""`hub sync`: here, by the running daemon, or as a dry run."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.text import Text

from hub.cli.base import (
    Code,
    ConfigOption,
    JsonOption,
    SandboxOption,
    Stop,
    VerboseOption,
    ask_daemon,
    command,
    daemon_lives,
    opened,
    require_system,
)
from hub.cli.keeping import confirm_kept
from hub.cli.show import (
    cells,
    counts,
    err,
    hint,
    out,
    print_json,
    problem,
    progress,
    state_style,
    table,
    took,
)
from hub.opening import NEEDS_MENDING, Hub, Trouble
from hub.store import overview
from hub.store import progress as cursors
from hub.sync.dryrun import Forecast, dry_run
from hub.sync.run import Report, run_system
from hub.vault.database import Connection, read_only

app = typer.Typer()

ROUNDS = 10
_LOOK = 0.3
_PATIENCE = 600.0
_TRIES = 3
"""Failures in a row after which a task of the daemon's is no longer waited for."""


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
        names = systems or [one.id for one in hub.enabled]
        if dry:
            raise typer.Exit(_dry(hub, names, full=full, json=json))
        confirm_kept(hub.vault, said=False)
        if daemon_lives(hub):
            code, told, quiet = _by_daemon(hub, names, full=full, json=json)
        else:
            code, told, quiet = run_here(hub, names, full=full, json=json)
        print_reports(told, quiet=quiet, json=json)
    raise typer.Exit(code)


@dataclass(slots=True)
class Told:
    """What the runs of one system came to, together."""

    system: str
    state: str = "done"
    reason: str = ""
    mend: str = ""
    runs: int = 0
    seconds: float = 0.0
    read: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)

    def add(self, report: Report, seconds: float) -> None:
        """Take one more run in."""
        self.state, self.reason, self.mend = report.state, report.reason, report.mend
        self.runs += 1
        self.seconds += seconds
        self.read += report.read
        self.sent += report.sent


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
    names = list(names or [one.id for one in hub.enabled])
    troubles = ready(hub, names, quiet=json)
    told = {name: Told(name) for name in names}
    for name, trouble in troubles.items():
        told[name].state, told[name].reason = "failed", trouble.message
        told[name].mend = f"{trouble.mend} ({trouble.place})"
    active = [name for name in names if name not in troubles]
    quiet = not active
    aside = dict.fromkeys(active, 0)
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
                quiet = quiet and (_quiet(report, aside[name]) or report.state == "failed")
                aside[name] = report.read["quarantined"]
                bar.advance(task)
            bar.remove_task(task)
            if quiet:
                break
    return _code(told.values(), quiet=quiet), list(told.values()), quiet


def _quiet(report: Report, aside: int) -> bool:
    """Whether a run changed nothing; a row that is met again and still cannot land is no news."""
    if report.read["quarantined"] != aside:
        return report.quiet
    others = replace(report, read=Counter(report.read))
    del others.read["quarantined"]
    return others.quiet


def _code(told: Iterable[Told], *, quiet: bool) -> Code:
    states = {one.state for one in told}
    if "failed" in states:
        return Code.FAILED
    if "stopped" in states:
        return Code.DECIDE
    return Code.OK if quiet else Code.UNSETTLED


def print_reports(told: Sequence[Told], *, quiet: bool, json: bool) -> None:
    """Show what the systems came to."""
    if json:
        print_json({"quiet": quiet, "systems": told})
        return
    console = out()
    shown = table("", "system", "state", "read", "written", "took", numbers=("took",))
    for one in told:
        read = Counter(one.read)
        records = read.pop("records", 0)
        changes = learnt(read)
        shown.add_row(
            *cells(one.system),
            state_style(one.state),
            *cells(
                f"{records:,} records".replace(",", " ") + (f": {changes}" if changes else ""),
                counts({_SENT.get(n, n): v for n, v in _together(one.sent).items()}),
                took(one.seconds),
            ),
        )
    console.print(shown)
    for one in told:
        if one.reason:
            problem(f"{one.system}: {one.reason.removeprefix(one.system + ': ')}", one.mend)
    if all(one.state == "done" for one in told):
        console.print(
            "[green]Everything is in step.[/]" if quiet else "More is left to do: run it again."
        )


_SENT = {"done": "written", "put-back": "to be tried again", "not-sent": "found needless"}


def _together(sent: Counter[str]) -> Counter[str]:
    """Sent outcomes with the reasons of what was not sent put together."""
    made: Counter[str] = Counter()
    for name, n in sent.items():
        made["not-sent" if name.startswith("not-sent") else name] += n
    return made


# by the daemon


def _by_daemon(
    hub: Hub, names: Sequence[str], *, full: bool, json: bool
) -> tuple[Code, list[Told], bool]:
    """Have the running daemon do the work, and wait for it."""
    if not json:
        hint("The daemon is running; it does the work.")
    database = hub.deployment.database
    with read_only(database).connect() as connection:
        before = overview.last_run(connection)
    asked: dict[str, int] = {}
    for name in names:
        if full:
            with database.begin() as connection:
                cursors.rewind(connection, name)
        asked[name] = ask_daemon(hub, "sync", name).n
    waiting = list(names)
    deadline = time.monotonic() + _PATIENCE
    with progress(quiet=json) as bar:
        task = bar.add_task("waiting for the daemon", total=len(names), note="")
        while waiting:
            if time.monotonic() > deadline or not daemon_lives(hub):
                raise Stop(
                    "the daemon did not finish the work in time",
                    "look at its log and at `hub runs`",
                    Code.UNSETTLED,
                )
            with read_only(database).connect() as connection:
                now = hub.deployment.now()
                waiting = [one for one in names if not _over(connection, one, asked[one], now)]
            bar.update(task, completed=len(names) - len(waiting), note=", ".join(waiting))
            if waiting:
                time.sleep(_LOOK)
    with read_only(database).connect() as connection:
        told = [_history(connection, name, before) for name in names]
    quiet = all(one.state == "done" for one in told)
    return _code(told, quiet=quiet), told, quiet


def _over(connection: Connection, name: str, asked: int, now: datetime) -> bool:
    """Whether what was asked for as attempt `asked` has ended, and what it made ready here went
    out; a task that waits after a failure, or for later, is not waited for."""
    sync = overview.task(connection, "sync", name)
    if sync is not None and sync.open:
        hopeless = sync.reason in NEEDS_MENDING or sync.failures >= _TRIES
        return sync.failures > 0 and sync.n > asked and hopeless
    send = overview.task(connection, "send", name)
    return send is None or not send.open or send.failures > 0 or send.due_at > now


def _history(connection: Connection, name: str, before: int) -> Told:
    told = Told(name)
    runs = overview.runs_after(connection, name, before)
    for row in runs:
        counted = orjson.loads(row.counts)
        told.read += Counter(counted.get("read", {}))
        told.sent += Counter(counted.get("sent", {}))
        told.runs += 1
        if row.ended_at is not None:
            told.seconds += (row.ended_at - row.started_at).total_seconds()
        told.state, told.reason = row.state, row.reason
    task = overview.task(connection, "sync", name)
    if not runs and task is not None and task.failures:
        told.state, told.reason = "failed", f"the daemon cannot run it ({task.reason})"
        told.mend = "see `hub check`, or the daemon's log"
    return told


# dry run


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
        _print_forecast(list(found.values()), names)
    if any(one.trouble for one in found.values()):
        return Code.FAILED
    return Code.DECIDE if any(one.stops for one in found.values()) else Code.OK


def _print_forecast(found: Sequence[Forecast], names: Sequence[str]) -> None:
    console = out()
    console.print("[bold]Dry run[/]: nothing was written, neither in a system nor in the hub.\n")
    shown = table(
        "What a sync would do",
        *("system", "read", "make", "change", "fields changed", "subscribe", "refuse"),
        numbers=("read", "make", "change"),
    )
    for one in found:
        name = one.system if one.system in names else f"{one.system} (its own next run)"
        shown.add_row(
            *cells(
                name,
                f"{one.read['records']:,}".replace(",", " "),
                one.creates or "–",
                one.updates or "–",
                counts(dict(one.fields.most_common())),
                counts(one.subscribes),
                counts(one.refuses),
            )
        )
    console.print(shown)
    for one in found:
        news = learnt(one.read)
        if news:
            console.print(Text.assemble((f"{one.system} says: ", "bold"), news))
        if one.gone:
            line = f"{one.gone} records were not met; each would be asked for before it counts"
            console.print(Text.assemble((f"{one.system}: ", "bold"), line))
    _print_blocked(found)
    if not any(one.writes or one.trouble for one in found):
        console.print("\n[green]Everything is in step: nothing would be written.[/]")
    for one in found:
        if one.stops:
            err().print(Text.assemble((f"{one.system} would stop: ", "yellow"), one.stops))
        if one.trouble:
            problem(one.trouble, one.mend)


_LEARNT = {
    "new-person": ("new person", "new persons"),
    "changed": ("changed record", "changed records"),
    "consent": ("consent", "consents"),
    "withdrawal": ("withdrawal", "withdrawals"),
    "objection": ("objection", "objections"),
    "ground": ("other ground", "other grounds"),
    "ground-ended": ("ground ended", "grounds ended"),
    "joined": ("joined a project", "joined a project"),
    "left": ("left a project", "left a project"),
    "crossed-person": ("person through a joint project", "persons through a joint project"),
    "merged-records": ("record merged there", "records merged there"),
    "gone": ("record deleted there", "records deleted there"),
    "review": ("question for you", "questions for you"),
    "quarantined": ("row that cannot land", "rows that cannot land"),
}


def learnt(read: Mapping[str, int]) -> str:
    """What reading a system brought, in words; "" where it brought nothing."""
    found = [
        f"{n:,} {one if n == 1 else many}".replace(",", " ")
        for name, (one, many) in _LEARNT.items()
        if (n := read.get(name, 0))
    ]
    return ", ".join(found)


def _print_blocked(found: Sequence[Forecast]) -> None:
    if not any(one.blocked for one in found):
        return
    console = out()
    console.print()
    shown = table(
        "What the gate holds back",
        *("system", "what", "rule", "persons", "for example", "why"),
        numbers=("persons",),
    )
    for one in found:
        for index, held in enumerate(one.blocked):
            shown.add_row(
                *cells(
                    "" if index else one.system,
                    held.what,
                    held.rule,
                    held.persons,
                    held.examples,
                    held.reason,
                )
            )
    console.print(shown)
    hint("Persons are named by the hub's ids. `hub explain --email …` tells the whole reasoning.")
