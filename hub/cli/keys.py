"""`hub keys`"""

from __future__ import annotations

import sys
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
    settings_of,
)
from hub.cli.keeping import KEPT
from hub.cli.show import cells, hint, out, print_json, table, when
from hub.opening import master_keys, now, open_vault
from hub.vault import MasterKeys

app = typer.Typer(no_args_is_help=True)


@app.callback()
def keys() -> None:
    """Look after the master key: it wraps the keys under which everybody's data is sealed."""


@app.command()
@command
def status(
    config: ConfigOption = None, sandbox: SandboxOption = False, json: JsonOption = False
) -> None:
    """Show which master key is in use, whether it is kept elsewhere, and what it wraps."""
    settings = settings_of(config, sandbox=sandbox)
    with open_vault(settings) as vault:
        found = vault.status()
    if json:
        print_json(
            {
                "version": found.current_version,
                "source": settings.master_key_source,
                "kept_at": found.master_kept_at,
                "keys_by_version": found.keys_by_version,
                "keys_by_kind": found.keys_by_kind,
                "scrub_pending": found.scrub_pending,
            }
        )
        return
    kept = when(found.master_kept_at) if found.master_kept_at else "not confirmed"
    console = out()
    console.print(
        f"Master key version {found.current_version}, from "
        f"{'the environment' if settings.master_key_source == 'environment' else 'a file'}. "
        f"Kept elsewhere: {kept}."
    )
    shown = table("", "keys of", "how many", numbers=("how many",))
    for kind, n in sorted(found.keys_by_kind.items()):
        shown.add_row(*cells(_KINDS.get(kind, kind), n))
    console.print(shown)
    if len(found.keys_by_version) > 1:
        console.print("[yellow]A rotation is unfinished: run `hub keys rotate` again.[/]")
    if found.scrub_pending:
        console.print("[yellow]Destroyed keys are not yet overwritten; the next start does it.[/]")
    if found.master_kept_at is None:
        raise Stop(
            "it is not confirmed that the master key is kept elsewhere",
            "put a copy into a safe place, then: hub keys confirm-kept",
        )


_KINDS = {
    "person": "persons",
    "request": "requests",
    "system": "rows in quarantine",
    "index": "look-ups",
}


@app.command()
@command
def generate(
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="Write it to this new file.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Make a new master key, for the first start. It replaces none that is in use: see rotate."""
    made = MasterKeys.generate()
    lone = made.written().strip().partition(":")[2]
    if file is None:
        if json:
            print_json({"master_key": lone})
        else:
            sys.stdout.write(lone + "\n")
            hint("Put it into HUB_MASTER_KEY or a file, and keep a copy elsewhere.")
        return
    try:
        made.write_file(file)
    except FileExistsError:
        raise Stop(
            f"{file} is there already; a master key is never overwritten",
            "name a new file; to change the key in use: hub keys rotate",
            Code.USAGE,
        ) from None
    except OSError as error:
        raise Stop(f"{file} cannot be written: {error.strerror}", "", Code.USAGE) from None
    if json:
        print_json({"file": str(file)})
        return
    console = out()
    console.print(Text(f"The master key is in {file}, for its owner only."))
    console.print(Text(f"In the configuration:  hub: {{master_key: !file {file.absolute()}}}"))
    console.print(Text(f"Keep a copy elsewhere: {KEPT}."))


@app.command("confirm-kept")
@command
def confirm_kept(
    config: ConfigOption = None, sandbox: SandboxOption = False, json: JsonOption = False
) -> None:
    """Confirm that a copy of the master key is kept elsewhere. The hub runs only then."""
    with open_vault(settings_of(config, sandbox=sandbox)) as vault:
        vault.confirm_master_kept(now())
        found = vault.status()
    if json:
        print_json({"version": found.current_version, "kept_at": found.master_kept_at})
    else:
        out().print(
            f"Recorded: master key version {found.current_version} is kept elsewhere, "
            f"{when(found.master_kept_at)}."
        )


@app.command()
@command
def rotate(
    to: Annotated[
        Path,
        typer.Option(
            "--to", help="The file that takes the new master key; the earlier one stays in it."
        ),
    ],
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Change the master key: every key is wrapped anew. Data is not touched.

    Stop the daemon first. The new key is written to a file before anything changes; if this is
    interrupted, run it again with the same file.
    """
    settings = settings_of(config, sandbox=sandbox)
    present = master_keys(settings)
    if to.exists():
        wanted = MasterKeys.from_file(to)
    else:
        wanted = present.with_new()
        wanted.write_file(to)
    with open_vault(settings) as vault:
        rewrapped = vault.rotate(MasterKeys({**present.by_version, **wanted.by_version}))
    if json:
        print_json({"version": wanted.current, "rewrapped": rewrapped, "file": str(to)})
        return
    console = out()
    console.print(f"{rewrapped} keys are wrapped by master key version {wanted.current} now.")
    console.print(Text(f"1. In the configuration:  hub: {{master_key: !file {to.absolute()}}}"))
    console.print("2. Keep a copy of that file elsewhere, then: hub keys confirm-kept")
    console.print("3. Start the daemon.")
    console.print(
        "4. When no copy of the key store from before is left (fourteen days), take the "
        "earlier line out of the file."
    )
