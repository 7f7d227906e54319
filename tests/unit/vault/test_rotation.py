"""Rotating the master key, interrupted anywhere, beside other processes at work."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hub.vault import (
    KeyKind,
    MasterKeyError,
    MasterKeyMissing,
    MasterKeys,
    Vault,
    aad,
    keystore,
    rotation,
)
from hub.vault.database import open_database
from hub.vault.keystore import data_key
from hub.vault.sealing import wrap

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MASTER = MasterKeys({1: bytes(range(32))})
PLACE = aad("person", 1, "profile")


class Killed(Exception):
    """Stands for the process ending."""


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "BATCH", 10)


def open_vault(url: str, masters: MasterKeys) -> Vault:
    return Vault(url, masters, lambda: NOW)


def kill_after(monkeypatch: pytest.MonkeyPatch, step: str, calls: int) -> None:
    owner: object = Vault if step == "scrub" else rotation
    original = getattr(owner, step)
    left = [calls]

    def step_or_die(*args: object) -> object:
        if left[0] == 0:
            raise Killed
        left[0] -= 1
        return original(*args)

    monkeypatch.setattr(owner, step, step_or_die)


@pytest.mark.parametrize(
    ("step", "calls"), [("rewrap_batch", 0), ("rewrap_batch", 2), ("retire", 0), ("scrub", 0)]
)
def test_killed_anywhere_everything_stays_readable_and_it_goes_on(
    database_url: str, monkeypatch: pytest.MonkeyPatch, step: str, calls: int
) -> None:
    both = MASTER.with_new()
    vault = open_vault(database_url, MASTER)
    sealed = {i: key.seal(b"%d" % i, PLACE) for i, key in vault.new_keys(KeyKind.PERSON, 45)}
    with monkeypatch.context() as patch:
        kill_after(patch, step, calls)
        with pytest.raises(Killed):
            vault.rotate(both)
    vault.close()

    again = open_vault(database_url, both)
    keys = again.open_keys(sealed)
    assert all(keys[i].open(s, PLACE) == b"%d" % i for i, s in sealed.items())
    if step == "scrub":
        with pytest.raises(MasterKeyError, match="already uses master key version 2"):
            again.rotate(both)
    else:
        assert again.rotate(both) == (45 - 10 * calls if step == "rewrap_batch" else 0)
    again.close()

    after = open_vault(database_url, both.only_current())
    assert after.status().keys_by_version == {2: 45}
    assert not after.status().scrub_pending
    keys = after.open_keys(sealed)
    assert all(keys[i].open(s, PLACE) == b"%d" % i for i, s in sealed.items())
    after.close()


def test_the_earlier_master_key_opens_nothing_afterwards(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/keys.db"
    with open_vault(url, MASTER) as vault:
        vault.new_keys(KeyKind.PERSON, 45)
        engine = open_database(url)
        with engine.connect() as connection:
            before = [bytes(row.wrapped) for row in connection.execute(data_key.select())]
        engine.dispose()
        vault.rotate(MASTER.with_new())
        on_disk = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert not [wrapped for wrapped in before if wrapped[-16:] in on_disk]
    with pytest.raises(MasterKeyMissing, match="needs master key version 2"):
        open_vault(url, MASTER)


def test_a_process_that_lacks_the_new_key_says_so_and_makes_no_keys(database_url: str) -> None:
    here, there = open_vault(database_url, MASTER), open_vault(database_url, MASTER)
    (key_id, _), *_ = there.new_keys(KeyKind.PERSON, 1)
    here.rotate(MASTER.with_new())
    with pytest.raises(MasterKeyMissing, match="restart it with the new master key"):
        there.new_keys(KeyKind.PERSON, 1)
    with pytest.raises(MasterKeyMissing, match="restart it with the new master key"):
        there.open_keys([key_id])
    here.close()
    there.close()


def test_a_key_made_under_the_earlier_master_meanwhile_is_rewrapped_too(
    pg_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL such a transaction may commit after the last batch was read."""
    here = open_vault(pg_url, MASTER)
    here.new_keys(KeyKind.PERSON, 3)
    engine = open_database(pg_url)
    late = engine.connect()
    version = keystore.active_version(late)
    wrapped = wrap(MASTER.by_version[version], b"k" * 32, keystore.bound_to(999, "person"))
    late.execute(
        data_key.insert().values(
            id=999, kind="person", wrapped=wrapped, master_version=version, created_at=NOW
        )
    )
    retire = rotation.retire

    def commit_first(*args: Any) -> bool:
        if late.in_transaction():
            late.commit()
        return retire(*args)

    monkeypatch.setattr(rotation, "retire", commit_first)
    assert here.rotate(MASTER.with_new()) == 4
    late.close()
    engine.dispose()
    assert here.status().keys_by_version == {2: 4}
    assert set(here.open_keys([999], fresh=True)) == {999}
    here.close()


def test_only_a_newer_key_is_taken(tmp_path: Path) -> None:
    with open_vault(f"sqlite:///{tmp_path}/keys.db", MASTER) as vault:
        with pytest.raises(MasterKeyError, match="add a new key as version 2"):
            vault.rotate(MASTER)
        with pytest.raises(MasterKeyMissing, match="version 1"):
            vault.rotate(MASTER.with_new().only_current())
        assert vault.status().current_version == 1


class Histories(RuleBasedStateMachine):
    """Two processes on one key store: what lives opens everywhere, what was destroyed nowhere."""

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.url = f"sqlite:///{self.folder.name}/keys.db"
        self.masters = MASTER
        self.vaults = [open_vault(self.url, MASTER) for _ in range(2)]
        self.sealed: dict[int, bytes] = {}
        self.gone: set[int] = set()

    @rule(who=st.integers(0, 1), n=st.integers(1, 25))
    def make(self, who: int, n: int) -> None:
        for i, key in self.vaults[who].new_keys(KeyKind.PERSON, n):
            assert i not in self.sealed
            assert i not in self.gone
            self.sealed[i] = key.seal(b"%d" % i, PLACE)

    @precondition(lambda self: self.sealed)
    @rule(who=st.integers(0, 1), data=st.data())
    def destroy(self, who: int, data: st.DataObject) -> None:
        chosen = data.draw(st.sets(st.sampled_from(sorted(self.sealed)), min_size=1))
        assert self.vaults[who].destroy(chosen) == len(chosen)
        for i in chosen:
            del self.sealed[i]
        self.gone |= chosen

    @rule(
        who=st.integers(0, 1),
        batches=st.integers(0, 6),
        step=st.sampled_from(["rewrap_batch", "retire"]),
    )
    def rotate(self, who: int, batches: int, step: str) -> None:
        self.masters = self.masters.with_new()
        for vault in self.vaults:
            vault.close()
        vault = open_vault(self.url, self.masters)
        with pytest.MonkeyPatch.context() as patch:
            kill_after(patch, step, batches)
            try:
                vault.rotate(self.masters)
            except Killed:
                pass
            else:
                self.masters = self.masters.only_current()
        vault.close()
        self.vaults = [open_vault(self.url, self.masters) for _ in range(2)]

    @invariant()
    def what_lives_opens_and_what_went_does_not(self) -> None:
        if not hasattr(self, "vaults"):
            return
        for vault in self.vaults:
            keys = vault.open_keys([*self.sealed, *self.gone])
            assert set(keys) == set(self.sealed)
            assert all(keys[i].open(s, PLACE) == b"%d" % i for i, s in self.sealed.items())

    def teardown(self) -> None:
        if hasattr(self, "vaults"):
            for vault in self.vaults:
                vault.close()
            self.folder.cleanup()


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=25, stateful_step_count=12, deadline=None)
