"""The kinds of value that the configuration knows: how each is read, and what editors accept."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from ipaddress import ip_address
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field

from hub.api import Rate
from hub.settings.countries import COUNTRIES
from hub.settings.cron import EXAMPLE, check_cron
from hub.settings.values import (
    DURATION_PATTERN,
    RATE_PATTERN,
    parse_date,
    parse_duration,
    parse_rate,
)

_T = TypeVar("_T")
_BUSINESS_ID = re.compile(r"(\d{7})-(\d)", re.ASCII)
_ADDRESS = re.compile(r"(?:(?P<host>[a-z0-9.]+)|\[(?P<six>[0-9a-f:.]+)\]):(?P<port>[0-9]{1,5})")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", re.ASCII)
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def _text(value: Any, parse: Callable[[str], Any]) -> Any:
    """Parse a text. What YAML holds instead of one is refused with the parser's own words."""
    if isinstance(value, str):
        return parse(value)
    return parse("") if isinstance(value, bool | int | float | list | dict) else value


def _business_id(text: str) -> str:
    """A Finnish business id with its check digit (weights 7 9 10 5 8 4 2, modulo 11)."""
    match = _BUSINESS_ID.fullmatch(text)
    if match is None:
        raise ValueError("a Finnish business id such as 2718808-2")
    rest = sum(int(d) * w for d, w in zip(match[1], (7, 9, 10, 5, 8, 4, 2), strict=True)) % 11
    if rest == 1 or int(match[2]) != (11 - rest) % 11:
        raise ValueError("a Finnish business id whose check digit agrees")
    return text


def _mail(text: str) -> str:
    if not _MAIL.fullmatch(text):
        raise ValueError("an e-mail address")
    return text


def _country(text: str) -> str:
    if text not in COUNTRIES:
        raise ValueError("a country by its two capital letters (ISO 3166-1), such as FI or US")
    return text


def address(text: str) -> tuple[str, int]:
    """Host and port of `127.0.0.1:8443`, `localhost:8443` or `[::1]:8443`. Raises ValueError."""
    match = _ADDRESS.fullmatch(text)
    try:
        if match is None or int(match["port"]) > 65_535:
            raise ValueError
        host = match["six"] or match["host"]
        if host != "localhost":
            ip_address(host)
    except ValueError:
        raise ValueError("an address and a port, such as 127.0.0.1:8443 or [::1]:8443") from None
    return host, int(match["port"])


def _listen(text: str) -> str:
    address(text)
    return text


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError("a host name alone, such as hub.crowst.example")
    return text.lower()


def _local_part(text: str) -> str:
    if not text or "@" in text or text != text.strip():
        raise ValueError("the part of an address before the @")
    return text.casefold()


def _alone(value: Any) -> Any:
    """One name stands for a list of one."""
    return [value] if isinstance(value, str) else value


def short_map(value: Any) -> Any:
    """`email: email` is short for `email: {vendor: email}`."""
    return {"vendor": value} if isinstance(value, str) else value


def defaults(value: Any) -> Any:
    """`first_name:` with nothing after it takes all defaults."""
    return {} if value is None else value


Code = Annotated[str, Field(min_length=1, json_schema_extra={"type": ["string", "integer"]})]
"""A vendor's id: text even where it looks like a number."""

Text = Annotated[str, Field(min_length=1)]

Duration = Annotated[
    timedelta,
    BeforeValidator(
        lambda value: _text(value, parse_duration),
        json_schema_input_type=Annotated[str, Field(pattern=DURATION_PATTERN)],
    ),
]
RateText = Annotated[
    Rate,
    BeforeValidator(
        lambda value: _text(value, parse_rate),
        json_schema_input_type=Annotated[str, Field(pattern=RATE_PATTERN)],
    ),
]
Day = Annotated[date, BeforeValidator(lambda value: _text(value, parse_date))]
BusinessId = Annotated[
    str,
    BeforeValidator(lambda value: _text(value, _business_id)),
    Field(json_schema_extra={"pattern": r"^\d{7}-\d$"}),
]
Mail = Annotated[
    str,
    BeforeValidator(lambda value: _text(value, _mail)),
    Field(json_schema_extra={"format": "email"}),
]
Country = Annotated[
    str,
    BeforeValidator(lambda value: _text(value, _country)),
    Field(json_schema_extra={"pattern": "^[A-Z]{2}$"}),
]
Cron = Annotated[
    str,
    BeforeValidator(lambda value: _text(value, check_cron)),
    Field(json_schema_extra={"description": EXAMPLE}),
]
Listen = Annotated[
    str,
    BeforeValidator(lambda value: _text(value, _listen)),
    Field(json_schema_extra={"pattern": r"^[^\s]+:\d{1,5}$"}),
]
HostName = Annotated[
    str,
    BeforeValidator(lambda value: _text(value, _host)),
]
LocalPart = Annotated[str, BeforeValidator(lambda value: _text(value, _local_part))]

Items = Annotated[list[_T], BeforeValidator(lambda value: [] if value is None else value)]
"""A list; nothing after the colon is an empty one."""

Entries = Annotated[dict[str, _T], BeforeValidator(lambda value: {} if value is None else value)]
"""A mapping; nothing after the colon is an empty one."""

Names = Annotated[list[Text], BeforeValidator(_alone, json_schema_input_type=Text | list[Text])]
"""Names; one alone needs no brackets."""
