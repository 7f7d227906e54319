"""`hub rights package`: the answer to an access or portability request, as files to be given."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.text import Text

from hub.cli.base import Code, ConfigOption, JsonOption, SandboxOption, Stop, command, opened
from hub.cli.rights_base import NumberArgument, actor, deciding, request_row
from hub.cli.show import hint, out, print_json
from hub.domain.audit import Event
from hub.domain.rights import Right
from hub.rights import assess, coordinator
from hub.rights.package import ANSWERED, assemble
from hub.rights.spreadsheet import table

app = typer.Typer()

_DONE = ("notifying", "closed", "closed_with_exceptions")


@app.command()
@command
def package(
    number: NumberArgument,
    into: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="A new file (access: JSON), or a new folder (portability: JSON and CSV).",
        ),
    ],
    config: ConfigOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
) -> None:
    """Write the answer to an access or portability request: everything that was gathered, from
    every system. It is personal data: look it through, give it to the person, delete the file.

    Exits with 3 where the gathering is not finished yet; what there is, is written.
    """
    if into.exists():
        raise Stop(f"{into} is there already", "name another place: nothing is overwritten")
    with opened(config, sandbox=sandbox) as hub:
        row = request_row(hub, number)
        if Right(row.right) not in ANSWERED:
            raise Stop(
                f"request {number} is a request for {row.right}: it has no package",
                "access, portability and information have one",
            )
        if row.state == "archived":
            raise Stop(f"the case file of request {number} has ended, and the answer with it")
        if row.approved_at is None or row.state in assess.PLANNABLE:  # a refusal clears it
            raise Stop(
                f"nothing has been gathered for request {number}: it is {row.state}",
                f"`hub rights show {number}` says what comes next",
            )
        with deciding(number):
            answer = assemble(hub.deployment, number)
        with hub.deployment.database.begin() as connection:
            coordinator.tell(connection, hub.deployment, number, Event.REQUEST_VIEWED, actor())
        try:
            if row.right == Right.PORTABILITY:
                written = _folder(into, answer)
            else:
                written = [_write(into, _json(answer))]
        except OSError as error:
            raise Stop(f"{into} cannot be written: {error.strerror}", "", Code.USAGE) from None
    finished = row.state in _DONE
    if json:
        print_json({"request": number, "files": written, "complete": finished})
    else:
        for one in written:
            out().print(Text(one), soft_wrap=True)
    if not finished:
        hint(f"Not everything is gathered yet: the request is {row.state}.")
        raise typer.Exit(Code.DECIDE)


def _folder(into: Path, answer: Mapping[str, Any]) -> list[str]:
    into.mkdir(mode=0o700)
    files = {"package.json": _json(answer)}
    for name, rows in _tables(answer):
        files[f"{name}.csv"] = table(rows).encode()
    return [_write(into / name, content) for name, content in files.items()]


def _tables(answer: Mapping[str, Any]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The parts that are lists, as tables; those with nothing in them are left out."""
    people = answer.get("hub") or []
    own = {
        "profile": [
            {"controller": one["controller"], "field": name, **_flat(value)}
            for one in people
            for name, value in one["profile"].items()
        ],
        **{
            part: [
                {"controller": one["controller"], **_flat(row)}
                for one in people
                for row in one.get(part, ())
            ]
            for part in ("permissions", "activities", "projects")
        },
    }
    yield from ((name, rows) for name, rows in own.items() if rows)
    for system, held in answer["systems"].items():
        records = held["records"]
        values = list(_values(records))
        activities = [
            {"stream": one["stream"], "scope": one["scope"], **_flat(activity)}
            for one in records
            for activity in one["activities"]
        ]
        yield from (
            (name, rows)
            for name, rows in ((system, values), (f"{system}-activities", activities))
            if rows
        )


def _values(records: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for n, one in enumerate(records, 1):
        for name, value in one["values"].items():
            place = {"record": n, "stream": one["stream"], "scope": one["scope"]}
            yield {**place, "field": name, "value": _cell(value)}


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _cell(value) for name, value in row.items()}


def _cell(value: Any) -> Any:
    """What a table's cell can hold: lists and mappings as JSON."""
    return orjson.dumps(value).decode() if isinstance(value, list | dict) else value


def _json(answer: Mapping[str, Any]) -> bytes:
    return orjson.dumps(answer, option=orjson.OPT_INDENT_2)


def _write(path: Path, content: bytes) -> str:
    """A new file that only its owner can read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    return str(path)
