"""`hub explain`"""

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
    require_system,
)
from hub.cli.person import nobody, special
from hub.cli.show import cells, out, plain, print_json, state_style, table, when
from hub.domain.landscape import Landscape
from hub.sync.explain import Answer, CrossingAnswer, Explanation, PlaceAnswer
from hub.sync.explain import explain as reasoning
from hub.sync.finding import find
from hub.vault.database import read_only

app = typer.Typer()


@app.command()
@command
def explain(
    email: Annotated[str, typer.Option(help="An address that the person has, or had.")],
    controller: Annotated[
        str | None, typer.Option(help="Only this controller's view.  [dim]\\[default: all][/dim]")
    ] = None,
    system: Annotated[
        str | None, typer.Option(help="Only this system.  [dim]\\[default: all][/dim]")
    ] = None,
    field: Annotated[
        str | None, typer.Option(help="Only this field.  [dim]\\[default: all][/dim]")
    ] = None,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Explain why a value is, or is not, in a system: the gate's decision, rule and reason for
    every field and topic, and the events that each permission rests on.

    Exits with 1 where nobody knows the address.
    """
    with opened(config, sandbox=sandbox) as hub:
        landscape = hub.settings.landscape
        if controller is not None:
            require_controller(hub.settings, controller)
        if system is not None:
            require_system(hub.settings, system)
        if field is not None and field not in landscape.fields:
            raise Stop(
                f"there is no field {field!r}",
                f"the fields are: {', '.join(landscape.fields)}",
                Code.USAGE,
            )
        with read_only(hub.deployment.database).connect() as connection:
            found = find(connection, hub.deployment, email, [controller] if controller else None)
            answers = [
                reasoning(connection, hub.deployment, one.subject, system=system, name=field)
                for one in found
                if one.subject is not None
            ]
    if json:
        print_json(answers)
    else:
        for one in found:
            if one.subject is None:
                out().print(f"{landscape.controllers[one.controller].name}: {special(one)}")
        for index, answer in enumerate(answers):
            if index:
                out().print()
            _print(landscape, answer, alone=field is not None)
    if not found:
        raise nobody(landscape, controller)


def _print(landscape: Landscape, answer: Explanation, *, alone: bool) -> None:
    console = out()
    name = landscape.controllers[answer.controller].name
    console.rule(Text(f"{name} · person {answer.person}", style="bold"), align="left")
    for line in answer.standing:
        console.print(Text(line, style="yellow"))
    shown = table("Permission", "purpose", "may send", "rule", "because of")
    for one in answer.purposes:
        permission = one.permission
        events = [
            f"{e.kind}{f' by {e.act}' if e.act else ''} in {e.system}, "
            f"{when(e.at) if e.at else 'no time, seen ' + when(e.seen_at)}"
            for e in one.events
        ]
        shown.add_row(
            *cells(one.purpose),
            "[green]yes[/]" if permission.allowed else "[red]no[/]",
            *cells(permission.rule),
            "\n".join(cells(*events)) or "nothing was ever recorded",
        )
    console.print()
    console.print(shown)
    for place in answer.places:
        _place(place, alone=alone)
    for crossing in answer.crossings:
        _crossing(landscape, crossing)


def _place(place: PlaceAnswer, *, alone: bool) -> None:
    console = out()
    where = f"{place.system} / {place.scope or place.stream}"
    record = f"record {place.record}, {place.state}" if place.record else "no record"
    console.print()
    console.print(Text.assemble((where, "bold"), f" · {record} · {place.note}"))
    shown = table("", "what", "becomes", "rule", "why")
    together: dict[tuple[str, str, str], list[str]] = {}
    for one in (*place.fields, *place.topics):
        together.setdefault((one.state, one.rule, _why(one, alone=alone)), []).append(_what(one))
    for (state, rule, why), names in together.items():
        shown.add_row(*cells(names), state_style(state), *cells(rule, why))
    if together:
        console.print(shown)


def _what(one: Answer) -> str:
    return f"{one.what} ({', '.join(one.purposes)})" if one.purposes else one.what


def _why(one: Answer, *, alone: bool) -> str:
    """The reason; with both sides' values where they differ, or the field was asked for alone."""
    if not alone and one.state in ("in step", "read only", "unknown", "no record"):
        return one.reason
    if one.what.startswith("topic ") and one.state == "blocked":
        return f"{one.reason}; they have {plain(one.theirs)}"
    return f"{one.reason}; the hub has {plain(one.ours)}, they have {plain(one.theirs)}"


def _crossing(landscape: Landscape, one: CrossingAnswer) -> None:
    console = out()
    receiver = landscape.controllers[one.receiver].name
    project = landscape.projects[one.project]
    facts = [
        "live" if one.live else "not live",
        "the person is a member" if one.member else "the person is no member",
    ]
    console.print()
    console.print(
        Text.assemble((f"To {receiver}", "bold"), f" · {project.title} · {', '.join(facts)}")
    )
    rules: dict[tuple[str, str, str], list[str]] = {}
    for field in one.fields:
        rules.setdefault((field.state, field.rule, field.reason), []).append(field.what)
    shown = table("", "fields", "becomes", "rule", "why")
    for (state, rule, reason), names in rules.items():
        shown.add_row(*cells(names), state_style(state), *cells(rule, reason))
    if rules:
        console.print(shown)
