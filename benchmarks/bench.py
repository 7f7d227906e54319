"""Measures the hub against the floor and writes the table: `python -m benchmarks.bench`.

--sizes 10000 100000   how many people; those up to 20,000 are run three times, and the median
                       of each figure counts
--only sync | rights   one of the two stages: reading and writing, or erasures
--json FILE            all figures of all runs
--readme               put the table into benchmarks/README.md
--profile FILE         no table: profiles of the hub's stages, FILE.<stage>.txt
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson

from benchmarks import report, rights_vendor, rights_work
from benchmarks.measuring import Stage
from benchmarks.postgresql import postgresql
from benchmarks.vendor import Vendor, running

ROOT = Path(__file__).parents[1]
SMALL = 20_000
TIMES = 3
LATENCY = 0.02
"""Seconds by which the tools hold back each answer, in the stage of erasures."""

Run = dict[str, Stage]
"""The stages of one run of one program, by name."""


def main() -> int:
    """Measure what was asked for; 0 where no stage that should be quiet wrote anything."""
    parser = argparse.ArgumentParser(description="Measure the hub against a bare floor program.")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--only", choices=["sync", "rights"], help="one of the two stages")
    parser.add_argument("--json", type=Path, help="write all figures of all runs to a file")
    parser.add_argument("--readme", action="store_true", help="put the table into the README")
    parser.add_argument("--profile", type=Path, help="profile the hub instead, into FILE.*.txt")
    given = parser.parse_args()
    if given.profile:
        for size in given.sizes:
            for module in ("hub_work", "five_work"):
                with running(size, five=module == "five_work") as vendor:
                    _run(module, vendor, size, "--profile", str(given.profile.resolve()))
        return 0
    if given.only == "rights":
        return _rights(readme=given.readme)
    machine = report.machine()  # before: the load of others, not ours
    floors: dict[int, list[Run]] = {}
    hubs: dict[int, list[Run]] = {}
    fives: dict[int, list[Run]] = {}
    for size in given.sizes:
        for turn in range(TIMES if size <= SMALL else 1):
            _say(f"{size} people, run {turn + 1}: floor")
            with running(size) as vendor:
                floors.setdefault(size, []).append(_run("floor", vendor, size))
            _say(f"{size} people, run {turn + 1}: hub")
            with running(size) as vendor:
                hubs.setdefault(size, []).append(_run("hub_work", vendor, size))
            _say(f"{size} people, run {turn + 1}: hub over five systems")
            with running(size, five=True) as vendor:
                fives.setdefault(size, []).append(_run("five_work", vendor, size))
    if given.json:
        runs = {"machine": machine, "floor": floors, "hub": hubs, "five": fives}
        given.json.write_bytes(
            orjson.dumps(runs, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)
        )
    figures = [
        report.figures(size, _middle(floors[size]), _middle(hubs[size]), _middle(fives[size]))
        for size in floors
    ]
    table = report.table(figures)
    print(f"\n{machine}\n\n{table}")
    if given.readme:
        report.into_readme(f"{machine}.\n\n{table}")
    if given.only != "sync":
        _rights(readme=given.readme)
    return 1 if any(one.unchanged_writes or one.five_again_writes for one in figures) else 0


def _rights(*, readme: bool) -> int:
    """Measure erasures, on SQLite and on PostgreSQL."""
    machine = report.machine()
    found = []
    for name, address in (("SQLite", _sqlite), ("PostgreSQL", postgresql)):
        _say(f"erasures on {name}")
        with (
            rights_vendor.running(rights_work.PEOPLE, LATENCY) as tools,
            tempfile.TemporaryDirectory(prefix="hub-bench-") as folder,
            address() as database,
        ):
            urls = orjson.dumps(tools.urls).decode()
            run = _program("rights_work", urls, folder, database)
        found.append(report.rights(name, run))
    table = report.rights_table(found)
    print(f"\n{machine}\n\n{table}")
    if readme:
        report.into_readme(f"{machine}.\n\n{table}", report.ERASURES)
    return 0


@contextlib.contextmanager
def _sqlite() -> Iterator[str]:
    yield "sqlite"


def _run(module: str, vendor: Vendor, size: int, *more: str) -> Run:
    """One program, in a fresh process and a fresh folder, over fresh vendors."""
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as folder:
        return _program(module, vendor.url, folder, str(size), *more)


def _program(module: str, *arguments: str) -> Run:
    """One program in a fresh process."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT)
    return {one["name"]: Stage(**one) for one in orjson.loads(done.stdout)}


def _middle(runs: list[Run]) -> Run:
    """The run's stages with the median of each figure; calls are those of the first run."""

    def median(name: str, figure: Callable[[Stage], float]) -> float:
        return statistics.median(figure(run[name]) for run in runs)

    return {
        name: Stage(
            name,
            seconds=median(name, lambda stage: stage.seconds),
            cpu=median(name, lambda stage: stage.cpu),
            contacts=stage.contacts,
            calls=stage.calls,
            peak_mib=median(name, lambda stage: stage.peak_mib),
            facts=stage.facts,
        )
        for name, stage in runs[0].items()
    }


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
