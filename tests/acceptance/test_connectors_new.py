"""`hub connectors new`: what is laid out is whole, and passes its suite where it lies."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from support.commands import Commands

from hub.cli.skeleton import example, guide
from hub.testing import quality

ROOT = Path(__file__).parents[2]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    monkeypatch.chdir(tmp_path)
    return Commands(tmp_path / "hub.yaml")


def files(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def test_a_skeleton_passes_the_conformance_suite_as_laid_out(hub: Commands, tmp_path: Path) -> None:
    hub.ok("connectors", "new", "pretix", "--into", "mine/pretix")
    folder = tmp_path / "mine" / "pretix"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = int(done.stdout.rpartition(" passed")[0].split()[-1])
    assert passed > 150, "that was not the conformance suite"


def test_it_is_whole_and_nowhere_speaks_of_the_example(hub: Commands, tmp_path: Path) -> None:
    told = hub.ok("connectors", "new", "zoho365").out
    folder = tmp_path / "zoho365-connector"
    assert files(folder) == {
        "README.md",
        "pyproject.toml",
        "tests/test_conformance.py",
        *(
            f"zoho365_connector/{name}"
            for name in ("__init__.py", "connector.py", "quality.yaml", "sandbox.py")
        ),
    }
    for name in files(folder):
        text = (folder / name).read_text(encoding="utf-8")
        assert "lumo" not in text.lower(), name
        if name.endswith(".py"):
            ast.parse(text)
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["hub.connectors"] == {"zoho365": "zoho365_connector.connector"}
    lines = told.splitlines()
    assert [line.strip() for line in lines[1:4]] == [
        "cd zoho365-connector",
        'pip install -e ".[dev]"',
        "pytest",
    ]


def test_its_quality_file_claims_nothing_that_nobody_has_looked_at(hub: Commands) -> None:
    told = hub.ok("connectors", "new", "pretix", "--json").json
    text = (Path(told["folder"]) / "pretix_connector" / "quality.yaml").read_text(encoding="utf-8")
    read = quality.read(text)
    assert read.faults == ()
    assert read.counts() == {"done": 1, "todo": len(quality.RULES) - 1, "exempt": 0}
    assert read.done("conformance-suite")


def test_nothing_is_overwritten(hub: Commands, tmp_path: Path) -> None:
    (tmp_path / "pretix-connector").mkdir()
    hub.ok("connectors", "new", "pretix")  # an empty folder is as good as none
    mine = tmp_path / "pretix-connector" / "README.md"
    mine.write_text("changed", encoding="utf-8")
    ended = hub("connectors", "new", "pretix")
    assert ended.code == 2
    assert "nothing is overwritten" in ended.err
    assert "--into" in ended.err
    assert mine.read_text(encoding="utf-8") == "changed"


def test_a_place_that_is_a_file_is_refused(hub: Commands, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")
    for place in ("taken", "taken/below"):
        ended = hub("connectors", "new", "pretix", "--into", place)
        assert ended.code == 2
        assert "Mend:" in ended.err


@pytest.mark.parametrize(
    "name", ["Pretix", "pre-tix", "pre tix", "3cx", "x", "ä" * 3, "../pretix", "a" * 21]
)
def test_a_name_that_cannot_be_used_is_told_with_its_mend(
    hub: Commands, tmp_path: Path, name: str
) -> None:
    ended = hub("connectors", "new", name)
    assert ended.code == 2
    assert "cannot be the name of a connector" in ended.err
    assert "small letters" in ended.err
    assert files(tmp_path) == set()


def test_the_name_of_an_installed_plugin_is_taken(hub: Commands, tmp_path: Path) -> None:
    ended = hub("connectors", "new", "hubspot")
    assert ended.code == 2
    assert "is installed" in ended.err
    assert files(tmp_path) == set()


def test_the_guide_goes_with_an_installed_hub() -> None:
    """Where there is no checkout, the guide lies in the package: the wheel puts it there."""
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    included = wheel["targets"]["wheel"]["force-include"]
    assert included["docs/connectors.md"] == "hub/docs/connectors.md"
    assert guide() == ROOT / "docs" / "connectors.md"
    assert len(example(guide().read_text(encoding="utf-8"))) == 7
