"""The master key: how it is written, read and refused."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from hub.vault import MasterKeyError, MasterKeys


def test_written_and_read_back(tmp_path: Path) -> None:
    keys = MasterKeys.generate().with_new()
    path = tmp_path / "secrets" / "master.key"
    keys.write_file(path)
    assert MasterKeys.from_file(path) == keys
    assert MasterKeys.from_environment({"HUB_MASTER_KEY": keys.written()}) == keys
    assert path.stat().st_mode & 0o777 == 0o600
    assert keys.current == 2
    assert keys.only_current().by_version == {2: keys.by_version[2]}


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    MasterKeys.generate().write_file(path)
    with pytest.raises(FileExistsError):
        MasterKeys.generate().write_file(path)


def test_a_lone_key_is_version_one() -> None:
    written = base64.b64encode(bytes(range(32))).decode()
    assert MasterKeys.parse(written).by_version == {1: bytes(range(32))}


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (base64.b64encode(b"x" * 16).decode(), "16 bytes long and must be 32"),
        ("1:not-base64!", "number 1 is not written as"),
        ("one:" + base64.b64encode(bytes(32)).decode(), "number 1 is not written as"),
        ("0:" + base64.b64encode(bytes(32)).decode(), "count from 1"),
        (f"{base64.b64encode(bytes(32)).decode()} " * 2, "given twice"),
        (" ".join(f"{n}:{base64.b64encode(bytes(32)).decode()}" for n in (1, 2)), "same key"),
        ("", "No master key was given"),
    ],
)
def test_a_wrong_key_is_refused_with_the_mend_and_not_repeated(written: str, says: str) -> None:
    with pytest.raises(MasterKeyError, match=says) as caught:
        MasterKeys.parse(written)
    for word in written.split():
        assert word.rpartition(":")[2] not in str(caught.value)


def test_a_missing_variable_or_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(MasterKeyError, match=r"HUB_MASTER_KEY is not set\. Make one"):
        MasterKeys.from_environment({})
    with pytest.raises(MasterKeyError, match="cannot be read"):
        MasterKeys.from_file(tmp_path / "none")
    (tmp_path / "bytes").write_bytes(bytes(range(256)))
    with pytest.raises(MasterKeyError, match="is not text"):
        MasterKeys.from_file(tmp_path / "bytes")


def test_shows_no_key_in_its_repr() -> None:
    assert "bytes" not in repr(MasterKeys.generate())
    assert "{" not in repr(MasterKeys.generate())
