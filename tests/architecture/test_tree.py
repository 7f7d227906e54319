"""What stands in the tree, and what never does."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MADE = {".git", ".venv", "__pycache__", "var", "dist", "build"}  # not looked into without git

LONGEST = 450  # lines; past some 400, ask what two things a file is

# Written in halves, so that this file is not found by its own search.
REGISTRIES = r"(py" r"pi|python" r"hosted|npm" r"js)\.(org|com)|deb\." r"debian\."
MACHINES = r"(?<![\w.~-])/(ro" r"ot|wo" r"rk|home/\w|Us" r"ers/\w)[\w.-]*/|bash_" r"jobs"
ADDRESS = re.compile(r"[A-Za-z0-9._%+-]+@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)")
CONTACTS = {"contact@crowst.com", "genz@bangeri.fi"}  # published by the two companies
# RFC 2606: they belong to nobody
RESERVED = (".example", ".invalid", ".test", "example.com", "example.org", "example.net")


@cache
def files() -> tuple[Path, ...]:
    """The tracked files, or without git, all that nothing has made."""
    if (ROOT / ".git").exists():
        names = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
        ).stdout.decode()
        found = [ROOT / name for name in names.split("\0") if name]
    else:
        found = [p for p in ROOT.rglob("*") if not MADE & set(p.relative_to(ROOT).parts)]
    return tuple(sorted(file for file in found if file.is_file()))


def lines(suffix: str = "") -> Iterator[tuple[str, int, str]]:
    """Every line of the text files of that suffix: file, number, text."""
    for file in files():
        if file.name.endswith(suffix):
            try:
                text = file.read_text()
            except UnicodeDecodeError:
                continue
            for number, line in enumerate(text.splitlines(), 1):
                yield str(file.relative_to(ROOT)), number, line


def found(pattern: str, suffix: str = "") -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, number, line in lines(suffix)
        if re.search(pattern, line)
    ]


def test_the_tree_is_read() -> None:
    assert ROOT / "pyproject.toml" in files()
    assert ROOT / "hub" / "domain" / "gate.py" in files()


def test_no_file_holds_too_much() -> None:
    lengths = {str(f.relative_to(ROOT)): len(f.read_text().splitlines()) for f in python()}
    assert {name: n for name, n in lengths.items() if n > LONGEST} == {}


def test_no_address_of_a_registry() -> None:
    assert found(REGISTRIES) == []
    assert found(r"(index-url|registry)\s*[=:]\s*.?http") == []


def test_no_path_of_a_machine() -> None:
    assert found(MACHINES) == []


def test_no_real_persons_address() -> None:
    real = [
        f"{name}:{number}: {match.group()}"
        for name, number, line in lines()
        for match in ADDRESS.finditer(line)
        if match.group().lower() not in CONTACTS and not match.group(1).lower().endswith(RESERVED)
    ]
    assert real == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (REGISTRIES, "see https://{}.org/simple".format("py" + "pi")),
        (MACHINES, "sqlite:////{}/hub.db".format("root")),
        (MACHINES, "cd /{}/aino/hub".format("home")),
    ],
)
def test_the_searches_find(pattern: str, text: str) -> None:
    assert re.search(pattern, text)


def test_the_lock_pins_and_hashes_everything_and_names_no_index() -> None:
    entries = [line for name, _, line in lines(".lock") if not line.startswith(" ")]
    assert len(entries) > 50
    assert [line for line in entries if not re.match(r"[a-z0-9-]+==\S+ (; .+ )?\\$", line)] == []
    hashes = [line for _, _, line in lines(".lock") if line.startswith(" ")]
    assert [one for one in hashes if not re.match(r"    --hash=sha256:[0-9a-f]{64}", one)] == []


def python() -> list[Path]:
    return [file for file in files() if file.suffix == ".py"]


# ---------------------------------------------------------------------------
# Reasons stand beside exceptions
# ---------------------------------------------------------------------------

# The reason follows the code: " - why" after a noqa, "  # why" after a type: ignore. Another
# exception is no reason.
REASONED = re.compile(
    r"# noqa: [A-Z]+[0-9]+(, ?[A-Z]+[0-9]+)* -{1,2} \S+"
    r"|# type: ignore\[[\w-]+(, ?[\w-]+)*\]  # (?!noqa)\S+"
)
EXCEPTION = re.compile(r"#\s*(noqa|type:\s*ignore)")


def test_every_exception_from_a_check_has_its_reason_beside_it() -> None:
    bare = [
        f"{name}:{number}: {line.strip()}"
        for name, number, line in lines(".py")
        if EXCEPTION.search(line)
        and not REASONED.search(line)
        and name != str(Path(__file__).relative_to(ROOT))
    ]
    assert bare == []


def test_every_skipped_test_has_its_reason() -> None:
    bare = []
    for file in python():
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call):
                call = ast.unparse(node.func)
                keywords = {keyword.arg for keyword in node.keywords}
                marked = re.fullmatch(r"pytest\.mark\.(skip|skipif|xfail)", call)
                if marked and "reason" not in keywords:
                    bare.append(f"{file.relative_to(ROOT)}:{node.lineno}")
                if call in {"pytest.skip", "pytest.xfail"} and not (node.args or keywords):
                    bare.append(f"{file.relative_to(ROOT)}:{node.lineno}")
    assert bare == []
