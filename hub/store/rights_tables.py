"""The tables of rights requests, of the audit log, and of who may ask through the API.

Personal data stands only in `rights_request.casefile` and `rights_task.receipt`, sealed under a key
of the request's own (KeyKind.REQUEST), so that the proof outlives the erased person's key, and ends
with a retention of its own.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Column, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from hub.store.tables import _blob, _when


class RightsRequest(SQLModel, table=True):
    """One data subject's request for one right (GDPR Arts. 13-22)."""

    __tablename__ = "rights_request"
    __table_args__ = (
        # one open request for one right of one person at the same controllers
        Index(
            "uq_rights_request_open",
            "duplicate",
            unique=True,
            sqlite_where=text("open"),
            postgresql_where=text("open"),
        ),
    )
    id: int = Field(primary_key=True)
    right: str
    controllers: str  # addressed ones, space-separated
    also: str = ""  # further controllers that the person confirmed
    state: str = Field(index=True)
    open: bool = True  # neither closed nor refused nor withdrawn
    on_hold: bool = False
    version: int = 1  # rises with every change; what is decided names the version it was decided on
    key_id: int
    casefile: bytes = Field(sa_column=_blob())
    duplicate: bytes = Field(sa_column=_blob())  # keyed digest of right, controllers and address
    received_at: datetime = Field(sa_column=_when())
    target_on: date
    due_on: date
    extended_at: datetime | None = Field(default=None, sa_column=_when(nullable=True))
    extended_reason: str = ""
    escalated: str = ""  # the last level told: "10", "5", "2", "late"
    questions: str = "[]"  # identity questions, JSON: [asked, answered or null], ISO 8601
    identity: str = ""  # how the person was known: a code, see hub.rights.identity
    code_digest: bytes | None = Field(default=None, sa_column=_blob(nullable=True))
    code_tries: int = 0
    code_until: datetime | None = Field(default=None, sa_column=_when(nullable=True))
    plan: str = ""  # canonical JSON, ids and codes only
    plan_hash: str = ""
    merged: str = ""  # ids of persons that a vendor's merge brought in; such a merge waits
    planned_at: datetime | None = Field(default=None, sa_column=_when(nullable=True))
    approved_at: datetime | None = Field(default=None, sa_column=_when(nullable=True))
    approved_by: str = ""
    second_by: str = ""
    starts_at: datetime | None = Field(default=None, sa_column=_when(nullable=True))  # cooling-off
    notified_at: datetime | None = Field(default=None, sa_column=_when(nullable=True))
    closed_at: datetime | None = Field(default=None, sa_column=_when(nullable=True))
    watched: int = 0  # re-reads after closing that every system has had
    watch_at: datetime | None = Field(default=None, sa_column=_when(nullable=True))
    retain_until: datetime | None = Field(default=None, sa_column=_when(nullable=True))
    reason: str = ""  # a code


class RightsTask(SQLModel, table=True):
    """What one system has to do for one request, and how it ended."""

    __tablename__ = "rights_task"
    __table_args__ = (
        UniqueConstraint("request_id", "system", "part"),
        Index(
            "ix_rights_task_due",
            "system",
            "due_at",
            sqlite_where=text("waiting"),
            postgresql_where=text("waiting"),
        ),
    )
    id: int = Field(primary_key=True)
    request_id: int = Field(index=True, foreign_key="rights_request.id")
    system: str  # a configured system, or "hub" for the hub's own copy
    part: str  # "records"; "residual:CODE", "manual" and "decision" for a person
    controllers: str  # whose task it is, space-separated
    act: str  # see `hub.domain.plan.ACTS` and `hub.rights.assess.CROSSED`; "lift", "confirm"
    state: str
    waiting: bool = True  # whether an attempt is due at `due_at`
    epoch: int = 0  # rises with each claim; an older one commits nothing
    tries: int = 0  # failed attempts in a row
    due_at: datetime = Field(sa_column=_when())
    # how long the attempt that has it may be taken for alive: see hub.rights.lease
    held_until: datetime | None = Field(default=None, sa_column=_when(nullable=True))
    reason: str = ""  # a code a person can act on
    found: int = 0  # records located
    receipt: bytes | None = Field(default=None, sa_column=_blob(nullable=True))
    category: str = ""  # of an exemption, with ground and end
    ground: str = ""
    until: date | None = None
    link_digest: bytes | None = Field(default=None, sa_column=_blob(nullable=True))
    confirm_by: datetime | None = Field(default=None, sa_column=_when(nullable=True))
    reminded: int = 0
    watched: int = 0  # re-reads of the system after closing
    confirmed_by: str = ""  # "person" once a named person confirmed it; the name is in the receipt
    created_at: datetime = Field(sa_column=_when())
    ended_at: datetime | None = Field(default=None, sa_column=_when(nullable=True))


class AuditEvent(SQLModel, table=True):
    """One entry of the audit log, chained to the one before by its hash."""

    __tablename__ = "audit_event"
    seq: int = Field(primary_key=True)
    at: datetime = Field(sa_column=_when())
    event: str
    actor: str
    subject: str  # "request 7", "task 12"
    detail: str  # canonical JSON of short codes
    hash: bytes = Field(sa_column=_blob())


class Notice(SQLModel, table=True):
    """A notice that a person was given of data that came from elsewhere (GDPR Art. 14)."""

    id: int = Field(primary_key=True)
    person_id: int = Field(index=True, foreign_key="person.id")
    version: str  # of the published notice, a code
    how: str  # "email", "message": see hub.rights.notices.Way
    at: datetime = Field(sa_column=_when())
    by: str  # who recorded it, a code


class ApiToken(SQLModel, table=True):
    """Who may ask through the admin endpoint. Only a digest of the token is kept."""

    __tablename__ = "api_token"
    id: int = Field(primary_key=True)
    name: str = Field(unique=True)
    digest: bytes = Field(sa_column=Column(_blob().type, nullable=False, unique=True))
    scopes: str
    controllers: str
    created_at: datetime = Field(sa_column=_when())
    expires_at: datetime | None = Field(default=None, sa_column=_when(nullable=True))
    revoked_at: datetime | None = Field(default=None, sa_column=_when(nullable=True))


class IdempotentAnswer(SQLModel, table=True):
    """What a request with an Idempotency-Key was answered, to be answered again."""

    __tablename__ = "idempotent_answer"
    token_id: int = Field(primary_key=True, foreign_key="api_token.id")
    key: str = Field(primary_key=True)
    fingerprint: bytes = Field(sa_column=_blob())  # keyed digest of method, path and body
    status: int = 0  # 0: still being answered
    body: str = ""  # ids and codes only
    at: datetime = Field(sa_column=_when())
