"""The command group. A command's module is imported when the command is asked for, so that
`hub version` does not wait for what the daemon needs."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

_HOME = "Work"
_LOOK = "Look"
_DECIDE = "Decide"
_TEND = "Tend"

COMMANDS: dict[str, tuple[str, str, str]] = {
    # name: (module:attribute, panel of the help page, what it does)
    "run": ("hub.cli.run", _HOME, "Run the hub: keep every system in step until it is stopped."),
    "sandbox": ("hub.cli.sandbox", _HOME, "Try everything without an account: invented people."),
    "sync": ("hub.cli.sync", _HOME, "Sync now, or show what a sync would do (--dry-run)."),
    "check": ("hub.cli.check", _HOME, "Check the configuration, the stores and every system."),
    "person": ("hub.cli.person", _LOOK, "Show all that is known of a person, and where it is."),
    "explain": ("hub.cli.explain", _LOOK, "Explain why a value is, or is not, in a system."),
    "runs": ("hub.cli.runs", _LOOK, "Show the history of runs."),
    "connectors": ("hub.cli.connectors", _LOOK, "Show the plugins and what they can do."),
    "rights": ("hub.cli.rights", _DECIDE, "Answer the requests of data subjects."),
    "notices": ("hub.cli.notices", _DECIDE, "Who must be told whose data came from elsewhere."),
    "review": ("hub.cli.review", _DECIDE, "Answer the questions that only a person can."),
    "quarantine": ("hub.cli.quarantine", _DECIDE, "Look after rows that could not land or go."),
    "prohibit": ("hub.cli.prohibit", _DECIDE, "Record a whole company's no to marketing."),
    "audit": ("hub.cli.audit", _TEND, "Verify the audit log, export its head, read it."),
    "token": ("hub.cli.token", _TEND, "Make and end the tokens of the admin endpoint."),
    "keys": ("hub.cli.keys", _TEND, "Look after the master key."),
    "db": ("hub.cli.db", _TEND, "Look after the database."),
    "schema": ("hub.cli.schema", _TEND, "Print the configuration's JSON Schema, for editors."),
    "version": ("hub.cli.version", _TEND, "Print the version."),
}


class _Commands(TyperGroup):
    """Imports a command's module at its first use."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module, panel, summary = COMMANDS[cmd_name]
        app: typer.Typer = importlib.import_module(module).app
        command: Any = typer.main.get_command(app)
        command.name = cmd_name
        command.short_help = summary
        command.rich_help_panel = panel
        return command


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


@app.callback()
def _hub() -> None:
    """Keeps people and their marketing permissions true across two companies' tools.

    New here? [bold]hub sandbox[/bold] shows it at work with invented people.
    With accounts: copy config/hub.example.yaml to config/hub.yaml, then [bold]hub check[/bold],
    [bold]hub sync --dry-run[/bold], [bold]hub run[/bold].
    """


def main() -> None:
    """The entry point of the `hub` command."""
    try:
        app()
    except BrokenPipeError:
        # whoever read us has seen enough (`hub runs | head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
