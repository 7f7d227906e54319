"""The whole engine in this process, on SQLite."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from support.engine_ledgers import MemoryLedger

from hub.domain.landscape import Schedule
from hub.engine import Again, Attempt, Backoff, Claim, Done, Engine, Handler, utc_now

CANARY = "aino.virtanen@testi.example"


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for the condition. Fails after that many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        threading.Event().wait(0.02)


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


@pytest.fixture
def start(tmp_path: Path, ledger: MemoryLedger) -> Iterator[Callable[..., Engine]]:
    """Starts an engine over the test's ledger and file; it is stopped afterwards."""
    with ExitStack() as stack:

        def make(**handlers: Handler) -> Engine:
            engine = Engine(
                f"sqlite:///{tmp_path / 'engine.db'}",
                ledger,
                handlers,
                urgent={"stop"},
                poll=0.05,
                sweep=0.2,
                backoff=Backoff(first=0.1, cap=0.2),
            )
            stack.callback(engine.stop, 0)
            engine.start()
            return engine

        yield make


def _closed(ledger: MemoryLedger, kind: str, key: str) -> bool:
    row = ledger.rows.get((kind, key))
    return row is not None and row.n > 0 and not row.open


def test_nothing_but_ids_is_in_the_engines_file(
    start: Callable[..., Engine], ledger: MemoryLedger, tmp_path: Path
) -> None:
    def handler(claim: Claim) -> Done | Again:
        person = {"email": CANARY}
        if claim.n == 1:
            raise ValueError(f"no such person: {person}")
        return Again(0, "more") if claim.n == 2 else Done()

    with capture_logs() as logs:
        engine = start(sync=handler)
        engine.trigger("sync", "crowst-crm")
        until(lambda: _closed(ledger, "sync", "crowst-crm"))
        engine.stop(5)
    assert ledger.rows["sync", "crowst-crm"].n == 3
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("engine.db*"))
    assert b"sync/crowst-crm/3" in stored
    assert b"virtanen" not in stored
    assert b"no such person" not in stored
    assert "virtanen" not in repr(logs)


def test_one_key_runs_one_at_a_time_and_keys_run_side_by_side(
    start: Callable[..., Engine], ledger: MemoryLedger
) -> None:
    both = threading.Barrier(2, timeout=15)
    inside: dict[str, int] = {"a": 0, "b": 0}
    most = 0

    def handler(claim: Claim) -> Done | Again:
        nonlocal most
        inside[claim.key] += 1
        most = max(most, *inside.values())
        if claim.kind == "sync":
            both.wait()  # passes only if the other key is being worked on too
        inside[claim.key] -= 1
        return Done()

    engine = start(sync=handler, tidy=handler)
    for key in ("a", "b"):
        engine.trigger("sync", key)
        engine.trigger("tidy", key)
    until(lambda: all(_closed(ledger, kind, key) for kind in ("sync", "tidy") for key in "ab"))
    assert most == 1


def test_urgent_work_does_not_wait_for_slow_work_on_the_same_key(
    start: Callable[..., Engine], ledger: MemoryLedger
) -> None:
    stopped = threading.Event()

    def slow(claim: Claim) -> Done:
        engine.trigger("stop", claim.key)  # from inside a handler
        assert stopped.wait(15)
        return Done()

    def urgent(claim: Claim) -> Done:
        stopped.set()
        return Done()

    engine = start(sync=slow, stop=urgent)
    engine.trigger("sync", "crm")
    until(lambda: _closed(ledger, "sync", "crm"))
    assert _closed(ledger, "stop", "crm")


def test_a_trigger_while_it_runs_means_once_more(
    start: Callable[..., Engine], ledger: MemoryLedger
) -> None:
    ran: list[int] = []

    def handler(claim: Claim) -> Done:
        ran.append(claim.n)
        if len(ran) == 1:
            engine.trigger("stop", "crm")
        return Done()

    engine = start(stop=handler)
    engine.trigger("stop", "crm")
    until(lambda: _closed(ledger, "stop", "crm"))
    assert ran == [1, 2]


def test_the_sweep_finds_what_was_only_written_down(
    start: Callable[..., Engine], ledger: MemoryLedger
) -> None:
    ledger.open("sync", "crm", utc_now())  # another process, without an engine
    start(sync=lambda claim: Done())
    until(lambda: _closed(ledger, "sync", "crm"))


def test_a_lost_engine_database_is_rebuilt_from_the_applications_rows(
    start: Callable[..., Engine], ledger: MemoryLedger, tmp_path: Path
) -> None:
    engine = start(sync=lambda claim: Again(3600, "waiting"))
    engine.trigger("sync", "crm")
    until(lambda: ledger.rows["sync", "crm"].n == 2)
    engine.stop(5)
    for path in tmp_path.glob("engine.db*"):
        path.unlink()
    ledger.open("sync", "crm", utc_now())  # its wait is over
    start(sync=lambda claim: Done())
    until(lambda: _closed(ledger, "sync", "crm"))


def test_an_engine_database_that_is_ahead_of_the_application_catches_up(
    start: Callable[..., Engine], ledger: MemoryLedger
) -> None:
    engine = start(sync=lambda claim: Done())
    for n in (1, 2):
        assert engine.trigger("sync", "crm").n == n
        until(lambda: _closed(ledger, "sync", "crm"))
    del ledger.rows["sync", "crm"]  # restored from before
    assert engine.trigger("sync", "crm").n == 1
    until(lambda: _closed(ledger, "sync", "crm"))
    assert ledger.rows["sync", "crm"].n == 3


def test_stop_lets_handlers_hand_back(start: Callable[..., Engine], ledger: MemoryLedger) -> None:
    entered = threading.Event()

    def handler(claim: Claim) -> Again:
        entered.set()
        assert claim.stopping.wait(15)
        return Again()

    engine = start(sync=handler)
    engine.trigger("sync", "crm")
    assert entered.wait(15)
    assert engine.stop(10) == ()
    row = ledger.rows["sync", "crm"]
    assert (row.open, row.n, row.holder) == (True, 2, None)
    assert ledger.beats == {}
    start(sync=lambda claim: Done())
    until(lambda: _closed(ledger, "sync", "crm"))


def test_stop_names_what_did_not_end_and_fences_it(
    start: Callable[..., Engine], ledger: MemoryLedger
) -> None:
    entered, release = threading.Event(), threading.Event()
    held: list[bool] = []

    def stubborn(claim: Claim) -> Done:
        entered.set()
        release.wait(30)
        held.append(ledger.holds("sync", "crm", claim.epoch))
        return Done()

    engine = start(sync=stubborn)
    engine.trigger("sync", "crm")
    assert entered.wait(15)
    assert [one.key for one in engine.stop(0)] == ["crm"]
    start(sync=lambda claim: Done())
    until(lambda: _closed(ledger, "sync", "crm"))
    release.set()
    until(lambda: held == [False])


def test_a_slot_fires_again_when_the_database_was_away(
    start: Callable[..., Engine], ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = ledger.fire, []

    def fire(*args: object) -> Attempt | None:
        calls.append(args)
        if len(calls) == 1:
            raise OSError(CANARY)
        return real(*args)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(ledger, "fire", fire)
    engine = start(sync=lambda claim: Done())
    engine.schedule({"crm": Schedule(every=timedelta(hours=1))})
    until(lambda: _closed(ledger, "sync", "crm"))
    assert len(calls) >= 2


def test_schedules_are_replaced_and_shown(
    start: Callable[..., Engine], ledger: MemoryLedger
) -> None:
    engine = start(sync=lambda claim: Done(), tidy=lambda claim: Done())
    nightly = Schedule(cron="0 3 * * *")
    engine.schedule({"db": nightly}, kind="tidy")
    engine.schedule({"crm": nightly, "mailer": nightly})
    engine.schedule({"crm": Schedule(every=timedelta(seconds=1))})
    status = engine.status()
    assert set(status.next_slots) == {("sync", "crm"), ("tidy", "db")}
    assert status.alive == {engine.worker}
    until(lambda: ledger.rows[("sync", "crm")].n >= 3)
    with pytest.raises(ValueError, match="five fields"):
        engine.schedule({"crm": Schedule(cron="often")})


def test_ended_workflows_are_pruned(
    start: Callable[..., Engine], ledger: MemoryLedger, tmp_path: Path
) -> None:
    engine = start(sync=lambda claim: Done())
    engine.trigger("sync", "crm")
    until(lambda: _closed(ledger, "sync", "crm"))

    def workflows() -> int:
        with _read(tmp_path / "engine.db") as connection:
            [(count,)] = connection.execute("SELECT count(*) FROM workflow_status").fetchall()
            return int(count)

    # the task is closed a moment before its workflow has ended
    until(lambda: engine._durable.prune(timedelta(0), 10) == 1)
    assert workflows() == 0


@contextmanager
def _read(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, timeout=10)
    try:
        yield connection
    finally:
        connection.close()


def test_the_file_is_write_ahead(start: Callable[..., Engine], tmp_path: Path) -> None:
    start(sync=lambda claim: Done())
    with _read(tmp_path / "engine.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_there_is_one_engine_in_a_process(
    start: Callable[..., Engine], ledger: MemoryLedger
) -> None:
    start(sync=lambda claim: Done())
    with pytest.raises(RuntimeError, match="already running"):
        start(sync=lambda claim: Done())


def test_an_engine_that_was_not_started_stops_quietly(ledger: MemoryLedger) -> None:
    engine = Engine("sqlite:///never-made.db", ledger, {})
    assert engine.stop() == ()
    assert engine.trigger("sync", "crm").due_at <= datetime.now(UTC)
    assert not Path("never-made.db").exists()
