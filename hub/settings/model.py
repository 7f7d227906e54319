"""The shape of the YAML, key by key. The texts below the keys become the editor's help.

Only what can be judged from one value alone is judged here; what needs two values to be compared
is in `hub.settings.checks`, so that all mistakes of both kinds are reported together.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from hub.api import ActivityKind
from hub.domain.landscape import (
    MANUAL,
    CreatePolicy,
    Direction,
    FieldKind,
    Ground,
    Guard,
    Policy,
    RightsPolicy,
)
from hub.domain.rights import DataCategory
from hub.settings.kinds import (
    BusinessId,
    Code,
    Country,
    Cron,
    Day,
    Duration,
    Entries,
    HostName,
    Items,
    Listen,
    LocalPart,
    Mail,
    Names,
    RateText,
    Text,
    defaults,
    short_map,
)

ALL = "all"
"""The purpose that stands for every purpose of the topic's controllers and channel."""

ID = re.compile(r"[a-z0-9][a-z0-9_-]*", re.ASCII)
RESERVED = frozenset({"hub", "crossed"})
"""Names that no system may have: the hub's own copy among a request's tasks, and what has crossed
among the reasons of a membership."""
ID_EXPECTED = "an id of lower-case letters a-z, digits, - and _"

_GUARD = Guard()
_RIGHTS = RightsPolicy()


class Part(BaseModel):
    """A mapping of the configuration. Unknown keys are mistakes."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True
    )


class LogConfig(Part):
    """How the hub tells what it does. Logs hold ids and outcomes, never personal data."""

    format: Literal["pretty", "json"] = "pretty"
    """pretty for people, json for machines."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is told."""


class HubConfig(Part):
    """The hub itself: where its memory lies, and how it behaves."""

    home: Text = "."
    """The folder from which relative database files are counted; itself counted from the folder
    that holds the configuration."""
    database: Text = "sqlite:///var/hub.db"
    """The hub's own database: sqlite:///file.db or postgresql+psycopg://user@host/database."""
    keys: Text = "sqlite:///var/keys.db"
    """The key store. Always another database than the others: an erasure destroys keys here, and
    its copies are kept apart and for fourteen days at most."""
    engine: Text = "sqlite:///var/engine.db"
    """Where running work is kept. On SQLite a file of its own."""
    master_key: SecretStr | None = None
    """32 bytes in base64: ${HUB_MASTER_KEY}, or !file with a path. Never written here itself.
    Left out, the environment's HUB_MASTER_KEY is taken."""
    log: LogConfig = LogConfig()
    """Logging."""
    clock_tolerance: Duration = timedelta(minutes=5)
    """How far the clocks of two systems may be apart; a conflict closer than this goes to
    review."""
    mailboxes: Items[LocalPart] = []
    """Local parts that are no person: info, sales, office."""


class ControllerConfig(Part):
    """A company that decides why and how personal data is used (GDPR Art. 4(7))."""

    name: Text
    """The company's registered name."""
    business_id: BusinessId
    """The Finnish business id, such as 2718808-2."""
    contact: Mail
    """Where people reach it about their data."""


class TitleConfig(Part):
    """What people read, in each language of the letters."""

    fi: Text
    """The title in Finnish."""
    sv: Text
    """The title in Swedish."""
    en: Text
    """The title in English."""


class PurposeConfig(Part):
    """Why a person may be contacted, and through which channel."""

    controllers: Items[Text] = Field(min_length=1)
    """The companies that have this purpose."""
    channel: Literal["email", "sms", "phone", "none"]
    """What carries the message; none for a purpose that sends nothing, such as profiling."""
    grounds: Items[Ground] = Field(min_length=1)
    """What a permission may rest on (Act 917/2014, sections 200 and 202)."""
    title: TitleConfig
    """What it is called towards people."""
    retention: Duration | None = None
    """How long data is kept for it; left out: as long as another purpose needs the data. A month
    counts as a twelfth of 365.25 days."""
    marketing: bool = True
    """Whether it serves direct marketing, as profiling for it does: an objection to marketing then
    ends it too (GDPR Art. 21(2)). false only where the channel is none."""


class FieldConfig(Part):
    """A field of the hub's own profile."""

    kind: FieldKind = FieldKind.TEXT
    """How its values are normalised and compared."""
    policy: Policy = Policy.NEWEST
    """Who wins when a system and the hub have both changed it."""
    order: Items[Text] = []
    """For source-order: systems, the most trusted first."""
    category: DataCategory | None = None
    """What kind of data it is: a part of an answer to a data subject is withheld by category. Left
    out: contact for e-mail and phone, profile for the others."""
    provided: bool = True
    """Whether people give it themselves. false for what staff or a tool concludes of them, such as
    a score or a stage in the sales process: that is not portable (GDPR Art. 20)."""


class MemberConfig(Part):
    """A live record of the system makes its person a member: any (who is registered to the joint
    webinar), or one whose field holds the value."""

    system: Text
    """One of the project's systems."""
    field: Text | None = None
    """A hub field of kind list or text that the system's streams read; left out: any record."""
    value: Code | None = None
    """The tag, list entry or text that is looked for."""


class ProjectConfig(Part):
    """Work that controllers do together. Data crosses between them only through a live one."""

    title: Text
    """What it is called."""
    controllers: Items[Text] = Field(min_length=2)
    """The companies that take part."""
    systems: Items[Text] = Field(min_length=1)
    """The systems that take part. Each belongs to a member."""
    starts: Day
    """The first day (Helsinki)."""
    ends: Day | None = None
    """The last day (Helsinki); left out: not yet decided. After it nothing new crosses."""
    fields: Items[Text] = Field(min_length=1)
    """The hub fields that may cross: no more than the work needs."""
    members: Items[MemberConfig] = []
    """What makes a person a member. Any one rule is enough."""


class RightsConfig(Part):
    """How the requests of data subjects are handled where the law leaves a choice."""

    cooling_off: Duration | None = None
    """How long an approved erasure waits before it begins; left out: not at all."""
    second_approver: Literal["needed", "always"] = "needed"
    """When a second person approves too: where exemptions, weak matches or several persons need
    it, or always."""
    watch: Items[Duration] = list(_RIGHTS.watch)
    """When the systems of a closed erasure are read again, counted from its closing; an empty
    list: never."""
    keep: Duration = _RIGHTS.keep
    """How long the case file is kept after closing, as the proof; then its key is destroyed."""
    manual_within: Duration = _RIGHTS.manual_within
    """How soon a task done by hand is to be confirmed."""
    remind_every: Duration = _RIGHTS.remind_every
    """How often such a task is asked for again once its time is over."""


class LocationConfig(Part):
    """Where the system's data lies."""

    country: Country
    """By its two capital letters, such as FI or US."""
    transfer: str = ""
    """The basis of the transfer (GDPR Chapter V), required outside the European Economic Area."""


class ScheduleConfig(Part):
    """When a system is synced: either `every` or `cron`."""

    every: Duration | None = None
    """An interval, such as 5m."""
    cron: Cron | None = None
    """Minute, hour, day, month, weekday in Helsinki time, such as "*/10 7-20 * * mon-fri".
    Weekdays by name; day and weekday must both match."""


class GuardConfig(Part):
    """When a system's run stops and asks before it goes on."""

    change_share: float = Field(default=_GUARD.change_share, gt=0, le=1)
    """The share of the system's linked records that one run may change."""
    delete_share: float = Field(default=_GUARD.delete_share, gt=0, le=1)
    """The share of a scope's linked records that one run may take for deleted."""
    floor: int = Field(default=_GUARD.floor, ge=0)
    """Fewer changes than this never stop a run."""
    writes_per_record: int = Field(default=_GUARD.writes_per_record, ge=1)
    """How often a day the hub may write one record; more puts it into quarantine."""


class FieldMapConfig(Part):
    """The vendor's field for a hub field."""

    vendor: Code
    """The vendor's own name of the field."""
    direction: Direction | None = None
    """Which way values flow; left out: as the stream."""
    policy: Policy | None = None
    """Who wins here; left out: as the hub field says."""
    clear: bool = False
    """Whether an explicit empty at the vendor empties the hub's value too."""


class TopicConfig(Part):
    """What a vendor's topic means for permission."""

    topic: Code
    """The vendor's id of the subscription or permission; "*" is everything in the scope."""
    purpose: Names = Field(min_length=1)
    """A purpose, several, or all: every purpose of those controllers with the channel."""
    controllers: Items[Text] = []
    """Left out: the system's own. A list that goes beyond them is a joint unsubscribe: its NO
    binds all of them, its YES counts for none, and the hub only reads it."""
    channel: Literal["email", "sms", "phone"] = "email"
    """The channel that `purpose: all` means."""
    scope: Code | None = None
    """The audience or webinar; needed where the stream has more than one."""
    direction: Direction | None = None
    """Which way the wish flows; left out: as the stream."""
    yes_counts: bool | None = None
    """Whether a YES with an act of the person is a consent. Left out: yes."""
    no_counts: bool = True
    """Whether a NO is a prohibition. False for an unticked box."""


class GroundConfig(Part):
    """A vendor's field that shows a ground other than consent."""

    ground: Ground
    """customer, work-role or company-mailbox."""
    purpose: Names = Field(min_length=1)
    """The purpose that it permits, or several."""
    field: Text
    """The hub field that shows it; the stream reads it."""
    values: Items[Code] = []
    """The values that show it; left out: any value does."""
    basis: str = ""
    """For customer: where and since when the opt-out is offered at collection (section 200(3))."""


class ActivityConfig(Part):
    """A kind of activity that is collected, and what follows from it."""

    needs: Text | None = None
    """The purpose whose permission must stand for it to be collected, such as profiling."""
    field: Text | None = None
    """A hub field of kind list that gets the value added, to be written where it is mapped."""
    value: Code | None = None
    """What is added; {scope} and {kind} stand for the activity's own: "{scope} attended"."""


class StreamConfig(Part):
    """How one stream of a system is synced."""

    direction: Direction = Direction.BOTH
    """read: the hub never writes; write: it never takes values; both."""
    create: CreatePolicy = CreatePolicy.NEVER
    """When the hub makes a record for a person who has none there."""
    full_every: Duration = timedelta(days=7)
    """How often everything is enumerated again, so that deletions are found."""
    scopes: Items[Code] = []
    """The audiences or webinars by the vendor's ids, for streams that have them."""
    fields: Entries[
        Annotated[
            FieldMapConfig,
            BeforeValidator(short_map, json_schema_input_type=Code | FieldMapConfig),
        ]
    ] = Field(min_length=1)
    """The mapping: hub field to vendor field."""
    topics: Items[TopicConfig] = []
    """What the vendor's topics mean for permission."""
    grounds: Items[GroundConfig] = []
    """Vendor fields that show a ground other than consent."""
    activities: Entries[
        Annotated[
            ActivityConfig, BeforeValidator(defaults, json_schema_input_type=ActivityConfig | None)
        ]
    ] = Field(
        default={}, json_schema_extra={"propertyNames": {"enum": [str(k) for k in ActivityKind]}}
    )
    """What people did or were sent, by kind: only the kinds named here are collected."""


class InstructionsConfig(Part):
    """What to do there, in the languages of those who do it."""

    fi: str = ""
    """In Finnish."""
    sv: str = ""
    """In Swedish."""
    en: str = ""
    """In English."""


class ManualConfig(Part):
    """The settings of a system with `plugin: manual`: a tool that nothing connects."""

    contact: Text
    """Who does there what a request asks: a name or an address."""
    instructions: InstructionsConfig = InstructionsConfig()
    """What to do there, besides the hub's own words; such as where the sheet lies."""
    within: Duration | None = None
    """How soon a task is to be confirmed; left out: as rights: manual_within says."""


class SystemConfig(Part):
    """A configured instance of a connector."""

    model_config = ConfigDict(
        json_schema_extra={
            # only a tool that nothing connects has no streams
            "if": {"properties": {"plugin": {"const": MANUAL}}, "required": ["plugin"]},
            "then": {"properties": {"streams": False, "schedule": False}},
            "else": {"required": ["streams"]},
        }
    )

    plugin: Text
    """The kind of connector: hubspot, mailer. For a tool that nothing connects: manual."""
    owner: Text | None = None
    """The company whose system it is; for a joint system `project` instead."""
    project: Text | None = None
    """The joint project whose companies share the system."""
    location: LocationConfig
    """Where the data lies, and on what basis it goes there."""
    schedule: ScheduleConfig = ScheduleConfig(every=timedelta(minutes=5))
    """When it is synced; left out: every 5 minutes."""
    settings: dict[str, Any] = {}
    """What the plugin asks for: tokens, addresses. Secrets as ${NAME}, !secret or !file."""
    rate: Entries[RateText] = {}
    """How often the vendor may be called, by bucket; default is the bucket of every call."""
    guard: GuardConfig = GuardConfig()
    """When a run stops and asks."""
    streams: Entries[StreamConfig] = {}
    """What is synced; of a manual system nothing."""
    enabled: bool = True
    """Whether it takes part. The secrets of a system that does not need not be there yet."""


class WebConfig(Part):
    """The admin endpoint: rights requests and the audit log over HTTPS. `hub token create` makes
    the tokens that it wants."""

    enabled: bool = True
    """Whether hub run serves it."""
    listen: Listen = "127.0.0.1:8443"
    """The address and port; port 0 takes a free one. Left out: 127.0.0.1:8443, this machine
    alone."""
    hosts: Items[HostName] = []
    """The names that it is called by from other machines; needed where it listens for them."""
    certificate: Text | None = None
    """The file of a certificate with its chain (PEM). Left out: a local one is made beside the
    databases. A relative path counts from hub.home."""
    key: Text | None = None
    """The file of the certificate's key (PEM)."""


class RootConfig(Part):
    """The configuration of the hub. Keys that begin with x- are for anchors and are passed over."""

    model_config = ConfigDict(json_schema_extra={"patternProperties": {"^x-": {}}})

    hub: HubConfig = HubConfig()
    """The hub itself."""
    controllers: dict[str, ControllerConfig]
    """The companies."""
    purposes: dict[str, PurposeConfig] = {}
    """Why people may be contacted."""
    fields: dict[
        str,
        Annotated[
            FieldConfig, BeforeValidator(defaults, json_schema_input_type=FieldConfig | None)
        ],
    ]
    """The hub's own profile of a person."""
    projects: dict[str, ProjectConfig] = {}
    """What the companies do together."""
    systems: dict[str, SystemConfig]
    """The tools that are kept in step."""
    rights: RightsConfig = RightsConfig()
    """How requests of data subjects are handled."""
    web: WebConfig = WebConfig()
    """The admin endpoint."""
