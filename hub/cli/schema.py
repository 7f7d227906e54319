"""`hub schema`"""

from __future__ import annotations

import sys

import typer

from hub.cli.base import JsonOption, command
from hub.settings.schema import schema_text

app = typer.Typer()


@app.command()
@command
def schema(json: JsonOption = False) -> None:
    """Print the JSON Schema of the configuration.

    Editors use it to complete and check: put it beside your configuration and begin that with
    [bold]# yaml-language-server: $schema=hub.schema.json[/bold]
    """
    del json  # it is JSON either way
    sys.stdout.write(schema_text())
