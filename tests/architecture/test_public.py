"""What others build on says what it means: modules, connector API, hook."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import hub
import hub.api
import plugins
from hub.api import hookspecs

ROOT = Path(__file__).parents[2]
MODULES = [
    file
    for package in ("hub", "plugins", "benchmarks")
    for file in sorted((ROOT / package).rglob("*.py"))
    if file.read_text().strip()
]
PLUGINS = sorted(file.parent for file in (ROOT / "plugins").glob("*/connector.py"))


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_module_says_what_it_holds(file: Path) -> None:
    said = ast.get_docstring(ast.parse(file.read_text()))
    assert said, "a docstring says what one finds here, in the words of the field"


def test_the_api_exports_what_it_lists() -> None:
    names = {name for name in vars(hub.api) if not name.startswith("_")}
    submodules = {one.name for one in pkgutil.iter_modules(hub.api.__path__)}
    assert names - submodules == set(hub.api.__all__)


@pytest.mark.parametrize(
    "name", [name for name in hub.api.__all__ if inspect.isclass(getattr(hub.api, name))]
)
def test_what_a_connector_imports_is_documented(name: str) -> None:
    exported = getattr(hub.api, name)
    said = vars(exported).get("__doc__") or ""
    # a dataclass without a docstring gets its signature as one
    assert len(said) > 20
    assert not said.startswith(f"{name}(")


def hooks() -> list[str]:
    return [name for name in vars(hookspecs) if name.startswith("hub_")]


def test_the_hooks_are_known() -> None:
    assert hooks() == ["hub_connector_types"]


@pytest.mark.parametrize("name", hooks())
def test_a_hook_has_a_typed_signature_an_example_and_a_plugin(name: str) -> None:
    hook = getattr(hookspecs, name)
    said = inspect.getdoc(hook)
    assert said is not None
    assert "Example::" in said
    assert f"def {name}(" in said
    assert inspect.signature(hook).return_annotation is not inspect.Signature.empty
    for plugin in PLUGINS:
        connector = importlib.import_module(f"{plugins.__name__}.{plugin.name}.connector")
        assert hasattr(connector, name), plugin.name


def test_the_plugins_are_found() -> None:
    assert {"hubspot", "mailer"} <= {plugin.name for plugin in PLUGINS}
