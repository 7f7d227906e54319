"""Requests, plans and tasks as plain values, without anything personal."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import date
from typing import Any

from hub.cli.rights_base import request_row
from hub.cli.rights_words import mend, next_step, reason
from hub.domain.audit import Chained
from hub.domain.plan import Plan
from hub.opening import Hub
from hub.rights.casefile import Receipt
from hub.rights.due import deadline_of
from hub.store import audit, requests
from hub.vault.database import Row, read_only


def load(hub: Hub, number: int) -> tuple[Row[Any], list[Row[Any]], list[Chained]]:
    """A request, its tasks, and what happened to both. Raises Stop."""
    row = request_row(hub, number)
    with read_only(hub.deployment.database).connect() as connection:
        tasks = requests.tasks_of(connection, number)
        subjects = [f"request {number}", *(f"task {one.id}" for one in tasks)]
        happened = list(audit.entries(connection, subjects=subjects))
    return row, tasks, happened


def confirmations(hub: Hub, row: Row[Any], tasks: Sequence[Row[Any]]) -> dict[int, dict[str, str]]:
    """Who confirmed which task, and what they say they did: from the sealed receipts."""
    key = hub.vault.open_keys([row.key_id])[row.key_id]
    receipts = {one.id: Receipt.open(key, one.id, one.receipt) for one in tasks if one.confirmed_by}
    return {
        number: {"by": one.confirmed_by, "statement": one.statement}
        for number, one in receipts.items()
    }


_COLUMNS = (
    "id", "right", "state", "open", "on_hold", "received_at", "identity", "extended_at",
    "extended_reason", "plan_hash", "planned_at", "approved_at", "approved_by", "second_by",
    "starts_at", "notified_at", "closed_at", "watched", "watch_at", "retain_until", "reason",
)  # fmt: skip
_TASK_COLUMNS = (
    "id", "system", "part", "act", "state", "reason", "found", "tries", "waiting", "due_at",
    "category", "ground", "until", "confirm_by", "reminded", "confirmed_by", "created_at",
    "ended_at",
)  # fmt: skip


def told(row: Row[Any]) -> dict[str, Any]:
    """A request without anything personal."""
    return {
        **{name: getattr(row, name) for name in _COLUMNS},
        "controllers": row.controllers.split(),
        "also": row.also.split(),
        "next": next_step(row.state, row.id),
    }


def due_of(row: Row[Any], today: date) -> dict[str, Any]:
    """By when a request must be answered; `days_left` null while the clock stands still."""
    due = deadline_of(row)
    return {
        "deadline": {
            "answer_by": due.ends or row.due_on,
            "target": due.target or row.target_on,
            "days_left": due.days_left(today) if row.open else None,
            "paused": due.paused,
            "paused_days": due.paused_days,
            "extended": due.extended,
            "level": due.escalation(today).value if row.open else "none",
        }
    }


def plan_of(row: Row[Any]) -> dict[str, Any] | None:
    """A plan as plain values."""
    if not row.plan:
        return None
    plan = Plan.load(row.plan)
    return {**{f.name: getattr(plan, f.name) for f in dataclasses.fields(plan)}, "hash": plan.hash}


def task_of(row: Row[Any]) -> dict[str, Any]:
    """A task as plain values, with its reason in words."""
    words = reason(row.reason)
    return {
        **{name: getattr(row, name) for name in _TASK_COLUMNS},
        "controllers": row.controllers.split(),
        "means": words.means,
        "mend": mend(row.reason, row.request_id, row.id),
    }


def controllers_of(row: Row[Any]) -> list[str]:
    """Of whom it is asked."""
    return [*row.controllers.split(), *row.also.split()]
