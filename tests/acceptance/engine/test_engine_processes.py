"""Several processes on one database, some of them killed, paused or stopped."""

from __future__ import annotations

import random
import time

import pytest
from support.engine_world import World, until

from hub.engine import utc_now


def _open(world: World, kind: str, *keys: str) -> None:
    for key in keys:
        world.ledger.open(kind, key, utc_now())


def test_three_processes_fire_each_slot_once(world: World) -> None:
    every = {"crm": 1, "mailer": 2, "archive": 3600}
    world.start("a", "b", "c", every=every)
    until("six slots", lambda: world.count("fired", "key = 'crm'") >= 6, 25)
    until("archive is done", lambda: world.count("completion", "key = 'archive'"), 5)
    world.start("late", every=every)  # it finds the latest slots fired and worked on
    seen = world.count("fired", "key = 'crm'")
    until("three more", lambda: world.count("fired", "key = 'crm'") >= seen + 3, 10)
    assert set(world.stop().values()) == {0}
    fired = world.ledger.rows("SELECT key, slot FROM fired ORDER BY key, slot")
    assert len(fired) == len(set(fired))
    assert all(slot % every[key] == 0 for key, slot in fired)
    # each one that fired was worked on once, the last ones perhaps after the stop
    assert world.count("completion") == world.count("start") <= len(fired)
    assert len(fired) - world.count("start") <= 2


def test_a_killed_workers_run_is_taken_over_within_ten_seconds(world: World) -> None:
    world.start("a", work=60)
    _open(world, "slow", "crm")
    until("a has started", lambda: world.count("start", "worker = 'a'"), 10)
    world.start("b", work=0)
    world.kill("a")
    killed = time.monotonic()
    until("b has finished it", lambda: world.count("completion"), 10)
    assert time.monotonic() - killed < 10
    rows = world.ledger.rows("SELECT worker, n, epoch FROM start ORDER BY at")
    assert rows == [("a", 1, 1), ("b", 1, 2)]
    assert world.ledger.rows("SELECT worker, epoch FROM result") == [("b", 2)]


def test_a_long_healthy_step_is_not_run_twice(world: World) -> None:
    world.start("a", "b", "c", work=6, lease=2, sweep=0.3)
    _open(world, "slow", "crm", "mailer")
    until("both are done", lambda: world.count("completion") == 2, 20)
    assert set(world.stop().values()) == {0}
    assert world.count("start") == 2
    assert world.count("result") == 2


def test_a_paused_worker_is_fenced_when_it_wakes(world: World) -> None:
    world.start("a", work=4, lease=2, sweep=0.5)
    _open(world, "slow", "crm")
    until("a has started", lambda: world.count("start"), 10)
    world.pause("a")
    world.start("b", work=4, lease=2, sweep=0.5)
    until("b has taken over", lambda: world.count("start", "worker = 'b'"), 12)
    world.wake("a")  # its work is over at once, b's is not
    until("b has finished it", lambda: world.count("completion"), 12)
    _open(world, "slow", "mailer")  # both go on working
    until("the next one is done", lambda: world.count("completion") == 2, 12)
    assert set(world.stop().values()) == {0}
    assert world.ledger.rows("SELECT worker, epoch FROM result WHERE key = 'crm'") == [("b", 2)]
    assert world.count("completion", "key = 'crm'") == 1


def test_a_paused_worker_does_not_hold_up_the_delays_of_others(world: World) -> None:
    world.start("a")
    _open(world, "patient", "first")
    until("a keeps the delays", lambda: world.count("completion"), 10)
    world.pause("a")
    world.start("b")
    _open(world, "patient", "second")
    until("its delay is over", lambda: world.count("completion") == 2, 20)
    assert world.ledger.rows("SELECT DISTINCT worker FROM start WHERE key = 'second'") == [("b",)]


def test_a_clean_stop_hands_its_work_to_the_others_at_once(world: World) -> None:
    world.start("a", work=60)
    _open(world, "slow", "crm")
    until("a has started", lambda: world.count("start"), 10)
    world.start("b", work=0)
    process = world.workers["a"]
    process.terminate()
    assert process.wait(8) == 0
    until("b has finished it", lambda: world.count("completion"), 4)
    assert world.ledger.rows("SELECT worker FROM result") == [("b",)]


@pytest.mark.parametrize("world", ["postgresql"], indirect=True)
def test_a_database_that_drops_its_connections_strands_nothing(world: World) -> None:
    """What a restart of the server does to the engine, done to its connections only."""
    tasks = [f"task-{number}" for number in range(12)]
    world.start("a", work=0.3, lease=2, sweep=0.5)
    _open(world, "sliced", *tasks)
    for _ in range(4):
        before = world.count("start")
        until("some progress", lambda n=before: world.count("start") >= n + 4, 10)
        world.ledger.rows(
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name LIKE 'dbos%%'"""
        )
    until("all are complete", lambda: world.count("completion") >= len(tasks), 60)
    assert set(world.stop().values()) == {0}
    assert world.count("completion") == len(tasks)
    assert world.ledger.open_tasks(100) == []


def test_killed_again_and_again_every_task_completes_once(world: World) -> None:
    chance = random.Random(7)
    tasks = [f"task-{number}" for number in range(40)]
    _open(world, "sliced", *tasks)
    born = 3
    world.start("w0", "w1", "w2", work=0.25, lease=1.5, sweep=0.5)
    for _ in range(6):
        before = world.count("start")
        # patience only, for a machine with much to do; how fast a takeover is, is tested above
        until(
            "some progress",
            lambda n=before: (
                world.count("start") >= n + 8 or world.count("completion") == len(tasks)
            ),
            60,
        )
        world.kill(chance.choice(sorted(world.workers)))
        world.start(f"w{born}", work=0.25, lease=1.5, sweep=0.5)
        born += 1
        if world.count("completion") == len(tasks):
            break
    until("all are complete", lambda: world.count("completion") >= len(tasks), 60)
    assert set(world.stop().values()) == {0}
    completed = world.ledger.rows("SELECT key FROM completion")
    assert sorted(key for (key,) in completed) == sorted(tasks)
    assert world.ledger.open_tasks(100) == []
    # a claim is never granted twice under one number and epoch
    assert world.count("start") == len(set(world.ledger.rows("SELECT key, n, epoch FROM start")))
