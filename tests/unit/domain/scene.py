"""A landscape small enough to hold in the head: two companies, one project, three systems."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hub.domain.gate import Facts
from hub.domain.landscape import (
    Controller,
    CreatePolicy,
    Direction,
    Ground,
    Landscape,
    ProfileField,
    Project,
    Purpose,
    Schedule,
    Stream,
    System,
)
from hub.domain.profile import Value

NOW = datetime(2026, 11, 2, 10, tzinfo=UTC)
TOLERANCE = timedelta(minutes=5)
NEWSLETTER = Purpose(
    "newsletter",
    "email",
    frozenset({"crowst", "bangeri"}),
    frozenset({Ground.CONSENT, Ground.CUSTOMER, Ground.COMPANY_MAILBOX}),
    {"fi": "Uutiskirje"},
)
EVENTS = Purpose(
    "events",
    "email",
    frozenset({"crowst", "bangeri"}),
    frozenset({Ground.CONSENT, Ground.WORK_ROLE}),
    {"fi": "Tapahtumat"},
)


def system(id_: str, *controllers: str, project: str | None = None) -> System:
    """A system with one stream."""
    stream = Stream("contacts", Direction.BOTH, ("",), CreatePolicy.ALWAYS, ())
    return System(id_, "acme", controllers, project, "FI", "", Schedule(), (stream,))


def project(
    id_: str = "webinar",
    *,
    systems: frozenset[str] = frozenset({"crowst-crm", "bangeri-crm"}),
    starts: date = date(2026, 10, 1),
    ends: date | None = date(2026, 11, 30),
    fields: frozenset[str] = frozenset({"email", "first_name"}),
    controllers: frozenset[str] = frozenset({"crowst", "bangeri"}),
) -> Project:
    """The joint project, live now unless told otherwise."""
    return Project(id_, id_, controllers, systems, starts, ends, fields)


def landscape(*projects: Project) -> Landscape:
    """The whole."""
    systems = [
        system("crowst-crm", "crowst"),
        system("bangeri-crm", "bangeri"),
        system("webinar-tool", "crowst", "bangeri", project="webinar"),
    ]
    return Landscape(
        controllers={
            one: Controller(one, one, "", f"{one}@{one}.example") for one in ("crowst", "bangeri")
        },
        purposes={one.id: one for one in (NEWSLETTER, EVENTS)},
        fields={name: ProfileField(name) for name in ("email", "first_name", "phone")},
        projects={one.id: one for one in projects},
        systems={one.id: one for one in systems},
    )


def value(*origins: str, source: str = "crowst-crm") -> Value:
    """A value of those controllers."""
    return Value("Aino", source, NOW, frozenset(origins))


def facts(controller: str = "bangeri", **more: object) -> Facts:
    """A person of that controller, member of the project unless told otherwise."""
    given: dict[str, object] = {"projects": frozenset({"webinar"}), **more}
    return Facts(controller, **given)  # type: ignore[arg-type]  # a test's shorthand
