"""Hypothesis profiles: a fixed seed in `make test`, more and longer ones in `make long`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(scope="session", autouse=True)
def logged() -> Iterator[list[str]]:
    """Every event that anything gives to the log, before any redaction: I9 looks through it."""
    lines: list[str] = []

    def keep(_: object, __: str, event: structlog.typing.EventDict) -> str:
        lines.append(repr(event))
        raise structlog.DropEvent

    structlog.configure(processors=[keep], cache_logger_on_first_use=False)
    yield lines
    structlog.reset_defaults()
