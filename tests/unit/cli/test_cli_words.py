"""What commands say and print without any system: usage, keys, schema, versions, JSON."""

from __future__ import annotations

import json
import stat
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.commands import Commands

from hub.cli import show
from hub.cli.app import COMMANDS
from hub.settings.schema import schema_text

NOWHERE = Path("nowhere") / "hub.yaml"


@pytest.fixture
def hub(tmp_path: Path) -> Commands:
    return Commands(tmp_path / "hub.yaml")


def test_help_names_every_command(hub: Commands) -> None:
    text = hub.ok("--help").out
    for name, (_, _, summary) in COMMANDS.items():
        assert name in text
        assert summary.split(":")[0][:30] in text


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_and_takes_json(hub: Commands, name: str) -> None:
    text = hub.ok(name, "--help").out
    assert "Traceback" not in text
    if name not in ("keys", "db"):  # groups: their commands take it
        assert "--json" in text


def test_an_unknown_command_is_a_usage_error(hub: Commands) -> None:
    assert hub("snyc").code == 2


@pytest.mark.parametrize(
    "words", [("check",), ("sync",), ("run",), ("person", "a@b.example"), ("db", "status")]
)
def test_without_a_configuration_the_mend_is_told(hub: Commands, words: tuple[str, ...]) -> None:
    ended = hub(*words)
    assert ended.code == 2
    assert "there is no configuration at" in ended.err
    assert "Mend:" in ended.err
    assert ended.out == ""


def test_a_broken_configuration_is_told_with_line_and_column(hub: Commands) -> None:
    hub.config.write_text("controllers:\n  crowst: {nmae: Crowst Oy}\n", encoding="utf-8")
    ended = hub("check")
    assert ended.code == 2
    assert "hub.yaml:2:" in ended.err
    assert "Traceback" not in ended.err


def test_a_master_key_is_made_for_its_owner_only_and_never_overwritten(
    hub: Commands, tmp_path: Path
) -> None:
    file = tmp_path / "keys" / "master.key"
    told = hub.ok("keys", "generate", "--file", str(file))
    assert "!file" in told.out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    key = file.read_text(encoding="ascii")
    assert key.strip().partition(":")[2] not in told.out
    again = hub("keys", "generate", "--file", str(file))
    assert again.code == 2
    assert file.read_text(encoding="ascii") == key


def test_a_master_key_for_the_environment_stands_alone_on_standard_output(hub: Commands) -> None:
    made = hub.ok("keys", "generate")
    assert len(made.out.strip()) == 44
    assert "keep a copy elsewhere" in made.err
    assert hub.ok("keys", "generate", "--json").json["master_key"] != made.out.strip()


def test_the_schema_is_the_editors(hub: Commands) -> None:
    assert hub.ok("schema").out == schema_text()


def test_connectors_are_shown_with_what_they_can(hub: Commands) -> None:
    told = hub.ok("connectors", "--json").json
    kinds = {one["kind"]: one for one in told["connectors"]}
    assert {"hubspot", "mailer"} <= set(kinds)
    assert {"read", "write", "write_consents"} <= set(kinds["hubspot"]["capabilities"])
    assert kinds["hubspot"]["settings"]["token"]["required"]
    assert kinds["hubspot"]["quality"]["done"] > 10
    assert told["problems"] == []
    assert max(map(len, hub.ok("connectors").out.splitlines())) <= 100


def test_version_is_told(hub: Commands) -> None:
    assert hub.ok("version").out.startswith("hub ")
    assert "hub" in hub.ok("version", "--json").json


@dataclass
class Thing:
    at: datetime
    names: frozenset[str]
    counted: Counter[tuple[str, int]] = field(default_factory=Counter)


def test_machines_get_plain_values(capsys: pytest.CaptureFixture[str]) -> None:
    thing = Thing(datetime(2026, 11, 2, 8, tzinfo=UTC), frozenset({"ö", "a"}))
    thing.counted["x", 1] += 2
    show.print_json(thing)
    assert json.loads(capsys.readouterr().out) == {
        "at": "2026-11-02T08:00:00+00:00",
        "names": ["a", "ö"],
        "counted": {"x/1": 2},
    }


def test_people_get_words_in_helsinki_time() -> None:
    assert show.plain(datetime(2026, 7, 1, 21, 30, tzinfo=UTC)) == "2026-07-02 00:30"
    assert show.plain(None) == "–"
    assert show.plain(("b", "a")) == "b, a"
    assert show.plain(True) == "yes"
    assert show.counts({"new": 1234, "old": 0}) == "1 234 new"
    assert show.counts({}) == "–"
    assert show.short("a" * 32) == "a" * 13 + "…"
    assert show.took(0.04) == "0.0 s"
    assert show.took(3_700) == "1:01:40"


def test_markup_in_data_is_not_obeyed() -> None:
    assert show.cells("[red]x[/red]") == ["\\[red]x\\[/red]"]
