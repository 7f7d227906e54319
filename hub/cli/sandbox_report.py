"""What `hub sandbox --once` tells."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from rich.text import Text

from hub.cli.sandbox_rights import Story
from hub.cli.show import cells, counts, number, out, table, took
from hub.delivery.deployment import Deployment
from hub.domain.landscape import ABSENT, ATTENDED
from hub.store import overview
from hub.store.deliveries import Lane, State
from hub.sync.survey import Survey, survey
from hub.vault.database import Connection

_RULES = 12  # rows of what the gate holds back


@dataclass(frozen=True, slots=True)
class Phase:
    """One step and how long it took."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Shared:
    """What one company has of one webinar of a joint system."""

    system: str
    webinar: str
    controller: str
    registered: int
    aside: int  # cancelled, or denied
    came: int
    stayed_away: int
    activities: int


@dataclass(slots=True)
class Once:
    """What one run over a fresh sandbox world came to."""

    people: int
    seed: int
    converged: bool = False
    rounds: int = 0
    failed: list[str] = field(default_factory=list)
    second_writes: int = 0
    """Calls that could change something, received by the tools during the second sync."""
    phases: list[Phase] = field(default_factory=list)
    read: Counter[str] = field(default_factory=Counter)
    calls: dict[str, int] = field(default_factory=dict)
    writes: dict[str, int] = field(default_factory=dict)
    survey: Survey = field(default_factory=Survey)
    records: dict[tuple[str, str, str], dict[str, int]] = field(default_factory=dict)
    reviews: dict[str, int] = field(default_factory=dict)
    aside: dict[str, int] = field(default_factory=dict)
    settled: dict[str, dict[tuple[int, str], int]] = field(default_factory=dict)
    rights: list[Story] = field(default_factory=list)
    shared: list[Shared] = field(default_factory=list)
    activities: dict[str, int] = field(default_factory=dict)  # collected, by system

    def phase(self, name: str, started: float) -> None:
        """Note a step that began at `started` and ends now (time.monotonic)."""
        self.phases.append(Phase(name, time.monotonic() - started))


def count(connection: Connection, deployment: Deployment, found: Once) -> None:
    """What is in the hub's store."""
    found.survey = survey(connection, deployment)
    found.records = overview.records(connection)
    found.reviews = overview.open_reviews(connection)
    found.aside = overview.set_aside(connection)
    found.settled = overview.settled(connection)
    collected = overview.collected(connection)
    for (name, _, _), n in collected.items():
        found.activities[name] = found.activities.get(name, 0) + n
    observed = overview.observed(connection)
    for system in deployment.landscape.systems.values():
        for stream in system.streams if system.joint else ():
            for scope in stream.scopes:
                for controller in system.controllers:
                    states = observed.get((system.id, scope, controller), {})
                    came = {one.kind: one.added(scope) for one in stream.activities}
                    attendance = found.survey.attendance
                    found.shared.append(
                        Shared(
                            system.id,
                            scope,
                            controller,
                            registered=states.get("live", 0),
                            aside=states.get("archived", 0),
                            came=attendance[controller, came.get(ATTENDED, "")],
                            stayed_away=attendance[controller, came.get(ABSENT, "")],
                            activities=collected.get((system.id, scope, controller), 0),
                        )
                    )


def print_once(found: Once) -> None:
    """Show the report."""
    console = out()
    console.rule(Text("Sandbox report", style="bold"), align="left")
    known = ", ".join(f"{number(n)} of {name}" for name, n in sorted(found.survey.people.items()))
    console.print(
        f"{number(found.people)} invented people (seed {found.seed}); persons known: {known}."
    )
    _systems(found)
    _webinars(found)
    _permissions(found.survey)
    _crossings(found.survey)
    _blocked(found.survey)
    console.print()
    console.print(f"[bold]Left to a person[/]: {counts(_named(found.reviews))}")
    console.print(f"[bold]In quarantine[/]: {counts(found.aside)}")
    console.print()
    shown = table("Time", "phase", "took", numbers=("took",))
    for phase in found.phases:
        shown.add_row(*cells(phase.name, took(phase.seconds)))
    shown.add_row(*cells("altogether", took(sum(one.seconds for one in found.phases))))
    console.print(shown)
    console.print()
    for name in found.failed:
        console.print(Text(f"✗ {name} failed; see `hub sandbox --once --verbose`", style="red"))
    if found.converged:
        console.print(f"[green]✓ Converged[/] after {found.rounds} rounds, the last of them quiet.")
    else:
        console.print(f"[red]✗ Not converged[/] after {found.rounds} rounds.")
    if found.second_writes == 0:
        console.print(
            "[green]✓ A second sync wrote nothing[/]: of its calls not one could change anything, "
            "by the tools' own journals."
        )
    else:
        console.print(f"[red]✗ A second sync made {found.second_writes} calls that write.[/]")


def _named(reviews: dict[str, int]) -> dict[str, int]:
    words = {
        "identity": "whose record is this",
        "conflict": "whose value is right",
        "storm": "may so much change",
        "deletes": "may so much be deleted",
        "returned": "may an erased person come back",
    }
    return {words.get(kind, kind): n for kind, n in reviews.items()}


def _systems(found: Once) -> None:
    shown = table(
        "Systems",
        *("system", "place", "live", "other", "written", "refusals", "calls", "of them writing"),
        numbers=("live", "other", "written", "refusals", "calls", "of them writing"),
    )
    last = ""
    for (system, stream, scope), states in sorted(found.records.items()):
        first = system != last
        last = system
        done = found.settled.get(system, {})
        written = sum(n for (_, state), n in done.items() if state == State.DONE.value)
        refusals = done.get((int(Lane.REFUSAL), State.DONE.value), 0)
        shown.add_row(
            *cells(
                system if first else "",
                scope or stream,
                number(states.get("live", 0)),
                number(sum(n for state, n in states.items() if state != "live")),
                number(written) if first else "",
                number(refusals) if first else "",
                number(found.calls.get(system, 0)) if first else "",
                number(found.writes.get(system, 0)) if first else "",
            )
        )
    out().print()
    out().print(shown)


def _webinars(found: Once) -> None:
    """Each company has its own view of each registration, and its own members by it."""
    if not found.shared:
        return
    shown = table(
        "The joint webinars",
        *("webinar", "company", "registered", "put aside", "came", "stayed away", "activities"),
        numbers=("registered", "put aside", "came", "stayed away", "activities"),
    )
    last = ""
    for one in found.shared:
        figures = (one.registered, one.aside, one.came, one.stayed_away, one.activities)
        shown.add_row(
            *cells(one.webinar if one.webinar != last else "", one.controller),
            *cells(*map(number, figures)),
        )
        last = one.webinar
    out().print()
    out().print(shown)
    elsewhere = {
        name: n
        for name, n in sorted(found.activities.items())
        if name not in {one.system for one in found.shared}
    }
    out().print(f"Activities of the other tools: {counts(elsewhere)}.")


def _permissions(survey: Survey) -> None:
    shown = table(
        "May they be mailed?",
        *("controller", "purpose", "yes", "on what ground", "no", "because"),
        numbers=("yes", "no"),
    )
    for (controller, purpose), allowed in sorted(survey.allowed.items()):
        rules = {
            rule: n
            for (c, p, rule), n in survey.permissions.items()
            if (c, p) == (controller, purpose)
        }
        no = {rule: n for rule, n in rules.items() if rule in ("prohibited", "no-ground")}
        yes = {rule: n for rule, n in rules.items() if rule not in no}
        shown.add_row(
            *cells(
                controller,
                purpose,
                number(allowed),
                counts(yes),
                number(sum(no.values())),
                counts(no),
            )
        )
    out().print()
    out().print(shown)


def _crossings(survey: Survey) -> None:
    shown = table(
        "Across the companies, through the live joint project only",
        *("from", "to", "persons", "values"),
        numbers=("persons", "values"),
    )
    for (giver, receiver), n in sorted(survey.crossed.items()):
        values = survey.crossed_values[giver, receiver]
        shown.add_row(*cells(giver, receiver, number(n), number(values)))
    out().print()
    out().print(shown)
    out().print(
        f"{number(survey.notices)} persons are to be told where their data came from (Art. 14)."
    )


def _blocked(survey: Survey) -> None:
    rows = survey.blocked.most_common()
    if not rows:
        return
    shown = table(
        "What the gate held back", "system", "rule", "of", "persons", numbers=("persons",)
    )
    for (system, rule, what), n in rows[:_RULES]:
        shown.add_row(*cells(system, rule, what, number(n)))
    if len(rows) > _RULES:
        rest = sum(n for _, n in rows[_RULES:])
        shown.add_row(*cells("…", f"{len(rows) - _RULES} more", "", number(rest)))
    out().print()
    out().print(shown)
