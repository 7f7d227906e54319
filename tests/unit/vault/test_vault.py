"""The vault on SQLite and PostgreSQL: keys are made, opened, destroyed, collected."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from hub.vault import (
    BLOCK,
    IDENTIFIER,
    KeyKind,
    KeyStoreUnusable,
    MasterKeyMissing,
    MasterKeys,
    MasterKeyWrong,
    SuspiciousOrphans,
    Tampered,
    Vault,
    aad,
)
from hub.vault.database import open_database

MASTER = MasterKeys({1: bytes(range(32))})
PLACE = aad("person", 1, "profile")


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


Opens = Callable[..., Vault]


@pytest.fixture
def opens(database_url: str, clock: Clock) -> Iterator[Opens]:
    """Opens the test's key store, as often as asked: each stands for a process of its own."""
    opened: list[Vault] = []

    def opens(masters: MasterKeys = MASTER, *, cached_keys: int = 20_000) -> Vault:
        opened.append(Vault(database_url, masters, clock, cached_keys=cached_keys))
        return opened[-1]

    yield opens
    for vault in opened:
        vault.close()


def test_what_was_sealed_opens_after_a_restart(opens: Opens) -> None:
    first = opens()
    made = first.new_keys(KeyKind.PERSON, 3)
    sealed = {i: key.seal(b"secret %d" % i, PLACE) for i, key in made}
    first.close()
    keys = opens().open_keys(sealed)
    assert {i: keys[i].open(s, PLACE) for i, s in sealed.items()} == {
        i: b"secret %d" % i for i in sealed
    }


def test_every_key_is_another_key(opens: Opens) -> None:
    (_, one), (_, other) = opens().new_keys("person", 2)
    with pytest.raises(Tampered):
        other.open(one.seal(b"x", PLACE), PLACE)


def test_more_keys_than_one_statement_takes(opens: Opens) -> None:
    vault = opens(cached_keys=10)
    made = vault.new_keys(KeyKind.PERSON, 11_000)
    keys = vault.open_keys([i for i, _ in made])
    assert len(keys) == 11_000
    for i, key in (made[0], made[5_000], made[-1]):
        assert keys[i].open(key.seal(b"x", PLACE), PLACE) == b"x"


def test_no_keys_asked_for(opens: Opens) -> None:
    assert opens().new_keys(KeyKind.PERSON, 0) == []
    assert opens().open_keys([]) == {}
    assert opens().destroy([]) == 0


def test_a_destroyed_key_reads_as_absent_in_every_process(opens: Opens) -> None:
    here, there = opens(), opens()
    (gone, _), (stays, _) = here.new_keys(KeyKind.PERSON, 2)
    assert set(there.open_keys([gone, stays])) == {gone, stays}
    assert here.destroy([gone, 999_999]) == 1
    for vault in (here, there):
        assert set(vault.open_keys([gone, stays])) == {stays}
        assert set(vault.open_keys([gone, stays], fresh=True)) == {stays}
    assert here.destroy([gone]) == 0


def test_keys_come_from_the_cache_until_something_is_destroyed(
    opens: Opens, database_url: str
) -> None:
    vault = opens()
    made = vault.new_keys(KeyKind.PERSON, 2)
    ids = [i for i, _ in made]
    engine = open_database(database_url)
    with engine.begin() as connection:  # behind the vault's back: only a re-read can notice
        connection.execute(text("UPDATE data_key SET kind = 'request'"))
    engine.dispose()
    assert [vault.open_keys(ids)[i] is key for i, key in made] == [True, True]
    with pytest.raises(Tampered):
        vault.open_keys(ids, fresh=True)
    vault.destroy(ids[:1])
    with pytest.raises(Tampered):
        vault.open_keys(ids)


def test_an_id_is_never_given_twice(opens: Opens) -> None:
    vault = opens()
    seen = [i for i, _ in vault.new_keys(KeyKind.PERSON, 5)]
    vault.destroy(seen)
    assert min(i for i, _ in vault.new_keys(KeyKind.PERSON, 5)) > max(seen)


def test_a_wrapped_key_moved_to_another_row_does_not_open(opens: Opens, database_url: str) -> None:
    vault = opens()
    (one, _), (other, _) = vault.new_keys(KeyKind.PERSON, 2)
    engine = open_database(database_url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE data_key SET wrapped = (SELECT wrapped FROM data_key WHERE id = :one) "
                "WHERE id = :other"
            ),
            {"one": one, "other": other},
        )
    engine.dispose()
    with pytest.raises(Tampered):
        vault.open_keys([other], fresh=True)


# -- orphans ------------------------------------------------------------------------------------


def test_orphans_go_after_the_age_limit_and_only_they(opens: Opens, clock: Clock) -> None:
    vault = opens()
    index = vault.index()
    used = {i for i, _ in vault.new_keys(KeyKind.PERSON, 4)}
    old = {i for i, _ in vault.new_keys(KeyKind.REQUEST, 3)}
    system = {i for i, _ in vault.new_keys(KeyKind.SYSTEM, 1)}
    clock.now += timedelta(days=1, seconds=1)
    young = {i for i, _ in vault.new_keys(KeyKind.PERSON, 2)}

    assert vault.collect_orphans(lambda ids: used & set(ids), timedelta(days=1)) == 3
    assert set(vault.open_keys(used | old | system | young)) == used | system | young
    assert vault.index().digest(BLOCK, "a") == index.digest(BLOCK, "a")


def test_the_wrong_application_database_destroys_nothing(opens: Opens, clock: Clock) -> None:
    vault = opens()
    ids = [i for i, _ in vault.new_keys(KeyKind.PERSON, 5)]
    clock.now += timedelta(days=2)

    def nothing(page: Sequence[int]) -> set[int]:
        return set()

    with pytest.raises(SuspiciousOrphans, match="5 old keys look unreferenced and only 0"):
        vault.collect_orphans(nothing, timedelta(days=1))
    assert set(vault.open_keys(ids)) == set(ids)
    assert vault.collect_orphans(nothing, timedelta(days=1), even_if_most=True) == 5


# -- bytes --------------------------------------------------------------------------------------


def wrapped_bytes(url: str) -> dict[int, bytes]:
    engine = open_database(url)
    with engine.connect() as connection:
        found = {
            row.id: bytes(row.wrapped)
            for row in connection.execute(text("SELECT id, wrapped FROM data_key"))
        }
    engine.dispose()
    return found


def stored_bytes(url: str, folder: Path) -> bytes:
    """Everything the key table occupies on disk."""
    if url.startswith("sqlite"):
        return b"".join(path.read_bytes() for path in sorted(folder.glob("test.db*")))
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("CHECKPOINT"))
        found = connection.execute(
            text("SELECT pg_read_binary_file(pg_relation_filepath('data_key'))")
        ).scalar_one()
    engine.dispose()
    return bytes(found)


def test_destroyed_keys_are_gone_from_the_bytes(
    opens: Opens, database_url: str, tmp_path: Path
) -> None:
    vault = opens()
    ids = [i for i, _ in vault.new_keys(KeyKind.PERSON, 2_000)]
    before = wrapped_bytes(database_url)
    for part in (ids[10:40], ids[100:1900:3], ids[1999:]):
        vault.destroy(part)
    after = wrapped_bytes(database_url)
    on_disk = stored_bytes(database_url, tmp_path)
    assert all(wrapped in on_disk for wrapped in after.values())  # or the search means nothing
    gone = [wrapped for i, wrapped in before.items() if i not in after]
    assert len(gone) == 631
    assert not [wrapped for wrapped in gone if wrapped[:16] in on_disk or wrapped[-16:] in on_disk]
    assert not vault.status().scrub_pending


def test_a_reader_that_holds_up_the_scrub_is_reported_and_it_is_done_later(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.vault.database.BUSY_TIMEOUT_MS", 1)
    url = f"sqlite:///{tmp_path}/test.db"
    with Vault(url, MASTER, clock) as vault:
        (key_id, _), *_ = vault.new_keys(KeyKind.PERSON, 2)
        wrapped = wrapped_bytes(url)[key_id]
        reader = open_database(url)
        with reader.connect().execution_options(hub_read_only=True) as connection:
            connection.execute(text("SELECT count(*) FROM data_key"))
            assert vault.destroy([key_id]) == 1
            assert vault.status().scrub_pending
            assert vault.open_keys([key_id]) == {}
        reader.dispose()
        assert wrapped in stored_bytes(url, tmp_path)
    with Vault(url, MASTER, clock) as vault:  # the next start finishes it
        assert not vault.status().scrub_pending
        assert wrapped not in stored_bytes(url, tmp_path)


# -- master key and index -----------------------------------------------------------------------


def test_a_wrong_master_key_is_refused_at_start(opens: Opens) -> None:
    opens().new_keys(KeyKind.PERSON, 1)
    with pytest.raises(MasterKeyWrong, match="version 1 is not the one this key store was made"):
        opens(MasterKeys({1: bytes(32)}))
    with pytest.raises(MasterKeyMissing, match="needs master key version 1, and only version 2"):
        opens(MasterKeys({2: bytes(32)}))


def test_a_newer_key_store_is_refused(opens: Opens, database_url: str) -> None:
    opens().close()
    engine = open_database(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE counter SET value = 2 WHERE name = 'schema'"))
    engine.dispose()
    with pytest.raises(KeyStoreUnusable, match="newer hub"):
        opens()


def test_the_operator_confirms_each_master_key(opens: Opens, clock: Clock) -> None:
    vault = opens()
    vault.new_keys(KeyKind.PERSON, 1)
    assert vault.master_kept_at() is None
    vault.confirm_master_kept(clock.now)
    assert opens().master_kept_at() == clock.now
    vault.rotate(MASTER.with_new())
    assert vault.master_kept_at() is None


def test_index_keys_last_through_restarts_and_rotations(opens: Opens) -> None:
    vault = opens()
    digest = vault.index().digest(IDENTIFIER, "crowst", "email", "matti@firma.example")
    rotated = MASTER.with_new()
    vault.rotate(rotated)
    again = opens(rotated.only_current()).index()
    assert again.digest(IDENTIFIER, "crowst", "email", "matti@firma.example") == digest

    assert vault.new_index_version(IDENTIFIER) == 2
    newest = vault.index()
    assert newest.digest(IDENTIFIER, "crowst", "email", "matti@firma.example") != digest
    assert digest in newest.digests_all_versions(
        IDENTIFIER, "crowst", "email", "matti@firma.example"
    )


def test_index_keys_cannot_be_destroyed_by_id(opens: Opens) -> None:
    vault = opens()
    digest = vault.index().digest(BLOCK, "a")
    assert vault.destroy(range(1, 100)) == 0
    assert vault.index().digest(BLOCK, "a") == digest


def test_the_master_key_is_not_in_the_store(
    opens: Opens, database_url: str, tmp_path: Path
) -> None:
    vault = opens()
    vault.new_keys(KeyKind.PERSON, 10)
    vault.index()
    on_disk = stored_bytes(database_url, tmp_path)
    assert wrapped_bytes(database_url)[1] in on_disk  # or the search means nothing
    assert MASTER.by_version[1][:16] not in on_disk
