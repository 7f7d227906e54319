"""`hub token`"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

import typer

from hub.cli.base import (
    Code,
    ConfigOption,
    JsonOption,
    SandboxOption,
    Stop,
    command,
    opened,
    require_controller,
)
from hub.cli.show import cells, hint, out, print_json, table
from hub.settings.values import parse_duration
from hub.store import tokens
from hub.store.tokens import NameTaken, Scope, Token
from hub.vault.database import read_only

app = typer.Typer(no_args_is_help=True)

ACTOR = "cli:token"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}", re.ASCII)


@app.callback()
def token() -> None:
    """Make and end the tokens with which the admin endpoint is called (docs/api.md)."""


@app.command()
@command
def create(
    name: Annotated[str, typer.Argument(help="What it is for: case-desk, handler-2.")],
    scope: Annotated[
        list[Scope],
        typer.Option("--scope", "-s", help="What it may be used for; once for each."),
    ],
    controller: Annotated[
        list[str],
        typer.Option("--controller", "-o", help="Whose requests it sees; once for each company."),
    ],
    expires: Annotated[
        str, typer.Option("--expires", help="How long it holds: 90d.  [dim]\\[default: 365d][/dim]")
    ] = "365d",
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Make a token. It is shown this once, and only its digest is kept."""
    if not _NAME.fullmatch(name):
        raise Stop(
            "that is no name of a token",
            "use lower-case letters a-z, digits and -; no person's name: the audit log keeps it",
            Code.USAGE,
        )
    lasts = _duration(expires)
    with opened(config, sandbox=sandbox) as hub:
        for one in controller:
            require_controller(hub.settings, one)
        now = hub.deployment.now()
        try:
            with hub.deployment.database.begin() as connection:
                secret = tokens.create(connection, now, name, scope, controller, ACTOR, now + lasts)
        except NameTaken:
            raise Stop(
                f"there is or was a token {name!r}", "choose another name", Code.USAGE
            ) from None
    if json:
        print_json({"name": name, "token": secret, "expires_at": now + lasts})
        return
    print(secret)
    hint("It cannot be shown again. Send it as  Authorization: Bearer TOKEN")


@app.command("list")
@command
def list_(
    config: ConfigOption = None, sandbox: SandboxOption = False, json: JsonOption = False
) -> None:
    """List the tokens, those that have ended too."""
    with opened(config, sandbox=sandbox) as hub:
        now = hub.deployment.now()
        with read_only(hub.deployment.database).connect() as connection:
            found = tokens.listed(connection)
    if json:
        print_json([{**_plain(one), "state": one.refused(now) or "good"} for one in found])
        return
    if not found:
        hint("There is none: hub token create NAME --scope … --controller …")
        return
    shown = table("", "no", "name", "scopes", "controllers", "until", "state", numbers=("no",))
    for one in found:
        shown.add_row(
            *cells(
                one.id,
                one.name,
                sorted(one.scopes),
                sorted(one.controllers),
                one.expires_at,
                one.refused(now) or "good",
            )
        )
    out().print(shown)


@app.command()
@command
def revoke(
    name: Annotated[str, typer.Argument(help="The token's name.")],
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """End a token at once. What was done with it stays."""
    with opened(config, sandbox=sandbox) as hub, hub.deployment.database.begin() as connection:
        ended = tokens.revoke(connection, hub.deployment.now(), name, ACTOR)
    if ended is None:
        raise Stop("there is no token of that name", "see: hub token list")
    if json:
        print_json({"name": ended.name, "revoked": True})
    else:
        out().print(f"The token {ended.name} is accepted no more.")


def _duration(text: str) -> timedelta:
    try:
        lasts = parse_duration(text)
    except ValueError as error:
        raise Stop(f"--expires is {error}", "such as --expires 90d", Code.USAGE) from None
    if lasts > timedelta(days=3660):
        raise Stop("a token holds ten years at most", "such as --expires 365d", Code.USAGE)
    return lasts


def _plain(one: Token) -> dict[str, object]:
    return {
        "number": one.id,
        "name": one.name,
        "scopes": sorted(one.scopes),
        "controllers": sorted(one.controllers),
        "created_at": one.created_at,
        "expires_at": one.expires_at,
        "revoked_at": one.revoked_at,
    }
