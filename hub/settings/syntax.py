"""YAML text to nodes that know their places. Its messages never quote the text itself."""

from __future__ import annotations

import os
import re
from pathlib import Path

import yaml

from hub.settings.mistakes import Mistake, Place

# PyYAML's own message may name what it stumbled on, which can be a part of a password that begins
# with *, ! or &. Only its fixed words and single characters are passed on.
_QUOTED = re.compile(r"'(?!<)[^']{2,}'|\"(?!<)[^\"]{2,}\"")
_BRACE = re.compile(r"[{\[,].*\$\{")


def place_of(file: Path, mark: yaml.Mark) -> Place:
    """PyYAML's mark, counted from 1."""
    return Place(str(file), mark.line + 1, mark.column + 1)


def compose(file: Path, mistakes: list[Mistake]) -> yaml.Node | None:
    """The root node, or None for an empty file and for one whose mistake was noted."""
    text = _text(file, mistakes)
    if text is None:
        return None
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = place_of(file, mark) if mark else Place(str(file), 1, 1)
        problem = _QUOTED.sub("…", error.problem or "cannot be understood")
        mistakes.append(Mistake(place, "", f"no valid YAML: {problem}", "", _mend(text, place)))
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = Place(str(file), before.count("\n") + 1, len(before) - before.rfind("\n"))
        mistakes.append(Mistake(place, "", "a control character", "printable text"))
    return None


def _text(file: Path, mistakes: list[Mistake]) -> str | None:
    """The file's text, or None after noting why there is none."""
    start = Place(str(file), 1, 1)
    try:
        data = file.read_bytes()
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else "cannot be read"
        mistakes.append(Mistake(start, "", why, "a readable file"))
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        place = Place(str(file), before.count(b"\n") + 1, len(before) - before.rfind(b"\n"))
        mistakes.append(Mistake(place, "", "a byte that is no UTF-8", "a file saved as UTF-8"))
        return None


def _mend(text: str, place: Place) -> str:
    """What most often causes a syntax error at such a line."""
    lines = text.splitlines()
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    if _BRACE.search(line):
        return 'Inside { } and [ ] put quotes around a value with ${…}: "${NAME}"'
    if "\t" in line[: place.column]:
        return "Indent with spaces, not tabs"
    return "A value that begins with * & ! % @ ` { [ or holds a colon and a space needs quotes"
