"""Small helpers shared by the repositories."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from sqlalchemy import Table
from sqlmodel import SQLModel

CHUNK = 500  # values in one IN list: longer lists make the statement slower, not the trips fewer

T = TypeVar("T")


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """The values in pieces that one IN list takes."""
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]


def table_of(model: type[SQLModel]) -> Table:
    """The Core table of a SQLModel class, which SQLModel does not type."""
    table = model.__table__  # type: ignore[attr-defined]  # added by SQLModel's metaclass
    assert isinstance(table, Table)
    return table
