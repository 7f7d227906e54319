"""The answer to an access or portability request as an archive: JSON, and CSV tables."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import orjson

from hub.rights.spreadsheet import table


class Format(StrEnum):
    """How a package is answered."""

    JSON = "json"
    ZIP = "zip"


def archive(package: Mapping[str, Any]) -> bytes:
    """A zip file with everything as `data.json`, and a CSV table (UTF-8, commas) for each system's
    records and for each list that the hub holds."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("data.json", orjson.dumps(package, option=orjson.OPT_INDENT_2))
        for system, part in sorted(package.get("systems", {}).items()):
            if part["records"]:
                file.writestr(f"systems/{system}.csv", _table(part["records"]))
        for name, rows in _own(package.get("hub", [])).items():
            if rows:
                file.writestr(f"hub/{name}.csv", _table(rows))
    return made.getvalue()


def _own(copies: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """What the hub holds, list by list, each row with its controller."""
    tables: dict[str, list[dict[str, Any]]] = {}
    for copy in copies:
        whose = {"controller": copy["controller"]}
        tables.setdefault("profile", []).extend(
            {**whose, "field": name, **value} for name, value in copy["profile"].items()
        )
        for name in ("permissions", "activities", "projects", "recipients"):
            tables.setdefault(name, []).extend({**whose, **row} for row in copy.get(name, ()))
    return tables


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    return table([_flat(row) for row in rows])


def _flat(row: Mapping[str, Any], before: str = "") -> dict[str, str]:
    """A record in one line: inner names behind a dot, what is a list as JSON."""
    flat: dict[str, str] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{before}{name}.")
        elif isinstance(value, str):
            flat[before + name] = value
        else:
            flat[before + name] = "" if value is None else orjson.dumps(value).decode()
    return flat
