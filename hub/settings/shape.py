"""From the tree to the model, entry by entry, with pydantic's findings told in our own words.

An entry with a mistake is not thrown away: its bad values are left out and the rest goes on to the
cross-checks, so that one reading finds all mistakes. Such an entry is `damaged`, and what it seems
to lack is then not held against it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hub.domain.landscape import MANUAL
from hub.settings.mistakes import KeyPath, Mistake, dotted, near, one_of
from hub.settings.model import (
    ID,
    ID_EXPECTED,
    RESERVED,
    ControllerConfig,
    FieldConfig,
    HubConfig,
    ManualConfig,
    ProjectConfig,
    PurposeConfig,
    RightsConfig,
    RootConfig,
    SystemConfig,
    WebConfig,
)
from hub.settings.tree import Tree

_M = TypeVar("_M", bound=BaseModel)
_EXPECTED = {
    "missing": "a value",
    "string_type": "a text",
    "string_too_short": "a text that is not empty",
    "list_type": "a list, such as [one, two]",
    "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a number",
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "a number of at least {ge:g}",
    "less_than_equal": "a number of at most {le:g}",
    "too_short": "at least {min_length}",
}
_TRIES = 20  # each leaves out what the one before found; real files need two or three


@dataclass
class Document:
    """The entries that could be understood, and the ids that exist however damaged."""

    hub: HubConfig = field(default_factory=HubConfig)
    controllers: dict[str, ControllerConfig] = field(default_factory=dict)
    purposes: dict[str, PurposeConfig] = field(default_factory=dict)
    fields: dict[str, FieldConfig] = field(default_factory=dict)
    projects: dict[str, ProjectConfig] = field(default_factory=dict)
    systems: dict[str, SystemConfig] = field(default_factory=dict)
    rights: RightsConfig = field(default_factory=RightsConfig)
    by_hand: dict[str, ManualConfig] = field(default_factory=dict)  # settings of manual systems
    web: WebConfig = field(default_factory=WebConfig)
    known: dict[str, list[str]] = field(default_factory=dict)  # section -> ids
    damaged: set[KeyPath] = field(default_factory=set)


def understand(tree: Tree, mistakes: list[Mistake]) -> Document:
    """Judge every value of the tree by itself."""
    return _Shape(tree, mistakes).document()


class _Shape:
    def __init__(self, tree: Tree, mistakes: list[Mistake]) -> None:
        self._tree = tree
        self._mistakes = mistakes
        self._damaged: set[KeyPath] = set()

    def document(self) -> Document:
        for name in self._tree.value:
            if name not in RootConfig.model_fields:
                self._unknown_key((name,), RootConfig.model_fields)
        for name, info in RootConfig.model_fields.items():
            absent = self._tree.value.get(name) in (None, {}) and (name,) not in self._tree.broken
            if info.is_required() and absent:
                self._add((name,), "missing", _sentence(info.description))
        hub = self._entry(HubConfig, ("hub",)) if "hub" in self._tree.value else None
        web = self._entry(WebConfig, ("web",)) if "web" in self._tree.value else None
        document = Document(
            hub=hub or HubConfig(),
            controllers=self._section(ControllerConfig, "controllers"),
            purposes=self._section(PurposeConfig, "purposes"),
            fields=self._section(FieldConfig, "fields"),
            projects=self._section(ProjectConfig, "projects"),
            systems=self._section(SystemConfig, "systems"),
            web=web or WebConfig(),
        )
        if "rights" in self._tree.value:
            document.rights = self._entry(RightsConfig, ("rights",)) or RightsConfig()
        for name, one in document.systems.items():
            if one.plugin == MANUAL:
                by_hand = self._by_hand(name)
                if by_hand is not None:
                    document.by_hand[name] = by_hand
        for name in ("controllers", "purposes", "fields", "projects", "systems"):
            entries = self._tree.value.get(name)
            document.known[name] = [*entries] if isinstance(entries, dict) else []
        document.damaged = self._damaged
        return document

    def _by_hand(self, name: str) -> ManualConfig | None:
        """The settings of a manual system: no plugin judges them later."""
        path: KeyPath = ("systems", name, "settings")
        if "settings" in self._tree.value["systems"][name]:
            return self._entry(ManualConfig, path)
        told = _sentence(ManualConfig.model_fields["contact"].description)
        self._add((*path, "contact"), "missing", told)
        return None

    def _section(self, model: type[_M], name: str) -> dict[str, _M]:
        entries = self._tree.value.get(name)
        if entries is None:
            return {}
        if not isinstance(entries, dict):
            self._add((name,), f"found {self._tree.found((name,))}", "a mapping of ids")
            return {}
        understood: dict[str, _M] = {}
        for entry in entries:
            if not ID.fullmatch(entry):
                place = self._tree.place((name, entry))
                found = "an id that cannot be used"
                self._mistakes.append(Mistake(place, dotted((name, entry)), found, ID_EXPECTED))
            elif name == "systems" and entry in RESERVED:
                place = self._tree.place((name, entry))
                found = "an id that the hub uses itself"
                self._mistakes.append(Mistake(place, dotted((name, entry)), found, "another id"))
            one = self._entry(model, (name, entry))
            if one is not None:
                understood[entry] = one
        return understood

    def _entry(self, model: type[_M], path: KeyPath) -> _M | None:
        """The entry as a model, bad values left out; None where too little remains."""
        raw: Any = self._tree.value
        for part in path:
            raw = raw[part]
        if raw is None:
            raw = {}  # `first_name:` with nothing after it takes all defaults
        for attempt in range(_TRIES):
            problems: list[ErrorDetails]
            try:
                return model.model_validate(raw)
            except ValidationError as error:
                problems = error.errors(include_input=False, include_url=False)
            self._damaged.add(path)
            if attempt == 0:
                for problem in problems:
                    self._tell(model, path, problem)
            for problem in problems:
                raw = _without(raw, problem)
            if not isinstance(raw, dict):
                return None
        return None

    def _tell(self, model: type[BaseModel], entry: KeyPath, problem: ErrorDetails) -> None:
        """Put one of pydantic's findings in our words, unless its cause was told already."""
        path = (*entry, *problem["loc"])
        kind = problem["type"]
        if any(path[:end] in self._tree.broken for end in range(1, len(path) + 1)):
            return
        if kind == "extra_forbidden":
            owner = _model_at(model, problem["loc"][:-1])
            self._unknown_key(path, owner.model_fields if owner else {})
        elif kind == "missing":
            owner = _model_at(model, problem["loc"][:-1])
            info = owner.model_fields.get(str(path[-1])) if owner else None
            self._add(path, "missing", _sentence(info.description if info else None))
        elif kind in {"enum", "literal_error"}:
            known = re.findall(r"'([^']*)'", problem["ctx"]["expected"])
            self._add(path, self._found(path), one_of(known), self._meant(path, known))
        else:
            self._add(path, self._found(path), *_expectation(problem))

    def _unknown_key(self, path: KeyPath, known: dict[str, Any]) -> None:
        mend = near(str(path[-1]), known)
        place = self._tree.place(path)
        found = f'unknown key "{path[-1]}"'
        self._mistakes.append(Mistake(place, dotted(path[:-1]), found, one_of(known), mend))

    def _found(self, path: KeyPath) -> str:
        return f"found {self._tree.found(path)}"

    def _meant(self, path: KeyPath, known: list[str]) -> str:
        """The known word that was probably meant."""
        match = re.fullmatch(r'"(.*)"', self._tree.found(path))
        return near(match[1], known) if match else ""

    def _add(self, path: KeyPath, found: str, expected: str, mend: str = "") -> None:
        written = self._tree.written(path)
        if found == "missing":  # there is no value to point at: point at the key above
            mistake = Mistake(self._tree.place(written), dotted(path), found, expected, mend)
        else:
            place = self._tree.value_place(written)
            mistake = Mistake(place, dotted(written), found, expected, mend)
        self._mistakes.append(mistake)


def _expectation(problem: ErrorDetails) -> tuple[str, str]:
    """What was expected, and a mend where the kind of mistake suggests one."""
    kind = problem["type"]
    context = problem.get("ctx", {})
    if kind == "value_error":
        return str(context["error"]), ""
    template = _EXPECTED.get(kind)
    if template is None:
        return problem["msg"].removeprefix("Input should be "), ""
    mend = "Put quotes around it to make it a text" if kind == "string_type" else ""
    return template.format(**context), mend


def _sentence(description: str | None) -> str:
    """The first sentence of a key's help, as the expectation of a message."""
    first = (description or "a value").replace("\n", " ").split(". ")[0].rstrip(".")
    return first[:1].lower() + first[1:]


def _without(raw: Any, problem: ErrorDetails) -> Any:
    """`raw` without the value that the problem is about; None where nothing usable remains.

    A list with a bad item goes as a whole: the places of its other items would shift otherwise.
    """
    where = list(problem["loc"])
    if problem["type"] == "missing":
        where = where[:-1]
    for index, part in enumerate(where):
        if isinstance(part, int):
            where = where[:index]
            break
    return _cut(raw, where)


def _cut(raw: Any, where: list[Any]) -> Any:
    if not where or not isinstance(raw, dict):
        return None
    key, rest = where[0], where[1:]
    if key not in raw:
        return raw  # cut already, with another problem of the same value
    kept = {name: value for name, value in raw.items() if name != key}
    if rest:
        remains = _cut(raw[key], rest)
        if remains is not None:
            kept = {name: remains if name == key else raw[name] for name in raw}
    return kept


def _model_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The model whose keys stand at that place."""
    here: Any = model
    for part in loc:
        if isinstance(here, type) and issubclass(here, BaseModel):
            info = here.model_fields.get(str(part))
            here = info.annotation if info else None
        else:
            here = _inner(here)
        here = _bare(here)
    return here if isinstance(here, type) and issubclass(here, BaseModel) else None


def _inner(annotation: Any) -> Any:
    """The type of what a list or mapping holds."""
    arguments = get_args(annotation)
    return arguments[-1] if get_origin(annotation) in {list, dict} else None


def _bare(annotation: Any) -> Any:
    """The type itself without validators and help."""
    while hasattr(annotation, "__metadata__"):
        annotation = annotation.__origin__
    return annotation
