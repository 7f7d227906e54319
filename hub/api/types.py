"""The values that pass between the hub and a connector. All immutable, none does I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import BaseModel

if TYPE_CHECKING:
    from hub.api.activities import ActivityKind
    from hub.api.protocols import Connector, Http
    from hub.api.rights import Residual

API_VERSION = 1
"""The version of this module's contract. A connector states the one it was written for."""

FieldValue = str | int | float | bool | Sequence[str] | None
"""What a vendor's field may hold. None is an explicit empty; a key that is absent was not read."""


class Verdict(StrEnum):
    """How one input of a batch ended. Every input gets exactly one."""

    OK = "ok"
    RETRYABLE = "retryable"  # not done; the same write may be sent again
    PERMANENT = "permanent"  # not done and never will be as it stands
    REFUSED = "refused"  # the vendor's compliance state forbids it: recorded as a prohibition
    UNKNOWN = "unknown"  # may or may not be done: read back before anything is repeated


class Stance(StrEnum):
    """What a vendor says of a person's wish on a topic."""

    YES = "yes"
    NO = "no"
    PENDING = "pending"  # asked, not yet confirmed by the person
    UNSTATED = "unstated"
    UNDELIVERABLE = "undeliverable"  # the address bounces; says nothing of the person's wish


class RecordState(StrEnum):
    """Where a record is in the vendor's life cycle. Archived is not deleted."""

    LIVE = "live"
    ARCHIVED = "archived"
    GONE = "gone"


class Capability(StrEnum):
    """What a connector can do. What is not declared becomes a manual task, never a silent skip."""

    READ = "read"
    WRITE = "write"
    WRITE_CONSENTS = "write_consents"
    READ_ACTIVITIES = "read_activities"
    LOCATE = "locate"
    EXPORT = "export"
    RECTIFY = "rectify"
    ERASE = "erase"
    RESTRICT = "restrict"


EXISTS = "exists"
"""`Result.reason` of a create that found the record already there; `Result.record` holds it.
The hub then identifies and links that record, and plans again, instead of overwriting it."""

WHOLE_SCOPE = "*"
"""The topic that means everything in the scope: an audience's status, a portal-wide opt-out."""


@dataclass(frozen=True, slots=True)
class Ref:
    """The address of one record at a vendor."""

    stream: str  # "contacts", "members", "registrants"
    scope: str  # audience or webinar id; "" where the stream has only one
    id: str  # the most stable id that the vendor has; "" when only the e-mail is known
    email: str | None = None  # for vendors that address by e-mail, and to look for a create


@dataclass(frozen=True, slots=True)
class Consent:
    """What the vendor holds, or should hold, of a person's wish on one topic."""

    topic: str  # subscription type, permission id, or WHOLE_SCOPE
    stance: Stance
    at: datetime | None = None  # aware; None: the vendor does not say
    act: str | None = None  # "form", "double-opt-in": an act of the person; None: none shown
    evidence: Mapping[str, str] = field(default_factory=dict)  # wording, ip, legal basis…


@dataclass(frozen=True, slots=True)
class Record:
    """One person's record as the vendor holds it now."""

    ref: Ref
    version: str  # sorts as text: later is newer ("2026-11-02T10:15:00.123Z")
    fields: Mapping[str, FieldValue]  # the vendor's field names
    state: RecordState = RecordState.LIVE
    consents: Sequence[Consent] = ()  # each topic once at the most
    aliases: Sequence[Ref] = ()  # records that the vendor merged into this one
    act: str | None = None  # by which the person made it: "registration", "form"; None: no such
    acted_at: datetime | None = None  # aware; when that was


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that could not be understood. It goes to quarantine; the rest of the page lands."""

    id: str  # the vendor's id, "" when even that is missing
    reason: str  # a short code and what was expected, without personal data
    raw: str  # the row as JSON text; the hub seals it


@dataclass(frozen=True, slots=True)
class Page:
    """Some records, and where to go on once they are saved."""

    records: Sequence[Record]
    rejected: Sequence[Rejected]
    cursor: str  # opaque, no personal data; reading again from here yields what follows
    complete: bool = False  # this page ends one uninterrupted enumeration that began at None


@dataclass(frozen=True, slots=True)
class Write:
    """One intended change of one record. Only the given fields change; a None empties its field."""

    key: str  # unique per delivery and try; sent along as the vendor's trace id where it has one
    ref: Ref | None  # None: create
    scope: str
    fields: Mapping[str, FieldValue]
    consents: Sequence[Consent] = ()  # the consent lane, or the initial state of a create
    memo: str = ""  # for `Restricts.lift`: what `restrict` answered


@dataclass(frozen=True, slots=True)
class Result:
    """How one Write ended, told by the key of that Write."""

    key: str
    verdict: Verdict
    reason: str = ""  # short code, no personal data
    record: Record | None = None  # as the vendor stored it, as far as it says
    retry_after: float | None = None  # seconds
    memo: str = ""  # of `Restricts.restrict`: the former state, as a code without personal data


@dataclass(frozen=True, slots=True)
class Problem:
    """Something `Connector.check` found. Shown by `hub check`."""

    code: str  # "auth", "scope", "field", "scope-id", "plan"
    message: str  # what is wrong
    mend: str  # what the operator should do
    fatal: bool = True  # the system cannot run until it is mended


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket: at most `count` calls in any `seconds`."""

    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """How a vendor that wants a short-lived bearer token gives one (OAuth 2, no person present).

    The hub POSTs `form` with `headers` to the URL, sends the answer's `access_token` with every
    call, and fetches another when it is about to end or is refused (401).
    """

    url: str
    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    route: str = "/oauth/token"  # what is said of it in messages


@dataclass(frozen=True, slots=True)
class StreamType:
    """One kind of record that a connector offers."""

    name: str
    email_field: str  # the vendor's field with the person's address
    scoped: bool = False  # records live in scopes (audiences, webinars) that YAML lists
    read_page: int = 100  # largest page the vendor gives
    write_batch: int = 1  # most writes given to one call of `write`, or of an act for a right
    consent_batch: int = 1  # most writes given to one `write_consents` call
    updates: bool = True  # False: the vendor cannot change a record that is there, only make one
    activities: frozenset[ActivityKind] = frozenset()  # kinds that are told of its records


@dataclass(frozen=True, slots=True)
class Context:
    """All that a connector is given when it is opened."""

    system: str  # the configured name, for messages
    settings: BaseModel  # an instance of ConnectorType.settings
    http: Http
    fields: Mapping[str, Sequence[str]]  # stream -> vendor fields that the mapping uses
    scopes: Mapping[str, Sequence[str]]  # stream -> scope ids that YAML lists
    topics: Mapping[str, Sequence[str]]  # stream -> topic ids that YAML maps
    now: Callable[[], datetime]
    written: Mapping[str, Sequence[str]] | None = None
    """stream -> those of `fields` that the mapping writes; None: any of them may be. Only these
    may be made at the vendor by `Connector.prepare`."""
    activities: Mapping[str, frozenset[ActivityKind]] = field(default_factory=dict)
    """stream -> the kinds of activities that are collected."""


@dataclass(frozen=True, slots=True)
class ConnectorType:
    """What a plugin registers: a kind of system, and how to open one.

    Example::

        ConnectorType(
            kind="hubspot", title="HubSpot", api_version=API_VERSION, settings=Settings,
            streams=(StreamType("contacts", email_field="email", write_batch=100),),
            capabilities=frozenset({Capability.READ, Capability.WRITE}),
            open=HubSpot, base_url=lambda s: s.base_url, auth=lambda s: {"Authorization": …},
            limits={"": Rate(190, 10), "search": Rate(5, 1)},
            sandbox="plugins.hubspot.sandbox:HubSpotSandbox",
        )
    """

    kind: str
    title: str
    api_version: int
    settings: type[BaseModel]
    streams: Sequence[StreamType]
    capabilities: frozenset[Capability]
    open: Callable[[Context], Connector]
    base_url: Callable[[BaseModel], str]
    auth: Callable[[BaseModel], Mapping[str, str]]  # headers added to every call, never logged
    limits: Mapping[str, Rate] = field(default_factory=dict)  # "" is the bucket of every call
    concurrency: int = 4  # simultaneous calls that the vendor allows per account
    sandbox: str | None = None  # "module:Class" of hub.testing.sandbox.Sandbox, loaded on demand
    residuals: Sequence[Residual] = ()  # what the vendor may keep that no call reaches
    token: Callable[[BaseModel], TokenRequest] | None = None  # where `auth` has no lasting header

    def stream(self, name: str) -> StreamType:
        """The stream of that name. Raises KeyError where there is none."""
        for one in self.streams:
            if one.name == name:
                return one
        raise KeyError(name)
