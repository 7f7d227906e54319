"""`hub person`"""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console
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
from hub.cli.show import cells, number, out, plain, print_json, state_style, table, when
from hub.domain.landscape import Landscape
from hub.sync.dossier import Dossier, dossier
from hub.sync.finding import FoundAt, find
from hub.vault.database import read_only

app = typer.Typer()

NEWEST = 20
"""Activities shown; a machine gets all of them."""


@app.command()
@command
def person(
    email: Annotated[str, typer.Argument(help="An address that the person has, or had.")],
    controller: Annotated[
        str | None, typer.Option(help="Only this controller's view.  [dim]\\[default: all][/dim]")
    ] = None,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Show all that is known of a person: values and where they are from, permissions and why,
    where it is held, and what was disclosed to whom.

    Each controller has its own view of a human. Exits with 1 where nobody knows the address.
    """
    with opened(config, sandbox=sandbox) as hub:
        landscape = hub.settings.landscape
        if controller is not None:
            require_controller(hub.settings, controller)
        with read_only(hub.deployment.database).connect() as connection:
            found = find(connection, hub.deployment, email, [controller] if controller else None)
            views = [
                (one, dossier(connection, hub.deployment, one.subject) if one.subject else None)
                for one in found
            ]
    if json:
        print_json([_answer(one, view) for one, view in views])
    else:
        for index, (one, view) in enumerate(views):
            if index:
                out().print()
            _print(landscape, one, view)
    if not views:
        raise nobody(landscape, controller)


def nobody(landscape: Landscape, controller: str | None) -> Stop:
    """The clear answer where an address is unknown."""
    names = (
        [landscape.controllers[controller].name]
        if controller
        else [one.name for one in landscape.controllers.values()]
    )
    return Stop(
        f"nobody with that address is known to {' or '.join(names)}",
        "check the spelling; a person is also found by an earlier address. `hub sync` reads what "
        "is new",
        Code.FAILED,
    )


def special(found: FoundAt) -> str:
    """What stands instead of a person, "" where there is one."""
    if found.shared:
        return "several persons share this address, so it finds none of them: see `hub review`"
    if found.shredded:
        return "the person of this address was erased: its key is destroyed, nothing can be read"
    if found.blocked and found.subject is None:
        return "an erasure block stands for this address: nothing is kept, nothing is written"
    return ""


def _answer(found: FoundAt, view: Dossier | None) -> dict[str, Any]:
    return {"controller": found.controller, "note": special(found), "person": view}


def _print(landscape: Landscape, found: FoundAt, view: Dossier | None) -> None:
    console = out()
    name = landscape.controllers[found.controller].name
    if view is None:
        console.rule(Text(name, style="bold"), align="left")
        console.print(special(found))
        return
    console.rule(Text(f"{name} · person {view.person}", style="bold"), align="left")
    flags = [
        text
        for holds, text in (
            (view.blocked, "an erasure block stands: nothing is written"),
            (view.restricted, "processing is restricted (Art. 18)"),
            (view.undeliverable, "the present address bounces"),
        )
        if holds
    ]
    for flag in flags:
        console.print(Text(flag, style="yellow"))
    if view.notice_due is not None:
        console.print(
            f"Came from another source than the person: to be told by {when(view.notice_due)[:10]} "
            "(Art. 14)"
        )
    if view.reviews:
        console.print(f"Open questions: {', '.join(f'hub review show {n}' for n in view.reviews)}")
    _profile(console, view)
    _permissions(console, view)
    _projects(console, view)
    _held(console, view)
    _activities(console, view)
    _written(console, view)


def _profile(console: Console, view: Dossier) -> None:
    shown = table("Profile", "field", "value", "from", "as of", "sources of")
    for one in view.profile:
        source = f"{one.source} (rectified)" if one.rectified else one.source
        shown.add_row(*cells(one.field, one.value, source, when(one.at)[:10], one.origins))
    console.print()
    console.print(shown)


def _permissions(console: Console, view: Dossier) -> None:
    shown = table("Permission to market", "purpose", "may send", "ground", "since", "recorded")
    for one in view.standings:
        permission = one.permission
        recorded = [
            f"{wish.kind}{f' ({wish.ground})' if wish.ground else ''}"
            f"{f' by {wish.act}' if wish.act else ''} in {wish.system}, "
            f"{when(wish.at) if wish.at else f'seen {when(wish.seen_at)}'}"
            for wish in one.wishes
        ]
        shown.add_row(
            *cells(one.purpose),
            "[green]yes[/]" if permission.allowed else "[red]no[/]",
            *cells(permission.rule, permission.since),
            "\n".join(cells(*recorded)) or "–",
        )
    console.print()
    console.print(shown)


def _projects(console: Console, view: Dossier) -> None:
    if not view.projects:
        return
    shown = table("Joint projects", "project", "known by", "since", "until")
    for one in view.projects:
        shown.add_row(*cells(one.title, one.how, one.since, one.until))
    console.print()
    console.print(shown)


def _held(console: Console, view: Dossier) -> None:
    shown = table("Where it is held", "system", "place", "record", "state", "wishes", "fields")
    for one in view.held:
        stances = [f"{topic}: {stance}" for topic, stance in one.stances.items()]
        shown.add_row(
            *cells(one.system, one.scope or one.stream, one.record),
            state_style(one.state),
            *cells(stances, one.fields),
        )
    console.print()
    console.print(shown if view.held else "[bold]Where it is held[/]: in no system")


def _activities(console: Console, view: Dossier) -> None:
    if not view.activities:
        return
    shown = table("Activities", "when", "what", "system", "place", "about")
    for one in view.activities[:NEWEST]:
        shown.add_row(*cells(one.at, one.kind, one.system, one.scope or one.stream, one.about))
    console.print()
    console.print(shown)
    rest = len(view.activities) - NEWEST
    if rest > 0:
        console.print(f"[dim]and {number(rest)} older ones: --json shows all[/]")


def _written(console: Console, view: Dossier) -> None:
    for title, rows, moment in (
        ("What the hub disclosed", view.disclosed, "when"),
        ("What waits to be written", view.waiting, "due"),
    ):
        if not rows:
            continue
        shown = table(title, moment, "system", "place", "what", "outcome")
        for one in rows:
            what = ", ".join((*one.fields, *(f"permission: {p}" for p in one.purposes)))
            outcome = f"{one.state}: {one.reason}" if one.reason else one.state
            shown.add_row(
                *cells(one.at, one.system, one.scope or one.stream, what or one.lane, outcome)
            )
        console.print()
        console.print(shown)
    if not view.disclosed:
        console.print()
        console.print(f"[bold]What the hub disclosed[/]: {plain(None)}")
