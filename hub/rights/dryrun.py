"""A dry run: what each system holds of the person and what would be done. Nothing is written, in
the hub or anywhere else, but that it was looked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from hub.api import ConnectorError, Locates, Misconfigured
from hub.delivery.deployment import Deployment, Opened
from hub.domain.audit import Event
from hub.domain.plan import Plan, Step
from hub.rights import assess, coordinator, grounds, locating, targets
from hub.rights.decide import load
from hub.rights.grounds import Applicability
from hub.rights.manual import needs_person
from hub.store.subjects import Subject
from hub.vault.database import read_only

Open = Callable[[str], Opened]
"""Opens a configured system by its name. Raises Misconfigured."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one system would have to do."""

    system: str
    part: str
    act: str
    controllers: tuple[str, ...]
    held: int | None = None  # records found; None where it could not be asked
    weak: int = 0  # of them uncertain
    scopes: tuple[str, ...] = ()  # streams and scopes where
    by_hand: str = ""  # why a person has to do it: a code
    problem: str = ""  # why it could not be asked: a code


@dataclass(frozen=True, slots=True)
class Preview:
    """The plan as it would be now, and what each system answered."""

    plan: Plan
    persons: int
    systems: Sequence[Found]
    applies: Sequence[Applicability] = ()  # the right by lawful basis


def preview(deployment: Deployment, number: int, open_system: Open, actor: str) -> Preview:
    """Look everywhere and change nothing; that somebody looked is entered into the audit log.
    Raises NoSuchRequest."""
    with read_only(deployment.database).connect() as connection:
        request = load(connection, number)
        case = assess.casefile(deployment, request)
        decided = Plan.load(request.plan).exemptions if request.plan else ()
        plan = assess.draft(connection, deployment, request, case, decided)
        persons = targets.loaded(connection, deployment, [*plan.persons, *plan.partly])

    def ask(step: Step) -> Found:
        # another controller's own data is not searched, as it is not when the plan is carried out
        linked = step.part == "crossed" or not targets.addressed(
            request, " ".join(step.controllers)
        )
        return _ask(
            deployment, step, open_system, persons.values(), case.emails, case.phone, linked=linked
        )

    with ThreadPoolExecutor(max_workers=8) as pool:
        found = list(pool.map(ask, plan.steps))
    with deployment.database.begin() as connection:
        coordinator.tell(connection, deployment, number, Event.REQUEST_DRY_RUN, actor)
    whole = [one for one in persons.values() if one.id in plan.persons]
    applies = grounds.applicability(deployment, plan.right, whole)
    return Preview(plan, len(persons), found, applies)


def _ask(
    deployment: Deployment,
    step: Step,
    open_system: Open,
    persons: Iterable[Subject],
    emails: Sequence[str],
    phone: str,
    *,
    linked: bool,
) -> Found:
    def said(**more: object) -> Found:
        return Found(step.system, step.part, step.act, step.controllers, **more)  # type: ignore[arg-type]  # fields of Found

    system = deployment.landscape.systems.get(step.system)
    if system is None:
        return said(problem="system-missing")
    if not system.enabled:
        return said(problem="system-disabled")
    try:
        opened = open_system(step.system)
        lacking = needs_person(opened.type.capabilities, step.act)
        if not isinstance(opened.connector, Locates):
            return said(by_hand=lacking)  # a refusal needs no locating, and a person none of it
        mine = [one for one in persons if one.controller in step.controllers]
        wanted = targets.sought(deployment.landscape, system, mine, emails, phone)
        held = (
            locating.linked_only(opened, wanted.refs) if linked else locating.locate(opened, wanted)
        )
    except Misconfigured:
        return said(problem="misconfigured")
    except ConnectorError:
        return said(problem="unavailable")
    return said(
        held=len(held),
        weak=sum(not one.certain for one in held),
        scopes=tuple(sorted({f"{one.ref.stream}/{one.ref.scope}".rstrip("/") for one in held})),
        by_hand=lacking,
    )
