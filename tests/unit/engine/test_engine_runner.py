"""One attempt: whatever the handler does, the task ends in a known state and nothing escapes."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs
from support.engine_ledgers import MemoryLedger

from hub.api.errors import AuthFailed, RateLimited
from hub.engine import Again, Attempt, Backoff, Claim, Done, Failed, Handler
from hub.engine.runner import Runner

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CANARY = "aino.virtanen@testi.example"


@pytest.fixture
def ledger() -> MemoryLedger:
    ledger = MemoryLedger()
    ledger.beat("me", AT)
    ledger.open("sync", "crm", AT)
    return ledger


def _runner(
    ledger: MemoryLedger, handler: Handler, stopping: threading.Event | None = None
) -> Runner:
    return Runner(
        ledger,
        {"sync": handler},
        worker="me",
        clock=lambda: AT,
        lease=timedelta(seconds=5),
        stopping=stopping or threading.Event(),
        backoff=Backoff(first=10, cap=100),
    )


def _raises(error: BaseException) -> Handler:
    def handler(claim: Claim) -> Done:
        raise error

    return handler


def test_done_closes_the_task(ledger: MemoryLedger) -> None:
    seen: list[Claim] = []

    def handler(claim: Claim) -> Done:
        seen.append(claim)
        assert ledger.holds("sync", "crm", claim.epoch)
        return Done()

    assert _runner(ledger, handler).run("sync", "crm", 1) is None
    assert seen == [Claim("sync", "crm", 1, 1, "me")]
    assert not ledger.rows["sync", "crm"].open


def test_again_is_a_new_attempt_after_the_wait(ledger: MemoryLedger) -> None:
    runner = _runner(ledger, lambda claim: Again(30, "throttled"))
    assert runner.run("sync", "crm", 1) == Attempt("sync", "crm", 2, AT + timedelta(seconds=30))
    row = ledger.rows["sync", "crm"]
    assert (row.reason, row.failures, row.holder) == ("throttled", 0, None)


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (_raises(ValueError(CANARY)), "value-error"),
        (_raises(AuthFailed("the token is refused")), "auth-failed"),
        (_raises(SystemExit(1)), "system-exit"),
        (lambda claim: Failed("mailbox-full"), "mailbox-full"),
        (lambda claim: Failed(CANARY), "value-error"),
        (lambda claim: None, "no-outcome"),
    ],
)
def test_a_failure_is_tried_again_later(
    ledger: MemoryLedger, handler: Handler, reason: str
) -> None:
    with capture_logs() as logs:
        following = _runner(ledger, handler).run("sync", "crm", 1)
    assert following is not None
    assert following.n == 2
    assert timedelta(seconds=5) <= following.due_at - AT <= timedelta(seconds=10)
    row = ledger.rows["sync", "crm"]
    assert (row.open, row.reason, row.failures) == (True, reason, 1)
    assert "virtanen" not in repr(logs)
    assert "virtanen" not in repr(ledger.rows)


def test_pauses_grow_with_failures_in_a_row(ledger: MemoryLedger) -> None:
    runner = _runner(ledger, lambda claim: Failed("down"))
    pauses = []
    for n in range(1, 6):
        following = runner.run("sync", "crm", n)
        assert following is not None
        pauses.append((following.due_at - AT).total_seconds())
    assert [5 <= pauses[0] <= 10, 20 <= pauses[2] <= 40, 50 <= pauses[4] <= 100] == [True] * 3


def test_a_wait_that_the_vendor_asks_for_is_kept(ledger: MemoryLedger) -> None:
    following = _runner(ledger, _raises(RateLimited("slow down", retry_after=77))).run(
        "sync", "crm", 1
    )
    assert following == Attempt("sync", "crm", 2, AT + timedelta(seconds=77))


def test_a_failing_task_is_reported_when_it_begins_and_when_it_ends(ledger: MemoryLedger) -> None:
    def handler(claim: Claim) -> Done | Failed:
        return Done() if claim.n == 4 else Failed("down")

    with capture_logs() as logs:
        for n in range(1, 5):
            _runner(ledger, handler).run("sync", "crm", n)
    loud = [entry["event"] for entry in logs if entry["log_level"] != "debug"]
    assert loud == ["attempt.failed", "attempt.recovered"]


def test_an_unknown_kind_waits(ledger: MemoryLedger) -> None:
    ledger.open("letters", "crm", AT)
    assert _runner(ledger, lambda claim: Done()).run("letters", "crm", 1) is not None
    assert ledger.rows["letters", "crm"].reason == "no-handler"


def test_what_is_not_ours_is_left_alone(ledger: MemoryLedger) -> None:
    ledger.beat("other", AT)
    ledger.claim("sync", "crm", 1, "other", AT)
    ran: list[Claim] = []

    def handler(claim: Claim) -> Done:
        ran.append(claim)
        return Done()

    runner = _runner(ledger, handler)
    assert runner.run("sync", "crm", 1) is None
    assert runner.run("sync", "crm", 7) is None
    assert runner.run("sync", "unknown", 1) is None
    assert ran == []
    assert ledger.rows["sync", "crm"].holder == "other"


def test_the_same_attempt_does_not_run_twice_in_one_process(ledger: MemoryLedger) -> None:
    inner: list[object] = []

    def handler(claim: Claim) -> Done:
        inner.append(runner.run("sync", "crm", 1))
        assert list(runner.running) == ["sync/crm/1"]
        return Done()

    runner = _runner(ledger, handler)
    runner.run("sync", "crm", 1)
    assert inner == [None]
    assert ledger.rows["sync", "crm"].epoch == 1
    assert not runner.running


def test_a_stopping_worker_claims_nothing_and_tells_its_handlers(ledger: MemoryLedger) -> None:
    stopping = threading.Event()

    def handler(claim: Claim) -> Again:
        stopping.set()
        assert claim.stopping.is_set()
        return Again()

    runner = _runner(ledger, handler, stopping)
    assert runner.run("sync", "crm", 1) == Attempt("sync", "crm", 2, AT)
    assert runner.run("sync", "crm", 2) is None
    assert ledger.rows["sync", "crm"].holder is None


class _Away(MemoryLedger):
    """A ledger whose database goes away at a given call."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self._at = at

    def claim(self, *args: object, **kwargs: object):
        if self._at == "claim":
            raise OSError(CANARY)
        return super().claim(*args, **kwargs)  # type: ignore[arg-type]  # passed through

    def finish(self, *args: object, **kwargs: object):
        raise OSError(CANARY)


@pytest.mark.parametrize("at", ["claim", "finish"])
def test_without_the_database_the_task_stays_open_for_the_sweep(at: str) -> None:
    ledger = _Away(at)
    ledger.open("sync", "crm", AT)
    runner = _runner(ledger, lambda claim: Done())
    with capture_logs() as logs:
        assert runner.run("sync", "crm", 1) is None
    assert [entry["event"] for entry in logs] == ["attempt.unrecorded"]
    assert "virtanen" not in repr(logs)
    assert ledger.reissue("sync", "crm", 1, "me", AT) == Attempt("sync", "crm", 2, AT)
