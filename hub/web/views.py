"""From rows to what is answered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from hub.delivery.deployment import Deployment
from hub.domain.audit import Entry
from hub.domain.deadline import Deadline, helsinki_day
from hub.domain.exemption import ExemptionGround
from hub.domain.plan import Plan
from hub.domain.rights import RequestState, Right, TaskState
from hub.rights.assess import controllers_of
from hub.rights.casefile import CaseFile
from hub.rights.coordinator import facts_of
from hub.rights.due import deadline_of
from hub.store.tokens import Token
from hub.vault.database import Row
from hub.web import answers


def deadline(due: Deadline, *, open_: bool, now: datetime) -> answers.DeadlineView:
    """When a request must be answered; of one that is not open nothing is left."""
    today = helsinki_day(now)
    return answers.DeadlineView(
        target=due.target,
        due=due.ends,
        rolled=due.target != due.ends,
        days_left=due.days_left(today) if open_ else None,
        escalation=due.escalation(today).value if open_ else "none",
        paused=due.paused,
        extended=due.extended,
        extend_by=due.first.ends,
    )


def summary(row: Row[Any], now: datetime) -> answers.RequestSummary:
    """A request in a list."""
    return answers.RequestSummary(**_summary(row, now))


def _summary(row: Row[Any], now: datetime) -> dict[str, Any]:
    right = Right(row.right)
    return {
        "number": row.id,
        "right": right,
        "article": right.article,
        "controllers": row.controllers.split(),
        "also": row.also.split(),
        "state": RequestState(row.state),
        "open": row.open,
        "on_hold": row.on_hold,
        "reason": row.reason,
        "received_at": row.received_at,
        "deadline": deadline(deadline_of(row), open_=row.open, now=now),
    }


def request(
    deployment: Deployment,
    row: Row[Any],
    tasks: Sequence[Row[Any]],
    entries: Iterable[Entry],
    token: Token,
    case: CaseFile | None,
) -> answers.RequestView:
    """A request with everything; `tasks` are those that the token sees. Of one that it sees for its
    tasks only, nothing else is shown."""
    concerned = not token.controllers.isdisjoint(controllers_of(row))
    return answers.RequestView(
        **_summary(row, deployment.now()),
        identity=row.identity if concerned else "",
        plan=_plan(deployment, row, token) if row.plan and concerned else None,
        approval=_approval(row) if concerned else None,
        tasks=[task(one, Right(row.right)) for one in tasks],
        found=sum(one.found for one in tasks),
        closed_at=row.closed_at,
        retain_until=row.retain_until,
        timeline=[event(one) for one in entries],
        casefile=casefile(case) if case else None,
    )


def _approval(row: Row[Any]) -> answers.ApprovalView:
    return answers.ApprovalView(
        first_by=row.approved_by,
        second_by=row.second_by,
        at=row.approved_at,
        starts_at=row.starts_at,
    )


def changed(row: Row[Any]) -> dict[str, Any]:
    """The fields of `answers.Changed`."""
    return {
        "number": row.id,
        "state": RequestState(row.state),
        "on_hold": row.on_hold,
        "plan_hash": row.plan_hash,
    }


def _plan(deployment: Deployment, row: Row[Any], token: Token) -> answers.PlanView:
    plan = Plan.load(row.plan)
    # who may approve it sees all of it, what it does at another controller too
    whole = token.controllers.issuperset(controllers_of(row))
    steps = [
        one for one in plan.steps if whole or not token.controllers.isdisjoint(one.controllers)
    ]
    mine = {one.system for one in steps}
    return answers.PlanView(
        hash=row.plan_hash,
        made_at=row.planned_at,
        persons=len(plan.persons),
        partly=len(plan.partly),
        steps=[
            answers.StepView(
                system=one.system, part=one.part, act=one.act, controllers=list(one.controllers)
            )
            for one in steps
        ],
        exemptions=[
            exemption(one.system, one.category.value, one.ground.value, one.until)
            for one in plan.exemptions
            if one.system in mine
        ],
        fields=list(plan.fields),
        weak=list(plan.weak),
        needs_second=plan.needs_second(always=deployment.landscape.rights.always_second),
    )


def exemption(system: str, category: str, ground: str, until: date | None) -> answers.ExemptionView:
    """What one system keeps."""
    return answers.ExemptionView(
        system=system,
        category=category,
        ground=ground,
        law=ExemptionGround(ground).law,
        until=until,
    )


def task(row: Row[Any], right: Right) -> answers.TaskView:
    """A task."""
    return answers.TaskView(
        task=row.id,
        system=row.system,
        part=row.part,
        act=row.act,
        controllers=row.controllers.split(),
        state=TaskState(row.state),
        done=facts_of(row).done(right),
        reason=row.reason,
        found=row.found,
        tries=row.tries,
        next_try=row.due_at if row.waiting else None,
        confirm_by=row.confirm_by,
        exemption=exemption(row.system, row.category, row.ground, row.until)
        if row.ground
        else None,
        ended_at=row.ended_at,
    )


def event(entry: Entry) -> answers.EventView:
    """An entry of the audit log."""
    return answers.EventView(
        seq=entry.seq,
        at=entry.at,
        event=entry.event.value,
        actor=entry.actor,
        subject=entry.subject,
        detail=dict(entry.detail),
    )


def casefile(case: CaseFile) -> answers.CaseFileView:
    """The case file, opened."""
    return answers.CaseFileView(
        email=case.email,
        name=case.name,
        phone=case.phone,
        language=case.language,
        also_known_as=[*case.also_known_as, *case.learned],
        message=case.message,
        corrections=case.corrections,
        purposes=case.purposes,
        evidence=case.evidence,
        notes=case.notes,
        decisions=case.decisions,
        notices=case.notices,
    )
