"""A connector to begin with: the guide's worked example, under another name.

The guide `docs/connectors.md` holds the example whole, each file in a block headed by its path. So
the guide, what is laid out and what the tests prove are one text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from hub.testing import quality

EXAMPLE = "lumo"
"""The name of the invented tool that the guide connects."""

_NAME = re.compile(r"[a-z][a-z0-9]{1,19}")
_BLOCK = re.compile(r"^\*\*`([^`\n]+)`\*\*\n\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class NotLaidOut(Exception):
    """Nothing was written; `mend` says what to do."""

    def __init__(self, message: str, mend: str) -> None:
        super().__init__(message)
        self.mend = mend


def guide() -> Path:
    """`docs/connectors.md`, wherever the hub is installed. Raises NotLaidOut."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package.parent, package):  # a checkout, an installed package
        if (folder / "docs" / "connectors.md").is_file():
            return folder / "docs" / "connectors.md"
    raise NotLaidOut("docs/connectors.md is nowhere to be found", "reinstall the hub")


def example(text: str) -> Mapping[str, str]:
    """The files of the worked example in the guide's text, by their path."""
    return dict(_BLOCK.findall(text))


def skeleton(name: str, text: str) -> Mapping[str, str]:
    """The files of a new connector, by their path; `text` is the guide's. Its quality file claims
    nothing yet. Raises NotLaidOut where `name` cannot be used."""
    if not _NAME.fullmatch(name):
        raise NotLaidOut(
            f"{name!r} cannot be the name of a connector",
            "write it as one word of two to twenty small letters and digits that begins with a "
            "letter: pretix, zoho365",
        )
    files = {_renamed(path, name): _renamed(body, name) for path, body in example(text).items()}
    return {**files, f"{name}_connector/quality.yaml": quality.blank(name.capitalize())}


def _renamed(text: str, name: str) -> str:
    for old, new in (
        (EXAMPLE, name),
        (EXAMPLE.capitalize(), name.capitalize()),
        (EXAMPLE.upper(), name.upper()),
    ):
        text = text.replace(old, new)
    return text


def lay_out(files: Mapping[str, str], folder: Path) -> None:
    """Write the files into a folder that is not there yet, or is empty. Raises NotLaidOut."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise NotLaidOut(
            f"{folder} is there already, and nothing is overwritten",
            "name another place with --into, or move it away",
        )
    try:
        for path, body in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(body, encoding="utf-8")
    except OSError as error:
        told = error.strerror or type(error).__name__
    else:
        return
    raise NotLaidOut(f"{folder} cannot be written: {told}", "name another place with --into")
