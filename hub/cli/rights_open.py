"""`hub rights open`, and who asks: `identify`, `code`, `doubt`, `scope`"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from hub.cli.base import (
    Code,
    ConfigOption,
    JsonOption,
    SandboxOption,
    Stop,
    command,
    opened,
)
from hub.cli.rights_base import NumberArgument, actor, carry_out, deciding, decision, request_row
from hub.cli.rights_report import report
from hub.cli.show import out, print_json
from hub.domain.landscape import HELSINKI
from hub.domain.rights import Right
from hub.rights import decide, identity, intake
from hub.rights.due import deadline_of

app = typer.Typer()


@app.command("open")
@command
def open_(
    right: Annotated[Right, typer.Argument(help="What the person asks for.")],
    email: Annotated[str, typer.Option(help="The person's address.")],
    controller: Annotated[
        list[str], typer.Option(help="Of whom it is asked; may be repeated: of both.")
    ],
    name: Annotated[str, typer.Option(help="The person's name.")] = "",
    phone: Annotated[str, typer.Option(help="With its country code: +358…")] = "",
    received: Annotated[
        str,
        typer.Option(
            metavar="TIME", help="When it came in, such as 2026-11-02T10:00, Helsinki time."
        ),
    ] = "",
    language: Annotated[str, typer.Option(help="Of the letters: fi, sv or en.")] = "fi",
    corrections: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="FIELD=VALUE", help="A rectification: the right value; repeat it."
        ),
    ] = None,
    purpose: Annotated[
        list[str] | None,
        typer.Option(help="An objection to that purpose only.  [dim]\\[default: all][/dim]"),
    ] = None,
    also: Annotated[
        list[str] | None, typer.Option(help="Another address of the same person.")
    ] = None,
    message: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The text of the request, kept in the case file."),
    ] = None,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Open a request. Its answer is due one month after it came in.

    An objection takes effect at once, without a check of who asks. An open request for the same
    right of the same person is answered instead of a second one.
    """
    with opened(config, sandbox=sandbox) as hub:
        with deciding():
            asked = intake.Asked(
                right=right,
                controllers=controller,
                email=email,
                received_at=_moment(received) if received else hub.deployment.now(),
                name=name,
                phone=phone,
                language=language,
                also_known_as=also or (),
                message=_text(message) if message else "",
                corrections=_pairs(corrections or ()),
                purposes=purpose or (),
            )
            made = intake.open_request(hub.deployment, asked, actor())
        if made.systems:
            carry_out(hub, made.number, made.systems, quiet=json)
        said = (
            f"Request {made.number} is open."
            if made.fresh
            else f"Request {made.number} is open already for that; no second one was made."
        )
        report(hub, made.number, said, json=json, fresh=made.fresh)


@app.command()
@command
def identify(
    number: NumberArgument,
    how: Annotated[identity.How | None, typer.Option(help="How it is known who asks.")] = None,
    note: Annotated[
        str, typer.Option(help="What that rests on; never a copy of an identity paper.")
    ] = "",
    message: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The mail that the request came in (.eml): its DKIM is checked."
        ),
    ] = None,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Say how it is known who asks, or give the message that shows it.

    Exits with 3 where a message alone is not enough; it is kept as evidence all the same.
    """
    if (how is None) == (message is None):
        raise Stop("give either --how with --note, or --message", "", Code.USAGE)
    with decision(number, config, sandbox=sandbox) as hub:
        if message is not None:
            enough = identity.by_message(hub.deployment, number, _bytes(message), actor())
        else:
            assert how is not None  # one of the two was given
            identity.by_handler(hub.deployment, number, how, note, actor())
            enough = True
        said = (
            "It is known who asks."
            if enough
            else "The message is kept, but does not show who asks: its sender is another address, "
            f"or its domain did not sign it. `hub rights code {number}` makes a code to send."
        )
        report(hub, number, said, json=json, enough=enough)
    if not enough:
        raise typer.Exit(Code.DECIDE)


@app.command()
@command
def code(
    number: NumberArgument,
    answer: Annotated[
        str | None, typer.Option(metavar="CODE", help="The code as the person gave it back.")
    ] = None,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Make a one-time code for the address on record, or check the one that came back.

    Exits with 3 where the answer is wrong; after five wrong ones the code is void.
    """
    with opened(config, sandbox=sandbox) as hub:
        if answer is None:
            with deciding(number):
                made = identity.new_code(hub.deployment, number, actor())
            days = identity.CODE_FOR.days
            paused = deadline_of(request_row(hub, number)).paused
            if json:
                print_json({"request": number, "code": made, "days": days, "paused": paused})
                return
            clock = "stands still until the answer" if paused else "runs on: it was asked late"
            out().print(Text(made, style="bold"))
            out().print(
                Text(
                    "Send it to the address on record and nowhere else; it is shown only now. It "
                    f"holds for {days} days. The clock {clock}."
                )
            )
            return
        with deciding(number):
            right = identity.give_code(hub.deployment, number, answer, actor())
        said = "The code is right." if right else "That is not the code."
        report(hub, number, said, json=json, right=right)
    if not right:
        raise typer.Exit(Code.DECIDE)


@app.command()
@command
def doubt(
    number: NumberArgument,
    reason: Annotated[str, typer.Option(help="The reasonable doubt (Art. 12(6)); it is kept.")],
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Ask for more to know who asks. The clock stands still from now until the answer, where the
    question is prompt."""
    with decision(number, config, sandbox=sandbox) as hub:
        identity.doubt(hub.deployment, number, reason, actor())
        report(hub, number, "Noted. Ask the person now.", json=json)


@app.command()
@command
def scope(
    number: NumberArgument,
    controller: Annotated[list[str], typer.Option(help="Who is meant besides; may be repeated.")],
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Record that the person means another company too: only then is its own data searched."""
    with decision(number, config, sandbox=sandbox) as hub:
        decide.confirm_scope(hub.deployment, number, controller, actor())
        report(hub, number, "The scope is wider now.", json=json)


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Stop(
            "--received is no time", "write it like 2026-11-02T10:00 or 2026-11-02", Code.USAGE
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=HELSINKI)


def _pairs(given: list[str] | tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for one in given:
        field, equals, value = one.partition("=")
        if not equals or not field.strip():
            raise Stop("--set wants FIELD=VALUE", "such as --set first_name=Aino", Code.USAGE)
        pairs[field.strip()] = value.strip()
    return pairs


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Stop(f"{path} cannot be read: {error.strerror}", "", Code.USAGE) from None


def _text(path: Path) -> str:
    return _bytes(path).decode("utf-8", "replace")
