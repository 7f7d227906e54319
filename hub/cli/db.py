"""`hub db`"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.text import Text

from hub.cli.base import Code, ConfigOption, JsonOption, SandboxOption, command, settings_of
from hub.cli.show import cells, number, out, print_json, table
from hub.settings import Settings
from hub.store import overview, people
from hub.store.schema import check_current, migrate, open_store, revision
from hub.vault.database import DatabaseUnusable, read_only, sqlite_path

app = typer.Typer(no_args_is_help=True)


@app.callback()
def db() -> None:
    """Look after the application's database."""


@app.command()
@command
def status(
    config: ConfigOption = None, sandbox: SandboxOption = False, json: JsonOption = False
) -> None:
    """Show where the database is, whether it is up to date, and what it holds.

    Exits with 1 where it has to be upgraded.
    """
    settings = settings_of(config, sandbox=sandbox)
    with _store(settings) as database:
        at, current, holds = revision(database), True, dict[str, int]()
        if at is not None:
            try:
                check_current(database)
            except DatabaseUnusable:
                current = False
            else:
                holds = _holds(database)
    current = current and at is not None
    name = _name(settings)
    if json:
        print_json({"database": name, "migration": at, "current": current, "holds": holds})
    else:
        console = out()
        console.print(Text(f"{name}, {f'at migration {at}' if at else 'without tables yet'}"))
        if holds:
            shown = table("", "holds", "how many", numbers=("how many",))
            for what, n in holds.items():
                shown.add_row(*cells(what, number(n)))
            console.print(shown)
        if not current:
            console.print("[yellow]It has to be brought up to date: hub db upgrade[/]")
    if not current:
        raise typer.Exit(Code.FAILED)


@app.command()
@command
def upgrade(
    config: ConfigOption = None, sandbox: SandboxOption = False, json: JsonOption = False
) -> None:
    """Bring the database to this version's tables. `hub run` does it too."""
    settings = settings_of(config, sandbox=sandbox)
    with _store(settings) as database:
        before = revision(database)
        migrate(database)
        after = revision(database)
    if json:
        print_json({"before": before, "after": after})
    elif before == after:
        out().print(f"Up to date already, at migration {after}.")
    else:
        out().print(f"Upgraded from {before or 'nothing'} to migration {after}.")


@contextmanager
def _store(settings: Settings) -> Iterator[Any]:
    database = open_store(settings.database)
    try:
        yield database
    finally:
        database.dispose()


def _name(settings: Settings) -> str:
    path = sqlite_path(settings.database)
    return str(path) if path else "PostgreSQL"


def _holds(database: Any) -> dict[str, int]:
    with read_only(database).connect() as connection:
        persons = people.count(connection)
        records = overview.records(connection)
        reviews = overview.open_reviews(connection)
        aside = overview.set_aside(connection)
    linked: dict[str, int] = {}
    for (system, _, _), states in records.items():
        linked[system] = linked.get(system, 0) + states.get("live", 0)
    return {
        **{f"persons of {name}": n for name, n in persons.items()},
        **{f"records of {name}": n for name, n in linked.items()},
        "open questions": sum(reviews.values()),
        "rows in quarantine": sum(aside.values()),
    }
