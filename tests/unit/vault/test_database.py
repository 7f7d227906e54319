"""Opening databases, allocating ids, writing many rows, keeping moments."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, StatementError

from hub.vault.database import (
    DatabaseUnusable,
    SQLAlchemyError,
    UtcDateTime,
    checkpoint,
    id_allocator,
    ids,
    in_words,
    open_database,
    read_only,
    sqlite_path,
    upsert,
)
from hub.vault.types import from_microseconds, to_microseconds

NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)

metadata = MetaData()
id_allocator(metadata)
link = Table(
    "link",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("system", String, nullable=False),
    Column("ref", String, nullable=False),
    Column("shadow", LargeBinary),
    Column("seen", UtcDateTime),
    Column("present", Boolean),
    Column("extra", JSON),
    UniqueConstraint("system", "ref"),
)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url)
    metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def sqlite_engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path}/test.db")
    metadata.create_all(engine)
    yield engine
    engine.dispose()


def row(id_: int, ref: str, **other: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "system": "crowst-crm",
        "ref": ref,
        "shadow": b"\x00\xff'\"\\{},",
        "seen": NOW,
        "present": True,
        "extra": {"tags": ["ä", 'q"u', None]},
        **other,
    }


def rows_of(engine: Engine) -> dict[str, dict[str, Any]]:
    with read_only(engine).connect() as connection:
        return {r.ref: dict(r._mapping) for r in connection.execute(select(link))}


# -- opening ------------------------------------------------------------------------------------


def test_a_sqlite_file_is_made_private_and_set_up(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "down" / "hub.db"
    engine = open_database(f"sqlite:///{path}", secure_delete=True)
    pragmas = ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (x)"))
        found = [connection.execute(text(f"PRAGMA {p}")).scalar() for p in pragmas]
        modes = {p.name: p.stat().st_mode & 0o777 for p in path.parent.iterdir()}
    engine.dispose()
    assert found == ["wal", 2, 1, 1, 30_000]
    assert modes == {"hub.db": 0o600, "hub.db-wal": 0o600, "hub.db-shm": 0o600}


def test_an_existing_file_is_made_private_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    first = open_database(f"sqlite:///{path}", synchronous="NORMAL")
    metadata.create_all(first)
    path.chmod(0o644)
    second = open_database(f"sqlite:///{path}")
    with second.connect() as connection:
        assert connection.execute(select(func.count()).select_from(link)).scalar() == 0
    assert path.stat().st_mode & 0o777 == 0o600
    first.dispose()
    second.dispose()


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "mysql://u:hunter2@h/d", "hunter2", ""]
)
def test_an_address_that_cannot_work_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(DatabaseUnusable) as caught:
        open_database(url)
    assert "hunter2" not in str(caught.value)
    assert "sqlite" in str(caught.value).lower()


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseUnusable, match="give the hub's user a folder of its own"):
        open_database(f"sqlite:///{tmp_path}/file/hub.db")


def test_the_path_of_an_address() -> None:
    assert sqlite_path("sqlite:////var/hub.db") == Path("/var/hub.db")
    assert sqlite_path("postgresql://h/hub") is None


# -- transactions -------------------------------------------------------------------------------


def test_writers_take_turns_and_see_each_other(sqlite_engine: Engine) -> None:
    """Read-then-write in two threads at once: deferred transactions would fail or lose one."""
    with sqlite_engine.begin() as connection:
        connection.execute(insert(link), row(1, "a", extra=0))
    both = threading.Barrier(2)
    failures: list[BaseException] = []

    def add_many() -> None:
        try:
            both.wait(timeout=10)
            for _ in range(50):
                with sqlite_engine.begin() as connection:
                    value = connection.execute(select(link.c.extra)).scalar_one()
                    connection.execute(link.update().values(extra=value + 1))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=add_many) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert rows_of(sqlite_engine)["a"]["extra"] == 100


def test_readers_keep_their_view_and_block_nobody(sqlite_engine: Engine) -> None:
    with read_only(sqlite_engine).connect() as reader:
        assert reader.execute(select(func.count()).select_from(link)).scalar() == 0
        with sqlite_engine.begin() as writer:
            writer.execute(insert(link), row(1, "a"))
        assert reader.execute(select(func.count()).select_from(link)).scalar() == 0
    assert set(rows_of(sqlite_engine)) == {"a"}


def test_a_reader_is_refused_writes_and_its_connection_writes_again_later(engine: Engine) -> None:
    for _ in range(2):
        with (
            pytest.raises(DBAPIError, match=r"read-?only"),
            read_only(engine).connect() as connection,
        ):
            connection.execute(insert(link), row(1, "a"))
    with engine.begin() as connection:
        connection.execute(insert(link), row(1, "a"))
    assert set(rows_of(engine)) == {"a"}


def test_a_rollback_leaves_nothing(engine: Engine) -> None:
    with pytest.raises(ZeroDivisionError), engine.begin() as connection:
        connection.execute(insert(link), row(1, "a"))
        raise ZeroDivisionError
    assert rows_of(engine) == {}


def test_bound_values_are_not_in_errors(engine: Engine) -> None:
    with pytest.raises(IntegrityError) as caught, engine.begin() as connection:
        connection.execute(insert(link), row(1, "a", extra="matti@firma.example"))
        connection.execute(insert(link), row(1, "b", extra="matti@firma.example"))
    assert "matti" not in str(caught.value)


def test_a_checkpoint_empties_the_log_unless_a_reader_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.vault.database.BUSY_TIMEOUT_MS", 1)
    engine = open_database(f"sqlite:///{tmp_path}/test.db")
    metadata.create_all(engine)
    log = tmp_path / "test.db-wal"
    with read_only(engine).connect() as reader:
        reader.execute(select(link)).all()
        with engine.begin() as connection:
            connection.execute(insert(link), row(1, "a"))
        assert not checkpoint(engine)
        assert log.stat().st_size > 0
    assert checkpoint(engine)
    assert log.stat().st_size == 0
    engine.dispose()


def test_a_locked_database_is_waited_for_only_so_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.vault.database.BUSY_TIMEOUT_MS", 1)
    engine = open_database(f"sqlite:///{tmp_path}/test.db")
    with (
        engine.begin(),
        pytest.raises(OperationalError, match="locked"),
        engine.begin(),
    ):
        pass
    engine.dispose()


# -- ids ----------------------------------------------------------------------------------------


def test_ids_ascend_and_are_never_given_again(engine: Engine) -> None:
    with engine.begin() as connection:
        first = list(ids(connection, link, 5))
        upsert(connection, link, [row(i, str(i)) for i in first], key=["id"], update=[])
        connection.execute(delete(link))
    with engine.begin() as connection:
        second = list(ids(connection, link, 3))
        assert list(ids(connection, link, 0)) == []
    assert first == sorted(set(first))
    assert len(first) == 5
    assert len(second) == 3
    assert min(second) > max(first)
    with pytest.raises(ValueError, match="negative"), engine.begin() as connection:
        ids(connection, link, -1)


def test_ids_pass_rows_that_came_with_ids_of_their_own(sqlite_engine: Engine) -> None:
    with sqlite_engine.begin() as connection:
        ids(connection, link, 2)
        connection.execute(insert(link), row(100, "a"))
        assert list(ids(connection, link, 2)) == [101, 102]
        connection.execute(delete(link))
        assert list(ids(connection, link, 1)) == [103]


def test_postgresql_transactions_do_not_wait_for_each_others_ids(pg_url: str) -> None:
    engine = open_database(pg_url)
    metadata.create_all(engine)
    with engine.begin() as one, engine.begin() as other:
        other.execute(text("SET LOCAL lock_timeout = '50ms'"))
        assert not set(ids(one, link, 10)) & set(ids(other, link, 10))
    keyless = Table("keyless", MetaData(), Column("id", String, primary_key=True))
    with engine.begin() as connection, pytest.raises(ValueError, match="no sequence"):
        keyless.create(connection)
        ids(connection, keyless, 1)
    engine.dispose()


# -- upsert -------------------------------------------------------------------------------------


def test_upsert_inserts_and_updates_only_what_is_named(engine: Engine) -> None:
    key = ["system", "ref"]
    with engine.begin() as connection:
        upsert(connection, link, [row(1, "a"), row(2, "b")], key=key, update=[])
        changed = [
            row(8, "b", shadow=None, present=False, seen=NOW + timedelta(days=1), extra=[1]),
            row(9, "c", shadow=b"", present=None, seen=None, extra=None),
        ]
        upsert(connection, link, changed, key=key, update=["shadow", "seen"])
        upsert(connection, link, [row(7, "a", present=False)], key=key, update=[])
        upsert(connection, link, [], key=key, update=["shadow"])
    found = rows_of(engine)
    assert found["a"] == row(1, "a")
    assert found["b"] == row(2, "b", shadow=None, seen=NOW + timedelta(days=1))
    assert found["c"] == row(9, "c", shadow=b"", present=None, seen=None, extra=None)


def test_upsert_takes_more_rows_than_a_statement_has_parameters(engine: Engine) -> None:
    rows = [row(i, str(i)) for i in range(1, 70_001)]
    with engine.begin() as connection:
        upsert(connection, link, rows, key=["id"], update=["shadow"])
        assert connection.execute(select(func.count()).select_from(link)).scalar() == 70_000


def test_two_rows_with_one_key_are_a_mistake(engine: Engine) -> None:
    with engine.begin() as connection, pytest.raises(ValueError, match="share the same system"):
        upsert(
            connection, link, [row(1, "a"), row(2, "a")], key=["system", "ref"], update=["shadow"]
        )


def test_upsert_refuses_a_naive_moment(engine: Engine) -> None:
    with engine.begin() as connection, pytest.raises((ValueError, StatementError), match="zone"):
        upsert(
            connection,
            link,
            [row(1, "a", seen=datetime(2026, 1, 1))],  # the mistake that is meant
            key=["id"],
            update=[],
        )


# -- moments ------------------------------------------------------------------------------------


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.timezones()))
def test_moments_keep_their_microseconds_and_become_utc(moment: datetime) -> None:
    back = from_microseconds(to_microseconds(moment))
    assert back == moment.astimezone(UTC)  # (an hour skipped in its zone equals nothing as it is)
    assert back.tzinfo is UTC


@given(
    st.datetimes(timezones=st.just(UTC)),
    st.datetimes(timezones=st.just(timezone(timedelta(hours=3)))),
)
def test_stored_moments_sort_as_moments(one: datetime, other: datetime) -> None:
    assert (to_microseconds(one) < to_microseconds(other)) == (one < other)


def test_moments_compare_in_the_database(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(insert(link), row(1, "a"))
        found = connection.execute(
            select(link.c.seen).where(link.c.seen > NOW - timedelta(microseconds=1))
        ).scalar_one()
        assert found == NOW
        assert connection.execute(select(link).where(link.c.seen > NOW)).first() is None
        with pytest.raises(StatementError, match="without a zone"):
            connection.execute(select(link).where(link.c.seen > datetime(2026, 1, 1)))


def test_what_sqlite_says_is_told_with_its_mend(tmp_path: Path) -> None:
    (tmp_path / "noise.db").write_bytes(b"no database at all, " * 100)
    (tmp_path / "folder.db").mkdir()
    for name, said, mend in (
        ("noise.db", "file is not a database", "go back to a copy"),
        ("folder.db", "unable to open database file", "check the path"),
    ):
        engine = open_database(f"sqlite:///{tmp_path / name}")
        with pytest.raises(SQLAlchemyError) as caught, engine.connect():
            pass
        engine.dispose()
        told = in_words(caught.value)
        assert told[0] == f"a database cannot be used: {said}"
        assert mend in told[1]


def test_what_postgresql_says_may_hold_an_address() -> None:
    error = OperationalError("SELECT 1", {}, RuntimeError("host=db.example password=geheim"))
    said, _ = in_words(error)
    assert "RuntimeError" in said
    assert "geheim" not in said
