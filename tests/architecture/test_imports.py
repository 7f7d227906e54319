"""What may import what: the contracts in pyproject.toml find a breach, and the lists of what alone
is allowed, which import-linter cannot express."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINTER = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]

# One import for each contract that breaks it: where it is written, and what it says.
BREACHES = {
    "layers": ("hub/store/links.py", "import hub.sync.run"),
    "hub-knows-no-plugin": ("hub/sync/run.py", "import plugins.mailer.settings"),
    "plugins-apart": ("plugins/mailer/settings.py", "import plugins.hubspot.mapping"),
    "plugins-use-the-api": ("plugins/mailer/settings.py", "from hub.store import tables"),
    "engine-libraries": ("hub/daemon.py", "import dbos"),
    "http-libraries": ("hub/delivery/send.py", "import httpx"),
    "database-libraries": ("hub/sync/run.py", "import sqlalchemy"),
    "cryptography": ("hub/store/links.py", "import cryptography"),
    "holidays": ("hub/domain/gate.py", "import holidays"),
    "screens": ("hub/daemon.py", "import rich"),
    "web-libraries": ("hub/daemon.py", "import fastapi"),
}


def lint(tree: Path, contract: str) -> subprocess.CompletedProcess[str]:
    command = "import sys; from importlinter.cli import lint_imports_command as lint; lint()"
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache", "--no-logo", "--contract", contract],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages in a folder of their own, to be spoiled there."""
    tree = tmp_path_factory.mktemp("tree")
    for package in ("hub", "plugins"):
        shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copy(ROOT / "pyproject.toml", tree)
    return tree


def test_every_contract_has_its_breach() -> None:
    assert {contract["id"] for contract in LINTER["contracts"]} == set(BREACHES)


@pytest.mark.parametrize("contract", BREACHES)
def test_a_breach_is_found(copy: Path, contract: str) -> None:
    kept = lint(copy, contract)
    assert kept.returncode == 0, kept.stdout + kept.stderr
    place, line = BREACHES[contract]
    file = copy / place
    whole = file.read_text()
    file.write_text(f"{whole}\n{line}\n")
    try:
        broken = lint(copy, contract)
    finally:
        file.write_text(whole)
    module = place.removesuffix(".py").replace("/", ".")
    assert broken.returncode == 1, broken.stdout + broken.stderr
    assert "1 broken" in broken.stdout
    assert module in broken.stdout


def imported(file: Path) -> Iterator[str]:
    """The modules a file imports, wherever in it the import stands."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute here"
            # `from hub import x` names the package hub.x
            plain = node.module in {"hub", "plugins"}
            yield from ([f"{node.module}.{a.name}" for a in node.names] if plain else [node.module])


def foreign(file: Path, allowed: set[str]) -> list[str]:
    """Imports beyond the standard library and the allowed packages."""
    return [
        name
        for name in imported(file)
        if name.split(".")[0] not in sys.stdlib_module_names
        and not any(name == one or name.startswith(f"{one}.") for one in allowed)
    ]


def files(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found
    return found


@pytest.mark.parametrize("file", files("hub/domain"), ids=lambda file: file.stem)
def test_the_domain_needs_the_standard_library_alone(file: Path) -> None:
    libraries = {"holidays"} if file.stem == "closed_days" else set()  # it reckons, and no more
    assert foreign(file, {"hub.domain"} | libraries) == []


@pytest.mark.parametrize(
    "file", files("plugins"), ids=lambda file: str(file.relative_to(ROOT / "plugins"))
)
def test_a_plugin_needs_the_api_alone(file: Path) -> None:
    if file.parent == ROOT / "plugins":
        assert foreign(file, set()) == []
        return
    allowed = {"hub.api", "pydantic", f"plugins.{file.parent.name}"}
    if file.stem.startswith("sandbox"):
        allowed |= {"hub.testing", "starlette", "orjson"}
    assert foreign(file, allowed) == []


@pytest.mark.parametrize("file", files("tests/stranger/lumo_connector"), ids=lambda file: file.stem)
def test_a_strangers_connector_needs_the_api_alone(file: Path) -> None:
    allowed = {"hub.api", "pydantic"}
    if file.stem == "sandbox":
        allowed |= {"hub.testing"}
    assert foreign(file, allowed) == []


@pytest.mark.parametrize("file", files("plugins"), ids=lambda file: file.stem)
def test_what_talks_to_the_vendor_knows_no_sandbox_at_import(file: Path) -> None:
    """An installation without the testing kit still connects: sandboxes load when they are asked.

    So no module but a sandbox imports one at its top level.
    """
    if file.stem.startswith("sandbox"):
        return
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            assert "sandbox" not in node.module


def test_no_part_of_the_hub_is_left_out_of_the_plugins_contract() -> None:
    parts = {path.stem for path in (ROOT / "hub").iterdir() if not path.stem.startswith("__")}
    contract = next(one for one in LINTER["contracts"] if one["id"] == "plugins-use-the-api")
    kept_out = {name.removeprefix("hub.") for name in contract["protected_modules"]}
    assert parts - kept_out == {"api", "testing"}
