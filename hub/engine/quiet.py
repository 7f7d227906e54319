"""Keeps DBOS's and APScheduler's own logs short and free of values.

Their messages carry exception texts, and those of a database driver carry statements and
parameters. Only where it happened and the class of the exception are passed on.
"""

from __future__ import annotations

import logging

import structlog

_NAMES = ("dbos", "apscheduler")


class _Codes(logging.Handler):
    """Passes a record on to structlog as codes: logger, place, exception class."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0] if record.exc_info else None
        structlog.get_logger("hub.engine").log(
            record.levelno,
            "engine.library",
            library=record.name,
            at=f"{record.module}:{record.lineno}",
            error=error.__name__ if error else "",
        )


def hush() -> None:
    """Take over both loggers, from WARNING on. May be called again."""
    for name in _NAMES:
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)
        logger.propagate = False
        if not any(isinstance(handler, _Codes) for handler in logger.handlers):
            logger.handlers[:] = [_Codes()]
