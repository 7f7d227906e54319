"""What strangers wrote is never carried out by the spreadsheet that opens it."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import pytest

from hub.cli.rights_package import _folder
from hub.rights.spreadsheet import inert, table
from hub.web.portable import archive


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("https://haitta.example";"Avaa")',
        "+cmd|' /C calc'!A0",
        "-1+cmd",
        "@SUM(A1)",
        " =1+1",
        "\t=1+1",
        "\r=1+1",
        "|calc",
    ],
)
def test_a_formula_is_text(text: str) -> None:
    assert inert(text) == f"'{text}"


@pytest.mark.parametrize(
    "value", ["Aino", "+358 40 123 4567", "+358401234567", "-12,5", "", "a=b", None, 7, -7]
)
def test_everything_else_is_as_it_is(value: object) -> None:
    assert inert(value) == value


def test_names_of_columns_are_made_harmless_too() -> None:
    rows = [{"field": "first_name", "=evil": "=1+1"}, {"field": "phone", "more": 'x,"y"'}]
    assert list(csv.reader(io.StringIO(table(rows), newline=""))) == [
        ["field", "'=evil", "more"],
        ["first_name", "'=1+1", ""],
        ["phone", "", 'x,"y"'],
    ]


EVIL = '=WEBSERVICE("https://haitta.example")'
ANSWER = {
    "systems": {
        "crm": {"records": [{"stream": "c", "scope": "", "values": {"n": EVIL}, "activities": []}]}
    },
    "hub": [
        {
            "controller": "crowst",
            "profile": {"first_name": {"value": EVIL}},
            "permissions": [],
            "projects": [],
            "activities": [],
            "recipients": [],
        }
    ],
}


def test_both_ways_to_a_package_write_such_tables(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(archive(ANSWER))) as made:
        files = {name: made.read(name).decode() for name in made.namelist()}
    files |= {Path(one).name: Path(one).read_text() for one in _folder(tmp_path / "into", ANSWER)}
    tables = [content for name, content in files.items() if name.endswith(".csv")]
    assert len(tables) == 4
    for content in tables:
        cells = [cell for row in csv.reader(io.StringIO(content, newline="")) for cell in row]
        assert f"'{EVIL}" in cells
        assert EVIL not in cells
