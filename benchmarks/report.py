"""Figures and the table of README.md."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measuring import Stage

README = Path(__file__).with_name("README.md")
SYNC, ERASURES = "table", "rights"
"""Which of the README's tables."""


@dataclass(frozen=True)
class Figures:
    """What is told of one size."""

    people: int
    first: float  # contacts a second
    first_floor: float
    first_cpu: float  # microseconds a contact
    first_cpu_floor: float
    settling: float  # seconds
    again: float
    again_floor: float
    again_cpu: float
    again_cpu_floor: float
    again_mailer: float  # members a second
    unchanged_writes: int
    changed: float  # seconds
    changed_share: float  # of the first sync's time
    first_calls: float  # a contact
    changed_calls: float  # a changed contact
    withdrawal_mailchimp: float  # seconds
    withdrawal_hubspot: float
    daemon_mailchimp: tuple[float, float]  # seconds: median, worst
    daemon_hubspot: tuple[float, float]
    peak: float  # MiB
    peak_first: float
    peak_floor: float
    five_first: float  # of five systems: records a second
    five_first_cpu: float  # microseconds a record
    five_settling: float  # seconds
    five_again: float
    five_again_cpu: float
    five_again_writes: int
    five_changed: float  # seconds
    five_withdrawals: tuple[float, float]  # Mailchimp's, HubSpot's, seconds
    five_peak: float  # MiB

    @property
    def first_ratio(self) -> float:
        """To the floor."""
        return self.first / self.first_floor

    @property
    def again_ratio(self) -> float:
        """To the floor."""
        return self.again / self.again_floor


def figures(
    people: int, floor: Mapping[str, Stage], hub: Mapping[str, Stage], five: Mapping[str, Stage]
) -> Figures:
    """The figures of one size."""
    quiet = ("settling", "again", "again-mailer")
    return Figures(
        people=people,
        first=hub["first"].rate,
        first_floor=floor["first"].rate,
        first_cpu=hub["first"].cpu_us,
        first_cpu_floor=floor["first"].cpu_us,
        settling=hub["settling"].seconds,
        again=hub["again"].rate,
        again_floor=floor["again"].rate,
        again_cpu=hub["again"].cpu_us,
        again_cpu_floor=floor["again"].cpu_us,
        again_mailer=hub["again-mailer"].rate,
        unchanged_writes=sum(hub[name].facts["writes"] for name in quiet),
        changed=hub["changed"].seconds,
        changed_share=hub["changed"].seconds / hub["first"].seconds,
        first_calls=hub["first"].made_calls / people,
        changed_calls=hub["changed"].made_calls / hub["changed"].contacts,
        withdrawal_mailchimp=hub["withdrawal-mailchimp"].seconds,
        withdrawal_hubspot=hub["withdrawal-hubspot"].seconds,
        daemon_mailchimp=_waits(hub["daemon-mailchimp"]),
        daemon_hubspot=_waits(hub["daemon-hubspot"]),
        peak=max(stage.peak_mib for stage in hub.values()),
        peak_first=hub["first"].peak_mib,
        peak_floor=floor["again"].peak_mib,
        five_first=five["five-first"].rate,
        five_first_cpu=five["five-first"].cpu_us,
        five_settling=five["five-settling"].seconds,
        five_again=five["five-again"].rate,
        five_again_cpu=five["five-again"].cpu_us,
        five_again_writes=five["five-again"].facts["writes"],
        five_changed=five["five-changed"].seconds,
        five_withdrawals=(
            five["five-withdrawal-mailchimp"].seconds,
            five["five-withdrawal-hubspot"].seconds,
        ),
        five_peak=max(stage.peak_mib for stage in five.values()),
    )


def _waits(stage: Stage) -> tuple[float, float]:
    return stage.seconds, stage.facts["worst"]


ROWS: Sequence[tuple[str, str, Callable[[Figures], str]]] = (
    ("First sync, contacts a second", "≥ 5,000", lambda f: f"{f.first:,.0f}"),
    ("… of the floor", "≥ 0.25", lambda f: f"{f.first_ratio:.2f} of {f.first_floor:,.0f}"),
    (
        "… processor time a contact, µs (floor)",
        "",
        lambda f: f"{f.first_cpu:.0f} ({f.first_cpu_floor:.0f})",
    ),
    ("… calls a contact", "", lambda f: f"{f.first_calls:.3f}"),
    ("… then reading back what was made, seconds", "", lambda f: f"{f.settling:.2f}"),
    ("Unchanged re-read of the CRM, contacts a second", "≥ 20,000", lambda f: f"{f.again:,.0f}"),
    ("… of the floor", "", lambda f: f"{f.again_ratio:.2f} of {f.again_floor:,.0f}"),
    (
        "… processor time a contact, µs (floor)",
        "",
        lambda f: f"{f.again_cpu:.0f} ({f.again_cpu_floor:.0f})",
    ),
    ("Unchanged re-read of the mailer, a second", "≥ 20,000", lambda f: f"{f.again_mailer:,.0f}"),
    ("… writes at the vendors in all of these", "0", lambda f: str(f.unchanged_writes)),
    ("1 % changed, seconds", "", lambda f: f"{f.changed:.2f}"),
    ("… of the first sync's time", "< 5 %", lambda f: f"{f.changed_share:.1%}"),
    ("… calls a changed contact", "", lambda f: f"{f.changed_calls:.2f}"),
    (
        "Withdrawal in Mailchimp until HubSpot is told, seconds of work",
        "",
        lambda f: f"{f.withdrawal_mailchimp:.2f}",
    ),
    (
        "Withdrawal in HubSpot until Mailchimp is told, seconds of work",
        "",
        lambda f: f"{f.withdrawal_hubspot:.2f}",
    ),
    (
        "… the same through the daemon, every 5 s: Mailchimp's, median (worst)",
        "",
        lambda f: f"{f.daemon_mailchimp[0]:.1f} ({f.daemon_mailchimp[1]:.1f})",
    ),
    (
        "… HubSpot's, median (worst)",
        "",
        lambda f: f"{f.daemon_hubspot[0]:.1f} ({f.daemon_hubspot[1]:.1f})",
    ),
    (
        "Peak memory after the first sync / at the end, MiB",
        "flat",
        lambda f: f"{f.peak_first:.0f} / {f.peak:.0f}",
    ),
    ("… of the floor", "", lambda f: f"{f.peak_floor:.0f}"),
    ("**Five systems**: first sync, records a second", "", lambda f: f"{f.five_first:,.0f}"),
    ("… processor time a record, µs", "", lambda f: f"{f.five_first_cpu:.0f}"),
    (
        "… then writing back who came, and coming to rest, seconds",
        "",
        lambda f: f"{f.five_settling:.2f}",
    ),
    (
        "… unchanged re-read of all five, records a second (writes)",
        "≥ 20,000 (0)",
        lambda f: f"{f.five_again:,.0f} ({f.five_again_writes})",
    ),
    ("… processor time a record, µs", "", lambda f: f"{f.five_again_cpu:.0f}"),
    ("… 1 % changed, seconds", "", lambda f: f"{f.five_changed:.2f}"),
    (
        "… withdrawal in Mailchimp / in HubSpot until the other is told, seconds of work",
        "",
        lambda f: " / ".join(f"{one:.2f}" for one in f.five_withdrawals),
    ),
    ("… peak memory, MiB", "", lambda f: f"{f.five_peak:.0f}"),
)


@dataclass(frozen=True)
class Rights:
    """What is told of erasures on one kind of database."""

    database: str
    single: float  # seconds from approval to the last proof, median
    worst: float
    calls: float  # to the tools, a request
    rate: float  # requests a second, many at once
    many_calls: float  # to the tools, a request
    cpu: float  # milliseconds of processor time a request, of both workers
    many: int


def rights(database: str, run: Mapping[str, Stage]) -> Rights:
    """The figures of one kind of database."""
    single, many = run["rights-single"], run["rights-at-once"]
    return Rights(
        database=database,
        single=single.seconds,
        worst=single.facts["worst"],
        calls=single.facts["calls"],
        rate=many.rate,
        many_calls=many.facts["calls"],
        cpu=many.cpu_us / 1000,
        many=many.contacts,
    )


RIGHTS: Sequence[tuple[str, str, Callable[[Rights], str]]] = (
    (
        "One erasure over five tools, from approval to the last proof, seconds (worst)",
        "≤ 1",
        lambda f: f"{f.single:.2f} ({f.worst:.2f})",
    ),
    ("… calls to the tools, 20 ms each", "", lambda f: f"{f.calls:.0f}"),
    ("100 erasures at once, two workers, requests a second", "≥ 15", lambda f: f"{f.rate:.1f}"),
    ("… calls to the tools a request", "", lambda f: f"{f.many_calls:.0f}"),
    ("… processor time a request, both workers, ms", "", lambda f: f"{f.cpu:.0f}"),
)


def rights_table(found: Sequence[Rights]) -> str:
    """The table of the rights stage, in Markdown."""
    heads = ["", "Aim", *(one.database for one in found)]
    lines = [_line(heads), _line(["---", "---", *("--:" for _ in found)])]
    lines += [_line([name, aim, *(show(one) for one in found)]) for name, aim, show in RIGHTS]
    return "\n".join(lines)


def table(found: Sequence[Figures]) -> str:
    """The table, in Markdown."""
    heads = ["", "Aim", *(f"{one.people:,} people" for one in found)]
    lines = [_line(heads), _line(["---", "---", *("--:" for _ in found)])]
    lines += [_line([name, aim, *(show(one) for one in found)]) for name, aim, show in ROWS]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def machine() -> str:
    """What was measured on, and when."""
    return (
        f"{datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores, {_processor()}, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, load before {os.getloadavg()[0]:.1f}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    named = {key.strip(): value.strip() for key, value in facts.items()}
    model = f" (model {named['model']})" if named.get("model") else ""
    return named.get("model name", "unknown processor") + model


def into_readme(made: str, which: str = SYNC) -> None:
    """Put text between the marks of one of README.md's tables."""
    begin, end = f"<!-- {which}: begin -->", f"<!-- {which}: end -->"
    text = README.read_text()
    before, rest = text.split(begin, 1)
    _, after = rest.split(end, 1)
    README.write_text(f"{before}{begin}\n\n{made}\n\n{end}{after}")
