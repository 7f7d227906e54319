"""Cursors, runs, and the fence that keeps a run that was taken over from committing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from support.store_world import AT, HOUR, PLACE, SECOND

from hub.store import progress
from hub.store.progress import Fenced, Place
from hub.store.schema import open_store


@pytest.fixture
def impatient(
    database_url: str, store: Engine, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Engine]:
    """The same database from another process, which gives up at once where it has to wait."""
    monkeypatch.setattr("hub.vault.database.BUSY_TIMEOUT_MS", 1)
    engine = open_store(database_url)
    if engine.dialect.name == "postgresql":

        @sa.event.listens_for(engine, "begin")
        def hurry(connection: sa.Connection) -> None:
            connection.exec_driver_sql("SET LOCAL lock_timeout = '1ms'")

    yield engine
    engine.dispose()


def test_each_taking_over_raises_the_epoch(store: Engine) -> None:
    with store.begin() as connection:
        assert progress.take(connection, "crm", "a", AT) == 1
        assert progress.take(connection, "mailer", "a", AT) == 1
    with store.begin() as connection:
        assert progress.take(connection, "crm", "b", AT) == 2
        row = connection.execute(
            sa.select(progress.fence).where(progress.fence.c.system == "crm")
        ).one()
    assert tuple(row) == ("crm", 2, "b", AT)


def test_only_the_last_to_take_it_may_commit(store: Engine, impatient: Engine) -> None:
    with store.begin() as connection:
        first = progress.take(connection, "crm", "a", AT)
    with impatient.begin() as connection:
        second = progress.take(connection, "crm", "b", AT)
    with pytest.raises(Fenced, match="crm was taken over"), store.begin() as connection:
        progress.check(connection, "crm", first)
    with impatient.begin() as connection:
        progress.check(connection, "crm", second)
    with pytest.raises(Fenced), store.begin() as connection:
        progress.check(connection, "never-taken", 1)


def test_taking_over_waits_for_a_commit_that_was_allowed(store: Engine, impatient: Engine) -> None:
    with store.begin() as connection:
        epoch = progress.take(connection, "crm", "a", AT)
    with store.begin() as connection:
        progress.check(connection, "crm", epoch)
        progress.advance(connection, PLACE, "2", AT, began=True, complete=False)
        with pytest.raises(OperationalError), impatient.begin() as other:
            progress.take(other, "crm", "b", AT)
    with impatient.begin() as other:
        assert progress.take(other, "crm", "b", AT) == 2
        place = progress.place(other, *PLACE)
    assert place is not None
    assert place.cursor == "2"


def test_a_cursor_remembers_when_its_enumeration_began_and_ended(store: Engine) -> None:
    with store.begin() as connection:
        assert progress.place(connection, *PLACE) is None
        steps = [
            ("p2", AT, True, False, Place("p2", AT, None, AT)),
            ("p3", AT + SECOND, False, False, Place("p3", AT, None, AT + SECOND)),
            ("t1", AT + HOUR, False, True, Place("t1", None, AT + HOUR, AT + HOUR)),
            ("t2", AT + 2 * HOUR, False, False, Place("t2", None, AT + HOUR, AT + 2 * HOUR)),
        ]
        for to, now, began, complete, wanted in steps:
            progress.advance(connection, PLACE, to, now, began=began, complete=complete)
            assert progress.place(connection, *PLACE) == wanted


def test_an_enumeration_of_one_page_is_complete_at_once(store: Engine) -> None:
    with store.begin() as connection:
        progress.advance(connection, PLACE, "t1", AT, began=True, complete=True)
        assert progress.place(connection, *PLACE) == Place("t1", None, AT, AT)


def test_rewinding_forgets_the_cursors_of_one_system(store: Engine) -> None:
    with store.begin() as connection:
        mailer = ("mailer", "contacts", "news")
        for place in (PLACE, ("crm", "companies", ""), mailer):
            progress.advance(connection, place, "x", AT, began=True, complete=False)
        progress.rewind(connection, "crm")
        assert progress.place(connection, *PLACE) is None
        assert progress.place(connection, *mailer) is not None


def test_runs_are_told_newest_first_and_crashed_ones_closed(store: Engine) -> None:
    with store.begin() as connection:
        progress.begin(connection, 1, "crm", 1, AT)
        progress.begin(connection, 2, "mailer", 1, AT)
        progress.begin(connection, 3, "crm", 2, AT + SECOND)
        progress.abandon(connection, "crm", 2, AT + HOUR)
        progress.end(connection, 3, state="done", counts='{"new": 2}', reason="", now=AT + HOUR)
        history = [
            (one.id, one.state, one.ended_at) for one in progress.history(connection, None, 9)
        ]
        assert history == [
            (3, "done", AT + HOUR),
            (2, "running", None),
            (1, "interrupted", AT + HOUR),
        ]
        latest = progress.history(connection, "crm", 1)
        assert [(one.id, one.counts) for one in latest] == [(3, '{"new": 2}')]
