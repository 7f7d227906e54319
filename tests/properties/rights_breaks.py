"""The coordinator of rights, broken on purpose, and the story in which each break shows.

A break is a context in which one safeguard is missing; a story passes where nothing is broken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
from properties.breaks import blocks_are_not_looked_up, restrictions_are_not_loaded
from properties.rights_stories import (
    a_changed_log,
    corrected_and_edited,
    erased_after_cancelling,
    erased_after_thinking_it_over,
    erased_and_imported_again,
    erased_and_no_answer,
    erased_and_registered_anew,
    erased_at_one_and_merged_at_the_other,
    erased_at_one_of_two,
    erased_by_two_at_once,
    erased_save_what_a_ground_keeps,
    erased_while_a_system_fails,
    erased_while_a_system_is_out_of_use,
    erased_with_a_double,
    objects_after_a_consent,
    restricted_and_edited,
)
from properties.rights_town import RightsTown

from hub.domain import audit as chained
from hub.domain.audit import Event
from hub.domain.plan import Plan
from hub.domain.rights import TaskState
from hub.rights import (
    acting,
    assess,
    coordinator,
    effects,
    exempted,
    manual,
    postponing,
    targets,
    watch,
    worker,
)
from hub.store import audit, erasing, requests
from hub.store.activities import activity
from hub.sync import merge
from plugins.webinar import zoom_reading

Break = Callable[[pytest.MonkeyPatch], None]
Story = Callable[[RightsTown], None]


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


def who_cancelled_is_not_looked_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(zoom_reading, "LISTS", ("pending", "approved"))


def who_registers_anew_is_erased_again(patch: pytest.MonkeyPatch) -> None:
    for module in (watch.newcomers, worker.newcomers):
        patch.setattr(module, "left_alone", lambda *_: False)


def activities_outlive_their_person(patch: pytest.MonkeyPatch) -> None:
    forget: Any = erasing.forget

    def careless(connection: Any, *given: Any) -> Any:
        before = connection.execute(sa.select(activity)).mappings().all()
        answer = forget(connection, *given)
        there = set(connection.scalars(sa.select(activity.c.id)))
        if lost := [dict(one) for one in before if one["id"] not in there]:
            connection.execute(sa.insert(activity), lost)
        return answer

    patch.setattr(erasing, "forget", careless)


def anybody_goes_on_with_an_attempt(patch: pytest.MonkeyPatch) -> None:
    """Whoever comes takes it, and whoever was taken over goes on."""
    task = requests.task

    def step(connection: Any, row: Any, **values: Any) -> None:
        connection.execute(sa.update(task).where(task.c.id == row.id).values(**values))

    def claim(connection: Any, number: int, *_: Any) -> Any:
        taken = sa.update(task).where(task.c.id == number).values(epoch=task.c.epoch + 1)
        return connection.execute(taken.returning(task)).first()

    patch.setattr(requests, "step", step)
    patch.setattr(requests, "claim", claim)


def a_ground_keeps_nothing(patch: pytest.MonkeyPatch) -> None:
    set_tasks: Any = coordinator._set_tasks
    patch.setattr(
        coordinator,
        "_set_tasks",
        lambda *given: set_tasks(*given[:3], replace(given[3], exemptions=())),
    )


def a_ground_keeps_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(exempted, "end", lambda _: [])


def nobody_thinks_it_over(patch: pytest.MonkeyPatch) -> None:
    starting: Any = requests.starting
    patch.setattr(
        requests, "starting", lambda connection, now: starting(connection, now + timedelta(days=9))
    )


def whoever_is_merged_is_erased_too(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(targets, "only_from", lambda *_: True)


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
    whoever_is_merged_is_erased_too: (erased_at_one_and_merged_at_the_other, "I6"),
    who_cancelled_is_not_looked_for: (erased_after_cancelling, "order|I8"),
    who_registers_anew_is_erased_again: (erased_and_registered_anew, "I6"),
    activities_outlive_their_person: (erased_after_cancelling, "I3"),
    anybody_goes_on_with_an_attempt: (erased_by_two_at_once, "I7"),
    a_ground_keeps_nothing: (erased_save_what_a_ground_keeps, "I6"),
    a_ground_keeps_for_ever: (erased_save_what_a_ground_keeps, "exempt"),
    nobody_thinks_it_over: (erased_after_thinking_it_over, "cooling"),
    the_log_is_not_chained: (a_changed_log, "I10"),
    a_note_lies_in_the_clear: (erased_and_imported_again, "I9"),
    a_confirmation_is_logged: (erased_and_imported_again, "I9"),
}
"""Break -> the story that shows it, and how the violation begins."""
