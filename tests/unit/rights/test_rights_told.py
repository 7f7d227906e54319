"""What somebody did at a request is in the audit log, whichever way they came to do it."""

from __future__ import annotations

from datetime import date

from support.rights_desk import Desk

from hub.domain.audit import Event
from hub.domain.exemption import ExemptionGround
from hub.domain.plan import Exemption
from hub.domain.rights import DataCategory, Right
from hub.rights import decide, dryrun, identity, manual
from hub.store import audit
from hub.vault.database import read_only

BY = "cli:handler"


def told(desk: Desk, event: Event) -> list[tuple[str, str, dict[str, str]]]:
    """(actor, subject, detail) of every entry of that event."""
    with read_only(desk.deployment.database).connect() as connection:
        return [
            (one.entry.actor, one.entry.subject, dict(one.entry.detail))
            for one in audit.entries(connection)
            if one.entry.event is event
        ]


def test_a_link_for_who_has_no_access(desk: Desk, aino: str) -> None:
    number = desk.run(Right.NO_AUTOMATED_DECISIONS, aino)
    task = next(one for one in desk.tasks(number).values() if one.state == "awaiting_external")
    with desk.deployment.database.begin() as connection:
        manual.new_link(connection, desk.deployment, task.id, BY)
    (made,) = told(desk, Event.TASK_LINK_MADE)
    assert made == (BY, f"task {task.id}", {"request": str(number), "system": task.system})


def test_who_recorded_a_confirmation(desk: Desk, aino: str) -> None:
    """Whoever types a name is known too; with a one-time link nobody is."""
    number = desk.run(Right.NO_AUTOMATED_DECISIONS, aino)
    first, second, *_ = (
        one.id for one in desk.tasks(number).values() if one.state == "awaiting_external"
    )
    with desk.deployment.database.begin() as connection:
        manual.confirm(connection, desk.deployment, first, "Maija", "Done.", "token:3")
        manual.confirm(connection, desk.deployment, second, "Maija", "Done.")
    actors = [actor for actor, _, _ in told(desk, Event.TASK_CONFIRMED)]
    assert actors == ["token:3", "person"]


def test_a_dry_run_a_note_and_the_same_request_again(desk: Desk, aino: str) -> None:
    number = desk.open(Right.ERASURE, aino)
    assert desk.open(Right.ERASURE, aino) == number
    desk.identify(number)
    dryrun.preview(desk.deployment, number, desk.opened, BY)
    decide.note(desk.deployment, number, "She called again.", BY)
    for event in (Event.REQUEST_DUPLICATE, Event.REQUEST_DRY_RUN, Event.NOTE_ADDED):
        assert told(desk, event) == [(BY, f"request {number}", {})], event


def test_an_exemption_with_its_ground(desk: Desk, aino: str) -> None:
    number = desk.open(Right.ERASURE, aino)
    desk.identify(number)
    kept = Exemption(
        "crowst-crm", DataCategory.BILLING, ExemptionGround.ACCOUNTING, date(2032, 1, 1)
    )
    decide.exempt(desk.deployment, number, [kept], "Invoices of 2025.", BY)
    detail = {"system": "crowst-crm", "category": "billing", "ground": "accounting"}
    assert told(desk, Event.EXEMPTION_DECIDED) == [(BY, f"request {number}", detail)]


def test_evidence_that_is_not_enough(desk: Desk, aino: str) -> None:
    number = desk.open(Right.ERASURE, aino)
    letter = f"From: {aino}\r\nSubject: hei\r\n\r\nPoistakaa tietoni.\r\n".encode()
    assert not identity.by_message(
        desk.deployment, number, letter, BY, resolve=lambda *_, **__: None
    )
    assert told(desk, Event.IDENTITY_EVIDENCE) == [(BY, f"request {number}", {})]
