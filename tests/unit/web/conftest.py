"""What the tests of the endpoint share."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from support.office import Office, office_in

from hub import log


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with office_in(tmp_path) as made:
        yield made


@pytest.fixture(autouse=True)
def plain_log() -> Iterator[None]:
    """Lines without the net that takes out addresses (`hub.log.redact`): it is to catch nothing."""

    def exceptions(_logger: Any, _method: str, event: Any) -> Any:
        error = event.pop("exc_info", None)
        return {**event, "exception": log.format_exception(error)} if error else event

    structlog.configure(processors=[exceptions, structlog.processors.KeyValueRenderer()])
    yield
    structlog.reset_defaults()


@pytest.fixture
def logged(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> Callable[[], str]:
    """Everything that was logged until now: by the hub, which prints in tests, and by libraries."""
    caplog.set_level(logging.DEBUG)

    def told() -> str:
        ours = capsys.readouterr()
        return "\n".join([ours.out, ours.err, *(one.getMessage() for one in caplog.records)])

    return told
