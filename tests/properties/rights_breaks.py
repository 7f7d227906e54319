"""The coordinator of rights, broken on purpose, and the short story in which each break shows.

A break is a context in which one safeguard is missing; a story passes where nothing is broken.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import structlog
from properties.breaks import blocks_are_not_looked_up, restrictions_are_not_loaded
from properties.oracle import Violation
from properties.rights_ledger import tampered
from properties.rights_town import NOTE, RightsTown

from hub.domain import audit as chained
from hub.domain.audit import Event
from hub.domain.plan import Plan
from hub.domain.rights import Right, TaskState
from hub.rights import acting, assess, coordinator, effects, manual, postponing, targets
from hub.rights.identity import How, by_handler
from hub.store import audit, requests
from hub.sync import merge

Break = Callable[[pytest.MonkeyPatch], None]
Story = Callable[[RightsTown], None]
AINO = "Ainokukka"


# breaks


def the_own_copy_goes_first(patch: pytest.MonkeyPatch) -> None:
    set_tasks: Any = coordinator._set_tasks

    def hasty(connection: Any, deployment: Any, request: Any, plan: Any) -> None:
        set_tasks(connection, deployment, request, plan)
        for one in requests.tasks_of(connection, request.id):
            if one.system == targets.HUB:
                requests.step(connection, one, waiting=True)

    patch.setattr(coordinator, "_set_tasks", hasty)


def what_is_lost_is_taken_as_done(patch: pytest.MonkeyPatch) -> None:
    settle: Any = acting.settle_lost
    patch.setattr(
        acting, "settle_lost", lambda c, rows, done, *rest: settle(c, rows, lambda _: True, *rest)
    )


def one_approval_is_always_enough(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Plan, "needs_second", lambda *_, **__: False)


def a_disabled_system_counts_as_done(patch: pytest.MonkeyPatch) -> None:
    attention: Any = postponing.attention

    def content(work: Any, reason: str, wait: Any) -> None:
        if reason != "system-disabled":
            attention(work, reason, wait)
            return
        with work.deployment.database.begin() as connection:
            work.end(connection, TaskState.VERIFIED, Event.TASK_VERIFIED)

    patch.setattr(postponing, "attention", content)


def a_failing_system_is_given_up(patch: pytest.MonkeyPatch) -> None:
    def tired(work: Any, reason: str, asked: Any) -> None:
        with work.deployment.database.begin() as connection:
            work.end(connection, TaskState.VERIFIED, Event.TASK_VERIFIED)

    patch.setattr(postponing, "again", tired)


def a_correction_is_a_value_like_any_other(patch: pytest.MonkeyPatch) -> None:
    settle: Any = merge.settle

    def forgetful(**given: Any) -> Any:
        ours = given["ours"]
        return settle(**{**given, "ours": ours and ours._replace(rectified=False)})

    patch.setattr(merge, "settle", forgetful)


def an_objection_waits_for_approval(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(effects, "object_to", lambda *_, **__: [])


def the_other_company_is_erased_too(patch: pytest.MonkeyPatch) -> None:
    find: Any = targets.find

    def greedy(*given: Any) -> Any:
        found = find(*given)
        found.persons |= found.partly
        found.partly = {}
        return found

    patch.setattr(targets, "find", greedy)
    patch.setattr(assess.targets, "find", greedy)


def the_log_is_not_chained(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(audit, "chain_hash", lambda *_: bytes(32))
    patch.setattr(chained, "chain_hash", lambda *_: bytes(32))


def a_note_lies_in_the_clear(patch: pytest.MonkeyPatch) -> None:
    confirm: Any = manual.confirm

    def careless(connection: Any, deployment: Any, task_id: int, by: str, statement: str) -> None:
        confirm(connection, deployment, task_id, by, statement)
        task = requests.get_task(connection, task_id)
        requests.step(connection, task, reason=by)

    patch.setattr(manual, "confirm", careless)


def a_confirmation_is_logged(patch: pytest.MonkeyPatch) -> None:
    confirm: Any = manual.confirm

    def talking(*given: Any) -> None:
        structlog.get_logger().info("confirmed", by=given[3])
        confirm(*given)

    patch.setattr(manual, "confirm", talking)


# stories


def _known(town: RightsTown, *places: str) -> str:
    for place in places or ("crowst-crm",):
        town.have(AINO, place)
    town.sync()
    town.oracle.at_rest(town.shown())
    town.clock.advance(60)
    return town.of(AINO)


def _asked(town: RightsTown, right: Right, *whom: str, **corrections: str) -> int:
    town.opens(right, AINO, town.of(AINO), whom or ("crowst",), corrections)
    number = max(town.law.asked)
    deployment = town.world.deployment
    if town.desk.row(number).state == "identity_pending":
        by_handler(deployment, number, How.KNOWN_TO_HANDLER, NOTE, "cli:handler")
    town.clock.advance(7)
    for actor in ("cli:handler", "cli:second"):
        if town.desk.row(number).state == "planned":
            town.approves(number, actor)
    town.clock.advance(7)
    return number


def erased_and_imported_again(town: RightsTown) -> None:
    _known(town, "crowst-crm", "crowst-uutiset")
    number = _asked(town, Right.ERASURE)
    town.works()
    town.confirms()
    town.closes(number)
    town.clock.advance(600)
    town.have(AINO, "crowst-crm")
    town.have(AINO, "crowst-tapahtumat")
    town.returns(AINO, "crowst-uutiset")
    town.sync(full=True)


def erased_while_a_system_fails(town: RightsTown) -> None:
    _known(town, "crowst-crm", "crowst-uutiset")
    town.fault("crowst-mailer", "500", "", 60)
    number = _asked(town, Right.ERASURE)
    town.works()
    town.confirms()
    town.closes(number)


def erased_while_a_system_is_out_of_use(town: RightsTown) -> None:
    _known(town, "crowst-crm", "crowst-uutiset")
    town.disable("crowst-mailer", on=False)
    number = _asked(town, Right.ERASURE)
    town.works()
    town.confirms()
    town.closes(number)


def erased_and_no_answer(town: RightsTown) -> None:
    _known(town, "crowst-crm", "crowst-uutiset")
    town.fault("crowst-mailer", "drop", "delete-permanent", 1)
    _asked(town, Right.ERASURE)
    town.works()


def erased_with_a_double(town: RightsTown) -> None:
    address = _known(town)
    crm = town.crm["crowst-crm"]
    double = town.fresh_address(AINO)
    added = crm.add(double, **town.values(AINO, "crowst"))
    town.address[AINO] = address
    town.sync()
    town.clock.advance(60)
    town.opens(Right.ERASURE, AINO, address, ("crowst",), {})
    crm.merge(crm.id_of(address) or "", added)
    by_handler(town.world.deployment, 1, How.KNOWN_TO_HANDLER, NOTE, "cli:handler")
    town.sync(full=True)
    for _ in range(3):
        town.approves(1, "cli:handler")
        town.works()
        town.clock.advance(60)


def restricted_and_edited(town: RightsTown) -> None:
    address = _known(town, "crowst-crm", "crowst-uutiset")
    _asked(town, Right.RESTRICTION)
    town.works()
    crm = town.crm["crowst-crm"]
    changes = {"company": town.value("crowst", "company"), "lifecycle": "customer"}
    crm.edit(crm.id_of(address) or "", **changes)
    town.clock.advance(60)
    town.sync(full=True)


def corrected_and_edited(town: RightsTown) -> None:
    address = _known(town, "crowst-crm", "crowst-uutiset")
    _asked(town, Right.RECTIFICATION, last_name=town.value("crowst", "last_name"))
    town.works()
    town.clock.advance(3600)
    crm = town.crm["crowst-crm"]
    crm.edit(crm.id_of(address) or "", last_name=town.value("crowst", "last_name"))
    town.clock.advance(60)
    town.sync(full=True)


def objects_after_a_consent(town: RightsTown) -> None:
    address = _known(town)
    town.crm["crowst-crm"].subscribes(address, "1001")
    town.oracle.consents("crowst", address, "newsletter", town.clock.now())
    town.clock.advance(600)
    _asked(town, Right.OBJECTION)
    town.sync(full=True)


def erased_at_one_of_two(town: RightsTown) -> None:
    town.have(AINO, "bangeri-crm")
    town.join(AINO, "crowst-crm")
    _known(town, "crowst-crm")
    _asked(town, Right.ERASURE)
    town.works()


def a_changed_log(town: RightsTown) -> None:
    _known(town)
    _asked(town, Right.ACCESS)
    town.works()
    for how in ("edited", "removed", "truncated", "exchanged"):
        with town.world.deployment.database.connect() as connection:
            connection.begin()
            if tampered(connection, how, 2, town.heads) is None:
                raise Violation(f"I10: a row was {how}, and nobody sees it")
            connection.rollback()


FOUND: dict[Break, tuple[Story, str]] = {
    blocks_are_not_looked_up: (erased_and_imported_again, "I3"),
    the_own_copy_goes_first: (erased_while_a_system_fails, "order"),
    a_failing_system_is_given_up: (erased_while_a_system_fails, "order|I8"),
    a_disabled_system_counts_as_done: (erased_while_a_system_is_out_of_use, "order|I8"),
    what_is_lost_is_taken_as_done: (erased_and_no_answer, "I6"),
    one_approval_is_always_enough: (erased_with_a_double, "approval"),
    restrictions_are_not_loaded: (restricted_and_edited, "I5"),
    a_correction_is_a_value_like_any_other: (corrected_and_edited, "rectified"),
    an_objection_waits_for_approval: (objects_after_a_consent, "I1"),
    the_other_company_is_erased_too: (erased_at_one_of_two, "I6"),
    the_log_is_not_chained: (a_changed_log, "I10"),
    a_note_lies_in_the_clear: (erased_and_imported_again, "I9"),
    a_confirmation_is_logged: (erased_and_imported_again, "I9"),
}
"""Break -> the story that shows it, and how the violation begins."""
