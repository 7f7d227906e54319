"""The documents say what is there: links, commands, tables, decisions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from hub.cli.app import COMMANDS
from hub.cli.app import app as hub_command
from hub.store import tables

ROOT = Path(__file__).parents[2]
DOCS = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "benchmarks").glob("*.md")),
]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("0*.md"))

CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def code(path: Path) -> str:
    """What stands in code marks, a line each."""
    return "\n".join(CODE.findall(path.read_text()))


@pytest.mark.parametrize("path", DOCS, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", path.read_text())
    lost = [
        one for one in targets if not one.startswith("http") and not (path.parent / one).exists()
    ]
    assert lost == []


@pytest.mark.parametrize("path", DOCS, ids=name_of)
def test_commands_and_their_options_are_there(path: Path) -> None:
    group = typer.main.get_command(hub_command)
    for name, rest in re.findall(r"\bhub ([a-z]+)\b([^\n`#│|]*)", code(path)):
        if name not in COMMANDS:
            assert not re.match(r"\s+--", rest), f"hub {name} {rest}"
            continue
        command = group.get_command(None, name)  # type: ignore[attr-defined]  # it is a group
        known = {option for one in command.params for option in one.opts}
        for word in re.findall(r"(?<!\S)([a-z-]+|--[a-z-]+)(?!\S)", rest):
            child = getattr(command, "commands", {}).get(word)
            if child is not None:
                known |= {option for one in child.params for option in one.opts}
            elif word.startswith("--"):
                assert word in known, f"hub {name} {word}"


def test_the_commands_named_are_really_looked_at() -> None:
    named = {name for path in DOCS for name in re.findall(r"\bhub ([a-z]+)\b", code(path))}
    assert {"run", "check", "sync", "keys", "review"} <= named & set(COMMANDS)


@pytest.mark.parametrize("path", DOCS, ids=name_of)
def test_make_targets_are_there(path: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)\b", code(path))) <= targets


@pytest.mark.parametrize("table", tables.metadata.sorted_tables, ids=lambda table: table.name)
def test_every_column_is_described(table) -> None:
    lines = (ROOT / "docs" / "architecture.md").read_text().splitlines()
    rows = [line for line in lines if re.match(rf"\|.*`{table.name}`", line)]
    assert len(rows) == 1
    described = set(re.findall(r"\w+", rows[0]))
    digests = {"digest"} if "*digest*" in rows[0] else set()
    missing = {column.name for column in table.columns} - described - digests - {"id"}
    assert missing == set()


def test_sealed_columns_are_marked_so() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    sealed = {"profile", "shadow", "evidence", "payload", "raw"}  # as `hub.store.tables` says
    assert set(re.findall(r"\*\*(\w+)\*\*(?=[ ,|])", text.split("## Tables")[1])) >= sealed


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_says_context_decision_consequence(path: Path) -> None:
    text = path.read_text()
    assert text.startswith(f"# {path.stem[:4]} ")
    parts = [text.index(f"**{part}.**") for part in ("Context", "Decision", "Consequence")]
    assert parts == sorted(parts)


def test_decisions_are_numbered_and_listed() -> None:
    assert [path.stem[:4] for path in DECISIONS] == [f"{n + 1:04}" for n in range(len(DECISIONS))]
    index = (ROOT / "docs" / "decisions" / "README.md").read_text()
    assert re.findall(r"\]\((0.*?)\)", index) == [path.name for path in DECISIONS]
