"""The application's tables. Few rows per contact: a person (sealed profile), its identifiers, one
link per record that some system holds (sealed shadow), and one delivery per write.

Personal data stands only in columns named `profile`, `shadow`, `payload`, `evidence`, `content`
and `raw`, all sealed under the person's key (a quarantined row's under the system's). Look-ups go
through keyed digests. Column comments in `docs/architecture.md`.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Index, LargeBinary, MetaData, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from hub.vault.rows import id_allocator as make_id_allocator
from hub.vault.types import UtcDateTime

metadata: MetaData = SQLModel.metadata
metadata.naming_convention = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def _when(*, nullable: bool = False, index: bool = False) -> Column[datetime]:
    return Column(UtcDateTime(), nullable=nullable, index=index)


def _blob(*, nullable: bool = False) -> Column[bytes]:
    return Column(LargeBinary, nullable=nullable)


class Person(SQLModel, table=True):
    """One controller's view of one human."""

    id: int = Field(primary_key=True)
    controller: str
    key_id: int = Field(unique=True)
    version: int = 1  # rises with every change of the profile, permission or membership
    profile: bytes = Field(sa_column=_blob())
    restricted: bool = False
    merged_into: int | None = None
    notice_due: datetime | None = Field(default=None, sa_column=_when(nullable=True))
    created_at: datetime = Field(sa_column=_when())
    updated_at: datetime = Field(sa_column=_when())


class Identifier(SQLModel, table=True):
    """A keyed digest that finds a person. `person_id` NULL: several share it, it finds nobody."""

    __table_args__ = (UniqueConstraint("controller", "kind", "digest"),)
    id: int = Field(primary_key=True)
    controller: str
    kind: str
    digest: bytes = Field(sa_column=_blob())
    person_id: int | None = Field(default=None, index=True, foreign_key="person.id")
    undeliverable_at: datetime | None = Field(default=None, sa_column=_when(nullable=True))


class Link(SQLModel, table=True):
    """What we last agreed with a system about one of its records.

    In a joint system there is a link for each controller, so that each person's shadow is sealed
    under its own key (docs/decisions/0003).
    """

    __table_args__ = (UniqueConstraint("system", "stream", "scope", "external_id", "controller"),)
    id: int = Field(primary_key=True)
    system: str
    stream: str
    scope: str
    external_id: str
    controller: str
    person_id: int = Field(index=True, foreign_key="person.id")
    digest: bytes = Field(sa_column=_blob())  # keyed fingerprint of what the shadow holds
    shadow: bytes = Field(sa_column=_blob())
    version: str = ""  # the peer's, sorts as text
    state: str = "live"  # live, archived, gone, merged
    merged_into: int | None = None  # the link of the record that the vendor merged this one into
    writes_on: int = 0  # day number of `writes`
    writes: int = 0  # writes sent that day, against Guard.writes_per_record


class PermissionEventRow(SQLModel, table=True):
    """The permission ledger. Rows are only ever added; a merge of persons moves them."""

    __tablename__ = "permission_event"
    id: int = Field(primary_key=True)
    person_id: int = Field(index=True, foreign_key="person.id")
    purpose: str
    kind: str
    at: datetime | None = Field(default=None, sa_column=_when(nullable=True))
    seen_at: datetime = Field(sa_column=_when())
    ground: str | None = None
    act: str | None = None
    system: str
    evidence: bytes | None = Field(default=None, sa_column=_blob(nullable=True))
    key_id: int | None = None  # of the key that seals the evidence; a merge does not change it


class Refusal(SQLModel, table=True):
    """A prohibition known for an address before its person is: it waits for the person."""

    __table_args__ = (UniqueConstraint("controller", "digest", "purpose", "system"),)
    id: int = Field(primary_key=True)
    controller: str
    digest: bytes = Field(sa_column=_blob())
    purpose: str
    at: datetime | None = Field(default=None, sa_column=_when(nullable=True))
    seen_at: datetime = Field(sa_column=_when())
    system: str


class DomainProhibition(SQLModel, table=True):
    """A whole company said no: every address of its domain is refused."""

    __tablename__ = "domain_prohibition"
    __table_args__ = (UniqueConstraint("controller", "digest"),)
    id: int = Field(primary_key=True)
    controller: str
    digest: bytes = Field(sa_column=_blob())
    at: datetime = Field(sa_column=_when())
    source: str


class ErasureBlock(SQLModel, table=True):
    """A keyed hash of an identifier of an erased person: nothing is written for it again."""

    __tablename__ = "erasure_block"
    __table_args__ = (UniqueConstraint("controller", "kind", "digest"),)
    id: int = Field(primary_key=True)
    controller: str
    kind: str  # "email", or "SYSTEM/STREAM/SCOPE" for a vendor's id
    digest: bytes = Field(sa_column=_blob())
    at: datetime = Field(sa_column=_when())
    request_id: int | None = None  # stands only until that rights request has erased its persons


class Membership(SQLModel, table=True):
    """Who belongs to a joint project, and how that is known."""

    __table_args__ = (UniqueConstraint("person_id", "project", "how"),)
    id: int = Field(primary_key=True)
    person_id: int = Field(index=True, foreign_key="person.id")
    project: str
    how: str  # "SYSTEM/SCOPE", "SYSTEM/SCOPE:FIELD", "crossed:CONTROLLER", "by hand: SOURCE"
    since: datetime = Field(sa_column=_when())
    until: datetime | None = Field(default=None, sa_column=_when(nullable=True))


class ActivityRow(SQLModel, table=True):
    """What a person did or was sent, as a system told it; a merge of persons moves it."""

    __tablename__ = "activity"
    id: int = Field(primary_key=True)
    person_id: int = Field(index=True, foreign_key="person.id")
    system: str
    stream: str
    scope: str
    # of system, stream, scope, record, the vendor's id of it and controller: it lands once
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    at: datetime = Field(sa_column=_when())
    content: bytes = Field(sa_column=_blob())
    key_id: int  # of the key that seals the content; a merge does not change it


class Delivery(SQLModel, table=True):
    """One intended write. Once settled and its payload cleared, it is the disclosure record."""

    __table_args__ = (
        # what is settled leaves the index, so that it stays small however long the history
        Index(
            "ix_delivery_open",
            "system",
            "lane",
            "id",
            sqlite_where=text("state in ('ready', 'sent', 'unknown')"),
            postgresql_where=text("state in ('ready', 'sent', 'unknown')"),
        ),
        # One ready write for a record, and one for a record that is to be made. Two indexes, not
        # one on coalesce(link_id, 0): SQLite does not tell of indexes on expressions, so a
        # migration that copies the table would lose it.
        Index(
            "uq_delivery_ready",
            "person_id",
            "link_id",
            "lane",
            unique=True,
            sqlite_where=text("state = 'ready' and link_id is not null"),
            postgresql_where=text("state = 'ready' and link_id is not null"),
        ),
        Index(
            "uq_delivery_ready_create",
            "system",
            "stream",
            "scope",
            "person_id",
            "lane",
            unique=True,
            sqlite_where=text("state = 'ready' and link_id is null"),
            postgresql_where=text("state = 'ready' and link_id is null"),
        ),
        Index(
            "uq_delivery_in_flight",
            "link_id",
            unique=True,
            sqlite_where=text("state in ('sent', 'unknown')"),
            postgresql_where=text("state in ('sent', 'unknown')"),
        ),
    )
    id: int = Field(primary_key=True)
    system: str
    stream: str
    scope: str
    # None: a rights act on a record of somebody whom the hub does not know
    person_id: int | None = Field(default=None, index=True, foreign_key="person.id")
    link_id: int | None = Field(default=None, foreign_key="link.id")  # None: a create
    task_id: int | None = Field(default=None, index=True)  # the rights task that it serves
    lane: int  # hub.delivery.lanes: refusals first
    state: str  # ready, sent, unknown, done, refused, failed, cancelled
    fields: str = ""  # names of what was sent, space-separated: for disclosures
    purposes: str = ""  # purposes of the consents sent
    payload: bytes | None = Field(default=None, sa_column=_blob(nullable=True))
    person_version: int = 0
    tries: int = 0
    due_at: datetime = Field(sa_column=_when())
    reason: str = ""
    created_at: datetime = Field(sa_column=_when())
    sent_at: datetime | None = Field(default=None, sa_column=_when(nullable=True))
    settled_at: datetime | None = Field(default=None, sa_column=_when(nullable=True))


class Cursor(SQLModel, table=True):
    """Where reading a stream's scope goes on."""

    system: str = Field(primary_key=True)
    stream: str = Field(primary_key=True)
    scope: str = Field(primary_key=True)
    cursor: str
    mapping: str = ""  # signature of the configuration that the records were read by
    began_at: datetime | None = Field(default=None, sa_column=_when(nullable=True))  # enumerating
    complete_at: datetime | None = Field(default=None, sa_column=_when(nullable=True))
    read_at: datetime = Field(sa_column=_when())


class Quarantine(SQLModel, table=True):
    """A row that could not land, kept sealed with its reason."""

    __table_args__ = (UniqueConstraint("system", "stream", "scope", "external_id"),)
    id: int = Field(primary_key=True)
    system: str
    stream: str
    scope: str
    external_id: str
    reason: str
    raw: bytes | None = Field(default=None, sa_column=_blob(nullable=True))
    key_id: int | None = None
    tries: int = 1
    seen_at: datetime = Field(sa_column=_when())
    created_at: datetime = Field(sa_column=_when())


class Review(SQLModel, table=True):
    """A question that only a person can answer. Nothing is written until it is."""

    __table_args__ = (
        Index(
            "uq_review_open",
            "kind",
            "system",
            "stream",
            "scope",
            "external_id",
            "field",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
    )
    id: int = Field(primary_key=True)
    kind: str  # identity, conflict, storm, deletes
    system: str
    stream: str = ""
    scope: str = ""
    external_id: str = ""
    field: str = ""
    link_id: int | None = None
    persons: str = ""  # candidate person ids, space-separated
    reason: str
    state: str = "open"  # open, approved, spent, rejected, moot
    created_at: datetime = Field(sa_column=_when())
    decided_at: datetime | None = Field(default=None, sa_column=_when(nullable=True))
    decision: str = ""


class SyncRun(SQLModel, table=True):
    """One run of one system, for the history."""

    __tablename__ = "sync_run"
    id: int = Field(primary_key=True)
    system: str = Field(index=True)
    epoch: int
    state: str  # running, done, stopped, failed, handed-back
    started_at: datetime = Field(sa_column=_when())
    ended_at: datetime | None = Field(default=None, sa_column=_when(nullable=True))
    counts: str = "{}"  # JSON: outcome -> number
    reason: str = ""


class Fence(SQLModel, table=True):
    """The epoch of the run that may write for a system; every commit checks it."""

    system: str = Field(primary_key=True)
    epoch: int
    owner: str
    taken_at: datetime = Field(sa_column=_when())


class Task(SQLModel, table=True):
    """Durable work as the application knows it (hub.store.tasks); the engine only carries it out.

    Never deleted: an attempt's number is given out once.
    """

    kind: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    n: int = 0  # number of the current attempt
    open: bool = False  # whether there is something left to do
    due_at: datetime = Field(sa_column=_when())  # when attempt `n` should start
    epoch: int = 0  # rises with each claim
    holder: str | None = None  # the worker that claimed attempt `n`
    failures: int = 0  # failed attempts in a row
    woken_at: datetime | None = Field(default=None, sa_column=_when(nullable=True))
    slot: datetime | None = Field(default=None, sa_column=_when(nullable=True))  # last one fired
    reason: str = ""  # why the last attempt did not finish the task; a code


class Worker(SQLModel, table=True):
    """A daemon process and its last heartbeat."""

    id: str = Field(primary_key=True)
    beat_at: datetime = Field(sa_column=_when())


id_allocator = make_id_allocator(metadata)
"""Where `hub.vault.rows.ids` counts on SQLite."""
