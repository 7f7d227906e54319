"""The question before the first start: is the master key also kept elsewhere?"""

from __future__ import annotations

import sys

import typer
from rich.text import Text

from hub.cli.base import Code, Stop
from hub.cli.show import out
from hub.opening import now
from hub.vault import Vault

KEPT = (
    "the master key is the only way to the data: without it nobody, the hub included, can read "
    "what is stored"
)


def confirm_kept(vault: Vault, *, said: bool) -> None:
    """Make sure that the operator has said that the master key is also kept elsewhere."""
    if vault.master_kept_at() is not None:
        return
    if not said and sys.stdin.isatty():
        console = out()
        console.print(Text(f"First start with this master key: {KEPT}."))
        said = typer.confirm("Is a copy of it kept elsewhere, in a safe place?", default=False)
    if not said:
        raise Stop(
            f"it is not confirmed that the master key is kept elsewhere; {KEPT}",
            "put a copy into a safe place, then run `hub keys confirm-kept` (or start with "
            "--master-key-kept)",
            Code.USAGE,
        )
    vault.confirm_master_kept(now())
