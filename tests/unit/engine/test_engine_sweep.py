"""The sweep: who is judged dead, what is put back, what gets a new number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from support.engine_ledgers import MemoryLedger

from hub.engine import Attempt
from hub.engine.durable import Pending
from hub.engine.sweep import Sweep

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@dataclass
class Workflows:
    started: list[Pending] = field(default_factory=list)
    known: dict[str, bool] = field(default_factory=dict)  # id -> not ended
    resumed: list[tuple[list[str], str]] = field(default_factory=list)
    enqueued: list[Attempt] = field(default_factory=list)

    def enqueue(self, attempt: Attempt) -> None:
        self.known.setdefault(attempt.id, True)
        self.enqueued.append(attempt)

    def pending(self) -> Sequence[Pending]:
        return self.started

    def resume(self, ids: Sequence[str], queue: str) -> None:
        self.resumed.append((list(ids), queue))

    def live(self, ids: Sequence[str]) -> dict[str, bool]:
        return {one: self.known[one] for one in ids if one in self.known}


class World:
    def __init__(self, page: int = 500) -> None:
        self.ledger = MemoryLedger()
        self.workflows = Workflows()
        self.running: set[str] = set()
        self.now = AT
        self.sweep = Sweep(
            self.ledger,
            self.workflows,
            worker="me",
            clock=lambda: self.now,
            lease=5 * SECOND,
            running=lambda: self.running,
            page=page,
        )


@pytest.fixture
def world() -> World:
    return World()


def test_only_workers_without_a_fresh_beat_lose_their_work(world: World) -> None:
    world.ledger.beat("healthy", AT - 5 * SECOND)
    world.ledger.beat("dead", AT - 6 * SECOND)
    world.workflows.started = [
        Pending("sync/a/1", "work", "healthy"),
        Pending("sync/b/1", "work", "dead"),
        Pending("stop/b/1", "urgent", "dead"),
        Pending("sync/c/1", "work", "never-seen"),
    ]
    world.sweep()
    assert world.workflows.resumed == [
        (["stop/b/1"], "urgent"),
        (["sync/b/1", "sync/c/1"], "work"),
    ]


def test_age_decides_nothing(world: World) -> None:
    world.workflows.started = [Pending("sync/a/1", "work", "healthy")]
    for _ in range(100):
        world.now += 2 * SECOND
        world.ledger.beat("healthy", world.now)
        world.sweep()
    assert world.workflows.resumed == []


def test_our_own_is_lost_only_when_seen_twice_and_not_running(world: World) -> None:
    world.workflows.started = [Pending("sync/a/1", "work", "me"), Pending("sync/b/1", "work", "me")]
    world.running = {"sync/a/1"}
    world.sweep()
    assert world.workflows.resumed == []
    world.sweep()
    assert world.workflows.resumed == [(["sync/b/1"], "work")]
    world.sweep()
    assert len(world.workflows.resumed) == 1  # it is looked at afresh


def test_an_open_task_that_nobody_queued_is_queued(world: World) -> None:
    attempt = world.ledger.open("sync", "a", AT)
    world.sweep()
    assert world.workflows.enqueued == [attempt]
    world.sweep()
    assert world.workflows.enqueued == [attempt]


def test_an_open_task_whose_workflow_ended_gets_a_new_number_first(world: World) -> None:
    world.ledger.open("sync", "a", AT)
    world.ledger.claim("sync", "a", 1, "dead", AT)
    world.workflows.known["sync/a/1"] = False
    world.sweep()
    assert world.workflows.enqueued == [Attempt("sync", "a", 2, AT)]
    assert world.ledger.rows["sync", "a"].n == 2


def test_what_still_runs_gets_no_new_number(world: World) -> None:
    for key, worker in (("here", "me"), ("there", "healthy")):
        world.ledger.open("sync", key, AT)
        world.ledger.claim("sync", key, 1, worker, AT)
        world.workflows.known[f"sync/{key}/1"] = False
    world.ledger.beat("healthy", AT)
    world.running = {"sync/here/1"}
    world.sweep()
    assert world.workflows.enqueued == []


def test_our_own_attempt_that_ended_unrecorded_gets_a_new_number(world: World) -> None:
    world.ledger.beat("me", AT)
    world.ledger.open("sync", "a", AT)
    world.ledger.claim("sync", "a", 1, "me", AT)
    world.workflows.known["sync/a/1"] = False
    world.sweep()
    assert world.workflows.enqueued == [Attempt("sync", "a", 2, AT)]


def test_all_pages_are_seen_in_turn() -> None:
    world = World(page=2)
    for key in "abcde":
        world.ledger.open("sync", key, AT)
    for _ in range(3):
        world.sweep()
    assert [one.key for one in world.workflows.enqueued] == list("abcde")


def test_who_was_away_itself_judges_nobody(world: World) -> None:
    world.sweep()
    world.ledger.beat("slept-too", AT)
    world.workflows.started = [Pending("sync/a/1", "work", "slept-too")]
    world.now += timedelta(hours=8)
    world.sweep()
    assert world.workflows.resumed == []
    assert world.ledger.alive(world.now) == {"me"}
    world.now += 2 * SECOND
    world.sweep()
    assert world.workflows.resumed == [(["sync/a/1"], "work")]
