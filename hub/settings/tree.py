"""Several YAML files as one tree of plain values that remembers where each of them stands.

Plain texts follow YAML 1.2: only true and false are booleans, so that Norway stays NO. Texts that
look like numbers stay texts, since most of them are ids; the model makes numbers of them where it
wants some. Only the plugins' own `settings` get numbers, as a third party would expect.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hub.settings.mistakes import KeyPath, Mistake, Place, dotted, shown
from hub.settings.secrets import Secrets, Unresolved
from hub.settings.syntax import compose, place_of

_MERGE = "tag:yaml.org,2002:merge"
_TEXT = "tag:yaml.org,2002:str"
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)", re.ASCII)
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_ADDRESSES = frozenset({"database", "keys", "engine", "master_key"})

_ABSENT = object()
"""In place of a value that could not be had."""


@dataclass
class Tree:
    """What the files say together."""

    value: dict[str, Any] = field(default_factory=dict, repr=False)
    places: dict[KeyPath, Place] = field(default_factory=dict)  # of keys and list items
    values: dict[KeyPath, Place] = field(default_factory=dict)  # of what stands after the colon
    hidden: set[KeyPath] = field(default_factory=set)  # resolved from a secret
    secrets: set[str] = field(default_factory=set, repr=False)  # the texts of these
    broken: set[KeyPath] = field(default_factory=set)  # left out: a mistake is noted already
    sources: dict[KeyPath, str] = field(default_factory=dict)  # "environment" or "file"
    files: list[Path] = field(default_factory=list)

    def place(self, path: KeyPath) -> Place:
        """Of the key, or of the nearest one above it that is written."""
        return self._nearest(self.places, path)

    def value_place(self, path: KeyPath) -> Place:
        """Of the value."""
        return self.values.get(path) or self.place(path)

    def _nearest(self, places: dict[KeyPath, Place], path: KeyPath) -> Place:
        for end in range(len(path), 0, -1):
            if path[:end] in places:
                return places[path[:end]]
        return Place(str(self.files[0]) if self.files else "", 1, 1)

    def written(self, path: KeyPath) -> KeyPath:
        """The path as far as it is written in the files."""
        while path and path not in self.places:
            path = path[:-1]
        return path

    def found(self, path: KeyPath) -> str:
        """The value in a message: hidden where it is or holds a secret."""
        if secret_place(path) or any(path[:end] in self.hidden for end in range(1, len(path) + 1)):
            return "a value that is kept secret"
        value: Any = self.value
        for part in path:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return "nothing"
        return shown(value)


def secret_place(path: KeyPath) -> bool:
    """Whether secrets belong there, so that its values are never repeated in a message."""
    if path[:1] == ("hub",):
        return len(path) > 1 and path[1] in _ADDRESSES
    return _in_settings(path)


def _in_settings(path: KeyPath) -> bool:
    return len(path) > 2 and path[0] == "systems" and path[2] == "settings"


class Reader:
    """Reads files into one tree. What is wrong is collected in `mistakes`."""

    def __init__(self, secrets: Secrets, mistakes: list[Mistake]) -> None:
        self.tree = Tree()
        self._secrets = secrets
        self._mistakes = mistakes
        self._file = Path()
        self._open: set[int] = set()  # nodes being read: an anchor inside itself would never end
        self._lenient = False  # inside a system that is switched off

    def read(self, file: Path) -> None:
        """Add a file to the tree."""
        self._file = file
        self.tree.files.append(file)
        root = compose(file, self._mistakes)
        if root is None:
            return
        if not isinstance(root, yaml.MappingNode):
            self._mistake(root, (), "no mapping", "keys such as hub:, controllers:, systems:")
            return
        for key, node in self._pairs(root, ()):
            if key.startswith("x-"):
                continue  # a shelf for anchors
            self._section(key, node)

    def _section(self, name: str, node: tuple[yaml.Node, yaml.Node]) -> None:
        """Add a top-level section; one that another file has too is joined entry by entry."""
        key, content = node
        path: KeyPath = (name,)
        joined = self.tree.value.get(name)
        if joined is None:
            self._keep(self.tree.value, name, key, content, path)
            return
        if not isinstance(joined, dict):
            self._second(key, path)
            return
        if not isinstance(content, yaml.MappingNode):
            self._mistake(content, path, "no mapping", "entries to join with the other file's")
            return
        for entry, (entry_key, entry_node) in self._pairs(content, path):
            if (*path, entry) in self.tree.places:
                self._second(entry_key, (*path, entry))
            else:
                self._keep(joined, entry, entry_key, entry_node, (*path, entry))

    def _keep(
        self,
        into: dict[str, Any],
        name: str,
        key: yaml.Node,
        node: yaml.Node,
        path: KeyPath,
    ) -> None:
        """Read a value and put it under its key."""
        self.tree.places[path] = place_of(self._file, key.start_mark)
        value = self._value(node, path)
        if value is _ABSENT:
            self.tree.broken.add(path)
        else:
            into[name] = value

    def _value(self, node: yaml.Node, path: KeyPath) -> Any:
        self.tree.values[path] = place_of(self._file, node.start_mark)
        if id(node) in self._open:
            self._mistake(node, path, "an anchor inside itself", "a value that ends")
            return _ABSENT
        if node.tag.startswith("!") and not (
            isinstance(node, yaml.ScalarNode) and node.tag in {"!secret", "!file"}
        ):
            # the tag is not repeated: it may be a password that begins with an exclamation mark
            self._mistake(
                node,
                path,
                "an unknown tag",
                "!secret name or !file path",
                "A value that begins with ! needs quotes",
            )
            return _ABSENT
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            if isinstance(node, yaml.SequenceNode):
                return self._list(node, path)
            assert isinstance(node, yaml.ScalarNode)
            return self._scalar(node, path)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        pairs = list(self._pairs(node, path))
        switched_off = len(path) == 2 and path[0] == "systems" and _off(pairs)
        self._lenient = self._lenient or switched_off
        for name, (key, content) in pairs:
            self._keep(result, name, key, content, (*path, name))
        if switched_off:
            self._lenient = False
        return result

    def _list(self, node: yaml.SequenceNode, path: KeyPath) -> list[Any]:
        result: list[Any] = []
        for index, item in enumerate(node.value):
            here = (*path, index)
            self.tree.places[here] = place_of(self._file, item.start_mark)
            value = self._value(item, here)
            if value is _ABSENT:
                self.tree.broken.add(here)
                value = ""  # keeps the places of the items after it
            result.append(value)
        return result

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        if node.tag in {"!secret", "!file"} and not secret_place(path):
            self._mistake(
                node, path, node.tag, "secrets only in a system's settings and in hub's addresses"
            )
            return _ABSENT
        try:
            if node.tag == "!secret":
                found = self._secrets.secret(node.value)
            elif node.tag == "!file":
                found = self._secrets.file(self._secrets.expand(node.value).text)
            else:
                found = self._secrets.expand(node.value)
        except Unresolved as error:
            if not self._lenient:
                self._mistake(node, path, error.found, error.expected, error.mend)
            return _ABSENT
        if found.source:
            self.tree.hidden.add(path)
            self.tree.secrets.add(found.text)
            self.tree.sources[path] = found.source
            return found.text
        if node.style is not None or node.tag == _TEXT:
            return found.text
        return _plain(found.text, numbers=_in_settings(path))

    def _pairs(
        self, node: yaml.MappingNode, path: KeyPath
    ) -> Iterator[tuple[str, tuple[yaml.Node, yaml.Node]]]:
        """The entries, those of merged mappings (`<<: *anchor`) after the mapping's own."""
        seen: dict[str, yaml.Node] = {}
        merged: list[yaml.Node] = []
        for key, content in node.value:
            if key.tag == _MERGE:
                merged += content.value if isinstance(content, yaml.SequenceNode) else [content]
                continue
            if not isinstance(key, yaml.ScalarNode):
                self._mistake(key, path, "a key that is no text", "name: value")
                continue
            name = key.value
            if name in seen:
                self._second(key, (*path, name), seen[name])
                continue
            seen[name] = key
            yield name, (key, content)
        for source in merged:
            if not isinstance(source, yaml.MappingNode) or id(source) in self._open:
                self._mistake(source, path, "a << without a mapping", "<<: *anchor of a mapping")
                continue
            self._open.add(id(source))
            for name, pair in self._pairs(source, path):
                if name not in seen:
                    seen[name] = pair[0]
                    yield name, pair
            self._open.discard(id(source))

    def _second(self, key: yaml.Node, path: KeyPath, first: yaml.Node | None = None) -> None:
        where = place_of(self._file, first.start_mark) if first else self.tree.places[path]
        self._mistake(key, path, "a second entry of this name", "one", f"The first is at {where}")

    def _mistake(
        self, node: yaml.Node, path: KeyPath, found: str, expected: str, mend: str = ""
    ) -> None:
        place = place_of(self._file, node.start_mark)
        self._mistakes.append(Mistake(place, dotted(path), found, expected, mend))


def _off(pairs: list[tuple[str, tuple[yaml.Node, yaml.Node]]]) -> bool:
    return any(
        name == "enabled" and isinstance(node, yaml.ScalarNode) and _plain(node.value) is False
        for name, (_, node) in pairs
    )


def _plain(text: str, *, numbers: bool = False) -> Any:
    """A plain scalar by YAML 1.2's core schema; numbers only on request."""
    if text in {"", "~", "null", "Null", "NULL"}:
        return None
    if text in {"true", "True", "TRUE", "false", "False", "FALSE"}:
        return text[0] in "tT"
    if numbers and _INTEGER.fullmatch(text):
        return int(text)
    if numbers and _NUMBER.fullmatch(text) and "." in text:
        return float(text)
    return text
