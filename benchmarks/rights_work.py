"""The hub's share of the rights stage, in a process of its own.

`python -m benchmarks.rights_work URLS FOLDER DATABASE [--worker]` prints its stages as JSON.
URLS are the tools' addresses as JSON, DATABASE is `sqlite` or the address of a PostgreSQL one.

The real daemon runs in this process, as in `hub run`; requests are opened, identified and approved
by the functions that the admin endpoint calls. For the many at once a second worker stands by:
the same program with `--worker` runs only a daemon.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_bytes

import orjson

from benchmarks.measuring import Stage, measured
from benchmarks.population import people
from benchmarks.rights_vendor import Tools
from hub import log
from hub.daemon import Daemon
from hub.domain.rights import Right
from hub.opening import Hub, now, open_hub
from hub.rights import decide, identity, intake
from hub.rights.identity import How
from hub.settings import load
from hub.store import requests
from hub.sync.run import until_quiet
from hub.vault.database import read_only

CONFIG = Path(__file__).with_name("rights.yaml")
SINGLE = 15
"""Erasures one after the other."""
AT_ONCE = 100
PEOPLE = SINGLE + AT_ONCE
PATIENCE = 300.0
PROVED = ("verified", "not_held")
TASKS = 6
"""Five systems, and the hub's own copy."""


class Work:
    """Requests over one hub."""

    def __init__(self, hub: Hub, daemon: Daemon) -> None:
        self._hub = hub
        self._daemon = daemon

    def planned(self, email: str) -> int:
        """A request for erasure by both companies, up to its approval."""
        deployment = self._hub.deployment
        asked = intake.Asked(Right.ERASURE, ("crowst", "bangeri"), email, now())
        number = intake.open_request(deployment, asked, "token:1").number
        identity.by_handler(deployment, number, How.KNOWN_TO_HANDLER, "called back", "token:1")
        return number

    def approve(self, number: int) -> None:
        """As the admin endpoint does."""
        deployment = self._hub.deployment
        with read_only(deployment.database).connect() as connection:
            request = decide.load(connection, number)
        started = False
        for actor in ("token:1", "token:2"):
            started, systems = decide.approve(deployment, number, request.plan_hash, actor)
            if started:
                self._daemon.serve_requests(systems)
                return
        raise RuntimeError(f"request {number} was not started")

    def until_proved(self, numbers: list[int]) -> None:
        """Wait until every automatic task has its proof."""
        end = time.monotonic() + PATIENCE
        left = list(numbers)
        while left:
            if time.monotonic() > end:
                raise RuntimeError(f"not proved: {self._states(left[0])}")
            with read_only(self._hub.deployment.database).connect() as connection:
                while left and self._proved(
                    [
                        one.state
                        for one in requests.tasks_of(connection, left[-1])
                        if one.part == "records"
                    ]
                ):
                    left.pop()
            time.sleep(0.01 if len(numbers) == 1 else 0.05)

    def _proved(self, states: list[str]) -> bool:
        return len(states) == TASKS and all(one in PROVED for one in states)

    def _states(self, number: int) -> list[str]:
        with read_only(self._hub.deployment.database).connect() as connection:
            return [
                f"{one.system} {one.part} {one.state} {one.reason}"
                for one in requests.tasks_of(connection, number)
            ]


def stages(hub: Hub, tools: Tools, worker: list[str]) -> list[Stage]:
    """One erasure after the other, then many at once."""
    quiet, reports = until_quiet(hub.deployment, "benchmark")
    failed = [f"{one.system}: {one.reason}" for one in reports if one.state != "done"]
    assert quiet and not failed, failed
    addresses = [one.email for one in people(PEOPLE)]
    daemon = Daemon(hub)
    work = Work(hub, daemon)
    daemon.start()
    try:
        _settle(daemon)
        tools.calls()
        waits = []
        for email in addresses[:SINGLE]:
            number = work.planned(email)
            began = time.perf_counter()
            work.approve(number)
            work.until_proved([number])
            waits.append(time.perf_counter() - began)
            time.sleep(0.03 * len(waits))  # so that polls are met at different moments
        single = Stage("rights-single", seconds=sorted(waits)[len(waits) // 2], contacts=1)
        single.facts["worst"] = max(waits)
        made, erased = tools.calls()
        single.facts |= {"calls": made / SINGLE, "erased": erased / SINGLE}
        numbers = [work.planned(email) for email in addresses[SINGLE:]]
        with _second(worker, daemon) as spent:
            with measured("rights-at-once", AT_ONCE) as many:
                for number in numbers:
                    work.approve(number)
                work.until_proved(numbers)
            many.cpu += spent()
        made, erased = tools.calls()
        many.facts = {"calls": made / AT_ONCE, "erased": erased / AT_ONCE}
    finally:
        daemon.stop(30.0)
    assert many.facts["erased"] == single.facts["erased"] == TASKS - 1, "not erased once each"
    return [single, many]


def _settle(daemon: Daemon) -> None:
    """Wait until the daemon has read everything once, as it does when it starts."""
    end = time.monotonic() + PATIENCE
    calm = 0
    while calm < 20 and time.monotonic() < end:
        calm = 0 if daemon.engine.status().running else calm + 1
        time.sleep(0.05)


@contextlib.contextmanager
def _second(command: list[str], daemon: Daemon) -> Iterator[Callable[[], float]]:
    """One more worker, at work when the block begins; what is yielded ends it and answers the
    seconds of processor time that it has spent."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdin is not None
            if process.stdout.readline() != b"at work\n":
                raise RuntimeError("the second worker did not start")
            _settle(daemon)
            process.stdin.write(b"begin\n")
            process.stdin.flush()
            yield lambda: float(process.communicate(b"end\n")[0])
        finally:
            process.kill()


def _work(folder: Path, database: str, tools: Tools) -> None:
    """Only a daemon; tells the processor time between the two lines that it is given."""
    with opened(folder, tools, database) as hub:
        daemon = Daemon(hub)
        daemon.start()
        _settle(daemon)
        print("at work", flush=True)
        sys.stdin.readline()
        began = time.process_time()
        sys.stdin.readline()
        print(time.process_time() - began, flush=True)
        daemon.stop(30.0)


@contextlib.contextmanager
def opened(folder: Path, tools: Tools, database: str) -> Iterator[Hub]:
    """A new hub over the tools."""
    sqlite = database == "sqlite"
    environ = {
        "HUB_HOME": str(folder),
        "HUB_MASTER_KEY": os.environ["HUB_MASTER_KEY"],
        "DATABASE": "sqlite:///hub.db" if sqlite else database,
        "ENGINE": "sqlite:///engine.db" if sqlite else database,
        **{name.upper().replace("-", "_"): url for name, url in tools.urls.items()},
    }
    with open_hub(load(CONFIG, environ), upgrade=True) as hub:
        troubles = hub.open_systems()
        assert not troubles, [str(one) for one in troubles.values()]
        yield hub


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("urls", type=orjson.loads)
    parser.add_argument("folder", type=Path)
    parser.add_argument("database")
    parser.add_argument("--worker", action="store_true")
    given = parser.parse_args()
    log.setup(pretty=False, level="warning")
    if given.worker:
        _work(given.folder, given.database, Tools(given.urls))
        return
    environ = {"HUB_MASTER_KEY": b64encode(token_bytes(32)).decode()}
    os.environ.update(environ)
    command = [sys.executable, "-m", "benchmarks.rights_work", *sys.argv[1:], "--worker"]
    tools = Tools(given.urls)
    with opened(given.folder, tools, given.database) as hub:
        found = stages(hub, tools, command)
    sys.stdout.buffer.write(orjson.dumps([dataclasses.asdict(one) for one in found]))


if __name__ == "__main__":
    main()
