"""`hub rights list`, `show` and `dry-run`"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from datetime import date, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from hub.cli.base import Code, ConfigOption, JsonOption, SandboxOption, Stop, command, opened
from hub.cli.rights_base import NumberArgument, actor, deciding, request_row
from hub.cli.rights_facts import confirmations, controllers_of, due_of, load, plan_of, task_of, told
from hub.cli.rights_words import REQUEST_STATES, TASK_STATES, mend, next_step, reason
from hub.cli.show import cells, out, persons, print_json, progress, table, when
from hub.domain.audit import Chained, Event
from hub.domain.deadline import Deadline, helsinki_day
from hub.domain.plan import Plan
from hub.domain.rights import RequestState
from hub.opening import Hub
from hub.rights import assess, coordinator
from hub.rights.casefile import CaseFile
from hub.rights.dryrun import Found, Preview, preview
from hub.rights.due import deadline_of, refused
from hub.store import requests
from hub.vault.database import Row, read_only

app = typer.Typer()

_MANY = 100_000


@app.command("list")
@command
def list_(
    everything: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    state: Annotated[
        list[RequestState] | None, typer.Option(help="Only those in this state; may be repeated.")
    ] = None,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """List the open requests, the first to be answered on top. No personal data is shown."""
    with (
        opened(config, sandbox=sandbox) as hub,
        read_only(hub.deployment.database).connect() as connection,
    ):
        found = requests.listed(
            connection,
            states=[one.value for one in state or ()],
            open_only=not everything and not state,
            limit=_MANY,
        )
        today = helsinki_day(hub.deployment.now())
    found.sort(key=lambda row: (not row.open, row.due_on, row.id))
    if json:
        print_json([{**told(row), **due_of(row, today)} for row in found])
        return
    if not found:
        out().print("[green]No request is open.[/]")
        return
    shown = table("", "n", "right", "asked of", "answer by", "left", "state", numbers=("n", "left"))
    for row in found:
        left = deadline_of(row).days_left(today) if row.open else None
        shown.add_row(
            *cells(row.id, row.right, controllers_of(row), row.due_on if row.open else "–"),
            _left(left, open_=row.open),
            *cells(_state(row)),
        )
    out().print(shown)
    out().print("[dim]hub rights show N tells more.[/]")


@app.command()
@command
def show(
    number: NumberArgument,
    casefile: Annotated[
        bool,
        typer.Option(
            "--casefile",
            help="The case file too: who asked for what, evidence, letters. That is personal "
            "data; the look is entered into the audit log.",
        ),
    ] = False,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Show a request: where it is, by when it must be answered, its plan, each system's task with
    what stands in its way and the mend, and what happened when."""
    with opened(config, sandbox=sandbox) as hub:
        case = _casefile(hub, number) if casefile else None
        row, tasks, happened = load(hub, number)
        said = confirmations(hub, row, tasks) if casefile else {}
        today = helsinki_day(hub.deployment.now())
    if json:
        print_json(
            {
                **told(row),
                **due_of(row, today),
                "plan": plan_of(row),
                "tasks": [task_of(one) for one in tasks],
                "timeline": [_entry(one) for one in happened],
                **({"casefile": case, "confirmations": said} if case is not None else {}),
            }
        )
        return
    console = out()
    print_head(console, row, deadline_of(row), today)
    if case is not None:
        _print_case(console, case, said)
    if row.plan:
        print_plan(console, row)
    print_tasks(console, row, tasks)
    _print_timeline(console, happened)


@app.command("dry-run")
@command
def dry_run(
    number: NumberArgument,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Ask every system what it holds of the person and show what would be done. Nothing is written
    anywhere, but that you looked, into the audit log.

    Exits with 1 where a system could not be asked.
    """
    with opened(config, sandbox=sandbox) as hub, deciding(number):
        row = request_row(hub, number)
        if row.state not in assess.PLANNABLE:
            raise Stop(
                f"request {number} is {row.state}: its plan is decided",
                f"`hub rights show {number}` shows what came of it",
            )
        with progress(quiet=json) as bar:
            bar.add_task("asking the systems", total=None, note="")
            found = preview(hub.deployment, number, hub.open_system, actor())
    if json:
        print_json(
            {
                "request": number,
                "hash": found.plan.hash,
                "changed": found.plan.hash != row.plan_hash,
                "persons": found.persons,
                "systems": found.systems,
                "applies": found.applies,
            }
        )
    else:
        _print_preview(row, found)
    if any(one.problem for one in found.systems):
        raise typer.Exit(Code.FAILED)


def _entry(one: Chained) -> dict[str, Any]:
    entry = one.entry
    return {
        "seq": entry.seq,
        "at": entry.at,
        "event": entry.event,
        "actor": entry.actor,
        "subject": entry.subject,
        "detail": dict(entry.detail),
    }


def _casefile(hub: Hub, number: int) -> CaseFile:
    """The case file, and a word in the audit log that somebody looked. Raises Stop."""
    row = request_row(hub, number)
    if row.state == RequestState.ARCHIVED:
        raise Stop(f"the case file of request {number} has ended", "what is left is shown without")
    with hub.deployment.database.begin() as connection:
        coordinator.tell(connection, hub.deployment, number, Event.REQUEST_VIEWED, actor())
    return assess.casefile(hub.deployment, row)


# what it looks like


def print_head(console: Console, row: Row[Any], due: Deadline, today: date) -> None:
    """What is asked, where it is, by when, and what comes next."""
    asked = ", ".join(controllers_of(row))
    console.print(Text(f"Request {row.id}: {row.right} at {asked}", style="bold"))
    console.print(Text(f"{_state(row)} · received {when(row.received_at)}"))
    if row.open:
        console.print(_deadline(row, due, today))
    if row.identity:
        known = "no check is needed" if row.identity == "not-needed" else row.identity
        console.print(Text(f"Who asks: {known}"))
    if row.reason:
        words = reason(row.reason)
        console.print(Text(words.means, style="yellow"))
        if row.open and refused(row):
            console.print(Text(f"Mend: {mend(row.reason, row.id, 0)}", style="bold"))
    if row.state == RequestState.COOLING_OFF:
        console.print(f"Begins {when(row.starts_at)}.")
    if row.watch_at is not None:
        console.print(f"The systems are read again {when(row.watch_at)} ({row.watched} done).")
    step = next_step(row.state, row.id)
    if row.on_hold:
        step = f"hub rights release {row.id}: it is on hold, nothing is carried out"
    elif row.state == RequestState.PLANNED and row.approved_by:
        step = f"hub rights approve {row.id} by a second person; {row.approved_by} has approved"
    if step and row.open:
        console.print(Text.assemble(("Next: ", "bold"), step))


def _deadline(row: Row[Any], due: Deadline, today: date) -> Text:
    left = due.days_left(today)
    if left is None:
        return Text("The clock stands still until the question about identity is answered.")
    style = "red" if left <= 2 else "yellow" if left <= 10 else ""
    extra = ", extended" if due.extended else ""
    if due.paused_days:
        extra += f", {due.paused_days} days later for an identity question"
    days = f"{abs(left)} day{'' if abs(left) == 1 else 's'}"
    told_left = f"{days} left" if left >= 0 else f"{days} late"
    text = f"Answer by {due.ends} ({told_left}; target {due.target}{extra})"
    return Text(text, style=style)


def print_plan(console: Console, row: Row[Any]) -> None:
    """What is approved, and the hash that names it."""
    plan = Plan.load(row.plan)
    console.print()
    shown = table(f"Plan {plan.hash[:12]}", "system", "what", "part", "whose task", "kept")
    for step in plan.steps:
        kept = [
            f"{one.category} ({one.ground}{f' until {one.until}' if one.until else ''})"
            for one in plan.exemptions
            if one.system == step.system and step.part == "records"
        ]
        shown.add_row(*cells(step.system, step.act, step.part, step.controllers, kept))
    console.print(shown)
    concerned = f"{persons(len(plan.persons))} of the hub's"
    if plan.partly:
        concerned += f", {len(plan.partly)} more in part"
    console.print(Text(f"{concerned}; the hub's own copy last", style="dim"))
    for why in _two_approve(plan):
        console.print(Text(why, style="yellow"))
    if plan.fields:
        console.print(Text(f"fields to correct: {', '.join(plan.fields)}"))
    console.print(Text(plan.hash, style="dim"))


def _two_approve(plan: Plan) -> list[str]:
    """Why a second person has to approve that plan."""
    why = [reason(code).means for code in plan.weak]
    if plan.exemptions:
        why.append("a part is refused: a second person approves too")
    return why


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times"


def print_tasks(console: Console, row: Row[Any], tasks: Sequence[Row[Any]]) -> None:
    """Each system's task, by system, with what stands in its way and the mend."""
    if not tasks:
        return
    console.print()
    shown = table("Tasks", "task", "system", "what", "state", "", numbers=("task",))
    for one in sorted(tasks, key=lambda task: (task.system == "hub", task.system, task.id)):
        part = "" if one.part == "records" else f" ({one.part})"
        lines = Text("\n").join(_told(row, one))
        state = TASK_STATES.get(one.state, one.state)
        colour = _COLOURS.get(one.state, "")
        name = "the hub's own copy" if one.system == "hub" else one.system
        shown.add_row(*cells(one.id, name, f"{one.act}{part}"), Text(state, style=colour), lines)
    console.print(shown)


_COLOURS = {
    "attention": "red",
    "awaiting_external": "yellow",
    "verified": "green",
    "confirmed": "green",
    "not_held": "green",
}


def _told(row: Row[Any], task: Row[Any]) -> list[Text]:
    lines = []
    ended = task.ended_at is not None
    if task.reason and (not ended or task.reason == "not-watched"):
        lines.append(Text(reason(task.reason).means))
        if (row.open or ended) and (step := mend(task.reason, row.id, task.id)):
            lines.append(Text(f"Mend: {step}", style="bold"))
    if task.found:
        lines.append(Text(f"{task.found} record{'' if task.found == 1 else 's'} found"))
    if task.confirm_by is not None and not ended:
        times = f", reminded {_times(task.reminded)}" if task.reminded else ""
        lines.append(Text(f"to be confirmed by {when(task.confirm_by)}{times}"))
    if task.confirmed_by:
        lines.append(Text(f"confirmed by a named person, {when(task.ended_at)}"))
    if task.ground:
        until = f" until {task.until}" if task.until else ""
        lines.append(Text(f"{task.category}: {task.ground}{until}"))
    if task.waiting and not ended and task.tries:
        lines.append(Text(f"tried {_times(task.tries)}, again {when(task.due_at)}", style="dim"))
    return lines


def _print_timeline(console: Console, happened: Sequence[Chained]) -> None:
    if not happened:
        return
    console.print()
    shown = table("Timeline", "when", "what", "about", "by", "")
    for one in happened:
        entry = one.entry
        detail = ", ".join(
            f"{name} {value[:12] if name == 'hash' else value}"
            for name, value in entry.detail.items()
            if name != "request" and value
        )
        event = entry.event.value.replace("-", " ")
        shown.add_row(*cells(entry.at, event, entry.subject, entry.actor, detail))
    console.print(shown)


def _print_case(console: Console, case: CaseFile, said: Mapping[int, Mapping[str, str]]) -> None:
    console.print()
    shown = table("Case file (personal data)", "", "")
    for name, value in (
        ("address", case.email),
        ("also known as", case.also_known_as),
        ("learned from records", case.learned),
        ("name", case.name),
        ("phone", case.phone),
        ("language", case.language),
        ("purposes", case.purposes),
        ("corrections", [f"{field}: {value}" for field, value in case.corrections.items()]),
        ("message", case.message),
    ):
        if value:
            shown.add_row(*cells(name, value))
    for name in ("evidence", "notes", "decisions", "notices"):
        for one in getattr(case, name):
            rest = {key: value for key, value in one.items() if key not in ("at", "by", "message")}
            text = " · ".join(rest.values())
            at = when(datetime.fromisoformat(one["at"]))
            shown.add_row(*cells(name, f"{at} {one['by']}: {text}"))
    for task, words in said.items():
        shown.add_row(*cells(f"task {task}", f"{words['by']}: {words['statement']}"))
    console.print(shown)


def _print_preview(row: Row[Any], found: Preview) -> None:
    console = out()
    shown = table(f"Dry run of request {row.id}", "system", "would", "holds", "where", "")
    for one in found.systems:
        held = "?" if one.held is None else str(one.held)
        if one.weak:
            held += f" ({one.weak} weak)"
        part = "" if one.part == "records" else f" ({one.part})"
        shown.add_row(
            *cells(one.system, f"{one.act}{part}", held, one.scopes), Text(_by_whom(one, row.id))
        )
    console.print(shown)
    for controller, basis, answer, article, note in map(astuple, found.applies):
        told = f"{controller}, {basis.replace('_', ' ')}: {answer}, Art. {article}"
        console.print(Text(f"{told}: {note}" if note else told, style="dim"))
    console.print(f"{persons(found.persons)} of the hub's; nothing was written anywhere.")
    if row.plan_hash and found.plan.hash != row.plan_hash:
        console.print("[yellow]More, or less, is known than when it was planned.[/]")


def _by_whom(one: Found, number: int) -> str:
    if one.problem:
        words = reason(one.problem)
        return f"{words.means}. Mend: {mend(one.problem, number, 0)}"
    return reason(one.by_hand).means if one.by_hand else "the hub does it"


def _state(row: Row[Any]) -> str:
    text = REQUEST_STATES[row.state].means
    return f"on hold · {text}" if row.on_hold else text


def _left(left: int | None, *, open_: bool) -> str:
    if not open_:
        return "–"
    if left is None:
        return "paused"
    colour = "red" if left <= 2 else "yellow" if left <= 10 else ""
    return f"[{colour}]{left}[/]" if colour else str(left)
