"""Column types shared by the key store and the application's tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC, kept as whole microseconds since 1970-01-01T00:00Z.

    An integer is exact, sorts and compares the same on SQLite and PostgreSQL, takes eight bytes
    and needs no text parsing on the way in or out. Readable in SQL by
    ``datetime(x / 1000000, 'unixepoch')`` or ``to_timestamp(x / 1e6)``.

    Raises ValueError on a naive value: guessing its zone is how deadlines move by three hours.
    Aware values of other zones are converted.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else to_microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_microseconds(value)


def to_microseconds(moment: datetime) -> int:
    """Microseconds since 1970 in UTC. Raises ValueError on a naive value."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone was given: use an aware UTC datetime")
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(value: int) -> datetime:
    """The aware UTC moment `value` microseconds after 1970."""
    return _EPOCH + timedelta(microseconds=value)
