"""How things look: calm tables that fit 100 columns, times in Helsinki, JSON for machines."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn
from rich.table import Table
from rich.text import Text

from hub.domain.landscape import HELSINKI

WIDTH = 100
"""Wider terminals gain nothing; lines of this length are still read at a glance."""


def out() -> Console:
    """Standard output: what was asked for."""
    return _console(stderr=False)


def err() -> Console:
    """Standard error: progress, problems, hints."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal or console.width > WIDTH:
        console.width = WIDTH
    return console


def problem(message: str, mend: str = "") -> None:
    """One clear message on standard error."""
    console = err()
    console.print(Text.assemble(("Error: ", "bold red"), message), soft_wrap=True)
    if mend:
        console.print(Text.assemble(("Mend:  ", "bold"), mend), soft_wrap=True)


def hint(message: str) -> None:
    """A quiet remark on standard error."""
    err().print(Text(message, style="dim"), soft_wrap=True)


def table(title: str, *columns: str, numbers: tuple[str, ...] = ()) -> Table:
    """A table with a title. `numbers` names the columns that stand to the right."""
    made = Table(
        # a title may be wider than its table
        title=Text(title, style="bold", no_wrap=True, overflow="ignore") if title else None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        header_style="bold",
        show_edge=False,
    )
    for name in columns:
        right = name in numbers
        made.add_column(name, justify="right" if right else "left", overflow="fold", no_wrap=right)
    return made


def cells(*values: Any) -> list[str]:
    """Values as a table's cells: no markup in them is meant."""
    return [escape(plain(value)) for value in values]


def plain(value: Any) -> str:
    """A value in words."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return when(value)
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(plain(one) for one in value) or "–"
    return str(value)


def when(at: datetime | None) -> str:
    """A moment as it is written in Finland: day and minute, Helsinki time."""
    return at.astimezone(HELSINKI).strftime("%Y-%m-%d %H:%M") if at else "–"


def took(seconds: float) -> str:
    """A duration."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return str(timedelta(seconds=round(seconds)))


def counts(counted: Mapping[str, int]) -> str:
    """Counts in a line: "12 changed, 3 new-person"."""
    return ", ".join(f"{n:,} {name}".replace(",", " ") for name, n in counted.items() if n) or "–"


def number(n: int) -> str:
    """A number with its thousands apart."""
    return f"{n:,}".replace(",", " ")


def persons(n: int) -> str:
    """How many: "1 person", "3 persons"."""
    return f"{number(n)} person{'' if n == 1 else 's'}"


def short(text: str, most: int = 14) -> str:
    """A vendor's id, cut where it is long."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def state_style(text: str) -> str:
    """The colour of a state, as markup."""
    colours = {
        "done": "green",
        "ok": "green",
        "in step": "green",
        "write": "cyan",
        "crosses": "cyan",
        "failed": "red",
        "down": "red",
        "stopped": "yellow",
        "blocked": "yellow",
        "held": "yellow",
        "interrupted": "yellow",
    }
    colour = colours.get(text)
    return f"[{colour}]{escape(text)}[/]" if colour else escape(text)


def print_json(value: Any) -> None:
    """The machine's answer, on standard output."""
    sys.stdout.write(json.dumps(jsonable(value), ensure_ascii=False, indent=2) + "\n")
    sys.stdout.flush()


def jsonable(value: Any) -> Any:
    """Plain values: dataclasses, times and sets become what JSON knows."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: jsonable(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {
            "/".join(map(str, key)) if isinstance(key, tuple) else str(key): jsonable(one)
            for key, one in value.items()
        }
    if isinstance(value, set | frozenset):
        return sorted(jsonable(one) for one in value)
    if isinstance(value, list | tuple):
        return [jsonable(one) for one in value]
    return value


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Progress]:
    """A progress display on standard error; nothing where that is no terminal, or `quiet`."""
    console = err()
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TextColumn("[dim]{task.fields[note]}[/]"),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    ) as made:
        yield made
