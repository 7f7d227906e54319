"""Where secrets come from: `${NAME}` of the environment, `!secret name`, `!file path`.

    token: ${CROWST_HUBSPOT_TOKEN}          the whole value, or a part: "Bearer ${TOKEN}"
    base_url: ${API_URL:-https://api.example}   with a default for an unset or empty variable
    password: a$${b}                        $$ before a brace is one plain dollar
    token: !secret crowst-hubspot           an entry of secrets.yaml beside the configuration
    token: !file tokens/crowst              a file's text, relative to the configuration's folder

Whatever is resolved here is hidden from every message afterwards.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from hub.settings.mistakes import Mistake, Place, near, one_of
from hub.settings.syntax import compose

SECRETS_FILE = "secrets.yaml"
_LARGEST = 64 * 1024  # bytes; a secret file is a key or a token, never a dump
_VARIABLE = re.compile(r"\$(\$(?=\{))|\$\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def _literal(text: str) -> str:
    """What stands between the variables. Raises Unresolved for a brace left open."""
    if "${" in text:
        raise Unresolved("a ${ that is not closed", "${NAME} or ${NAME:-default}")
    return text


class Unresolved(Exception):
    """A secret is not there. Says what was found, what is expected, and the mend."""

    def __init__(self, found: str, expected: str, mend: str = "") -> None:
        super().__init__(found)
        self.found = found
        self.expected = expected
        self.mend = mend


@dataclass(frozen=True, slots=True)
class Found:
    """A value and where it came from: "environment" or "file", "" where it stood there itself."""

    text: str = field(repr=False)
    source: str = ""


@dataclass
class Secrets:
    """Resolves the references of one configuration folder."""

    folder: Path
    environ: Mapping[str, str] = field(repr=False)
    warnings: list[str] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    _entries: dict[str, str] | None = field(default=None, repr=False)

    def expand(self, text: str) -> Found:
        """`text` with its variables filled in. Raises Unresolved."""
        parts: list[str] = []
        position = 0
        for match in _VARIABLE.finditer(text):
            parts.append(_literal(text[position : match.start()]))
            parts.append("$" if match[1] else self._variable(match[2]))
            position = match.end()
        parts.append(_literal(text[position:]))
        used = any(match[1] is None for match in _VARIABLE.finditer(text))
        return Found("".join(parts), "environment" if used else "")

    def _variable(self, reference: str) -> str:
        name, separator, default = reference.partition(":-")
        if not _NAME.fullmatch(name):
            raise Unresolved("a ${…} without a name", "${NAME} or ${NAME:-default}")
        value = self.environ.get(name, "")
        if value or separator:
            return value or default
        state = "empty" if name in self.environ else "not set"
        raise Unresolved(
            f"the environment variable {name}, which is {state}",
            "a value",
            # only a slip of the pen: another system's token must never be suggested
            near(name, (n for n in self.environ if self.environ[n]), cutoff=0.9)
            or "Set it before the hub starts",
        )

    def secret(self, name: str) -> Found:
        """The entry of secrets.yaml. Raises Unresolved."""
        if self._entries is None:
            self._entries = self._read_entries()
        if name in self._entries:
            return Found(self._entries[name], "file")
        file = self.folder / SECRETS_FILE
        if not file.exists():
            raise Unresolved(f"!secret {name}", f"the file {file}", f"Make it: {name}: the-value")
        raise Unresolved(
            f"!secret {name}, which {file} does not have",
            one_of(self._entries),
            near(name, self._entries),
        )

    def _read_entries(self) -> dict[str, str]:
        """The names and texts of secrets.yaml; its own mistakes are noted, never its values."""
        file = self.folder / SECRETS_FILE
        if not file.exists():
            return {}
        self._look_at_mode(file)
        node = compose(file, self.mistakes)
        if node is None:
            return {}
        entries: dict[str, str] = {}
        if not isinstance(node, yaml.MappingNode):
            self.mistakes.append(
                Mistake(Place(str(file), 1, 1), "", "no mapping", "lines such as name: value")
            )
            return {}
        for key, value in node.value:
            place = Place(str(file), key.start_mark.line + 1, key.start_mark.column + 1)
            if not isinstance(key, yaml.ScalarNode) or not isinstance(value, yaml.ScalarNode):
                self.mistakes.append(Mistake(place, "", "a nested value", "name: value"))
            elif key.value in entries:
                self.mistakes.append(Mistake(place, key.value, "a second entry", "one per name"))
            else:
                entries[key.value] = value.value
        return entries

    def file(self, name: str) -> Found:
        """The text of a file without the line break at its end. Raises Unresolved."""
        file = self.folder / Path(name).expanduser()
        try:
            with file.open("rb") as stream:
                data = stream.read(_LARGEST + 1)
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else "cannot be read"
            raise Unresolved(
                f"!file {file}: {why}",
                "a readable file",
                "Paths count from the configuration's folder",
            ) from None
        if len(data) > _LARGEST:
            raise Unresolved(f"!file {file}: more than 64 KiB", "a key or a token")
        try:
            text = data.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            text = ""
        if not text:
            raise Unresolved(f"!file {file}: empty or no text", "a text in UTF-8")
        self._look_at_mode(file)
        return Found(text, "file")

    def _look_at_mode(self, file: Path) -> None:
        """Warn of a secret that others of this machine can read."""
        mode = file.stat().st_mode
        warning = f"{file} can be read by others of this machine. Mend: chmod 600 {file}"
        open_to_others = os.name == "posix" and mode & (stat.S_IRGRP | stat.S_IROTH)
        if open_to_others and warning not in self.warnings:
            self.warnings.append(warning)
