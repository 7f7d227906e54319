"""A webinar tool that two companies share, and their CRMs: in memory, with activities.

with events_world(tmp_path) as world:
    world.webinar.register("1", "aino@posti.example")
    world.webinar.did("1", "attended")
    world.sync()
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Connection

from hub.api import (
    API_VERSION,
    Activity,
    ActivityKind,
    ActivityPage,
    Capability,
    ConnectorType,
    Consent,
    Context,
    FieldValue,
    Page,
    Problem,
    Record,
    RecordState,
    Ref,
    Rejected,
    Result,
    StreamType,
    Verdict,
    Write,
)
from hub.connect.host import Host
from hub.delivery.deployment import Deployment, Opened
from hub.opening import Hub
from hub.settings import load
from hub.store import people, subjects
from hub.store.activities import of_person
from hub.store.identity import Identities
from hub.store.schema import migrate, open_store
from hub.store.subjects import Subject
from hub.sync.run import Report, run_system, until_quiet
from hub.testing.clock import ManualClock
from hub.vault import MasterKeys, Vault

START = datetime(2026, 11, 2, 10, tzinfo=UTC)
WEBINAR, CRM, OTHER = "joint-webinar", "crowst-crm", "bangeri-crm"
FIRST, SECOND = "91000000001", "91000000002"
CONFIG = """
hub: {mailboxes: [info]}
controllers:
  crowst: {name: Crowst Oy, business_id: 2718808-2, contact: contact@crowst.example}
  bangeri: {name: Bängeri Oy, business_id: 3012129-2, contact: genz@bangeri.example}
purposes:
  newsletter: &purpose
    controllers: [crowst, bangeri]
    channel: email
    grounds: [consent]
    title: {fi: Uutiskirje, sv: Nyhetsbrev, en: Newsletter}
  profiling: {<<: *purpose, channel: none}
fields:
  email: {kind: email}
  first_name:
  webinars: {kind: list, policy: append}
projects:
  syksy:
    title: Syksyn webinaari
    controllers: [crowst, bangeri]
    systems: [joint-webinar, crowst-crm, bangeri-crm]
    starts: 2026-11-01
    ends: 2026-11-30
    fields: [email, first_name]
    members: [{system: joint-webinar}]
systems:
  joint-webinar:
    plugin: events
    project: syksy
    location: {country: FI}
    guard: &guard {delete_share: 1.0}
    streams:
      people:
        direction: read
        scopes: ["91000000001", "91000000002"]
        fields: {email: email, first_name: first_name}
        topics:
          - {scope: "91000000001", topic: news, purpose: newsletter, controllers: [crowst]}
          - {scope: "91000000001", topic: profile, purpose: profiling, controllers: [crowst]}
        activities:
          registered:
          attended: {field: webinars, value: "{scope} {kind}"}
          absent: {field: webinars, value: "{scope} {kind}"}
          question: {}
          poll: {needs: profiling}
  crowst-crm: &crm
    plugin: contacts
    owner: crowst
    location: {country: FI}
    guard: *guard
    streams:
      people:
        create: always
        fields: {email: email, first_name: first_name, webinars: webinars}
        topics:
          - {topic: news, purpose: newsletter}
  bangeri-crm: {<<: *crm, owner: bangeri}
"""
_RULES = "[{system: joint-webinar}]"
LISTED = (
    CONFIG.replace("  first_name:\n", "  first_name:\n  job_title:\n  projects: {kind: list}\n")
    .replace("fields: [email, first_name]", "fields: [email, first_name, job_title]")
    .replace(_RULES, f"{_RULES[:-1]}, {{system: crowst-crm, field: projects, value: syksy}}]")
    .replace("webinars: webinars}", "webinars: webinars, job_title: title, projects: projects}")
)
"""The same, with a title that may cross, and a second way into the project: a list of crowst's."""
OVERLAP = 3
PAGE = 4


class NoSettings(BaseModel):
    """Nothing is asked for."""


class Tool:
    """A vendor and its connector in one: what is written to it can be read from it."""

    def __init__(self, context: Context, clock: ManualClock) -> None:
        self.context = context
        self.clock = clock
        self.held: dict[tuple[str, str], Record] = {}
        self.order: list[tuple[str, str]] = []  # places in the order of change
        self.log: list[Activity] = []
        self.unreadable: dict[int, Rejected] = {}  # by position in the log
        self.asked: list[tuple[str, str | None]] = []  # (scope, cursor) of each activities call
        self.written: list[Write] = []

    # what people and staff do

    def register(
        self,
        id_: str,
        email: str,
        *consents: Consent,
        scope: str = FIRST,
        state: RecordState = RecordState.LIVE,
        **fields: FieldValue,
    ) -> None:
        """Make a record, or change it."""
        place = (scope, id_)
        self.held[place] = Record(
            Ref("people", scope, id_, email),
            self.clock.now().isoformat(timespec="microseconds"),
            {"email": email, **fields},
            state,
            consents,
        )
        self.order = [*(one for one in self.order if one != place), place]

    def remove(self, id_: str, scope: str = FIRST) -> None:
        del self.held[scope, id_]
        self.order.remove((scope, id_))

    def merge(self, winner: str, loser: str, scope: str = "") -> None:
        """Staff merges two records."""
        kept = self.held[scope, winner]
        at = self.clock.now().isoformat(timespec="microseconds")
        self.remove(loser, scope)
        self.held[scope, winner] = replace(
            kept, version=at, aliases=(*kept.aliases, Ref("people", scope, loser))
        )

    def did(self, record: str, kind: str, *, scope: str = FIRST, **more: Any) -> Activity:
        """Somebody did something."""
        ref = Ref("people", scope, record)
        given = {"at": self.clock.now(), "about": "Syksyn webinaari", **more}
        one = Activity(ref, f"a{len(self.log) + 1}", ActivityKind(kind), **given)
        self.log.append(one)
        return one

    # the connector

    def check(self) -> Sequence[Problem]:
        return []

    def prepare(self) -> Sequence[str]:
        return []

    def topics(self, stream: str, scope: str) -> Mapping[str, str]:
        return {}

    def read(self, stream: str, scope: str, cursor: str | None) -> Iterator[Page]:
        rows = [self.held[one] for one in self.order if one[0] == scope]
        since = cursor or ""
        found = [one for one in rows if one.version >= since]
        newest = max((one.version for one in rows), default=since)
        yield Page(found, (), newest, complete=cursor is None)

    def fetch(self, stream: str, refs: Sequence[Ref]) -> Sequence[Record | None]:
        return [self.held.get((one.scope, one.id)) for one in refs]

    def activities(self, stream: str, scope: str, cursor: str | None) -> Iterator[ActivityPage]:
        self.asked.append((scope, cursor))
        begin = max(int(cursor) - OVERLAP, 0) if cursor else 0
        for start in range(begin, len(self.log), PAGE):
            numbers = range(start, min(start + PAGE, len(self.log)))
            told = [(n, self.log[n]) for n in numbers if self.log[n].ref.scope == scope]
            yield ActivityPage(
                [one for n, one in told if n not in self.unreadable],
                [self.unreadable[n] for n, _ in told if n in self.unreadable],
                str(numbers[-1] + 1),
            )

    def write(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        results = []
        for one in batch:
            self.written.append(one)
            id_ = one.ref.id if one.ref else f"c{len(self.held) + 1}"
            before = self.held.get((one.scope, id_))
            fields: dict[str, FieldValue] = {**(before.fields if before else {}), **one.fields}
            said = (*(before.consents if before else ()), *one.consents)
            email = str(fields.pop("email"))
            self.register(id_, email, *said, scope=one.scope, **fields)
            results.append(Result(one.key, Verdict.OK, record=self.held[one.scope, id_]))
        return results

    def write_consents(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        for one in batch:
            assert one.ref is not None
            place = (one.scope, one.ref.id)
            said = {c.topic: c for c in (*self.held[place].consents, *one.consents)}
            self.held[place] = replace(self.held[place], consents=tuple(said.values()))
        return [Result(one.key, Verdict.OK) for one in batch]


def tool_type(kind: str, clock: ManualClock, *, scoped: bool) -> ConnectorType:
    """The connector type of a webinar tool (scoped) or a CRM."""
    told = frozenset(ActivityKind) if scoped else frozenset()
    return ConnectorType(
        kind=kind,
        title=kind.title(),
        api_version=API_VERSION,
        settings=NoSettings,
        streams=(StreamType("people", "email", scoped=scoped, activities=told),),
        capabilities=frozenset(
            {
                Capability.READ,
                Capability.WRITE,
                Capability.WRITE_CONSENTS,
                Capability.READ_ACTIVITIES,
            }
        ),
        open=lambda context: Tool(context, clock),
        base_url=lambda _: "https://tool.example",
        auth=lambda _: {},
    )


@dataclass
class EventsWorld:
    """The tools, and the hub over them."""

    clock: ManualClock
    deployment: Deployment
    tools: dict[str, Tool]
    hub: Hub
    reports: list[Report] = field(default_factory=list)

    @property
    def webinar(self) -> Tool:
        return self.tools[WEBINAR]

    @property
    def opened(self) -> Opened:
        return self.deployment.systems[WEBINAR]

    def run(self, system: str = WEBINAR, **options: Any) -> Report:
        report = run_system(self.deployment, self.deployment.systems[system], "test", **options)
        assert report.state != "failed", report
        return report

    def sync(self, **options: Any) -> bool:
        quiet, self.reports = until_quiet(self.deployment, "test", **options)
        assert all(one.state != "failed" for one in self.reports), self.reports
        return quiet

    def person(self, email: str, controller: str = "crowst") -> Subject | None:
        """The person of that address, opened."""
        with self.deployment.database.connect() as connection:
            return self.person_in(connection, email, controller)

    def person_in(
        self, connection: Connection, email: str, controller: str = "crowst"
    ) -> Subject | None:
        deployment = self.deployment
        digest = deployment.identities.email(controller, email)
        found = people.find(connection, controller, "email", [digest]).get(digest)
        if found is None or found.person_id is None:
            return None
        loaded = subjects.load(
            connection, deployment.vault, deployment.identities, [found.person_id]
        )
        return loaded.get(found.person_id)

    def kinds(self, email: str, controller: str = "crowst") -> list[str]:
        """Kinds of the person's activities, newest first."""
        subject = self.person(email, controller)
        if subject is None:
            return []
        with self.deployment.database.connect() as connection:
            stored = of_person(connection, subject.id)
        keys = self.deployment.vault.open_keys([one.key_id for one in stored])
        return [one.open(keys[one.key_id]).kind for one in stored]

    def members(self, email: str) -> dict[str, set[str]]:
        """By what each company's person of that address is a member; without those who are none."""
        found = {one: self.person(email, one) for one in ("crowst", "bangeri")}
        return {
            name: set(one.memberships["syksy"])
            for name, one in found.items()
            if one is not None and "syksy" in one.memberships
        }

    def owners(self) -> list[str]:
        """Whose each person is that the hub knows, merged ones left out."""
        counted = self.deployment.database
        with counted.connect() as connection:
            return sorted(name for name, n in people.count(connection).items() for _ in range(n))

    def webinars(self, email: str, controller: str = "crowst") -> tuple[str, ...]:
        """What the person's list of webinars holds."""
        subject = self.person(email, controller)
        value = subject.profile.get("webinars") if subject else None
        return value.value if value and isinstance(value.value, tuple) else ()


@contextmanager
def events_world(
    folder: Path, config: str = CONFIG, *, before: EventsWorld | None = None
) -> Iterator[EventsWorld]:
    """Open a world in `folder`; the same folder with the world from `before` is the same hub after
    a restart, with the same vendors, perhaps configured otherwise."""
    clock = before.clock if before else ManualClock(START)
    (folder / "hub.yaml").write_text(config, encoding="utf-8")
    settings = load(folder / "hub.yaml", {})
    types = {
        "events": tool_type("events", clock, scoped=True),
        "contacts": tool_type("contacts", clock, scoped=False),
    }
    vault = Vault(f"sqlite:///{folder}/keys.db", MasterKeys({1: bytes(range(32))}), clock.now)
    database = open_store(f"sqlite:///{folder}/hub.db")
    migrate(database)
    tools: dict[str, Tool] = {}
    systems = {}
    with Host(types.values(), clock=clock) as host:
        for system in settings.landscape.systems.values():
            made = host.open(system, NoSettings())
            assert isinstance(made, Tool)
            tools[system.id] = before.tools[system.id] if before else made
            systems[system.id] = Opened(system, types[system.plugin], tools[system.id])
        deployment = Deployment(
            settings.landscape, database, vault, Identities(vault.index()), systems, clock.now
        )
        try:
            yield EventsWorld(clock, deployment, tools, Hub(settings, host, deployment, systems))
        finally:
            vault.close()
            database.dispose()
