"""Loads texts as configurations, and tells where their mistakes are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from support.settings_world import BASE, ENVIRON, Load, Mistakes, Spoil, spoiled

from hub.settings import ConfigError, Mistake, Settings, load


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "config"
    made.mkdir()
    return made


@pytest.fixture
def load_text(folder: Path) -> Load:
    """Load a text as hub.yaml."""

    def _load(
        text: str = BASE, environ: Mapping[str, str] = ENVIRON, **options: object
    ) -> Settings:
        file = folder / "hub.yaml"
        file.write_text(text, encoding="utf-8")
        return load(file, environ, **options)  # type: ignore[arg-type]  # passed through

    return _load


@pytest.fixture
def mistakes_of(load_text: Load) -> Mistakes:
    """The mistakes of a text; fails where it has none."""

    def _mistakes(text: str, environ: Mapping[str, str] = ENVIRON) -> tuple[Mistake, ...]:
        with pytest.raises(ConfigError) as caught:
            load_text(text, environ)
        return caught.value.mistakes

    return _mistakes


@pytest.fixture
def spoil(mistakes_of: Mistakes, folder: Path) -> Spoil:
    """Replace a passage of the base; answers the messages without their places, having checked
    that they stand where the marks (§) are, one each and in that order."""

    def _spoil(old: str, new: str, environ: Mapping[str, str] = ENVIRON) -> list[str]:
        text, marks = spoiled(old, new)
        mistakes = mistakes_of(text, environ)
        assert [(m.place.line, m.place.column) for m in mistakes] == marks, [*map(str, mistakes)]
        assert {m.place.file for m in mistakes} == {str(folder / "hub.yaml")}
        return [str(m).removeprefix(f"{m.place}: ") for m in mistakes]

    return _spoil
