"""Logging for the whole process: structlog, and everything that libraries log routed through it.

The hub logs ids and outcomes. What stands here is a second net for what should not have been
given to a logger at all: values under telling keys, and whatever looks like an e-mail address, a
phone number, a credential or the path of a URL. It cannot know names (ENGINE.md), so the message
of a foreign exception, which may quote a row, is left out: its type and lines of code tell where
to look.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

REDACTED = "[redacted]"

QUIET = ("alembic", "apscheduler", "dbos", "httpcore", "httpx", "sqlalchemy", "uvicorn")
"""Libraries that are heard from WARNING on: below it they log arguments, URLs and statements."""

_KEYS = frozenset(
    [
        "address",
        "authorization",
        "birthdate",
        "body",
        "city",
        "cookie",
        "credential",
        "date_of_birth",
        "display_name",
        "email",
        "employer",
        "evidence",
        "first_name",
        "firstname",
        "full_name",
        "fullname",
        "given_name",
        "headers",
        "ip",
        "job_title",
        "last_name",
        "lastname",
        "mail",
        "mobile",
        "msisdn",
        "name",
        "passphrase",
        "password",
        "payload",
        "person_name",
        "phone",
        "postal_code",
        "query",
        "raw",
        "recipient",
        "sender",
        "street",
        "surname",
        "token",
        "secret",
        "zip",
    ]
)
_ENDINGS = ("email", "phone", "token", "secret", "password", "authorization", "api_key", "apikey")

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # a URL keeps its host; user part, path and query go
    (re.compile(r"(\bhttps?://)(?:[^\s/?#@\"']*@)?([^\s/?#\"'<>]+)[/?#][^\s\"'<>]*"), r"\1\2/…"),
    (re.compile(r"(?i)\b(bearer|basic|token)[ =:]+[\w.~+/=-]{8,}"), rf"\1 {REDACTED}"),
    (
        # every letter and length that RFC 5321 allows, though it takes an adjoining "email="
        # along; without the lengths a long word without an @ would cost its square
        re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}(?:@|%40)[\w.-]{1,253}\.[\w-]{2,}"),
        REDACTED,
    ),
    # international, then Finnish national; not inside a number, date, id or version
    (re.compile(r"(?<![\w+])\+\d(?:[ ().-]{0,2}\d){6,13}(?!\w)"), REDACTED),
    (re.compile(r"(?<![\w.:/+-])\(?0\d\)?(?:[ -]?\d){5,9}(?![\w-])"), REDACTED),
)


def setup(*, pretty: bool | None = None, level: str = "info", stream: TextIO | None = None) -> None:
    """Send every log line to `stream` (default: standard error), once per process.

    `pretty` chooses lines for people instead of JSON; left out, a terminal gets them. `level` is
    one of debug, info, warning, error. Raises ValueError for another. May be called again, which
    replaces what was set up before.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f"log level {level!r}: expected debug, info, warning or error")
    stream = stream or sys.stderr
    if pretty is None:
        pretty = stream.isatty()

    # redaction comes after exceptions have become text, the time after redaction
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _exceptions_as_text,
        redact,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: Processor
    if pretty:
        render = structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    else:
        render = structlog.processors.JSONRenderer(serializer=_dumps)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.PositionalArgumentsFormatter(), *shared],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
    )
    root = logging.getLogger()
    root.handlers[:] = [_handler(stream, formatter, number)]
    root.setLevel(number)
    for name in QUIET:
        # a handler of its own with a level of its own: DBOS, when it starts, sets the level of its
        # logger, and gives it a handler that bypasses ours if it finds none
        library = logging.getLogger(name)
        quiet = max(number, logging.WARNING)
        library.handlers[:] = [_handler(stream, formatter, quiet)]
        library.propagate = False
        library.setLevel(quiet)
    logging.captureWarnings(True)

    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(number),
        cache_logger_on_first_use=False,  # or a second setup would not reach loggers in use
    )


def _handler(stream: TextIO, formatter: logging.Formatter, level: int) -> logging.Handler:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    handler.setLevel(level)
    return handler


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The second net, as a structlog processor."""
    return {key: _redacted(key, value) for key, value in event.items()}


def redact_text(text: str) -> str:
    """`text` without what looks like an address, a phone number, a credential or a URL's path."""
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def _redacted(key: str, value: Any) -> Any:
    if value is None or isinstance(value, bool) or key in _STRUCTLOGS_OWN:
        return value
    folded = key.lower().replace("-", "_")
    if folded in _KEYS or folded.endswith(_ENDINGS):
        return REDACTED
    match value:
        case int() | float():
            return value
        case str():
            return redact_text(value)
        case bytes():
            return REDACTED
        case Mapping():
            return {str(k): _redacted(str(k), v) for k, v in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_redacted("", one) for one in value]
        case BaseException():
            return _described(value)
        case _:
            return redact_text(str(value))


_STRUCTLOGS_OWN = frozenset({"_record", "_from_structlog", "level", "logger"})


def _exceptions_as_text(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    given = event.pop("exc_info", None)
    if isinstance(given, BaseException):
        error: BaseException | None = given
    elif isinstance(given, tuple):
        error = given[1]
    else:
        error = sys.exc_info()[1] if given else None
    if error is not None:
        event["exception"] = format_exception(error)
    return event


def format_exception(error: BaseException) -> str:
    """Type and lines of code, the causes first; no values of local variables, and the message
    only where it is ours (or cannot speak of a person)."""
    parts: list[str] = []
    seen: set[int] = set()
    link = ""
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        lines = ["Traceback (most recent call last):\n", *traceback.format_tb(at.__traceback__)]
        parts.insert(0, "".join([*(lines if at.__traceback__ else []), _described(at), link]))
        if at.__cause__ is not None:
            at, link = at.__cause__, "\n\nThe above was the direct cause of:\n\n"
        elif at.__context__ is not None and not at.__suppress_context__:
            at, link = at.__context__, "\n\nWhile that was handled, this came:\n\n"
        else:
            at = None
    whole = "".join(parts)
    if isinstance(error, BaseExceptionGroup):
        inner = [format_exception(one) for one in error.exceptions]
        whole = "\n\n".join([whole, *inner])
    return whole


def _described(error: BaseException) -> str:
    kind = type(error)
    name = (
        kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    )
    if kind.__module__.split(".")[0] == "hub" or isinstance(error, ImportError | KeyboardInterrupt):
        return f"{name}: {redact_text(str(error))}"
    if isinstance(error, OSError) and error.strerror:
        return f"{name}: {error.strerror}"
    return name


def _dumps(event: MutableMapping[str, Any], **_kwargs: Any) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
