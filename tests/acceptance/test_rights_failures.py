"""Where the best open system today fails, with real daemons over served sandboxes: a connector that
is switched off, a stream of HTTP 500, workers that are killed, a hundred requests at once."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.daemon_process import Daemon, daemon
from support.rights_office import (
    CRM,
    MAILER,
    Office,
    erased,
    in_step,
    office,
    rights_config,
    still_held,
    until,
)

from hub.rights.decide import CannotDecide
from hub.sandbox_world import SandboxWorld

Small = Callable[..., SandboxWorld]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def url(request: pytest.FixtureRequest) -> str | None:
    """The address of a PostgreSQL database, None for SQLite's files."""
    if request.param == "sqlite":
        return None
    found: str = request.getfixturevalue("pg_url")
    return found


@pytest.fixture
def desk(small: Small, tmp_path: Path, url: str | None) -> Iterator[Office]:
    """An office over a small world, without a daemon."""
    world = small(people=5)
    with office(world, rights_config(tmp_path, url)) as made:
        yield made


def started(stack: ExitStack, desk: Office, config: Path | None = None) -> Daemon:
    """One more daemon, at work."""
    running = stack.enter_context(daemon(config or desk.config, desk.sandboxes.environ({})))
    running.until(lambda line: line["event"] == "engine.started")
    return running


def several(stack: ExitStack, desk: Office, count: int) -> list[Daemon]:
    """Daemons that come up side by side, at work."""
    environ = desk.sandboxes.environ({})
    workers = [stack.enter_context(daemon(desk.config, environ)) for _ in range(count)]
    for one in workers:
        one.until(lambda line: line["event"] == "engine.started")
    return workers


def at_least(goal: int, counted: Callable[[], int]) -> Callable[[], bool]:
    return lambda: counted() >= goal


def said(workers: list[Daemon]) -> str:
    return "\n".join(str(line) for one in workers for line in one.lines)


OFF = (
    "  crowst-mailer:\n    plugin: mailer\n",
    "  crowst-mailer:\n    enabled: false\n    plugin: mailer\n",
)


def without(config: Path, system: str) -> Path:
    """The configuration with a system taken out of it."""
    head, _, rest = config.read_text(encoding="utf-8").partition(f"\n  {system}:\n")
    _, _, after = rest.partition("\n\n")
    lines = [one for one in f"{head}\n{after}".split("\n") if f"system: {system}," not in one]
    text = "\n".join(lines)
    for mention in (f"{system}, ", f", {system}"):
        text = text.replace(mention, "")
    made = config.with_name("without.yaml")
    made.write_text(text, encoding="utf-8")
    return made


@pytest.mark.parametrize("how", ["disabled", "missing"])
def test_a_system_that_is_switched_off_is_never_done(
    desk: Office, tmp_path: Path, how: str
) -> None:
    (person,) = in_step(desk, 1)
    if how == "disabled":
        text = desk.config.read_text(encoding="utf-8")
        assert OFF[0] in text
        config = tmp_path / "off.yaml"
        config.write_text(text.replace(*OFF), encoding="utf-8")
    else:
        config = without(desk.config, MAILER)
    # the request is open when the configuration changes
    number = desk.erase(person)
    with ExitStack() as stack:
        running = started(stack, desk, config)
        until(
            lambda: (
                desk.state(number, CRM) == "verified" and desk.state(number, MAILER) == "attention"
            ),
            30,
            lambda: desk.states(number),
        )
        assert desk.states(number)[MAILER] == f"attention: system-{how}"
        running.until(
            lambda line: line["event"] == "rights task needs attention" and line["system"] == MAILER
        )
        assert desk.row(number).state == "attention"
        assert desk.state(number, "hub") == "pending", "what finds the person goes last"
        desk.confirm(number)
        with pytest.raises(CannotDecide):
            desk.close(number)
        desk.retry(number)  # asked again while it is off: the same answer
        until(lambda: desk.tasks(number)[MAILER, "records"].epoch >= 2, 20)
        assert desk.row(number).open
        assert running.stop() == 0
    assert still_held(desk.sandboxes, [person]) == [person]
    with ExitStack() as stack:
        running = started(stack, desk)
        desk.retry(number)
        until(lambda: desk.proved(number), 30, lambda: desk.states(number))
        assert running.stop() == 0
    desk.finish(number)
    assert still_held(desk.sandboxes, [person]) == []
    assert set(erased(desk.sandboxes).values()) == {1}


def test_a_stream_of_http_500_stops_nobody_and_is_never_given_up(desk: Office) -> None:
    (person,) = in_step(desk, 1)
    desk.sandboxes.control(MAILER, "faults", "POST", {"kind": "500"})
    with ExitStack() as stack:
        running = started(stack, desk)
        number = desk.erase(person)
        until(lambda: desk.state(number, CRM) == "verified", 30, lambda: desk.states(number))
        until(
            lambda: desk.tasks(number)[MAILER, "records"].tries >= 3,
            120,
            lambda: desk.states(number),
        )
        told = running.until(lambda line: line["event"] == "rights task needs attention")
        assert (told["system"], told["request"]) == (MAILER, number)
        assert desk.row(number).state == "attention"
        assert desk.state(number, "hub") == "pending"
        pauses = [desk.pause(number, MAILER)]
        for _ in range(3):  # hours pass
            tries = desk.tasks(number)[MAILER, "records"].tries
            desk.hurry(number, MAILER)
            until(at_least(tries + 1, lambda: desk.tasks(number)[MAILER, "records"].tries), 60)
            pauses.append(desk.pause(number, MAILER))
        assert pauses == sorted(pauses)
        assert pauses[-1] > 600
        assert desk.tasks(number)[MAILER, "records"].waiting
        desk.sandboxes.control(MAILER, "faults", "DELETE")
        desk.hurry(number, MAILER)  # nobody asks: its next try is the one that succeeds
        until(lambda: desk.proved(number), 60, lambda: desk.states(number))
        assert running.stop() == 0
        assert person not in said([running])
    desk.finish(number)
    assert set(erased(desk.sandboxes).values()) == {1}


def test_killed_workers_are_replaced_and_nothing_is_done_twice(desk: Office) -> None:
    people = in_step(desk, 40)
    slow = {"kind": "latency", "value": 0.15}
    for system in (CRM, MAILER):
        desk.sandboxes.control(system, "faults", "POST", slow)
    numbers = [desk.erase(one) for one in people]
    waited: list[float] = []
    for _ in range(3):
        with ExitStack() as stack:
            workers = several(stack, desk, 2)
            goal = min(sum(erased(desk.sandboxes).values()) + 4, 2 * len(people))
            until(at_least(goal, lambda: sum(erased(desk.sandboxes).values())), 60)
            for one in workers:
                one.stop(signal.SIGKILL)
        for number, person in zip(numbers, people, strict=True):
            for system in (CRM, MAILER):
                if desk.state(number, system) == "verified":
                    assert not held_by(desk, system, person), "a completion that is not true"
        if all(desk.proved(one) for one in numbers):
            break  # a machine so quick that nothing is left to recover
        epochs = claims(desk, numbers)
        with ExitStack() as stack:
            began = time.monotonic()
            replacement = stack.enter_context(daemon(desk.config, desk.sandboxes.environ({})))
            until(at_least(epochs + 1, lambda: claims(desk, numbers)), 30)
            waited.append(time.monotonic() - began)
            replacement.stop(signal.SIGKILL)
    print(f"at work again after {', '.join(f'{one:.1f}' for one in waited)} s")
    assert waited
    assert max(waited) < 10
    with ExitStack() as stack:
        workers = several(stack, desk, 2)
        until(
            lambda: all(desk.proved(one) for one in numbers),
            120,
            lambda: [desk.states(one) for one in numbers if not desk.proved(one)][:5],
        )
        assert [one.stop() for one in workers] == [0, 0]
    assert still_held(desk.sandboxes, people) == []
    for number in numbers:
        desk.finish(number)
    counted = erased(desk.sandboxes)
    assert len(counted) == 2 * len(people)
    assert set(counted.values()) == {1}


def test_a_hundred_at_once_with_several_workers(desk: Office) -> None:
    people = in_step(desk, 100)
    with ExitStack() as stack:
        workers = several(stack, desk, 3)
        began = time.monotonic()
        numbers = [desk.erase(one) for one in people]
        until(
            lambda: all(desk.proved(one) for one in numbers),
            180,
            lambda: [desk.states(one) for one in numbers if not desk.proved(one)][:5],
        )
        took = time.monotonic() - began
        assert [one.stop() for one in workers] == [0, 0, 0]
        assert "@" not in said(workers)
    print(f"100 requests with three workers: {took:.1f} s")
    for number in numbers:
        desk.finish(number)
        assert desk.receipt(number, CRM).records
        assert desk.receipt(number, MAILER).records
    assert still_held(desk.sandboxes, people) == []
    counted = erased(desk.sandboxes)
    assert len(counted) == 2 * len(people)
    assert set(counted.values()) == {1}


def claims(desk: Office, numbers: list[int]) -> int:
    """How many attempts were begun, of all tasks."""
    return sum(task.epoch for one in numbers for task in desk.tasks(one).values())


def held_by(desk: Office, system: str, person: str) -> bool:
    state = desk.sandboxes.control(system, "state")
    if system == CRM:
        return any(one["properties"].get("email") == person for one in state["contacts"].values())
    members = state["lists"]["crowst-uutiset"]["members"]
    return any(one["email_address"] == person for one in members)
