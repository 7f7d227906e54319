"""CSV for people: it is opened in a spreadsheet, which takes some texts for formulas.

What somebody wrote into a form of ours may be made to be carried out there. The JSON beside the
tables has every value as it is.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

_FORMULA = re.compile(r"\s*[=+\-@\t\r\n|%]")
_NUMBER = re.compile(r"[+-]?[0-9][0-9 .,]*")  # a telephone number among them: carries out nothing


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows under the names of all their columns; a column that a row lacks is empty."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    writer.writerow([inert(name) for name in columns])
    writer.writerows([[inert(row.get(name, "")) for name in columns] for row in rows])
    return written.getvalue()


def inert(value: Any) -> Any:
    """The value so that no spreadsheet carries it out: behind an apostrophe, which shows that what
    follows is text."""
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value
