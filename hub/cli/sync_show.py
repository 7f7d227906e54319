"""What `hub sync` shows: how runs ended, and what a dry run foresees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rich.text import Text

from hub.cli.base import Code
from hub.cli.show import (
    cells,
    counts,
    err,
    hint,
    out,
    print_json,
    problem,
    state_style,
    table,
    took,
)
from hub.sync.dryrun import Forecast
from hub.sync.run import Report


@dataclass(slots=True)
class Told:
    """What the runs of one system came to, together."""

    system: str
    state: str = "done"
    reason: str = ""
    mend: str = ""
    runs: int = 0
    seconds: float = 0.0
    read: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)

    def add(self, report: Report, seconds: float) -> None:
        """Take one more run in."""
        self.state, self.reason, self.mend = report.state, report.reason, report.mend
        self.runs += 1
        self.seconds += seconds
        self.read += report.read
        self.sent += report.sent


def verdict(told: Iterable[Told], *, quiet: bool) -> Code:
    """The exit code that the systems' outcomes call for."""
    states = {one.state for one in told}
    if "failed" in states:
        return Code.FAILED
    if "stopped" in states:
        return Code.DECIDE
    return Code.OK if quiet else Code.UNSETTLED


def print_reports(told: Sequence[Told], *, quiet: bool, json: bool) -> None:
    """Show what the systems came to."""
    if json:
        print_json({"quiet": quiet, "systems": told})
        return
    console = out()
    shown = table("", "system", "state", "read", "written", "took", numbers=("took",))
    for one in told:
        read = Counter(one.read)
        records = read.pop("records", 0)
        changes = learnt(read)
        shown.add_row(
            *cells(one.system),
            state_style(one.state),
            *cells(
                f"{records:,} records".replace(",", " ") + (f": {changes}" if changes else ""),
                counts({_SENT.get(n, n): v for n, v in _together(one.sent).items()}),
                took(one.seconds),
            ),
        )
    console.print(shown)
    for one in told:
        if one.reason:
            problem(f"{one.system}: {one.reason.removeprefix(one.system + ': ')}", one.mend)
    if all(one.state == "done" for one in told):
        console.print(
            "[green]Everything is in step.[/]" if quiet else "More is left to do: run it again."
        )


_SENT = {"done": "written", "put-back": "to be tried again", "not-sent": "found needless"}


def _together(sent: Counter[str]) -> Counter[str]:
    """Sent outcomes with the reasons of what was not sent put together."""
    made: Counter[str] = Counter()
    for name, n in sent.items():
        made["not-sent" if name.startswith("not-sent") else name] += n
    return made


def print_forecast(found: Sequence[Forecast], names: Sequence[str]) -> None:
    """Show what a sync of the systems `names` would do."""
    console = out()
    console.print("[bold]Dry run[/]: nothing was written, neither in a system nor in the hub.\n")
    shown = table(
        "What a sync would do",
        *("system", "read", "make", "change", "fields changed", "subscribe", "refuse"),
        numbers=("read", "make", "change"),
    )
    for one in found:
        name = one.system if one.system in names else f"{one.system} (its own next run)"
        shown.add_row(
            *cells(
                name,
                f"{one.read['records']:,}".replace(",", " "),
                one.creates or "–",
                one.updates or "–",
                counts(dict(one.fields.most_common())),
                counts(one.subscribes),
                counts(one.refuses),
            )
        )
    console.print(shown)
    for one in found:
        news = learnt(one.read)
        if news:
            console.print(Text.assemble((f"{one.system} says: ", "bold"), news))
        if one.gone:
            line = f"{one.gone} records were not met; each would be asked for before it counts"
            console.print(Text.assemble((f"{one.system}: ", "bold"), line))
    _print_blocked(found)
    if not any(one.writes or one.trouble for one in found):
        console.print("\n[green]Everything is in step: nothing would be written.[/]")
    for one in found:
        if one.stops:
            err().print(Text.assemble((f"{one.system} would stop: ", "yellow"), one.stops))
        if one.trouble:
            problem(one.trouble, one.mend)


_LEARNT = {
    "new-person": ("new person", "new persons"),
    "changed": ("changed record", "changed records"),
    "consent": ("consent", "consents"),
    "withdrawal": ("withdrawal", "withdrawals"),
    "objection": ("objection", "objections"),
    "ground": ("other ground", "other grounds"),
    "ground-ended": ("ground ended", "grounds ended"),
    "joined": ("joined a project", "joined a project"),
    "left": ("left a project", "left a project"),
    "crossed-person": ("person through a joint project", "persons through a joint project"),
    "merged-records": ("record merged there", "records merged there"),
    "gone": ("record deleted there", "records deleted there"),
    "activity": ("activity", "activities"),
    "activity-waiting": ("activity without a person yet", "activities without a person yet"),
    "activity-lapsed": (
        "activity deleted with its permission",
        "activities deleted with their permission",
    ),
    "activity-not-permitted": (
        "activity not collected for want of a permission",
        "activities not collected for want of a permission",
    ),
    "ended": (
        "record of which only refusals count, for its project is not live",
        "records of which only refusals count, for their project is not live",
    ),
    "review": ("question for you", "questions for you"),
    "quarantined": ("row that cannot land", "rows that cannot land"),
    "still-quarantined": ("row still in quarantine", "rows still in quarantine"),
}


def learnt(read: Mapping[str, int]) -> str:
    """What reading a system brought, in words; "" where it brought nothing."""
    found = [
        f"{n:,} {one if n == 1 else many}".replace(",", " ")
        for name, (one, many) in _LEARNT.items()
        if (n := read.get(name, 0))
    ]
    return ", ".join(found)


def _print_blocked(found: Sequence[Forecast]) -> None:
    if not any(one.blocked for one in found):
        return
    console = out()
    console.print()
    shown = table(
        "What the gate holds back",
        *("system", "what", "rule", "persons", "for example", "why"),
        numbers=("persons",),
    )
    for one in found:
        for index, held in enumerate(one.blocked):
            shown.add_row(
                *cells(
                    "" if index else one.system,
                    held.what,
                    held.rule,
                    held.persons,
                    held.examples,
                    held.reason,
                )
            )
    console.print(shown)
    hint("Persons are named by the hub's ids. `hub explain --email …` tells the whole reasoning.")
