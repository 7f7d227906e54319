"""`hub runs`"""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import orjson
import typer

from hub.cli.base import (
    ConfigOption,
    JsonOption,
    SandboxOption,
    command,
    require_system,
    settings_of,
)
from hub.cli.show import cells, counts, out, print_json, state_style, table, took
from hub.store import progress
from hub.store.schema import check_current, open_store
from hub.vault.database import read_only

app = typer.Typer()


@app.command()
@command
def runs(
    system: Annotated[
        str | None, typer.Argument(help="Only this system.  [dim]\\[default: all][/dim]")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many.")] = 20,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Show the latest runs, the newest first."""
    settings = settings_of(config, sandbox=sandbox)
    if system is not None:
        require_system(settings, system)
    database = open_store(settings.database)
    try:
        check_current(database)
        with read_only(database).connect() as connection:
            found = progress.history(connection, system, limit)
    finally:
        database.dispose()
    if json:
        print_json([{**row._mapping, "counts": orjson.loads(row.counts)} for row in found])
        return
    shown = table("", "began", "system", "state", "took", "read", "sent", numbers=("took",))
    for row in found:
        counted = orjson.loads(row.counts)
        seconds = (row.ended_at - row.started_at).total_seconds() if row.ended_at else None
        shown.add_row(
            *cells(row.started_at, row.system),
            state_style(row.state),
            *cells(
                took(seconds) if seconds is not None else "–",
                counts(Counter(counted.get("read", {}))),
                counts(Counter(counted.get("sent", {}))),
            ),
        )
        if row.reason:
            shown.add_row("", "", *cells("", "", row.reason, ""))
    out().print(shown if found else "No run yet. `hub sync` or `hub run` makes the first.")
