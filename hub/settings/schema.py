"""The JSON Schema of the configuration, for editors.

`python -m hub.settings.schema > config/hub.schema.json` writes it anew; a test holds it current.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from hub.settings.model import RootConfig


def schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of one configuration file.

    Nothing is required at the top: a folder's files may each hold some of the sections.
    """
    made: dict[str, Any] = _readable(RootConfig.model_json_schema())
    made.pop("required", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **made,
        "title": "Configuration of the hub",
    }


def schema_text() -> str:
    """The schema as the file holds it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _readable(value: Any) -> Any:
    """Without pydantic's titles (the keys say as much) and its own notation of defaults."""
    if isinstance(value, list):
        return [_readable(item) for item in value]
    if not isinstance(value, dict):
        return value
    made: dict[str, Any] = {}
    for key, item in value.items():
        if key == "title" and isinstance(item, str):
            continue
        if key == "default" and (item is None or _is_duration(item)):
            continue
        if key == "properties":
            made[key] = {name: _readable(one) for name, one in item.items()}
        elif key == "description":
            made[key] = " ".join(item.split())
        else:
            made[key] = _readable(item)
    return made


def _is_duration(default: Any) -> bool:
    """Whether a default is, or holds, pydantic's ISO 8601 notation, which the parser refuses."""
    if isinstance(default, dict):
        return any(_is_duration(one) for one in default.values())
    return isinstance(default, str) and default.startswith("P")


if __name__ == "__main__":
    sys.stdout.write(schema_text())
