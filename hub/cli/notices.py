"""`hub notices`: telling people whose data came from elsewhere (GDPR Art. 14)"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from hub.cli.base import (
    Code,
    ConfigOption,
    JsonOption,
    SandboxOption,
    Stop,
    command,
    opened,
    require_controller,
)
from hub.cli.rights_base import actor, deciding
from hub.cli.show import cells, out, persons, print_json, table, when
from hub.domain.deadline import helsinki_day
from hub.opening import Hub
from hub.rights import notices
from hub.rights.notices import Owed, Way
from hub.store import subjects
from hub.vault.database import read_only

app = typer.Typer(no_args_is_help=False)

_MANY = 200
"""Rows that a person reads; more are told by their number."""

ControllerOption = Annotated[
    str | None, typer.Option(help="Only of this controller.  [dim]\\[default: all][/dim]")
]


@app.callback(invoke_without_command=True)
@command
def listed(
    context: typer.Context,
    controller: ControllerOption = None,
    show_addresses: Annotated[
        bool, typer.Option("--show-addresses", help="With the addresses, to write to them.")
    ] = False,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Who must be told by when that a company has their data from another source: within a month,
    and at the latest when a message may first reach them.

    Persons are shown by their number; their addresses only when asked for.
    """
    if context.invoked_subcommand is not None:
        return
    with opened(config, sandbox=sandbox) as hub:
        if controller is not None:
            require_controller(hub.settings, controller)
        found = notices.owed(hub.deployment, [controller] if controller else ())
        addresses = _addresses(hub, found) if show_addresses else {}
        today = helsinki_day(hub.deployment.now())
    if json:
        print_json(
            [
                {
                    "person": one.person,
                    "controller": one.controller,
                    "obtained_at": one.obtained,
                    "subscribed_at": one.subscribed,
                    "disclosed_at": one.disclosed,
                    "tell_by": one.due.ends,
                    "target": one.due.target,
                    "days_left": one.due.days_left(today),
                    "level": one.level,
                    **({"address": addresses.get(one.person)} if show_addresses else {}),
                }
                for one in found
            ]
        )
        return
    if not found:
        out().print("[green]Nobody is to be told.[/]")
        return
    extra = ("address",) if show_addresses else ()
    shown = table(
        "", "person", "of", "known since", "tell by", "left", "", *extra, numbers=("person", "left")
    )
    for one in found[:_MANY]:
        left = one.due.days_left(today)
        note = "late" if left is not None and left < 0 else ""
        if one.subscribed is not None:
            note = f"{note} may be mailed already".strip()
        if one.disclosed is not None:
            note = f"{note} stands in a joint tool".strip()
        more = [addresses.get(one.person, "–")] if show_addresses else []
        day = when(one.obtained)[:10]
        shown.add_row(*cells(one.person, one.controller, day, one.due.ends, left, note, *more))
    out().print(shown)
    if len(found) > _MANY:
        out().print(f"… and {len(found) - _MANY} more: --json has all.")
    out().print("[dim]hub notices given PERSON… --version V records that they were told.[/]")


@app.command()
@command
def given(
    version: Annotated[
        str, typer.Option(help="Which notice it was: a code such as 2026-09-01 or v3.")
    ],
    person: Annotated[
        list[int] | None, typer.Argument(metavar="PERSON…", help="Who was told, by number.")
    ] = None,
    everybody: Annotated[
        bool, typer.Option("--all", help="Everybody who is to be told now.")
    ] = False,
    controller: Annotated[str | None, typer.Option(help="With --all: only of this one.")] = None,
    how: Annotated[Way, typer.Option(help="How they were told.")] = Way.EMAIL,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Record that persons were told, and with which version of the notice.

    Exits with 1 where one of them is owed none: unknown, erased, or told already.
    """
    if bool(person) == everybody:
        raise Stop("name the persons, or give --all", "`hub notices` lists them", Code.USAGE)
    with opened(config, sandbox=sandbox) as hub, deciding():
        if controller is not None:
            require_controller(hub.settings, controller)
        wanted = person or [
            one.person for one in notices.owed(hub.deployment, [controller] if controller else ())
        ]
        done = notices.give(hub.deployment, wanted, version, how, actor())
    if json:
        print_json({"given": done.persons, "none_due": done.none_due, "version": version})
    else:
        out().print(Text(f"Recorded: told {persons(len(done.persons))} ({version}, {how})."))
        if done.none_due:
            none = ", ".join(map(str, done.none_due))
            out().print(Text(f"Owed none: person {none}", style="yellow"))
    if done.none_due:
        raise typer.Exit(Code.FAILED)


def _addresses(hub: Hub, found: list[Owed]) -> dict[int, str]:
    deployment = hub.deployment
    with read_only(deployment.database).connect() as connection:
        people = subjects.load(
            connection, deployment.vault, deployment.identities, [one.person for one in found]
        )
    return {number: one.email or "–" for number, one in people.items()}
