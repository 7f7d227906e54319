"""`hub quarantine`"""

from __future__ import annotations

import json as jsonlib
from typing import Annotated, Any

import orjson
import typer
from rich.text import Text

from hub.api import Ref
from hub.cli.base import (
    Code,
    ConfigOption,
    JsonOption,
    SandboxOption,
    Stop,
    ask_daemon,
    command,
    opened,
    require_system,
)
from hub.cli.show import cells, out, print_json, short, table, when
from hub.delivery.fanout import fan_out
from hub.opening import Hub
from hub.store import links, overview, progress, questions, subjects
from hub.sync.activities import REJECTED
from hub.sync.land import land
from hub.sync.waiting import SUFFIX
from hub.vault import aad
from hub.vault.database import Row, read_only

app = typer.Typer(no_args_is_help=False)

Number = Annotated[int, typer.Argument(metavar="N", help="The number of the row.")]
_PERSON = "person "


@app.callback(invoke_without_command=True)
@command
def quarantine(
    context: typer.Context,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Look after rows that could not land, and writes that a system refused. The rest of their
    page went on without them. Without a command they are listed."""
    if context.invoked_subcommand is None:
        _list(None, config, sandbox=sandbox, json=json)


@app.command("list")
@command
def list_(
    system: Annotated[str | None, typer.Argument(help="Only this system.")] = None,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """List them."""
    _list(system, config, sandbox=sandbox, json=json)


def _list(system: str | None, config: Any, *, sandbox: bool, json: bool) -> None:
    with opened(config, sandbox=sandbox) as hub:
        if system is not None:
            require_system(hub.settings, system)
        with read_only(hub.deployment.database).connect() as connection:
            found = questions.aside(connection, system)
    if json:
        print_json([_told(row) for row in found])
        return
    if not found:
        out().print("[green]Nothing is in quarantine.[/]")
        return
    shown = table(
        "", "n", "system", "place", "row", "tries", "since", "reason", numbers=("n", "tries")
    )
    for row in found:
        shown.add_row(
            *cells(
                row.id,
                row.system,
                row.scope or row.stream,
                short(row.external_id),
                row.tries,
                when(row.created_at)[:10],
                row.reason,
            )
        )
    out().print(shown)
    out().print("[dim]hub quarantine show N, then retry N or discard N.[/]")


@app.command()
@command
def show(
    number: Number,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Show a row, with what the system gave. It may hold personal data."""
    with opened(config, sandbox=sandbox) as hub:
        row = _row(hub, number)
        raw = _raw(hub, row)
    if json:
        print_json({**_told(row), "raw": raw})
        return
    console = out()
    console.print(Text(f"Row {row.id}: {row.reason}", style="bold"))
    place = " / ".join(one for one in (row.system, row.stream, row.scope, row.external_id) if one)
    console.print(
        f"{place} · seen {when(row.seen_at)}, {row.tries} tries since {when(row.created_at)}"
    )
    if raw is not None:
        console.print()
        console.print(Text(raw if isinstance(raw, str) else _pretty(raw)))
    else:
        console.print("A write to this record was refused; there is no row to show.")


@app.command()
@command
def retry(
    number: Number,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Try again: the record is fetched and landed; a refused write is planned anew.

    Exits with 1 where it ends in quarantine again.
    """
    with opened(config, sandbox=sandbox) as hub:
        row = _row(hub, number)
        done, again = _write_again(hub, row) if row.raw is None else _read_again(hub, row)
    if json:
        print_json({"row": number, "done": done, "landed": not again})
    elif not again:
        out().print(Text(f"Row {number}: {done}."))
    if again:
        raise Stop(done, "mend the record in the system, then retry; or discard the row")


@app.command()
@command
def discard(
    number: Number,
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Forget a row. It comes back if it is met again and still cannot land."""
    with opened(config, sandbox=sandbox) as hub:
        row = _row(hub, number)
        _release(hub, row)
    if json:
        print_json({"row": number, "done": "discarded"})
    else:
        out().print(f"Row {number} is discarded.")


def _row(hub: Hub, number: int) -> Row[Any]:
    with read_only(hub.deployment.database).connect() as connection:
        row = overview.get_aside(connection, number)
    if row is None:
        raise Stop(f"there is no row {number} in quarantine", "`hub quarantine` lists them")
    return row


def _told(row: Row[Any]) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name not in ("raw", "key_id")}


def _raw(hub: Hub, row: Row[Any]) -> Any:
    if row.raw is None:
        return None
    key = hub.vault.open_keys([row.key_id]).get(row.key_id)
    if key is None:
        return "the key of this row is destroyed; it cannot be read any more"
    text = key.open(row.raw, aad("quarantine", row.id, "raw"))
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text.decode("utf-8", "replace")


def _pretty(raw: Any) -> str:
    return jsonlib.dumps(raw, ensure_ascii=False, indent=2)


def _release(hub: Hub, row: Row[Any]) -> None:
    with hub.deployment.database.begin() as connection:
        questions.release(connection, row.system, row.stream, row.scope, [row.external_id])
    if row.key_id is not None:
        hub.vault.destroy([row.key_id])  # nothing else is sealed under it


def _read_again(hub: Hub, row: Row[Any]) -> tuple[str, bool]:
    require_system(hub.settings, row.system)
    if not row.external_id:
        raise Stop(
            "the row has no id to ask the system for",
            "it is met again at the next whole reading: hub sync --full; or discard it",
            Code.FAILED,
        )
    if row.external_id.startswith(REJECTED) and row.stream.endswith(SUFFIX):
        raise Stop(
            "a single activity cannot be asked for",
            "it lands by itself when the system tells it in a form that is understood; or discard "
            "the row",
        )
    opened_system = hub.open_system(row.system)
    # activities wait under their record's id: they land with it
    stream = opened_system.system.stream(row.stream.removesuffix(SUFFIX))
    ref = Ref(stream.name, row.scope, row.external_id)
    (record,) = opened_system.connector.fetch(stream.name, [ref])
    if record is None:
        _release(hub, row)
        return "the record is gone from the system; the row is discarded", False
    deployment = hub.deployment
    with deployment.database.begin() as connection:
        epoch = progress.take(connection, row.system, "command", deployment.now())
    landed = land(deployment, opened_system, epoch, stream, row.scope, [record])
    if row.stream != stream.name:
        return _taken_up(hub, row)
    if landed.counts["quarantined"] or landed.counts["still-quarantined"]:
        with read_only(deployment.database).connect() as connection:
            place = (row.system, row.stream, row.scope, row.external_id)
            still = questions.find_aside(connection, *place)
        assert still is not None
        return f"it still cannot land: {still.reason}", True
    if landed.counts["unchanged"]:
        _release(hub, row)
    elif row.key_id is not None:
        hub.vault.destroy([row.key_id])
    for system in landed.fanned:
        ask_daemon(hub, "send", system)
    return "it has landed", False


def _taken_up(hub: Hub, row: Row[Any]) -> tuple[str, bool]:
    """Whether activities found their person when the record they wait for was landed again."""
    with read_only(hub.deployment.database).connect() as connection:
        waits = overview.get_aside(connection, row.id) is not None
    if waits:
        return "its record still has no person: see `hub review` and `hub quarantine`", True
    if row.key_id is not None:
        hub.vault.destroy([row.key_id])
    return "the activities have their person", False


def _write_again(hub: Hub, row: Row[Any]) -> tuple[str, bool]:
    """Plan the person of a refused write anew."""
    deployment = hub.deployment
    with deployment.database.begin() as connection:
        person = _person_of(connection, row)
        loaded = (
            subjects.load(connection, deployment.vault, deployment.identities, [person])
            if person is not None
            else {}
        )
        questions.release(connection, row.system, row.stream, row.scope, [row.external_id])
        if not loaded:
            return "its person is gone; the row is discarded", False
        fanned = fan_out(connection, deployment, loaded.values(), deployment.now())
    for system in fanned:
        ask_daemon(hub, "send", system)
    if not fanned[row.system]:
        return "nothing is left to write there", False
    return "the write is planned again; it goes out with the next run", False


def _person_of(connection: Any, row: Row[Any]) -> int | None:
    if row.external_id.startswith(_PERSON):
        return int(row.external_id.removeprefix(_PERSON))
    known = links.known(connection, row.system, row.stream, row.scope, [row.external_id])
    found = known.get(row.external_id)
    return found[0].person_id if found else None
