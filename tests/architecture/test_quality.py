"""quality.yaml answers for every rule of a good connector, and `done` is true where it can be seen.

What a connector type shows is held against it by `hub.testing.quality.faults`; here, what only the
tree shows.
"""

from __future__ import annotations

import ast
import importlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml

from hub.api import (
    API_VERSION,
    Act,
    ActivityKind,
    Capability,
    ConnectorType,
    Residual,
    StreamType,
)
from hub.testing import quality

ROOT = Path(__file__).parents[2]
PLUGINS = sorted(file.parent for file in (ROOT / "plugins").glob("*/quality.yaml"))
plugins = pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.name)


def text_of(plugin: Path) -> str:
    return (plugin / "quality.yaml").read_text(encoding="utf-8")


def types_of(plugin: Path) -> list[ConnectorType]:
    connector = importlib.import_module(f"plugins.{plugin.name}.connector")
    return list(connector.hub_connector_types())


def test_every_connector_has_one() -> None:
    connectors = {file.parent for file in (ROOT / "plugins").glob("*/connector.py")}
    assert set(PLUGINS) == connectors


@plugins
def test_it_answers_for_every_rule_and_claims_what_is_declared(plugin: Path) -> None:
    for kind in types_of(plugin):
        assert quality.faults(text_of(plugin), kind) == []


@plugins
def test_it_passes_the_conformance_suite(plugin: Path) -> None:
    assert quality.read(text_of(plugin)).done("conformance-suite")


# ---------------------------------------------------------------------------
# What the tree shows
# ---------------------------------------------------------------------------


@cache
def contract_tests(plugin: str) -> list[ast.Module]:
    folder = ROOT / "tests" / "contract" / plugin
    return [ast.parse(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.py"))]


def conforming(modules: list[ast.Module]) -> bool:
    """Whether a test class over the conformance suite is among them."""
    return any(
        isinstance(node, ast.ClassDef)
        and node.name.startswith("Test")
        and any(ast.unparse(base) == "ConnectorConformance" for base in node.bases)
        for module in modules
        for node in module.body
    )


def imported(modules: list[ast.Module]) -> Iterator[str]:
    """Top-level packages that they import."""
    for module in modules:
        for node in ast.walk(module):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module.partition(".")[0]


def witnesses(modules: list[ast.Module]) -> set[str]:
    """The development dependencies that they import, by their distribution's name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[<>=\[ ]", one)[0] for one in project["optional-dependencies"]["dev"]}
    known = packages_distributions()
    return {dist for name in set(imported(modules)) for dist in known.get(name, ())} & wanted


def sections(text: str) -> list[str]:
    return re.findall(r"^## (.+)$", text, re.MULTILINE)


def unseen(plugin: str, said: quality.Quality, titles: list[str], scopes: list[str]) -> list[str]:
    """Which of the rules that are said to be done the tree does not bear out."""
    modules = contract_tests(plugin)
    comment = said.rules["sandbox-witnessed"].comment
    borne_out = {
        "conformance-suite": conforming(modules),
        "sandbox-witnessed": any(one in comment for one in witnesses(modules)),
        # a title may name the tool in brackets: "Mailing tool (Mailchimp)"
        "scopes-documented": any(one in title for one in scopes for title in titles),
    }
    return [rule for rule, seen in borne_out.items() if said.done(rule) and not seen]


@plugins
def test_what_is_said_to_be_done_is_there(plugin: Path) -> None:
    titles = [kind.title for kind in types_of(plugin)]
    scopes = sections((ROOT / "docs" / "scopes.md").read_text(encoding="utf-8"))
    assert unseen(plugin.name, quality.read(text_of(plugin)), titles, scopes) == []


def test_what_is_not_there_is_seen() -> None:
    said = quality.read("rules: {conformance-suite: done, scopes-documented: done}")
    answer = quality.Answer(quality.Status.DONE, "nobodys-client 1")
    claims = replace(said, rules={**said.rules, "sandbox-witnessed": answer})
    everything = ["conformance-suite", "sandbox-witnessed", "scopes-documented"]
    assert unseen("nowhere", claims, ["Acme"], ["HubSpot"]) == everything
    assert unseen("hubspot", claims, ["Acme"], ["HubSpot", "Acme"]) == ["sandbox-witnessed"]


def test_the_guide_lists_the_rules() -> None:
    guide = (ROOT / "docs" / "connectors.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", guide, re.MULTILINE)
    assert dict(listed) == quality.RULES


# ---------------------------------------------------------------------------
# What is wrong with a file is found
# ---------------------------------------------------------------------------

BARE = ConnectorType(
    kind="acme",
    title="Acme",
    api_version=API_VERSION,
    settings=None,  # type: ignore[arg-type]  # nothing here opens it
    streams=(),
    capabilities=frozenset({Capability.READ}),
    open=None,  # type: ignore[arg-type]  # as above
    base_url=lambda _: "",
    auth=lambda _: {},
)
TODO = {name: {"status": "todo", "comment": "later"} for name in quality.RULES}


def faults(rules: Any, kind: ConnectorType = BARE, **more: Any) -> list[str]:
    return quality.faults(yaml.safe_dump({"rules": rules, **more}), kind)


def test_a_file_that_answers_for_all_is_right() -> None:
    assert faults(TODO) == []
    assert faults(TODO, vendor={"double-opt-in": "done"}) == []
    assert quality.read(quality.blank("Acme")).faults == ()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"merges": None}, "merges: say done, todo or exempt"),
        ({"merges": "almost"}, "merges: say done, todo or exempt"),
        ({"merges": {"status": "done", "reason": "x"}}, "merges: say done, todo or exempt"),
        ({"merges": "exempt"}, "merges: exempt, and no comment says why"),
        ({"merges": {"status": "todo"}}, "merges: todo, and no comment says why"),
        ({"tags": "done"}, "tags: no rule of that name"),
    ],
)
def test_a_wrong_answer_is_found(change: dict[str, Any], expected: str) -> None:
    (fault,) = faults({**TODO, **change})
    assert fault.startswith(expected)


def test_a_rule_left_out_is_found() -> None:
    rest = {name: answer for name, answer in TODO.items() if name != "merges"}
    (fault,) = faults(rest)
    assert fault == f"merges: not answered; it asks: {quality.RULES['merges']}"


def test_a_rule_of_everyone_is_not_the_vendors() -> None:
    (fault,) = faults(TODO, vendor={"merges": "done"})
    assert "is everyone's" in fault


@pytest.mark.parametrize("text", ["- a", "rules: [a]", "rules: {", "rule: {}", "", "rules: 'x"])
def test_what_is_no_quality_file_is_told(text: str) -> None:
    assert quality.read(text).faults


READS_ACTIVITIES = frozenset({Capability.READ, Capability.READ_ACTIVITIES})


@pytest.mark.parametrize(
    ("rule", "short_of", "enough"),
    [
        ("limits-honoured", {}, {"limits": {"": None}}),
        ("sandbox-witnessed", {}, {"sandbox": "acme.sandbox:Sandbox"}),
        ("create-never-overwrites", {}, {"capabilities": frozenset({Capability.WRITE})}),
        (
            "consent-read-before-write",
            {"capabilities": frozenset({Capability.WRITE})},
            {"capabilities": frozenset({Capability.WRITE_CONSENTS})},
        ),
        (
            "rights-supported",
            {"capabilities": quality.RIGHTS - {Capability.RESTRICT}},
            {"capabilities": quality.RIGHTS},
        ),
        ("residuals-stated", {}, {"residuals": (Residual("reports", Act.ERASE),)}),
    ],
)
def test_a_claim_that_the_type_does_not_bear_out_is_found(
    rule: str, short_of: dict[str, Any], enough: dict[str, Any]
) -> None:
    claims = {**TODO, rule: "done"}
    (fault,) = faults(claims, replace(BARE, **short_of))
    assert fault.startswith(f"{rule}: said to be done, yet ")
    assert faults(claims, replace(BARE, **enough)) == []


def test_activities_need_a_stream_that_tells_of_them() -> None:
    claims = {**TODO, "activities": "done"}
    stream = StreamType("people", email_field="email")
    telling = replace(stream, activities=frozenset({ActivityKind.ATTENDED}))
    silent = replace(BARE, capabilities=READS_ACTIVITIES, streams=(stream,))
    assert len(faults(claims, silent)) == 1
    assert faults(claims, replace(silent, streams=(telling,))) == []
