"""Turns a mapping of the configuration into a plugin's settings, or says what is wrong with it.

Settings hold credentials, so no message ever quotes a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hub.api import Misconfigured

_SHORTEST_MASKED = 3
"""Values shorter than this are in every other word; nobody's secret is that short."""


@dataclass(frozen=True, slots=True)
class SettingFault:
    """What is wrong with one key."""

    path: tuple[str | int, ...]  # ("limits", "search"); a loader finds line and column by it
    message: str  # what was expected, never what was given

    @property
    def key(self) -> str:
        """The path as people write it: "limits.search"."""
        return ".".join(str(part) for part in self.path)


class InvalidSettings(Misconfigured):
    """The settings of a system do not fit its connector type; `faults` has one entry per key."""

    def __init__(self, message: str, faults: Sequence[SettingFault], *, mend: str = "") -> None:
        super().__init__(message, mend=mend)
        self.faults = tuple(faults)


def validated(owner: str, model: type[BaseModel], raw: Mapping[str, Any]) -> BaseModel:
    """`raw` as an instance of `model`. Raises InvalidSettings, named after `owner`."""
    faults: list[SettingFault] = []
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False)
        faults = [_fault(model, raw, detail) for detail in details]
    except Exception as error:  # a validator of the plugin failed in its own way
        faults = [SettingFault((), f"the plugin's check of them failed ({type(error).__name__})")]
    listed = "; ".join(f"{one.key}: {one.message}" if one.path else one.message for one in faults)
    known = ", ".join(_keys(model)) or "none"
    # raised outside the `except`: the validation error quotes its input
    raise InvalidSettings(
        f"{owner}: the settings are not right: {listed}",
        faults,
        mend=f"its keys: {known}",
    )


def _fault(model: type[BaseModel], raw: Mapping[str, Any], detail: ErrorDetails) -> SettingFault:
    path = tuple(detail["loc"])
    match detail["type"]:
        case "missing":
            message = "is missing"
        case "extra_forbidden":
            close = get_close_matches(str(path[-1]), _keys(model), n=1)
            message = "is not a known key" + (f", did you mean {close[0]!r}?" if close else "")
        case _:
            message = detail["msg"].removeprefix("Value error, ")
    # a plugin's own validator may quote what it was given
    for value in sorted({*_texts(raw)}, key=len, reverse=True):
        message = message.replace(value, "…")
    return SettingFault(path, message)


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _texts(value: Any) -> Iterator[str]:
    """Every value in there as text, keys left out."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple | set):
        for inner in value:
            yield from _texts(inner)
    elif hasattr(value, "get_secret_value"):
        yield from _texts(value.get_secret_value())
    elif value is not None and not isinstance(value, bool):
        text = str(value)
        if len(text) >= _SHORTEST_MASKED:
            yield text
