"""`hub connectors …`"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from hub.api import ConnectorType
from hub.cli.base import Code, JsonOption, Stop, command
from hub.cli.show import cells, counts, out, print_json, table
from hub.cli.skeleton import NotLaidOut, guide, lay_out, skeleton
from hub.connect.discovery import GROUP
from hub.connect.host import Host
from hub.testing import quality

app = typer.Typer()


@app.callback(invoke_without_command=True)
@command
def connectors(context: typer.Context, json: JsonOption = False) -> None:
    """Show the plugins that are installed, what they can do, and what is wrong with one.

    Exits with 1 where a plugin cannot be used.
    """
    if context.invoked_subcommand is not None:
        return
    with Host.load() as host:
        entries = {entry.name: entry for entry in entry_points(group=GROUP)}
        types = [_told(one, entries.get(one.kind)) for one in host.types.values()]
        problems = [
            {"plugin": one.plugin, "message": one.message, "mend": one.mend, "kinds": one.kinds}
            for one in host.problems
        ]
    if json:
        print_json({"connectors": types, "problems": problems})
    else:
        _print(types, problems)
    if problems:
        raise typer.Exit(Code.FAILED)


@app.command()
@command
def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The tool, as one word in small letters: pretix.")
    ],
    into: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder to make.  [dim]\\[default: NAME-connector here][/dim]"
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Lay out a connector of your own: a package of an invented tool that passes the conformance
    suite, to be changed into yours. Overwrites nothing.
    """
    folder = into or Path(f"{name}-connector")
    try:
        made = skeleton(name, guide().read_text(encoding="utf-8"))
        with Host.load() as host:
            taken = {*host.types, *(entry.name for entry in entry_points(group=GROUP))}
        if name in taken:
            raise NotLaidOut(f"a plugin called {name!r} is installed", "choose another name")
        lay_out(made, folder)
    except NotLaidOut as reason:
        raise Stop(str(reason), reason.mend, Code.USAGE) from None
    following = [f"cd {folder}", 'pip install -e ".[dev]"', "pytest"]
    if json:
        print_json({"folder": str(folder), "files": sorted(made), "next": following})
        return
    console = out()
    console.print(Text(f"{folder} holds a connector of an invented tool called {name}. Next:"))
    for line in following:
        console.print(Text(f"  {line}"), soft_wrap=True)
    console.print(Text("How to make it yours: docs/connectors.md", style="dim"))


def _quality(entry: EntryPoint | None) -> dict[str, int] | None:
    """How many rules of a good connector are done, todo and exempt; None where it does not say."""
    if entry is None:
        return None
    try:
        text = (files(entry.module.rpartition(".")[0]) / "quality.yaml").read_text(encoding="utf-8")
    except (OSError, ImportError, ValueError):
        return None
    return quality.read(text).counts()


def _told(one: ConnectorType, entry: EntryPoint | None) -> dict[str, Any]:
    fields = one.settings.model_fields.items()
    return {
        "kind": one.kind,
        "title": one.title,
        "version": entry.dist.version if entry and entry.dist else "",
        "api_version": one.api_version,
        "capabilities": sorted(one.capabilities),
        "streams": [stream.name for stream in one.streams],
        "scoped": [stream.name for stream in one.streams if stream.scoped],
        "activities": {
            stream.name: sorted(stream.activities) for stream in one.streams if stream.activities
        },
        "limits": {
            name or "default": f"{r.count}/{r.seconds:g}s" for name, r in one.limits.items()
        },
        "settings": {
            field.alias or name: {
                "required": field.is_required(),
                "about": field.description or "",
            }
            for name, field in fields
        },
        "sandbox": one.sandbox is not None,
        "quality": _quality(entry),
    }


def _print(types: list[dict[str, Any]], problems: list[dict[str, Any]]) -> None:
    console = out()
    shown = table(
        "", "kind", "title", "version", "can", "streams", "activities", "rate limits", "sandbox"
    )
    for one in types:
        streams = [
            f"{name} (by scope)" if name in one["scoped"] else name for name in one["streams"]
        ]
        limits = [
            rate if name == "default" else f"{name} {rate}" for name, rate in one["limits"].items()
        ]
        shown.add_row(
            *cells(
                one["kind"],
                one["title"],
                one["version"],
                one["capabilities"],
                streams,
                sorted({kind for kinds in one["activities"].values() for kind in kinds}),
                limits,
                one["sandbox"],
            )
        )
    console.print(shown)
    for one in types:
        known = table(f"settings of {one['kind']}", "key", "needed", "about")
        for key, about in one["settings"].items():
            known.add_row(*cells(key, "yes" if about["required"] else "", about["about"]))
        console.print()
        console.print(known)
        if one["quality"] is not None:
            told = counts(one["quality"])
            console.print(Text(f"rules of a good connector: {told} (quality.yaml)", style="dim"))
    for problem in problems:
        console.print()
        console.print(Text.assemble(("✗ ", "red"), problem["message"]))
        console.print(Text(f"  Mend: {problem['mend']}"))
