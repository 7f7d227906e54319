"""The three database addresses: which forms are accepted, and where relative files lie.

SQLite files are counted from `hub.home`, never from the folder the command happens to be started
in: a hub started elsewhere would otherwise make itself an empty database and begin anew.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

EXPECTED = "sqlite:///file.db or postgresql+psycopg://user@host/database"
_POSTGRES = frozenset({"postgresql", "postgres", "postgresql+psycopg"})


def resolve_database(url: str, home: Path) -> str:
    """The address with an absolute file, or with the driver that the hub uses.

    Raises ValueError, without repeating the address (it may hold a password), for another kind of
    database, for one in memory, and for a PostgreSQL address without a database name.
    """
    scheme, separator, rest = url.partition("://")
    if scheme == "sqlite" and separator:
        name, _, query = rest.removeprefix("/").partition("?")
        if not rest.startswith("/") or not name or ":memory:" in rest or "mode=memory" in query:
            raise ValueError(f"{EXPECTED}; a hub's memory must outlive its process")
        file = (home / name).resolve()
        return f"sqlite:///{file}" + (f"?{query}" if query else "")
    if scheme in _POSTGRES and separator:
        try:
            parts = urlsplit(f"postgresql://{rest}")
            parts.port  # noqa: B018 - reading it is what raises on a port that is no number
        except ValueError:
            raise ValueError(EXPECTED) from None
        if not parts.path.strip("/"):
            raise ValueError(f"{EXPECTED}; the database's name is missing")
        return f"postgresql+psycopg://{rest}"
    raise ValueError(EXPECTED)


def same_database(one: str, other: str) -> bool:
    """Whether two resolved addresses lead to one database, whoever logs in and however."""
    return _identity(one) == _identity(other)


def is_sqlite(url: str) -> bool:
    """Whether the address is a file."""
    return url.startswith("sqlite:")


def _identity(url: str) -> tuple[str, ...]:
    if is_sqlite(url):
        return ("sqlite", url.removeprefix("sqlite:///").partition("?")[0])
    parts = urlsplit(url)
    host = (parts.hostname or "") if "host=" not in parts.query else parts.query
    return ("postgresql", host, str(parts.port or 5432), parts.path.strip("/"))
