"""What is answered, field by field. Personal data only where a description says so."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, Field

from hub.domain.basis import Applies, Basis
from hub.domain.rights import RequestState, Right, TaskState

_STATE = "Where it is; see docs/api.md."


class DeadlineView(BaseModel):
    """When the request must be answered, in days of Helsinki (Art. 12(3), Regulation 1182/71)."""

    target: date | None = Field(description="The same date a month later; null: the clock stands.")
    due: date | None = Field(description="The last day in law, on a working day.")
    rolled: bool = Field(description="Whether the last day gave way to a working day.")
    days_left: int | None = Field(description="0 on the last day, negative when late.")
    escalation: str = Field(description="none, ten-days, five-days, two-days or late.")
    paused: bool = Field(description="A question about identity is open: the clock stands still.")
    extended: bool = Field(description="By two further months.")
    extend_by: date | None = Field(description="Until when the person can be told of an extension.")


class RequestSummary(BaseModel):
    """A request in a list."""

    number: int = Field(description="Its number.", examples=[7])
    right: Right = Field(description="What is asked for.")
    article: str = Field(description="Where the GDPR has it.", examples=["17"])
    controllers: list[str] = Field(description="Who was asked.", examples=[["crowst"]])
    also: list[str] = Field(description="Further controllers that the person confirmed.")
    state: RequestState = Field(description=_STATE)
    open: bool = Field(description="Whether the person still waits.")
    on_hold: bool = Field(description="Nothing is carried out until it is released.")
    reason: str = Field(description="Why it is where it is: a code.")
    received_at: datetime = Field(description="When it arrived.")
    deadline: DeadlineView = Field(description="When it must be answered.")


class RequestList(BaseModel):
    """A page of requests, in the order of their numbers."""

    requests: list[RequestSummary] = Field(description="Those that the token sees.")
    next: int | None = Field(description="`after` of the next page; null: this is the last.")


class StepView(BaseModel):
    """What one system has to do."""

    system: str = Field(description="The system, hub for the hub's own copy.")
    part: str = Field(description="Which part of it: records, crossed.")
    act: str = Field(description="locate, export, rectify, erase, restrict, refuse, confirm.")
    controllers: list[str] = Field(description="Whose task it is.")


class ExemptionView(BaseModel):
    """What one system keeps."""

    system: str = Field(description="The system.")
    category: str = Field(description="What kind of data.")
    ground: str = Field(description="On what ground.")
    law: str = Field(description="The provision.")
    until: date | None = Field(description="The first day on which it holds no more.")


class PlanView(BaseModel):
    """What is approved."""

    hash: str = Field(description="What an approval names.")
    made_at: datetime | None = Field(description="When it was frozen.")
    persons: int = Field(description="How many persons of the hub it concerns.")
    partly: int = Field(description="Of another controller: only what came from these.")
    steps: list[StepView] = Field(description="What each system has to do.")
    exemptions: list[ExemptionView] = Field(description="What is refused of it.")
    fields: list[str] = Field(description="Of a rectification: the fields.")
    weak: list[str] = Field(description="What makes a match doubtful: codes.")
    needs_second: bool = Field(description="Whether a second person has to approve.")


class ApprovalView(BaseModel):
    """Who approved."""

    first_by: str = Field(description="A code, such as token:3; empty: nobody yet.")
    second_by: str = Field(description="The second approver.")
    at: datetime | None = Field(description="When.")
    starts_at: datetime | None = Field(description="The end of a cooling-off.")


class TaskView(BaseModel):
    """What one system has to do, and where that is."""

    task: int = Field(description="Its number.", examples=[12])
    system: str = Field(description="The system, hub for the hub's own copy.")
    part: str = Field(description="Which part of it.")
    act: str = Field(description="What is to be done.")
    controllers: list[str] = Field(description="Whose task it is.")
    state: TaskState = Field(description=_STATE)
    done: bool = Field(description="Whether it is proved.")
    reason: str = Field(description="What stands in the way: a code.")
    found: int = Field(description="Records that were located.")
    tries: int = Field(description="Failed attempts in a row.")
    next_try: datetime | None = Field(description="When it is tried again.")
    confirm_by: datetime | None = Field(description="Until when a person should confirm it.")
    exemption: ExemptionView | None = Field(description="What is kept.")
    ended_at: datetime | None = Field(description="When it was proved.")


class EventView(BaseModel):
    """An entry of the audit log."""

    seq: int = Field(description="Its number.")
    at: datetime = Field(description="When.")
    event: str = Field(description="What happened, from a closed vocabulary.")
    actor: str = Field(description="Who: hub, person, token:3.")
    subject: str = Field(description="About what: request 7, task 12.")
    detail: dict[str, str] = Field(description="Codes.")


class CaseFileView(BaseModel):
    """Personal data of the request, opened. Each look is entered in the audit log."""

    email: str = Field(description="The person's address.")
    name: str = Field(description="As the person gave it.")
    phone: str = Field(description="The person's number.")
    language: str = Field(description="Of the answer.")
    also_known_as: list[str] = Field(description="Further addresses, those learned too.")
    message: str = Field(description="What the person wrote.")
    corrections: dict[str, str] = Field(description="Of a rectification.")
    purposes: list[str] = Field(description="Of an objection.")
    evidence: list[dict[str, str]] = Field(description="Who asks, and how that is known.")
    notes: list[dict[str, str]] = Field(description="Handlers' notes.")
    decisions: list[dict[str, str]] = Field(description="Decisions with their reasons.")
    notices: list[dict[str, str]] = Field(description="What the person was told.")


class RequestView(RequestSummary):
    """A request with its plan, tasks and timeline."""

    identity: str = Field(description="How the person was known: a code; empty: not yet.")
    plan: PlanView | None = Field(
        description="Null until the person is known, and where the token sees only tasks."
    )
    approval: ApprovalView | None = Field(
        description="Who approved the plan; null where the token sees only tasks."
    )
    tasks: list[TaskView] = Field(
        description="All, where the token has every controller of the request; else its own."
    )
    found: int = Field(description="Records located in all.")
    closed_at: datetime | None = Field(description="When it ended.")
    retain_until: datetime | None = Field(description="When its case file ends.")
    timeline: list[EventView] = Field(description="What happened, from the audit log.")
    casefile: CaseFileView | None = Field(
        default=None, description="Only with ?casefile=true and the scope rights:handle."
    )


class OpenedRequest(BaseModel):
    """A request that was received, or the open one that it repeats."""

    number: int = Field(description="Its number.", examples=[7])
    fresh: bool = Field(description="False: it was open already.")
    state: RequestState = Field(description=_STATE)
    target: date | None = Field(description="The same date a month later.")
    due: date | None = Field(description="The last day in law.")


class Changed(BaseModel):
    """Where a request is after an act."""

    number: int = Field(description="The request.", examples=[7])
    state: RequestState = Field(description=_STATE)
    on_hold: bool = Field(description="Whether it is on hold.")
    plan_hash: str = Field(description="The plan as it is now; empty: there is none.")


class Approved(Changed):
    """What an approval came to."""

    started: bool = Field(
        description="False: a second person has to approve too, or a cooling-off has begun."
    )


class Known(Changed):
    """What evidence came to."""

    enough: bool = Field(description="Whether the person is known now.")


class Extended(Changed):
    """The new deadline."""

    deadline: DeadlineView = Field(description="Counted from the receipt.")


class Retried(Changed):
    """What is tried again."""

    systems: list[str] = Field(description="At once.")


class NewCode(BaseModel):
    """A one-time code, to be sent to the address on record. It cannot be read again."""

    code: str = Field(description="The code.", examples=["K7PQ2MXD"])
    until: datetime = Field(description="When it ends.")


class NewLink(BaseModel):
    """A one-time link with which whoever has it confirms the task. It cannot be read again."""

    link: str = Field(
        description="The address.",
        examples=["https://localhost:8443/api/v1/confirmations/2Vq…"],
    )
    confirm_by: datetime | None = Field(description="Until when it should be confirmed.")


class TaskChanged(BaseModel):
    """Where a task is after an act."""

    task: int = Field(description="The task.", examples=[12])
    state: TaskState = Field(description=_STATE)


class FoundView(BaseModel):
    """What one system would have to do."""

    system: str = Field(description="The system.")
    part: str = Field(description="Which part of it.")
    act: str = Field(description="What would be done.")
    controllers: list[str] = Field(description="Whose task it would be.")
    held: int | None = Field(description="Records found; null: it could not be asked.")
    weak: int = Field(description="Of them not certainly the person's.")
    scopes: list[str] = Field(description="Where.")
    by_hand: str = Field(description="Why a person would have to do it: a code.")
    problem: str = Field(description="Why it could not be asked: a code.")


class AppliesView(BaseModel):
    """What the right comes to for one controller's data on one lawful basis."""

    controller: str = Field(description="Whose data.", examples=["crowst"])
    basis: Basis = Field(description="What it rests on (Art. 6(1)).")
    applies: Applies = Field(description="conditional: on what the note says; you decide.")
    article: str = Field(description="Where the GDPR has it.", examples=["17(1)(a)"])
    note: str = Field(description="On what it depends.")


class PreviewView(BaseModel):
    """What would be done. Nothing was written anywhere."""

    plan_hash: str = Field(description="Of the plan as it would be now.")
    persons: int = Field(description="How many persons of the hub it concerns.")
    systems: list[FoundView] = Field(description="What each system answered.")
    applies: list[AppliesView] = Field(description="The right by lawful basis.")


class PackageView(BaseModel):
    """The answer to an access or portability request. Personal data."""

    complete: bool = Field(description="Whether every system has answered.")
    package: dict[str, Any] = Field(
        description="What is held, from where, to whom it went; see docs/api.md."
    )


class ManualTask(BaseModel):
    """What a person is asked to do. It does not say about whom: whoever sent the link does."""

    system: str = Field(description="In which tool.")
    act: str = Field(description="What kind of act.")
    instructions: str = Field(description="What to do.")
    language: str = Field(description="Of the instructions.")
    confirm_by: datetime | None = Field(description="Until when.")


class WeakView(BaseModel):
    """A record that may be the person's, or somebody else's."""

    record: int = Field(description="Its number within the task.", examples=[1])
    system: str = Field(description="The system that holds it.", examples=["crowst-crm"])
    stream: str = Field(description="What kind of record.", examples=["contacts"])
    scope: str = Field(description="In which list, audience or webinar; empty: there is one.")
    id: str = Field(description="The vendor's id of it.", examples=["512"])
    by: str = Field(description="What it was found by.", examples=["phone"])


class WeakMatches(BaseModel):
    """The records that a task asks about."""

    records: list[WeakView] = Field(description="Those without an answer.")


class Done(BaseModel):
    """It was recorded."""

    confirmed: bool = Field(description="True.")


class AuditPage(BaseModel):
    """A page of the audit log, in its order."""

    entries: list[EventView] = Field(description="The entries.")
    next: int | None = Field(description="`after` of the next page; null: this is the last.")


class HeadView(BaseModel):
    """The end of the audit log. Keep it elsewhere: a cut tail is found by comparing with it."""

    seq: int = Field(description="The number of the last entry, 0 of an empty log.")
    hash: str = Field(description="Its hash, in hexadecimal.")


class VerifyView(BaseModel):
    """Whether the audit log is whole."""

    holds: bool = Field(description="Whether it is.")
    fault: str | None = Field(
        description="edited, removed, reordered, truncated or rewritten; null: none."
    )
    seq: int | None = Field(description="The first entry that does not hold.")
    head: HeadView = Field(description="The end of the log now.")


class Health(BaseModel):
    """That the endpoint answers, and its database too."""

    status: str = Field(description="ok", examples=["ok"])
