"""`hub sandbox`"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from hub import log
from hub.cli import sandbox_rights
from hub.cli.base import Code, JsonOption, VerboseOption, command
from hub.cli.endpoint import Endpoint, prepare
from hub.cli.run import print_banner, serve
from hub.cli.sandbox_report import Once, count, print_once
from hub.cli.show import jsonable, out, print_json, progress
from hub.opening import Hub, now, open_hub
from hub.sandbox_world import (
    SandboxWorld,
    clear,
    default_home,
    forget,
    remember,
    sandbox_config,
    sandboxes,
)
from hub.settings import load
from hub.store import tokens
from hub.store.tokens import Scope
from hub.sync.run import Report, until_quiet
from hub.vault.database import read_only

app = typer.Typer()

ROUNDS = 10


@app.command()
@command
def sandbox(
    once: Annotated[
        bool, typer.Option("--once", help="Sync until quiet, print a report, and end.")
    ] = False,
    people: Annotated[int, typer.Option(min=1, help="How many invented people.")] = 2000,
    seed: Annotated[int, typer.Option(help="Another number makes other people.")] = 1,
    port: Annotated[
        int, typer.Option(help="The first of five ports.  [dim]\\[default: free ones][/dim]")
    ] = 0,
    grace: Annotated[float, typer.Option(help="Seconds that work gets to finish at Ctrl-C.")] = 15,
    verbose: VerboseOption = False,
    json: JsonOption = False,
) -> None:
    """Try everything without an account: five stand-ins of real tools, two companies, and
    invented Finnish people with the mess of real registers.

    The hub runs over them until Ctrl-C; in another terminal, [bold]--sandbox[/bold] lets every
    command look at them: [bold]hub person … --sandbox[/bold]. Each start begins afresh.

    With [bold]--once[/bold] it syncs until nothing is left to do, carries out an access, a
    rectification, an objection and an erasure, prints a report and ends: with 0 where all is in
    step, a second sync wrote nothing and the four requests closed with their proof, else with 4.
    """
    if once:
        log.setup(pretty=True, level="info" if verbose else "warning")
        found = _once(people, seed, quiet=json)
        if json:
            print_json(found)
        else:
            print_once(found)
            sandbox_rights.print_stories(found.rights)
        good = (
            found.converged
            and found.second_writes == 0
            and sandbox_rights.told_to_the_end(found.rights)
        )
        raise typer.Exit(Code.OK if good else Code.UNSETTLED)
    log.setup(pretty=True, level="info")
    home = default_home()
    clear(home)
    with sandboxes(people=people, seed=seed, home=home, port=port) as world, _open(world) as hub:
        endpoint = prepare(hub)
        remember(world)
        try:
            secret = _token(hub)
            if json:
                print_json({**jsonable(world), "api": _told(endpoint, secret)})
            else:
                print_banner(hub, endpoint)
                _print_hints(world)
                _print_call(endpoint, secret)
            serve(hub, grace, quiet=json, banner=False, endpoint=endpoint)
        finally:
            forget(world)


def _once(people: int, seed: int, *, quiet: bool) -> Once:
    with tempfile.TemporaryDirectory(prefix="hub-sandbox-") as folder:
        found = Once(people=people, seed=seed)
        with progress(quiet=quiet) as bar:
            task = bar.add_task("making people", total=None, note="")
            started = time.monotonic()
            with (
                sandboxes(people=people, seed=seed, home=Path(folder)) as world,
                _open(world) as hub,
            ):
                found.phase("people made, tools started", started)
                started = time.monotonic()
                done: list[Report] = []

                def each(report: Report) -> None:
                    done.append(report)
                    note = f"{report.system}: {report.read['records']} read"
                    turn = 1 + len(done) // len(hub.systems)
                    bar.update(task, description=f"syncing, round {turn}", note=note)

                found.converged, _ = until_quiet(
                    hub.deployment, "sandbox", rounds=ROUNDS, each=each
                )
                found.rounds = -(-len(done) // len(hub.systems))
                found.failed = sorted({one.system for one in done if one.state == "failed"})
                found.phase("first sync, until quiet", started)
                for one in done:
                    found.read[one.system] += one.read["records"]
                before = world.calls()
                found.calls = {name: total for name, (total, _) in before.items()}
                found.writes = {name: writes for name, (_, writes) in before.items()}
                bar.update(task, description="syncing once more", note="nothing may be written")
                started = time.monotonic()
                until_quiet(hub.deployment, "sandbox", rounds=1)
                found.phase("second sync", started)
                found.second_writes = sum(
                    writes - before[name][1] for name, (_, writes) in world.calls().items()
                )
                bar.update(task, description="counting", note="")
                started = time.monotonic()
                with read_only(hub.deployment.database).connect() as connection:
                    count(connection, hub.deployment, found)
                found.phase("counting", started)
                started = time.monotonic()
                found.rights = sandbox_rights.tell(
                    hub,
                    world.examples,
                    lambda right: bar.update(task, description="a request", note=right),
                )
                found.phase("four requests, carried out", started)
    return found


@contextmanager
def _open(world: SandboxWorld) -> Iterator[Hub]:
    """The hub over a world. Its master key lives and ends with the world."""
    settings = load(sandbox_config(), world.environ(os.environ))
    with open_hub(settings, upgrade=True) as hub:
        hub.vault.confirm_master_kept(now())
        hub.open_systems()
        yield hub


def _token(hub: Hub) -> str:
    """A token for everything, which ends with the world."""
    with hub.deployment.database.begin() as connection:
        return tokens.create(
            connection,
            hub.deployment.now(),
            "sandbox",
            Scope,
            hub.settings.landscape.controllers,
            "cli:sandbox",
        )


def _told(endpoint: Endpoint | None, secret: str) -> dict[str, str] | None:
    if endpoint is None:
        return None
    certificate = str(endpoint.pair.certificate)
    return {"url": f"{endpoint.url}/api/v1", "token": secret, "certificate": certificate}


def _print_call(endpoint: Endpoint | None, secret: str) -> None:
    """How the admin endpoint is called here."""
    if endpoint is None:
        return
    console = out()
    console.print("[bold]The admin endpoint[/] (docs/api.md), with a token for everything:")
    call = (
        f"curl --cacert {endpoint.pair.certificate} -H 'Authorization: Bearer {secret}' "
        f"{endpoint.url}/api/v1/requests"
    )
    console.print(Text.assemble("  ", (call, "cyan"), "\n"), soft_wrap=True)


def _print_hints(world: SandboxWorld) -> None:
    console = out()
    console.print(f"[bold]The tools[/] ({world.people} invented people, seed {world.seed}):")
    for name, url in world.urls.items():
        console.print(Text.assemble(f"  {name:<15} {url:<25} ", (f"{url}/_control/state", "dim")))
    console.print("\n[bold]Try in another terminal:[/]")
    crm, mailer = world.urls["crowst-crm"], world.urls["bangeri-mailer"]
    both, torn, *_ = world.examples
    for told, what in (
        (f"hub person {both} --sandbox", "all that is known of somebody, company by company"),
        (f"hub explain --email {torn} --sandbox", "why they may be mailed, or not, and where"),
        ("hub sync --dry-run --sandbox", "what a sync would do now"),
        ("hub review --sandbox", "questions that only you can answer"),
        ("hub runs --sandbox", "what happened"),
        (f"curl {crm}/_control/journal", "every call that tool received"),
        (
            f'curl -X POST {mailer}/_control/faults -d \'{{"kind": "500"}}\'',
            "make a tool fail; DELETE there mends it",
        ),
    ):
        console.print(Text.assemble("  ", (told, "cyan"), f"\n      {what}"), soft_wrap=True)
    console.print()
