"""`hub audit …`"""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from hub.cli.base import Code, ConfigOption, JsonOption, SandboxOption, Stop, command, opened
from hub.cli.show import cells, hint, out, print_json, table, when
from hub.domain.audit import Broken, Fault, Head
from hub.store import audit, requests
from hub.vault.database import read_only

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Verify the audit log, export its head, read it. It holds ids and codes, never personal "
    "data.",
)

FAULTS = {
    Fault.EDITED: "entry {n} was changed, or put in",
    Fault.REMOVED: "entries before {n} were taken out",
    Fault.REORDERED: "entry {n} stands behind a later one, or twice",
    Fault.TRUNCATED: "the end is cut off: entry {n} is missing, and what came after it",
    Fault.REWRITTEN: "it was reckoned anew, up to entry {n} at least: the exported head has "
    "another hash there",
}
"""How the log is broken, in words."""
_MEND = (
    "compare with a backup of the database; until it is clear what happened, the log proves "
    "nothing from there on"
)


@app.command()
@command
def verify(
    head: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="A head exported earlier and kept elsewhere; may be repeated."
        ),
    ] = None,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Check that no entry of the audit log was changed, removed or put in.

    Without a head that was exported earlier, a cut end is not found. Exits with 1 where the log is
    broken.
    """
    heads = [_read(path) for path in head or ()]
    with (
        opened(config, sandbox=sandbox) as hub,
        read_only(hub.deployment.database).connect() as connection,
    ):
        broken, last = audit.check(connection, *heads)
    said = _said(broken)
    if json:
        print_json(
            {
                "ok": broken is None,
                "entries": last.seq,
                "heads": [one.seq for one in heads],
                "fault": broken.fault if broken else None,
                "entry": broken.seq if broken else None,
                "found": said,
            }
        )
        if broken is not None:
            raise typer.Exit(Code.FAILED)
        return
    if broken is not None:
        raise Stop(said, _MEND)
    against = f", and agrees with {len(heads)} exported" if heads else ""
    out().print(Text(f"The audit log holds: {last.seq} entries, none changed{against}."))
    if not heads:
        hint("A cut end shows only against a head kept elsewhere: hub audit export --head FILE")


@app.command()
@command
def export(
    head: Annotated[Path, typer.Option(metavar="FILE", help="The new file to write.")],
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Write the number and the hash of the last entry to a file, to be kept elsewhere: with it
    [bold]hub audit verify[/bold] finds a cut end too. It holds no personal data."""
    if head.exists():
        raise Stop(f"{head} is there already", "name another file: an earlier head is kept")
    with opened(config, sandbox=sandbox) as hub:
        now = hub.deployment.now()
        with read_only(hub.deployment.database).connect() as connection:
            broken, last = audit.check(connection)
    if broken is not None:
        raise Stop(f"no head was exported: {_said(broken)}", _MEND)
    answer = {"seq": last.seq, "hash": last.hash.hex(), "exported_at": now.isoformat()}
    try:
        with head.open("x", encoding="utf-8") as file:
            file.write(json_module.dumps(answer) + "\n")
    except OSError as error:
        raise Stop(f"{head} cannot be written: {error.strerror}", "", Code.USAGE) from None
    if json:
        print_json({"file": str(head), **answer})
        return
    out().print(Text(f"The head at entry {last.seq} is in {head}. Keep it on another machine."))


@app.command()
@command
def show(
    request: Annotated[
        int | None, typer.Option(metavar="N", help="Only that request and its tasks.")
    ] = None,
    last: Annotated[int, typer.Option(min=1, help="How many of the last entries.")] = 50,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Show the last entries of the audit log, or those about a request."""
    with (
        opened(config, sandbox=sandbox) as hub,
        read_only(hub.deployment.database).connect() as connection,
    ):
        wanted = None
        if request is not None:
            if requests.get(connection, request) is None:
                raise Stop(f"there is no request {request}", "`hub rights list --all` lists them")
            tasks = requests.tasks_of(connection, request)
            wanted = [f"request {request}", *(f"task {one.id}" for one in tasks)]
        try:
            found: list[dict[str, Any]] = [
                {
                    "seq": one.entry.seq,
                    "at": one.entry.at,
                    "event": one.entry.event.value,
                    "actor": one.entry.actor,
                    "subject": one.entry.subject,
                    "detail": dict(one.entry.detail),
                    "hash": one.hash.hex(),
                }
                for one in audit.entries(connection, subjects=wanted)
            ]
        except ValueError:
            raise Stop("an entry of the log can be none of ours", "hub audit verify") from None
    found = found[-last:]
    if json:
        print_json(found)
        return
    if not found:
        out().print("The audit log has no entry there.")
        return
    shown = table("", "n", "when", "what", "about", "by", "", numbers=("n",))
    for one in found:
        detail = ", ".join(f"{key} {_cut(value)}" for key, value in one["detail"].items() if value)
        what = one["event"].replace("-", " ")
        shown.add_row(
            *cells(one["seq"], when(one["at"]), what, one["subject"], one["actor"], detail)
        )
    out().print(shown)


def _cut(value: str) -> str:
    return value if len(value) < 64 else value[:12]


def _said(broken: Broken | None) -> str:
    if broken is None:
        return "the audit log holds"
    return f"the audit log is broken: {FAULTS[broken.fault].format(n=broken.seq)}"


def _read(path: Path) -> Head:
    try:
        raw: Any = json_module.loads(path.read_text(encoding="utf-8"))
        return Head(int(raw["seq"]), bytes.fromhex(raw["hash"]))
    except OSError as error:
        raise Stop(f"{path} cannot be read: {error.strerror}", "", Code.USAGE) from None
    except (ValueError, KeyError, TypeError):
        raise Stop(
            f"{path} is no exported head", "`hub audit export --head FILE` writes one", Code.USAGE
        ) from None
