"""Who controls what: controllers, purposes, joint projects, systems, and how their data maps.

Built from YAML by `hub.settings`, immutable afterwards. Nothing here does I/O or asks the clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from zoneinfo import ZoneInfo

from hub.domain.rights import DataCategory

HELSINKI = ZoneInfo("Europe/Helsinki")
"""Projects start and end on dates of this zone: it is where the two companies are."""


class Ground(StrEnum):
    """On what a permission to market rests (Act 917/2014, sections 200 and 202)."""

    CONSENT = "consent"  # § 200(1): an act of the person
    CUSTOMER = "customer"  # § 200(3): own similar products, opt-out offered at collection
    WORK_ROLE = "work-role"  # § 202: concerns the person's duties
    COMPANY_MAILBOX = "company-mailbox"  # info@…: not a person


class FieldKind(StrEnum):
    """How a profile field is normalised and compared."""

    TEXT = "text"
    EMAIL = "email"
    PHONE = "phone"
    LIST = "list"


class Policy(StrEnum):
    """How a conflict between what a system holds now and what the hub holds is settled."""

    NEWEST = "newest"
    SOURCE_ORDER = "source-order"
    SET_IF_EMPTY = "set-if-empty"
    APPEND = "append"  # lists only: the union


class Direction(StrEnum):
    """Which way values may flow."""

    READ = "read"
    WRITE = "write"
    BOTH = "both"

    @property
    def reads(self) -> bool:
        return self is not Direction.WRITE

    @property
    def writes(self) -> bool:
        return self is not Direction.READ


class CreatePolicy(StrEnum):
    """When the hub makes a record in a stream for a person who has none there."""

    ALWAYS = "always"
    PERMITTED = "permitted"  # only with a permission for one of the scope's written topics
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Controller:
    """A company that decides why and how personal data is used (GDPR Art. 4(7))."""

    id: str
    name: str
    business_id: str
    contact: str


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why a person may be contacted, and through which channel."""

    id: str
    channel: str  # "email", "sms", "phone"; "none" where nothing is sent, as by profiling
    controllers: frozenset[str]
    grounds: frozenset[Ground]
    title: Mapping[str, str]  # fi, sv, en
    retention: timedelta | None = None  # None: as long as another purpose needs the data
    marketing: bool = True  # serves direct marketing: an objection to it ends it (Art. 21(2)-(3))


@dataclass(frozen=True, slots=True)
class ProfileField:
    """A field of the hub's own profile."""

    name: str
    kind: FieldKind = FieldKind.TEXT
    policy: Policy = Policy.NEWEST
    order: tuple[str, ...] = ()  # systems, the most trusted first, for SOURCE_ORDER
    category: DataCategory = DataCategory.PROFILE  # what is withheld of an answer goes by it
    provided: bool = True  # people give it themselves; False: staff or a tool concludes it


@dataclass(frozen=True, slots=True)
class MemberRule:
    """A live record of `system` makes its person a member: any, or one whose `field` holds
    `value`."""

    system: str
    field: str = ""  # a hub field of kind list or text; "": any record (registered to a webinar)
    value: str = ""


@dataclass(frozen=True, slots=True)
class Project:
    """Work that controllers do together. Data crosses between them only through a live one."""

    id: str
    title: str
    controllers: frozenset[str]
    systems: frozenset[str]
    starts: date
    ends: date | None  # the last live day; None: not yet decided
    fields: frozenset[str]  # hub fields that may cross (data minimisation, Art. 5(1)(c))
    members: tuple[MemberRule, ...] = ()

    def live(self, at: datetime) -> bool:
        """Whether the project is running at that moment, by Helsinki's calendar."""
        today = at.astimezone(HELSINKI).date()
        return self.starts <= today and (self.ends is None or today <= self.ends)

    def signature(self, system: str) -> str:
        """Changes when the project is to do otherwise with records of that system: other partners,
        fields or members."""
        rules = sorted((one.field, one.value) for one in self.members if one.system == system)
        shared = [sorted(one) for one in (self.controllers, self.systems, self.fields)]
        meaning = repr((self.id, shared, rules))
        return hashlib.blake2b(meaning.encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class FieldMap:
    """A hub field and the vendor's field for it, in one stream."""

    hub: str
    vendor: str
    direction: Direction = Direction.BOTH
    policy: Policy | None = None  # overrides the profile field's own
    clear: bool = False  # an explicit empty at the vendor clears the hub's value


@dataclass(frozen=True, slots=True)
class Effect:
    """One permission that a vendor's topic speaks of."""

    controller: str
    purpose: str


@dataclass(frozen=True, slots=True)
class TopicMap:
    """What a vendor's topic means for permission."""

    topic: str
    scope: str  # "" where the stream has no scopes
    effects: tuple[Effect, ...]  # several: a joint unsubscribe binds all
    direction: Direction = Direction.BOTH
    yes_counts: bool = True  # whether a YES that shows an act of the person is a consent
    no_counts: bool = True  # whether a NO is a prohibition (False: an unticked box)


@dataclass(frozen=True, slots=True)
class GroundRule:
    """A vendor field that shows a ground other than consent."""

    ground: Ground
    purpose: str
    field: str  # a hub field
    values: frozenset[str] = frozenset()  # empty: any value will do
    # § 200(3) needs the opt-out offered at collection; the operator states it here
    basis: str = ""


@dataclass(frozen=True, slots=True)
class ActivityMap:
    """A kind of activity that is collected, and what follows from it."""

    kind: str  # of hub.api.ActivityKind
    needs: str | None = None  # the purpose whose permission must stand for it to be collected
    field: str | None = None  # a hub field of kind list that gets `value` added
    value: str = ""  # "{scope}" and "{kind}" stand for the activity's own

    def added(self, scope: str) -> str:
        """What is added to the field for an activity of that scope."""
        return self.value.replace("{kind}", self.kind).replace("{scope}", scope)


ATTENDED, ABSENT = "attended", "absent"
"""The two kinds of activity of which one takes the other back."""


@dataclass(frozen=True, slots=True)
class Attendance:
    """The values of one scope that say that a person came, and that it did not."""

    field: str
    attended: str
    absent_field: str
    absent: str


@dataclass(frozen=True)
class Stream:
    """How one stream of a system is synced."""

    name: str
    direction: Direction
    scopes: tuple[str, ...]  # ("",) where the stream has no scopes
    create: CreatePolicy
    fields: tuple[FieldMap, ...]
    topics: tuple[TopicMap, ...] = ()
    grounds: tuple[GroundRule, ...] = ()
    full_every: timedelta = timedelta(days=7)  # how often everything is enumerated again
    activities: tuple[ActivityMap, ...] = ()

    def topics_of(self, scope: str) -> tuple[TopicMap, ...]:
        """The topics that YAML maps in that scope."""
        return self._topics_by_scope.get(scope, ())

    @cached_property
    def signature(self) -> str:
        """Changes when records are to be read otherwise: fields, topics or grounds changed."""
        meaning = repr((self.direction, self.fields, self.topics, _sorted(self.grounds)))
        return hashlib.blake2b(meaning.encode(), digest_size=8).hexdigest()

    @cached_property
    def collected(self) -> str:
        """Changes when activities are to be read otherwise: other kinds, needs or values."""
        meaning = repr(
            sorted((a.kind, a.needs or "", a.field or "", a.value) for a in self.activities)
        )
        return hashlib.blake2b(meaning.encode(), digest_size=8).hexdigest()

    @cached_property
    def _topics_by_scope(self) -> Mapping[str, tuple[TopicMap, ...]]:
        return {
            scope: tuple(topic for topic in self.topics if topic.scope == scope)
            for scope in self.scopes
        }

    @cached_property
    def topics_read(self) -> Mapping[str, Mapping[str, tuple[TopicMap, ...]]]:
        """The topics that are read, by scope and topic id."""
        return {
            scope: {
                one.topic: tuple(t for t in topics if t.topic == one.topic and t.direction.reads)
                for one in topics
            }
            for scope, topics in self._topics_by_scope.items()
        }


def _sorted(grounds: tuple[GroundRule, ...]) -> list[tuple[str, ...]]:
    """Grounds in a form whose repr is the same in every process: sets have no order."""
    return [(rule.ground, rule.purpose, rule.field, *sorted(rule.values)) for rule in grounds]


@dataclass(frozen=True, slots=True)
class Guard:
    """When a system's run stops and asks."""

    change_share: float = 0.3  # of the system's linked records changed in one run
    delete_share: float = 0.02  # of a scope's linked records inferred as deleted
    floor: int = 50  # fewer changes than this never stop a run
    writes_per_record: int = 20  # a day; more trips the record to quarantine


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a system is synced: an interval, or a cron expression in Helsinki time."""

    every: timedelta | None = None
    cron: str | None = None


MANUAL = "manual"
"""The kind of the systems that nothing connects: a spreadsheet, a folder of paper."""


@dataclass(frozen=True, slots=True)
class ByHand:
    """Who does what rights requests ask of a system without an interface."""

    contact: str  # a name or an address
    instructions: Mapping[str, str] = field(default_factory=dict)  # fi, sv, en; absent: the hub's
    within: timedelta | None = None  # to confirm a task; None: `RightsPolicy.manual_within`


@dataclass(frozen=True, slots=True)
class System:
    """A configured instance of a connector type."""

    id: str
    plugin: str
    controllers: tuple[str, ...]  # its owner; or all controllers of the project it is joint in
    project: str | None  # the project of a joint system
    country: str
    transfer: str  # basis of a transfer outside the EEA (Chapter V), "" inside
    schedule: Schedule
    streams: tuple[Stream, ...]
    guard: Guard = Guard()
    enabled: bool = True
    by_hand: ByHand | None = None  # of a system of kind MANUAL, which is never synced

    @property
    def synced(self) -> bool:
        """Whether it is read and written: whether it takes part, and something connects it."""
        return self.enabled and self.by_hand is None

    @property
    def joint(self) -> bool:
        return len(self.controllers) > 1

    def stream(self, name: str) -> Stream:
        """The stream of that name. Raises KeyError where YAML has none."""
        for one in self.streams:
            if one.name == name:
                return one
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class RightsPolicy:
    """How rights requests are handled where the law leaves a choice."""

    cooling_off: timedelta = timedelta(0)  # between approval and an erasure
    always_second: bool = False  # every approval needs a second person
    watch: tuple[timedelta, ...] = (timedelta(days=1), timedelta(days=7), timedelta(days=30))
    keep: timedelta = timedelta(days=3 * 365)  # the case file, after closing
    manual_within: timedelta = timedelta(days=7)  # a manual task is to be confirmed
    remind_every: timedelta = timedelta(days=2)  # after which it is asked for again


@dataclass(frozen=True)
class Landscape:
    """Everything that YAML says of the companies, their purposes, projects and systems."""

    controllers: Mapping[str, Controller]
    purposes: Mapping[str, Purpose]
    fields: Mapping[str, ProfileField]
    projects: Mapping[str, Project]
    systems: Mapping[str, System]
    mailboxes: frozenset[str] = field(default_factory=frozenset)  # local parts: info, myynti…
    clock_tolerance: timedelta = timedelta(minutes=5)
    rights: RightsPolicy = RightsPolicy()

    @cached_property
    def projects_of_system(self) -> Mapping[str, tuple[Project, ...]]:
        """Projects that name the system."""
        return {
            system: tuple(p for p in self.projects.values() if system in p.systems)
            for system in self.systems
        }

    @cached_property
    def collected_on(self) -> frozenset[str]:
        """Purposes whose permission some activity is collected on."""
        return frozenset(
            rule.needs
            for system in self.systems.values()
            for stream in system.streams
            for rule in stream.activities
            if rule.needs is not None
        )

    @cached_property
    def attendances(self) -> tuple[Attendance, ...]:
        """Every pair of values of which a person can have only one."""
        found = []
        for stream in (stream for system in self.systems.values() for stream in system.streams):
            rules = {one.kind: one for one in stream.activities if one.field}
            came, stayed = rules.get(ATTENDED), rules.get(ABSENT)
            if came is not None and stayed is not None and came.field and stayed.field:
                found += [
                    Attendance(came.field, came.added(scope), stayed.field, stayed.added(scope))
                    for scope in stream.scopes
                ]
        return tuple(one for one in found if one.attended != one.absent)

    @cached_property
    def systems_of_controller(self) -> Mapping[str, tuple[System, ...]]:
        """Enabled systems that a controller owns or shares."""
        return {
            controller: tuple(
                s for s in self.systems.values() if s.enabled and controller in s.controllers
            )
            for controller in self.controllers
        }
