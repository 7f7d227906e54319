"""Tokens, kept answers and filtered lists on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from hub.store import audit, idempotency, requests, tables, tokens
from hub.store.idempotency import Met
from hub.store.tokens import Scope
from hub.vault.database import Engine, open_database

NOW = datetime(2026, 11, 2, 10, tzinfo=UTC)


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url, synchronous="NORMAL")
    tables.metadata.create_all(engine)
    with engine.begin() as connection:
        tokens.create(connection, NOW, "one", [Scope.READ], ["crowst"], "cli:test")
    yield engine
    engine.dispose()


def test_a_token_is_found_listed_and_ended(database: Engine) -> None:
    with database.begin() as connection:
        ends = NOW + timedelta(days=1)
        secret = tokens.create(connection, NOW, "two", Scope, ["a", "b", "c"], "cli:test", ends)
    with database.begin() as connection:
        found = tokens.find(connection, secret)
        assert found is not None
        assert (found.refused(NOW), found.refused(ends)) == ("", "expired")
        assert found.controllers == {"a", "b", "c"}
        tokens.revoke(connection, NOW, "two", "cli:test")
        assert [one.refused(NOW) for one in tokens.listed(connection)] == ["", "revoked"]
    with database.begin() as connection:
        last = audit.page(connection, 1, 10)
        assert [one.entry.detail.get("controllers") for one in last] == ["3", None]


def test_of_several_at_once_one_gets_the_key(database: Engine) -> None:
    def begin(_: int) -> Met | None:
        with database.begin() as connection:
            return idempotency.begin(connection, 1, "key", b"same", NOW)

    with ThreadPoolExecutor(6) as pool:
        met = list(pool.map(begin, range(6)))
    assert met.count(None) == 1
    assert met.count(Met(True, 0, "")) == 5
    with database.begin() as connection:
        idempotency.finish(connection, 1, "key", 201, "[]")
    assert begin(0) == Met(True, 201, "[]")
    with database.begin() as connection:
        assert idempotency.begin(connection, 1, "key", b"other", NOW) == Met(False, 201, "[]")
        idempotency.forget(connection, 1, "key")  # an answer that was given stays
        assert idempotency.begin(connection, 1, "key", b"same", NOW) == Met(True, 201, "[]")
        later = NOW + idempotency.KEEP + timedelta(seconds=1)
        assert idempotency.begin(connection, 1, "key", b"other", later) is None


def add(database: Engine, number: int, controllers: str, also: str = "") -> None:
    row = {
        "id": number,
        "right": "access" if number % 2 else "erasure",
        "controllers": controllers,
        "also": also,
        "state": "planned",
        "open": True,
        "on_hold": False,
        "version": 1,
        "key_id": 1,
        "casefile": b"",
        "duplicate": str(number).encode(),
        "received_at": NOW,
        "target_on": NOW.date(),
        "due_on": NOW.date(),
        "extended_reason": "",
        "escalated": "",
        "questions": "[]",
        "identity": "",
        "code_tries": 0,
        "plan": "",
        "plan_hash": "",
        "approved_by": "",
        "second_by": "",
        "watched": 0,
        "reason": "",
    }
    with database.begin() as connection:
        requests.add(connection, row)


def test_requests_are_listed_by_whole_names_of_controllers(database: Engine) -> None:
    add(database, 1, "acme acme-nordic")
    add(database, 2, "acme_nordic")
    add(database, 3, "acme-nordic")
    add(database, 4, "crowst", "acme")
    with database.begin() as connection:

        def listed(*controllers: str, right: str = "") -> list[int]:
            rows = requests.listed(connection, controllers=controllers, right=right)
            return [row.id for row in rows]

        assert listed("acme") == [1, 4]
        assert listed("acme-nordic") == [1, 3]
        assert listed("acme_nordic") == [2]
        assert listed("acme", "crowst", right="erasure") == [4]
        assert listed() == []
        assert len(requests.listed(connection)) == 4
