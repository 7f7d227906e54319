"""`hub version`"""

from __future__ import annotations

import platform
from importlib.metadata import version as installed

import typer

from hub.cli.base import JsonOption, command
from hub.cli.show import out, print_json

app = typer.Typer()


@app.command()
@command
def version(json: JsonOption = False) -> None:
    """Print the version."""
    found = {"hub": installed("crm-sync-hub"), "python": platform.python_version()}
    if json:
        print_json(found)
    else:
        out().print(f"hub {found['hub']} (Python {found['python']})")
