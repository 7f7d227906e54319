"""`hub review`"""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.text import Text

from hub.api import ConnectorError, Ref
from hub.cli.base import (
    Code,
    ConfigOption,
    JsonOption,
    SandboxOption,
    Stop,
    ask_daemon,
    command,
    opened,
)
from hub.cli.show import cells, out, plain, print_json, short, table, when
from hub.opening import Hub
from hub.store import questions, subjects
from hub.store.subjects import Subject
from hub.sync.review import ANSWERS, CannotDecide, Decision
from hub.sync.review import decide as carry_out
from hub.vault.database import Row, read_only

app = typer.Typer(no_args_is_help=False)

_MEANS = {
    Decision.LINK: ("--link PERSON", "the record is that person's"),
    Decision.NEW: ("--new", "somebody whom the hub does not know yet"),
    Decision.MERGE: ("--merge", "the two persons are one human"),
    Decision.IGNORE: ("--ignore", "leave the record alone"),
    Decision.THEIRS: ("--theirs", "the system's value is right"),
    Decision.OURS: ("--ours", "the hub's value is right"),
    Decision.APPROVE: ("--approve", "go ahead"),
    Decision.ADMIT: ("--admit", "they came back themselves: somebody new, without the old data"),
    Decision.REJECT: ("--reject", "do nothing of it"),
}


@app.callback(invoke_without_command=True)
@command
def review(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Decided ones too.")] = False,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Answer the questions that only a person can: whose record is this, whose value is right,
    may a run change this much. Nothing is written about them until they are decided.

    Without a command the open ones are listed.
    """
    if context.invoked_subcommand is not None:
        return
    with (
        opened(config, sandbox=sandbox) as hub,
        read_only(hub.deployment.database).connect() as connection,
    ):
        found = questions.reviews(connection, None if everything else "open")
    if json:
        print_json([dict(row._mapping) for row in found])
        return
    if not found:
        out().print("[green]No question is open.[/]")
        return
    shown = table("", "n", "kind", "system", "about", "since", "question", numbers=("n",))
    for row in found:
        about = " ".join(part for part in (row.scope, short(row.external_id), row.field) if part)
        question = row.reason if row.state == "open" else f"{row.reason} · {row.state}"
        shown.add_row(
            *cells(row.id, row.kind, row.system, about, when(row.created_at)[:10], question)
        )
    out().print(shown)
    out().print("[dim]hub review show N tells more; hub review decide N … answers.[/]")


@app.command()
@command
def show(
    number: Annotated[int, typer.Argument(metavar="N", help="The number of the question.")],
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Show a question with what is needed to answer it: the record as the system has it now, and
    the persons it may be."""
    with opened(config, sandbox=sandbox) as hub:
        row = _row(hub, number)
        named = [int(one) for one in row.persons.split()]
        with read_only(hub.deployment.database).connect() as connection:
            people = subjects.load(
                connection, hub.deployment.vault, hub.deployment.identities, named
            )
        record, trouble = _record(hub, row)
        fields = _fields(hub, row, record, people)
    if json:
        print_json(
            {
                "review": dict(row._mapping),
                "record": record,
                "trouble": trouble,
                "persons": {
                    number: {name: value.value for name, value in one.profile.items()}
                    for number, one in people.items()
                },
                "answers": ANSWERS[row.kind],
            }
        )
        return
    console = out()
    console.print(Text(f"Question {row.id}: {row.reason}", style="bold"))
    place = " / ".join(
        part for part in (row.system, row.stream, row.scope, row.external_id) if part
    )
    console.print(f"{row.kind} · {place} · since {when(row.created_at)} · {row.state}")
    if row.state != "open":
        console.print(f"Decided {when(row.decided_at)}: {row.decision or row.state}")
    if fields:
        console.print()
        shown = table("", "field", "the record", *(f"person {one}" for one in people))
        for line in fields:
            shown.add_row(*cells(*line))
        console.print(shown)
    if trouble:
        console.print(Text(trouble, style="yellow"))
    if row.state == "open":
        console.print("\nAnswer with one of:")
        for answer in ANSWERS[row.kind]:
            option, means = _MEANS[answer]
            console.print(Text(f"  hub review decide {row.id} {option:<14} {means}"))


@app.command()
@command
def decide(
    number: Annotated[int, typer.Argument(metavar="N", help="The number of the question.")],
    link: Annotated[
        int | None, typer.Option(metavar="PERSON", help="The record is that person's.")
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Somebody new.")] = False,
    merge: Annotated[bool, typer.Option("--merge", help="The two persons are one.")] = False,
    ignore: Annotated[bool, typer.Option("--ignore", help="Leave the record alone.")] = False,
    theirs: Annotated[bool, typer.Option("--theirs", help="The system's value is right.")] = False,
    ours: Annotated[bool, typer.Option("--ours", help="The hub's value is right.")] = False,
    approve: Annotated[bool, typer.Option("--approve", help="Go ahead.")] = False,
    admit: Annotated[
        bool, typer.Option("--admit", help="Who was erased came back by themselves, as new.")
    ] = False,
    reject: Annotated[bool, typer.Option("--reject", help="Do nothing of it.")] = False,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Answer a question, and carry the answer out."""
    chosen = [
        decision
        for decision, given in (
            (Decision.LINK, link is not None),
            (Decision.NEW, new),
            (Decision.MERGE, merge),
            (Decision.IGNORE, ignore),
            (Decision.THEIRS, theirs),
            (Decision.OURS, ours),
            (Decision.APPROVE, approve),
            (Decision.ADMIT, admit),
            (Decision.REJECT, reject),
        )
        if given
    ]
    if len(chosen) != 1:
        raise Stop(
            "give exactly one answer",
            f"hub review show {number} lists those that fit",
            Code.USAGE,
        )
    with opened(config, sandbox=sandbox) as hub:
        row = _row(hub, number)
        if row.system in hub.settings.landscape.systems:
            hub.open_system(row.system)
        try:
            done = carry_out(hub.deployment, number, chosen[0], "command", link)
        except CannotDecide as error:
            raise Stop(str(error), f"see `hub review show {number}`", Code.FAILED) from None
        if row.system in hub.systems:
            ask_daemon(hub, "sync", row.system)
    if json:
        print_json({"review": number, "decision": chosen[0].value, "done": done})
    else:
        out().print(Text(f"Question {number}: {done}."))


def _row(hub: Hub, number: int) -> Row[Any]:
    with read_only(hub.deployment.database).connect() as connection:
        row = questions.get_review(connection, number)
    if row is None:
        raise Stop(f"there is no question {number}", "`hub review` lists them", Code.FAILED)
    return row


def _record(hub: Hub, row: Row[Any]) -> tuple[dict[str, Any], str]:
    """The record's fields as the system has them now, and why they are not there."""
    if not row.external_id or row.system not in hub.settings.landscape.systems:
        return {}, ""
    try:
        connector = hub.open_system(row.system).connector
        (found,) = connector.fetch(row.stream, [Ref(row.stream, row.scope, row.external_id)])
    except ConnectorError as error:
        return {}, f"The record cannot be shown: {error}"
    return (dict(found.fields), "") if found else ({}, "The record is gone from the system.")


def _fields(
    hub: Hub, row: Row[Any], record: dict[str, Any], people: dict[int, Subject]
) -> list[list[str]]:
    """The fields side by side, by the hub's names."""
    system = hub.settings.landscape.systems.get(row.system)
    if system is None or not row.stream:
        return []
    try:
        stream = system.stream(row.stream)
    except KeyError:
        return []
    lines = []
    for mapping in stream.fields:
        if row.field and mapping.hub not in (row.field, "email"):
            continue
        values = [
            plain(one.profile[mapping.hub].value) if mapping.hub in one.profile else "–"
            for one in people.values()
        ]
        theirs = plain(record.get(mapping.vendor))
        if any(text != "–" for text in (theirs, *values)):
            lines.append([mapping.hub, theirs, *values])
    return lines
