"""Every state and reason that a handler may meet is said in words, with what to do."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.api import BadAnswer, Capability, RateLimited, Unavailable, Uncertain
from hub.cli import rights_base, rights_words
from hub.cli.audit import FAULTS
from hub.domain.audit import Entry, Event, Fault
from hub.domain.rights import RequestState, TaskState
from hub.rights import manual
from hub.testing.clock import ManualClock

RIGHTS = Path(manual.__file__).parent
SOURCES = sorted(RIGHTS.glob("*.py"))


def literals(node: ast.AST | None) -> Iterator[str]:
    if node is not None:
        yield from (
            one.value
            for one in ast.walk(node)
            if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value
        )


def codes() -> set[str]:
    """The reasons that the code of `hub.rights` gives to tasks and requests."""
    found: set[str] = set()
    for tree in (ast.parse(path.read_text()) for path in SOURCES):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in ("attention", "again"):
                    found |= set(itertools.chain.from_iterable(map(literals, node.args[1:2])))
                if name in ("step", "change"):
                    given = [one.value for one in node.keywords if one.arg == "reason"]
                    found |= {
                        one.value
                        for one in given
                        if isinstance(one, ast.Constant) and isinstance(one.value, str)
                    }
            if isinstance(node, ast.Dict):
                found |= {
                    value.value
                    for key, value in zip(node.keys, node.values, strict=True)
                    if isinstance(key, ast.Constant)
                    and key.value == "reason"
                    and isinstance(value, ast.Constant)
                    and isinstance(value.value, str)
                }
    return found - {""}


def test_the_reasons_are_really_found() -> None:
    assert {"weak-match", "unavailable", "refusal-not-shown", "system-missing"} <= codes()


@pytest.mark.parametrize("code", sorted(codes()))
def test_a_reason_is_said_in_words(code: str) -> None:
    assert code in rights_words.REASONS


@pytest.mark.parametrize("error", [Unavailable, RateLimited, Uncertain, BadAnswer])
def test_what_a_connector_raises_is_said_in_words(error: type[Exception]) -> None:
    known = {"BadAnswer": "bad-answer"}.get(error.__name__, error.__name__.lower())
    assert known in rights_words.REASONS


@pytest.mark.parametrize("act", sorted(manual._NEEDED))
def test_what_a_connector_cannot_do_is_said_in_words(act: str) -> None:
    code = manual.needs_person({Capability.READ, Capability.WRITE}, act)
    words = rights_words.reason(code)
    assert words.means.startswith("the connector cannot ")
    assert "hub rights confirm" in words.do
    assert (
        rights_words.reason(manual.needs_person((), act)) == rights_words.REASONS["manual-system"]
    )


def test_a_code_that_only_the_vendor_knows_is_said_as_it_is() -> None:
    words = rights_words.reason("contact-is-locked")
    assert "contact-is-locked" in words.means
    assert words.do
    assert "reports" in rights_words.reason("residual-reports").means
    assert rights_words.reason("").means == ""


def test_every_state_has_words() -> None:
    assert set(rights_words.REQUEST_STATES) == {one.value for one in RequestState}
    assert set(rights_words.TASK_STATES) == {one.value for one in TaskState}
    assert set(FAULTS) == set(Fault)


def test_the_mend_names_the_request_and_the_task() -> None:
    assert rights_words.mend("weak-match", 7, 12).endswith("hub rights match 12 --same, or --other")
    assert rights_words.mend("unavailable", 7, 12).endswith("hub rights retry 7 at once")
    assert rights_words.next_step("planned", 7) == "hub rights dry-run 7, hub rights approve 7"
    for words in rights_words.REASONS.values():
        told = rights_words._filled(words.do, 7, 12).split()
        assert not {"N", "N,", "N:", "TASK", "TASK,"} & set(told)


@pytest.mark.parametrize(
    ("login", "expected"),
    [
        ("aino", "cli:aino"),
        ("Aino.Virta", "cli:aino-virta"),
        ("väinö", "cli:v-in"),
        ("", "cli:handler"),
        ("1234567890", "cli:handler"),  # could be somebody's number
        ("x" * 80, "cli:handler"),
    ],
)
def test_who_acts_is_a_code(monkeypatch: pytest.MonkeyPatch, login: str, expected: str) -> None:
    monkeypatch.setattr(rights_base, "account", lambda _: login)
    assert rights_base.actor() == expected
    Entry(1, ManualClock().now(), Event.NOTE_ADDED, rights_base.actor())


def test_no_variable_makes_somebody_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getuid", lambda: 4_000_001)  # nobody's here
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "SUDO_USER"):
        monkeypatch.setenv(name, "liisa")
    monkeypatch.setenv("SUDO_UID", "4000002")  # it is believed of root only
    assert rights_base.actor() == "cli:uid-4000001"
    monkeypatch.setattr(rights_base, "account", lambda uid: f"n{uid}")
    assert rights_base.actor() == "cli:n4000001"


def test_behind_sudo_it_is_the_one_who_called_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getuid", lambda: 0)
    monkeypatch.setattr(rights_base, "account", {0: "root", 1001: "liisa"}.__getitem__)
    monkeypatch.setenv("SUDO_UID", "1001")
    assert rights_base.actor() == "cli:liisa"
    for wrong in ("", "-1", "root"):
        monkeypatch.setenv("SUDO_UID", wrong)
        assert rights_base.actor() == "cli:root"
