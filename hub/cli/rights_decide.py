"""`hub rights approve` and the other decisions: `exempt`, `refuse`, `withdraw`, `hold`, `release`,
`extend`, `retry`, `notified`, `lift`, `note`"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.cli.base import Code, ConfigOption, JsonOption, SandboxOption, Stop, command, opened
from hub.cli.rights_base import NumberArgument, actor, carry_out, deciding, decision, request_row
from hub.cli.rights_open import _text
from hub.cli.rights_report import report
from hub.cli.rights_show import print_head, print_plan
from hub.cli.show import out
from hub.domain.deadline import ExtensionReason, helsinki_day
from hub.domain.exemption import ExemptionGround
from hub.domain.plan import Exemption, Plan
from hub.domain.rights import DataCategory, RequestState, Way
from hub.rights import decide, lifting
from hub.rights.due import deadline_of
from hub.vault.database import Row

app = typer.Typer()

_SHORTEST = 8
"""Characters of a plan's hash that name it."""

ReasonOption = Annotated[str, typer.Option(help="Why; it is kept in the case file.")]


@app.command()
@command
def approve(
    number: NumberArgument,
    plan: Annotated[
        str,
        typer.Option(
            metavar="HASH", help="Approve only that plan: its hash, or the first characters of it."
        ),
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Approve the plan of a request, after showing it, and have it carried out.

    Where exemptions, weak matches or several persons are in it, a second person approves too.
    """
    if json and not (yes or plan):
        raise Stop("with --json nothing can be asked", "give --plan HASH, or --yes", Code.USAGE)
    with opened(config, sandbox=sandbox) as hub:
        row = request_row(hub, number)
        if not row.plan:
            raise Stop(f"request {number} has no plan yet", f"see `hub rights show {number}`")
        _named(row, plan)
        if not json and row.state == RequestState.PLANNED:
            console = out()
            print_head(console, row, deadline_of(row), helsinki_day(hub.deployment.now()))
            print_plan(console, row)
            console.print()
            if not yes and not _asked("Carry this plan out?"):
                raise Stop("nothing was approved", "", Code.DECIDE)
        with deciding(number):
            started, systems = decide.approve(hub.deployment, number, row.plan_hash, actor())
        carry_out(hub, number, systems, quiet=json)
        now = request_row(hub, number)
        report(hub, number, _approved(now, started=started), json=json, started=started)


@app.command()
@command
def exempt(
    number: NumberArgument,
    system: Annotated[str, typer.Option(help="The system that keeps it.")],
    category: Annotated[DataCategory, typer.Option(help="What kind of data is kept.")],
    ground: Annotated[ExemptionGround, typer.Option(help="On what ground: a closed list.")],
    reason: ReasonOption,
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="The first day on which the ground holds no more; then it is erased.",
        ),
    ] = None,
    only: Annotated[
        bool, typer.Option("--only", help="In place of earlier exemptions, not besides them.")
    ] = False,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Refuse a part: one category of data in one system, on a ground, until a day. The plan is
    another one then, and two people approve it."""
    with opened(config, sandbox=sandbox) as hub:
        row = request_row(hub, number)
        last: date | None = until.date() if until else None
        try:
            exemption = Exemption(system, category, ground, last)
        except ValueError as error:
            raise Stop(str(error), "give --until YYYY-MM-DD", Code.USAGE) from None
        kept = Plan.load(row.plan).exemptions if row.plan and not only else ()
        with deciding(number):
            decide.exempt(hub.deployment, number, [*kept, exemption], reason, actor())
        report(hub, number, f"Kept: {category} in {system} ({ground.law}).", json=json)


@app.command()
@command
def refuse(
    number: NumberArgument,
    ground: Annotated[ExemptionGround, typer.Option(help="On what ground: a closed list.")],
    reason: ReasonOption,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Refuse the whole request. It ends once `hub rights notified` says how the person was told:
    within one month, with the reasons, and that they may complain to the Data Protection Ombudsman
    and go to court (Art. 12(4))."""
    with decision(number, config, sandbox=sandbox) as hub:
        decide.refuse(hub.deployment, number, ground.value, reason, actor())
        report(hub, number, f"Refused: {ground.titles['en']} ({ground.law}).", json=json)


@app.command()
@command
def withdraw(
    number: NumberArgument,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Record that the person takes the request back: nothing more is carried out."""
    with decision(number, config, sandbox=sandbox) as hub:
        decide.withdraw(hub.deployment, number, actor())
        report(hub, number, "Taken back.", json=json)


@app.command()
@command
def hold(
    number: NumberArgument,
    reason: Annotated[str, typer.Option(help="Why; it is kept in the case file.")] = "",
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Hold a request: nothing is carried out until it is released. The clock runs on."""
    with decision(number, config, sandbox=sandbox) as hub:
        decide.hold(hub.deployment, number, actor(), on=True, reason=reason)
        report(hub, number, "On hold.", json=json)


@app.command()
@command
def release(
    number: NumberArgument,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Go on with a request that was on hold."""
    with decision(number, config, sandbox=sandbox) as hub:
        decide.hold(hub.deployment, number, actor(), on=False)
        carry_out(hub, number, quiet=json)
        report(hub, number, "Released.", json=json)


@app.command()
@command
def extend(
    number: NumberArgument,
    reason: Annotated[
        ExtensionReason, typer.Option(help="The request is complex, or there are many.")
    ],
    text: Annotated[str, typer.Option(help="What the person was told of the reason.")] = "",
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Extend the deadline by two further months, once, of which the person was told today: that
    must be within the first month (Art. 12(3))."""
    with decision(number, config, sandbox=sandbox) as hub:
        due = decide.extend(hub.deployment, number, reason, text, actor())
        report(hub, number, f"Extended to {due.ends}.", json=json)


@app.command()
@command
def retry(
    number: NumberArgument,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Try at once what waits or needs attention. It is tried by itself too, with growing pauses."""
    with decision(number, config, sandbox=sandbox) as hub:
        systems = decide.retry(hub.deployment, number, actor())
        carry_out(hub, number, systems, quiet=json)
        what = ", ".join(systems) or "nothing waits"
        report(hub, number, f"Tried again: {what}.", json=json, systems=systems)


@app.command()
@command
def notified(
    number: NumberArgument,
    how: Annotated[Way, typer.Option(help="How the person was told.")],
    text: Annotated[str, typer.Option(help="What they were told.")] = "",
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The letter, kept in the case file.")
    ] = None,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Record that the person was told what was done, or why it was refused, which closes the
    request."""
    if bool(text.strip()) == (file is not None):
        raise Stop("give either --text or --file: what the person was told", "", Code.USAGE)
    with decision(number, config, sandbox=sandbox) as hub:
        decide.notified(hub.deployment, number, how, _text(file) if file else text, actor())
        report(hub, number, "The person was told.", json=json)


@app.command()
@command
def lift(
    number: NumberArgument,
    how: Annotated[Way, typer.Option(help="How the person was told.")],
    text: Annotated[str, typer.Option(help="What they were told.")],
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Lift the restriction of a closed request, of which the person was told first (Art. 18(3))."""
    with decision(number, config, sandbox=sandbox) as hub:
        systems = lifting.lift(hub.deployment, number, how, text, actor())
        carry_out(hub, number, systems, quiet=json)
        report(hub, number, "The restriction is lifted.", json=json, systems=systems)


@app.command()
@command
def note(
    number: NumberArgument,
    text: Annotated[str, typer.Option(help="What to keep in the case file.")],
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Add a note to the case file."""
    with decision(number, config, sandbox=sandbox) as hub:
        decide.note(hub.deployment, number, text, actor())
        report(hub, number, "Noted.", json=json)


def _named(row: Row[Any], given: str) -> None:
    """Raise Stop unless `given` names the plan as it is now."""
    wanted = given.strip().lower()
    if not wanted:
        return
    if len(wanted) < _SHORTEST:
        raise Stop(
            f"give at least {_SHORTEST} characters of the plan's hash",
            f"`hub rights show {row.id}` shows it",
            Code.USAGE,
        )
    if not row.plan_hash.startswith(wanted):
        raise Stop(
            f"the plan of request {row.id} is another one now",
            f"look at it with `hub rights show {row.id}`, then approve it",
            Code.DECIDE,
        )


def _asked(question: str) -> bool:
    try:
        return typer.confirm(question, default=False)
    except typer.Abort:
        return False


def _approved(row: Row[Any], *, started: bool) -> str:
    if started:
        return "Approved, and under way."
    if row.state == RequestState.COOLING_OFF:
        return "Approved; it begins when the cooling-off is over."
    return "Approved by you; a second person has to approve too."
