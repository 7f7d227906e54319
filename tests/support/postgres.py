"""What a PostgreSQL database holds, searched as bytes: its rows, and its files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import make_url

OWN = "select oid::regclass::text from pg_class where relkind = 'r' and relnamespace in "
SCHEMAS = (
    "(select oid from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema')"
)


class Postgres:
    """One database of a server on this machine."""

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            isolation_level="AUTOCOMMIT",
            poolclass=sa.NullPool,
        )

    def rows_with(self, wanted: Mapping[bytes, str]) -> list[str]:
        """Which tables hold which of the wanted, by every row as the server copies it out."""
        found = []
        with self._engine.connect() as connection:
            tables = list(connection.scalars(sa.text(OWN + SCHEMAS)))
            assert len(tables) > 10, tables
            raw = connection.connection.driver_connection
            assert raw is not None
            for table in tables:
                with raw.cursor().copy(f"COPY {table} TO STDOUT (FORMAT BINARY)") as copied:
                    held = b"".join(bytes(part) for part in copied)
                found += [
                    f"{table}: {text} as {way!r}" for way, text in wanted.items() if way in held
                ]
        return found

    def vacuum(self) -> None:
        """Rewrite every table with what is alive in it, and let the server look at the values anew:
        its statistics quote frequent ones, and are themselves a table."""
        with self._engine.connect() as connection:
            connection.execute(sa.text("VACUUM (FULL, ANALYZE)"))
            connection.execute(sa.text("VACUUM (FULL) pg_statistic"))
            connection.execute(sa.text("CHECKPOINT"))

    def files_with(self, wanted: Mapping[bytes, str]) -> list[str]:
        """Which files of the database hold which of the wanted. Nothing is found where the server
        is not on this machine: then its folder is not there, which is an error."""
        with self._engine.connect() as connection:
            connection.execute(sa.text("CHECKPOINT"))
            folder = connection.scalar(sa.text("SHOW data_directory"))
            oid = connection.scalar(
                sa.text("select oid from pg_database where datname = current_database()")
            )
        files = sorted(one for one in (Path(folder) / "base" / str(oid)).iterdir() if one.is_file())
        assert len(files) > 100, "a database has more files than that"
        return [
            f"{file.name}: {text} as {way!r}"
            for file in files
            if os.access(file, os.R_OK)
            for held in [file.read_bytes()]
            for way, text in wanted.items()
            if way in held
        ]
