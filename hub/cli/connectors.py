"""`hub connectors`"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

import typer
from rich.text import Text

from hub.api import ConnectorType
from hub.cli.base import Code, JsonOption, command
from hub.cli.show import cells, out, print_json, table
from hub.connect.discovery import GROUP
from hub.connect.host import Host

app = typer.Typer()


@app.command()
@command
def connectors(json: JsonOption = False) -> None:
    """Show the plugins that are installed, what they can do, and what is wrong with one.

    Exits with 1 where a plugin cannot be used.
    """
    with Host.load() as host:
        versions = {entry.name: _version(entry) for entry in entry_points(group=GROUP)}
        types = [_told(one, versions.get(one.kind, "")) for one in host.types.values()]
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


def _version(entry: Any) -> str:
    return entry.dist.version if entry.dist else ""


def _told(one: ConnectorType, version: str) -> dict[str, Any]:
    fields = one.settings.model_fields.items()
    return {
        "kind": one.kind,
        "title": one.title,
        "version": version,
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
    for problem in problems:
        console.print()
        console.print(Text.assemble(("✗ ", "red"), problem["message"]))
        console.print(Text(f"  Mend: {problem['mend']}"))
