"""The plan of a request: whom it concerns and what each system has to do, frozen by its hash, and
whether all of it has its proof.

Ids and codes only. Equal plans have equal hashes in whatever order they were put together; what is
approved is the hash, so that nothing is carried out that nobody looked at.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from hub.domain.exemption import ExemptionGround, may_exempt
from hub.domain.rights import DataCategory, RequestState, Right, TaskState, is_terminal

ACTS: Mapping[Right, str] = {
    Right.INFORMATION: "locate",
    Right.ACCESS: "export",
    Right.PORTABILITY: "export",
    Right.RECTIFICATION: "rectify",
    Right.ERASURE: "erase",
    Right.RESTRICTION: "restrict",
    Right.OBJECTION: "refuse",
    Right.NO_AUTOMATED_DECISIONS: "confirm",
}
"""What each right asks of a system."""


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """What one system has to do. A plan has one for each (system, part)."""

    system: str
    part: str  # "records"; "crossed": another controller's records, what came only from here
    act: str
    controllers: tuple[str, ...]  # whose task it is

    def __post_init__(self) -> None:
        object.__setattr__(self, "controllers", _each_once(self.controllers))


@dataclass(frozen=True, slots=True)
class Exemption:
    """A refusal for one category of data in one system, on a ground, until that has ended.

    Raises ValueError for a category or a ground that is not of the closed list, and without an end
    where the ground keeps data.
    """

    system: str
    category: DataCategory
    ground: ExemptionGround
    until: date | None = None  # the first day on which the ground holds no more

    def __post_init__(self) -> None:
        object.__setattr__(self, "category", DataCategory(self.category))
        object.__setattr__(self, "ground", ExemptionGround(self.ground))
        if self.ground.needs_end and self.until is None:
            raise ValueError(f"the ground {self.ground} needs the day on which it has ended")

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What it is sorted by, and how it is written down."""
        until = "" if self.until is None else self.until.isoformat()
        return self.system, self.category.value, self.ground.value, until


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is approved. Order and repetition mean nothing: they are taken out when it is made.

    Raises ValueError where a ground may not answer the right, and where one system and part has
    two steps.
    """

    right: Right
    controllers: tuple[str, ...]
    persons: tuple[int, ...] = ()
    partly: tuple[int, ...] = ()  # another controller's persons: only what came from these
    steps: tuple[Step, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    fields: tuple[str, ...] = ()  # names of hub fields to be corrected
    weak: tuple[str, ...] = ()
    """Codes of what makes a match doubtful: "shared-address", "several-persons",
    "unproven-address"."""

    def __post_init__(self) -> None:
        for name in ("controllers", "persons", "partly", "steps", "fields", "weak"):
            object.__setattr__(self, name, _each_once(getattr(self, name)))
        exemptions = tuple(sorted(set(self.exemptions), key=lambda one: one.key))
        object.__setattr__(self, "exemptions", exemptions)
        for one in exemptions:
            if not may_exempt(one.ground, self.right):
                raise ValueError(f"the ground {one.ground} does not answer {self.right}")
        places = [(step.system, step.part) for step in self.steps]
        if len(set(places)) < len(places):
            raise ValueError("a plan has one step for each system and part")

    def canonical(self) -> bytes:
        """The same bytes for equal plans: JSON, sorted."""
        plain = {
            "right": self.right.value,
            "controllers": self.controllers,
            "persons": self.persons,
            "partly": self.partly,
            "steps": [[one.system, one.part, one.act, one.controllers] for one in self.steps],
            "exemptions": [one.key for one in self.exemptions],
            "fields": self.fields,
            "weak": self.weak,
        }
        return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()

    @property
    def hash(self) -> str:
        """SHA-256 of `canonical`, in hexadecimal."""
        return hashlib.sha256(self.canonical()).hexdigest()

    @classmethod
    def load(cls, text: str | bytes) -> Plan:
        """The plan that `canonical` wrote. Raises ValueError, KeyError where it did not."""
        raw = json.loads(text)
        return cls(
            right=Right(raw["right"]),
            controllers=tuple(raw["controllers"]),
            persons=tuple(raw["persons"]),
            partly=tuple(raw["partly"]),
            steps=tuple(
                Step(system, part, act, tuple(whose)) for system, part, act, whose in raw["steps"]
            ),
            exemptions=tuple(
                Exemption(
                    system,
                    DataCategory(category),
                    ExemptionGround(ground),
                    date.fromisoformat(until) if until else None,
                )
                for system, category, ground, until in raw["exemptions"]
            ),
            fields=tuple(raw["fields"]),
            weak=tuple(raw["weak"]),
        )

    def kept(self, system: str) -> tuple[Exemption, ...]:
        """What is kept in a system, in the order in which it ends; what never does, last."""
        mine = [one for one in self.exemptions if one.system == system]
        return tuple(sorted(mine, key=lambda one: (one.until or date.max, one.key)))

    def needs_second(self, *, always: bool = False) -> bool:
        """Whether a second person has to approve: exemptions, weak matches (two persons of one
        controller among them, an address that nobody proved), or configured so."""
        return always or bool(self.exemptions) or bool(self.weak)

    def grown(
        self,
        *,
        persons: Iterable[int] = (),
        partly: Iterable[int] = (),
        steps: Iterable[Step] = (),
        weak: Iterable[str] = (),
    ) -> Plan:
        """The plan with what a merge added; nothing is ever taken out. Where it is another plan its
        hash is another too, and an erasure is approved anew.

        A step for a system and part that the plan has becomes one with the controllers of both.
        Raises ValueError where the two ask for another act.
        """
        by_place = {(one.system, one.part): one for one in self.steps}
        for step in steps:
            known = by_place.setdefault((step.system, step.part), step)
            if known.act != step.act:
                raise ValueError(f"{step.system} cannot both {known.act} and {step.act}")
            by_place[step.system, step.part] = replace(
                known, controllers=(*known.controllers, *step.controllers)
            )
        whole = {*self.persons, *persons}
        return replace(
            self,
            persons=tuple(whole),
            partly=tuple({*self.partly, *partly} - whole),
            steps=tuple(by_place.values()),
            weak=(*self.weak, *weak),
        )


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """What counts of a task for whether its request may close."""

    system: str
    part: str
    state: TaskState
    by_person: bool = False  # a named person confirmed it
    ground: str = ""  # of an exemption
    until: date | None = None

    def done(self, right: Right) -> bool:
        """Whether it is proved: a terminal state, and an exemption on a ground that may answer the
        right, with an end where it needs one."""
        if self.state is TaskState.EXEMPT:
            if self.ground not in set(ExemptionGround):
                return False
            ground = ExemptionGround(self.ground)
            if not may_exempt(ground, right) or (ground.needs_end and self.until is None):
                return False
        return is_terminal(self.state, by_person=self.by_person, ground=self.ground)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether a request may close, and as what."""

    closes_as: RequestState | None  # None: it may not
    lacking: tuple[tuple[str, str], ...] = ()  # (system, part) without proof, in order


def request_outcome(plan: Plan, tasks: Iterable[TaskFacts]) -> Outcome:
    """What the tasks come to (I8).

    Every step of the plan needs a task with its proof, and so does every further task (what a
    vendor may keep and only a person can confirm). A step without a task, as of a system that was
    disabled or taken out of the configuration, is never done; and an empty plan proves nothing.
    """
    places = {(step.system, step.part) for step in plan.steps}
    done: dict[tuple[str, str], bool] = dict.fromkeys(places, False)
    met: set[tuple[str, str]] = set()
    exceptions = bool(plan.exemptions)
    for task in tasks:
        place = (task.system, task.part)
        # two tasks for one place: both need their proof
        done[place] = task.done(plan.right) and (place not in met or done[place])
        met.add(place)
        exceptions |= task.state is TaskState.EXEMPT
    lacking = tuple(sorted(place for place, proved in done.items() if not proved))
    if lacking or not places:
        return Outcome(None, lacking)
    return Outcome(RequestState.CLOSED_WITH_EXCEPTIONS if exceptions else RequestState.CLOSED)


def _each_once(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(sorted(set(values)))
