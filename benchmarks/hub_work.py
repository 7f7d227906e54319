"""The hub's share of the benchmark, in a process of its own so that its memory is its own.

`python -m benchmarks.hub_work URL FOLDER COUNT [--profile FILE]` prints its stages as JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson

from benchmarks.measuring import Stage, measured, peak_mib
from benchmarks.opening import opened
from benchmarks.sampling import Sampler
from benchmarks.vendor import Vendor
from hub import log
from hub.daemon import Daemon
from hub.opening import Hub
from hub.sync.run import Report, run_system, until_quiet

CHANGED = 0.01
WITHDRAWALS = 5
WAYS = (("mailchimp", "hubspot"), ("hubspot", "mailchimp"))
"""Where somebody says no, and who is to be told."""

OVERTAKEN = ("not-sent:superseded", "not-sent:nothing-left")
"""What was planned, and by the time of sending was there already: nothing is lost by it."""

PATIENCE = 120.0
GRACE = 30.0
"""Seconds that the daemon gets: to pass a refusal on, and to stop."""

WRITES = (
    "batch create",
    "batch update",
    "batch upsert",
    "write",
    "unsubscribe-all",
    "patch",
    "post",
)


def is_write(kind: str) -> bool:
    """Whether calls of that kind (`vendor_*.py`) change something at the vendor."""
    return kind.endswith((*WRITES, "members: create"))


class Work:
    """The stages, in their order, over one vendor and one hub."""

    def __init__(self, vendor: Vendor, hub: Hub, count: int, profile: Path | None) -> None:
        self._vendor = vendor
        self._hub = hub
        self._count = count
        self._profile = profile
        self._withdrawn = 0
        self.stages: list[Stage] = []

    def all(self) -> None:
        """Everything once."""
        self._vendor.calls()
        with self._stage("first", self._count):
            self._run("crm")
            self._run("mailer")
        with self._stage("settling", self._count):
            # the members made are read back once, and found to be as they were written
            self._quiet()
        with self._stage("again", self._count) as stage:
            self._run("crm", full=True)
        members = self._vendor.ask("members")
        with self._stage("again-mailer", members):
            self._run("mailer", full=True)
        self._vendor.ask("later")
        self._quiet()
        changed = self._vendor.ask("edit", share=CHANGED)
        self._vendor.calls()
        with self._stage("changed", changed) as stage:
            self._run("crm")
            self._run("mailer")
        stage.facts["members"] = members
        self._quiet()
        self._vendor.calls()
        for at, by in WAYS:
            self._withdrawals(f"withdrawal-{at}", at, by, self._around(at))
        daemon = Daemon(self._hub)
        daemon.start()
        try:
            for at, by in WAYS:
                self._withdrawals(f"daemon-{at}", at, by, self._until_told)
        finally:
            daemon.stop(GRACE)

    @contextlib.contextmanager
    def _stage(self, name: str, contacts: int) -> Iterator[Stage]:
        with self._profiled(name, contacts), measured(name, contacts) as stage:
            yield stage
        stage.calls = self._vendor.calls()
        stage.facts["writes"] = sum(
            n for kinds in stage.calls.values() for kind, n in kinds.items() if is_write(kind)
        )
        self.stages.append(stage)

    @contextlib.contextmanager
    def _profiled(self, name: str, contacts: int) -> Iterator[None]:
        if self._profile is None:
            yield
            return
        with Sampler(contacts) as sampler:
            yield
        self._profile.with_name(f"{self._profile.name}.{name}.txt").write_text(sampler.report())

    def _run(self, system: str, *, full: bool = False) -> Report:
        report = run_system(self._hub.deployment, self._hub.systems[system], "benchmark", full=full)
        return _checked(report)

    def _quiet(self) -> None:
        quiet, reports = until_quiet(self._hub.deployment, "benchmark")
        for report in reports:
            _checked(report)
        assert quiet, "the hub does not come to rest"

    def _withdrawals(
        self, name: str, at: str, by: str, wait: Callable[[str, str], float | None]
    ) -> None:
        """One person after another says no at one vendor; until the other is told."""
        waits = []
        for turn in range(WITHDRAWALS):
            said = self._vendor.ask("withdraw", at=at, number=self._withdrawn)
            self._withdrawn += 1
            refused = wait(by, said["email"])
            assert refused is not None, f"{by} was not told of a withdrawal at {at}"
            waits.append(refused - said["at"])
            if name.startswith("daemon"):
                time.sleep(0.7 * turn)  # so that its schedule is met at different moments
        stage = Stage(name, seconds=sorted(waits)[len(waits) // 2], peak_mib=peak_mib())
        stage.facts["worst"] = max(waits)
        stage.calls = self._vendor.calls()
        self.stages.append(stage)

    def _around(self, at: str) -> Callable[[str, str], float | None]:
        """Runs of both systems without pause, the one that changed first."""

        def wait(by: str, email: str) -> float | None:
            for system in ("mailer", "crm") if at == "mailchimp" else ("crm", "mailer"):
                self._run(system)
            return self._told(by, email)

        return wait

    def _until_told(self, by: str, email: str) -> float | None:
        """The daemon does the work."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if (told := self._told(by, email)) is not None:
                return told
            time.sleep(0.05)
        return None

    def _told(self, by: str, email: str) -> float | None:
        found: float | None = self._vendor.ask("refused", by=by, email=email)
        return found


def _checked(report: Report) -> Report:
    if report.state != "done":
        raise RuntimeError(f"{report.system}: {report.state}: {report.reason}")
    lost = Counter(report.sent) - Counter({"done": sum(report.sent.values())})
    for name in OVERTAKEN:
        del lost[name]
    if lost:
        raise RuntimeError(f"{report.system}: not all was delivered: {dict(lost)}")
    return report


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("--profile", type=Path)
    given = parser.parse_args()
    log.setup(pretty=False, level="warning")
    vendor = Vendor(given.url)
    with opened(given.folder, given.url) as hub:
        work = Work(vendor, hub, given.count, given.profile)
        work.all()
    sys.stdout.buffer.write(orjson.dumps([dataclasses.asdict(stage) for stage in work.stages]))


if __name__ == "__main__":
    main()
