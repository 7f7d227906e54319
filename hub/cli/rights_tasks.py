"""Single tasks: `hub rights match`, `link`, `confirm`, `instructions`"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from hub.cli.base import Code, ConfigOption, JsonOption, SandboxOption, Stop, command, opened
from hub.cli.rights_base import TaskArgument, actor, carry_out, deciding, task_row
from hub.cli.rights_report import report
from hub.cli.show import cells, out, print_json, table, when
from hub.rights import manual, matches
from hub.rights.matches import Weak

app = typer.Typer()


@app.command()
@command
def match(
    task: TaskArgument,
    same: Annotated[bool, typer.Option("--same", help="The records are the person's.")] = False,
    other: Annotated[bool, typer.Option("--other", help="They are somebody else's.")] = False,
    record: Annotated[
        list[int] | None,
        typer.Option(metavar="N", help="Of that record, by its number; may be repeated."),
    ] = None,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """List the records that were found only by what several people may share, and judge them: with
    --same or --other, each by itself.

    Of an erasure, --same takes somebody else than who approved it.
    """
    if same and other:
        raise Stop("give either --same or --other", "", Code.USAGE)
    with opened(config, sandbox=sandbox) as hub:
        row = task_row(hub, task)
        with deciding(row.request_id):
            asked = matches.weak(hub.deployment, task, actor())
            if not (same or other):
                _print_weak(task, asked, json=json)
                return
            if len(asked) > 1 and not record:
                raise Stop(
                    f"task {task} asks about {len(asked)} records",
                    f"`hub rights match {task}` lists them; say which: --record N",
                    Code.USAGE,
                )
            system = matches.judge(hub.deployment, task, actor(), same=same, records=record or ())
        carry_out(hub, row.request_id, [system], quiet=json)
        said = "Said to be the person's." if same else "Somebody else's: left alone."
        report(hub, row.request_id, said, json=json)


def _print_weak(task: int, asked: Sequence[Weak], *, json: bool) -> None:
    if json:
        print_json([asdict(one) for one in asked])
        return
    if not asked:
        out().print(Text(f"Task {task} asks about no record."))
        return
    listed = table(
        f"Task {task} asks about", "record", "system", "kind", "in", "id", "found by",
        numbers=("record",),
    )  # fmt: skip
    for one in asked:
        listed.add_row(*cells(one.record, one.system, one.stream, one.scope or "–", one.id, one.by))
    out().print(listed)
    out().print(
        Text(
            f"Look at each in the tool; then hub rights match {task} --record N --same, or --other",
            style="dim",
        )
    )


@app.command()
@command
def instructions(
    task: TaskArgument,
    language: Annotated[str, typer.Option(help="fi, sv or en.")] = "fi",
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Print what a person is to do for a task, without anything personal: who it is about stands
    in the case file."""
    with opened(config, sandbox=sandbox) as hub:
        row = task_row(hub, task)
        text = manual.instructions(hub.deployment, row, language)
        contact = manual.contact(hub.deployment, row.system)
    if json:
        print_json(
            {
                "task": task,
                "request": row.request_id,
                "system": row.system,
                "contact": contact,
                "instructions": text,
                "confirm_by": row.confirm_by,
            }
        )
        return
    console = out()
    console.print(Text(text))
    if contact:
        console.print(Text(f"Done by: {contact}", style="dim"))
    console.print(
        Text(
            f"Request {row.request_id}, task {task}, {row.system}; to be confirmed by "
            f"{when(row.confirm_by)}. Whom it is about: "
            f"hub rights show {row.request_id} --casefile",
            style="dim",
        )
    )


@app.command()
@command
def link(
    task: TaskArgument,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Make the secret of a one-time confirmation link for somebody who has no access to the hub;
    an earlier one ends. It is shown only now."""
    with opened(config, sandbox=sandbox) as hub:
        row = task_row(hub, task)
        with deciding(row.request_id), hub.deployment.database.begin() as connection:
            token = manual.new_link(connection, hub.deployment, task, actor())
    if json:
        print_json({"task": task, "request": row.request_id, "token": token})
        return
    out().print(Text(token, style="bold"), soft_wrap=True)
    out().print(Text("Give it to whoever does the task; it confirms it once.", style="dim"))


@app.command()
@command
def confirm(
    task: TaskArgument,
    by: Annotated[str, typer.Option(metavar="NAME", help="Who did it: a name is the proof.")],
    statement: Annotated[str, typer.Option(help="What was done, in their own words.")],
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Record that a named person did a task by hand."""
    if not statement.strip():
        raise Stop("say what was done: --statement", "", Code.USAGE)
    with opened(config, sandbox=sandbox) as hub:
        row = task_row(hub, task)
        with deciding(row.request_id), hub.deployment.database.begin() as connection:
            manual.confirm(connection, hub.deployment, task, by, statement, actor())
        carry_out(hub, row.request_id, quiet=json)
        report(hub, row.request_id, f"Task {task} is confirmed.", json=json)
