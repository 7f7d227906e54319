"""`hub rights …`: the requests of data subjects, from the first letter to the proof."""

from __future__ import annotations

import typer

from hub.cli import rights_decide, rights_open, rights_package, rights_show, rights_tasks

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Answer the requests of data subjects (GDPR Arts. 13-22).\n\n"
    "A request goes: [bold]open[/bold], [bold]identify[/bold], [bold]dry-run[/bold], "
    "[bold]approve[/bold]; then every system proves what it did, a person confirms what is done by "
    "hand ([bold]confirm[/bold]), the requester is told ([bold]notified[/bold]), and it closes.",
)
for _part in (rights_show, rights_open, rights_decide, rights_tasks, rights_package):
    for _one in _part.app.registered_commands:
        # the list shows the first sentence; a command's own help has the rest
        _told = " ".join((_one.callback.__doc__ or "").split()) if _one.callback else ""
        _one.short_help = _told.partition(". ")[0].rstrip(".") + "."
        app.registered_commands.append(_one)
