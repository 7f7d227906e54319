"""What HubSpot's answers and errors hold, whatever is missing in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hub.api import BadAnswer

BATCH = 100
"""Most inputs of one batch call."""

_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,48}")


def reason(error: Any) -> str:
    """A short code for an error of HubSpot's, without its text: that may quote personal data."""
    if isinstance(error, Mapping):
        details = error.get("errors")
        first = details[0] if isinstance(details, list) and details else None
        for found in (
            first.get("code") if isinstance(first, Mapping) else None,
            error.get("subCategory"),
            error.get("category"),
        ):
            if isinstance(found, str) and _CODE.fullmatch(found):
                return found.lower().replace("_", "-")
    return "refused"


def named(error: Any, key: str) -> list[str]:
    """What an error names under `key` in its context, or in the contexts of its details."""
    if not isinstance(error, Mapping):
        return []
    details = error.get("errors")
    holders = [error, *(details if isinstance(details, list) else ())]
    found: list[str] = []
    for holder in holders:
        context = holder.get("context") if isinstance(holder, Mapping) else None
        values = context.get(key) if isinstance(context, Mapping) else None
        if isinstance(values, list):
            found += [str(value) for value in values]
    return found


def parts(items: Sequence[Any], size: int = BATCH) -> Iterator[Sequence[Any]]:
    """The items in runs of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def deleted(error: Any) -> bool:
    """Whether a 404 is HubSpot's own word that there is nothing, not some proxy's."""
    category = error.get("category") if isinstance(error, Mapping) else None
    return category in ("OBJECT_NOT_FOUND", None) and isinstance(error, Mapping)


def listed(answer: Any, name: str, key: str) -> list[dict[str, Any]]:
    """The objects with that key in a list of an answer. Raises BadAnswer where there is none."""
    found = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(found, list):
        raise BadAnswer(f"the answer holds no list {name!r}")
    return [one for one in found if isinstance(one, dict) and key in one]


def rows_of(answer: Any) -> list[Any]:
    found = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(found, list):
        raise BadAnswer("the answer holds no list 'results'")
    return found


def next_of(answer: Any) -> str | None:
    paging = answer.get("paging") or {}
    after = (paging.get("next") or {}).get("after") if isinstance(paging, dict) else None
    return None if after is None else str(after)
