"""Tasks that a person has to do, and the one-time links with which they are confirmed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import Path, Query
from starlette.requests import Request

from hub.domain.rights import RequestState, TaskState
from hub.rights import decide, manual, matches
from hub.rights.manual import CannotConfirm, NoLongerNeeded
from hub.store import requests
from hub.store.tokens import Token
from hub.vault.database import Connection, Row, read_only
from hub.web import answers, asked
from hub.web.desk import Desk, Handler, TheDesk
from hub.web.problems import Refused
from hub.web.repeating import errors, get, post, router
from hub.web.requests import MOST, Number

api = router("tasks")

TaskNumber = Annotated[int, Path(ge=1, le=MOST, description="The task's number.")]
Link = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9_-]{8,64}$", description="The secret of the one-time link.")
]
_OPEN = (400, 404, 405, 408, 413, 422, 429, 500)


@post(
    api,
    "/requests/{number}/tasks/{task}/link",
    status=201,
    once=True,
    response_model=answers.NewLink,
)
def make_link(
    number: Number, task: TaskNumber, desk: TheDesk, token: Handler, request: Request
) -> answers.NewLink:
    """Make a one-time link with which whoever has it can confirm the task. An earlier one ends.

    The link is answered once: with an Idempotency-Key that was used, the status is 409.
    """
    deployment = desk.deployment
    with deployment.database.begin() as connection:
        row = desk.task(connection, token, number, task)
        _unless_archived(connection, number)
        secret = manual.new_link(connection, deployment, task, token.actor)
    address = request.url_for("show_manual_task", link=secret)
    return answers.NewLink(link=str(address), confirm_by=row.confirm_by)


@post(api, "/requests/{number}/tasks/{task}/confirmation", response_model=answers.TaskChanged)
def confirm_task(
    number: Number, task: TaskNumber, body: asked.Confirmation, desk: TheDesk, token: Handler
) -> answers.TaskChanged:
    """Record that a named person did what the task asks."""
    with desk.deployment.database.begin() as connection:
        desk.task(connection, token, number, task)
        _unless_archived(connection, number)
        by, said = body.by, body.statement
        manual.confirm(connection, desk.deployment, task, by, said, token.actor)
    desk.wake_due()
    return _now(desk, task)


@get(
    api,
    "/requests/{number}/tasks/{task}/matches",
    404,
    409,
    response_model=answers.WeakMatches,
)
def list_matches(
    number: Number, task: TaskNumber, desk: TheDesk, token: Handler
) -> answers.WeakMatches:
    """List the records that a task asks about: found by what several people may share, a phone for
    example. Needs every controller whose task it is; the look is entered in the audit log."""
    _may_judge(desk, token, number, task)
    return answers.WeakMatches(
        records=[
            answers.WeakView(**asdict(one))
            for one in matches.weak(desk.deployment, task, token.actor)
        ]
    )


@post(api, "/requests/{number}/tasks/{task}/match", response_model=answers.TaskChanged)
def judge_match(
    number: Number, task: TaskNumber, body: asked.Match, desk: TheDesk, token: Handler
) -> answers.TaskChanged:
    """Say whether records that are not certainly the person's are theirs; once each has its answer
    the task goes on. Needs every controller whose task it is.

    Of an erasure, that a record is the person's takes another token than the one that approved.
    """
    _may_judge(desk, token, number, task)
    system = matches.judge(desk.deployment, task, token.actor, same=body.same, records=body.records)
    desk.wake([system])
    return _now(desk, task)


@api.get(
    "/confirmations/{link}",
    response_model=answers.ManualTask,
    responses=errors(410, always=_OPEN),
)
def show_manual_task(
    link: Link,
    desk: TheDesk,
    request: Request,
    language: Annotated[asked.Language, Query(description="Of the instructions.")] = "fi",
) -> answers.ManualTask:
    """Show what a one-time link asks to be done. No token is needed, and no person is named."""
    desk.link_used(request)
    with read_only(desk.deployment.database).connect() as connection:
        task = _by_link(desk, connection, link)
    return answers.ManualTask(
        system=task.system,
        act=task.act,
        instructions=manual.instructions(desk.deployment, task, language),
        language=language,
        confirm_by=task.confirm_by,
    )


@api.post(
    "/confirmations/{link}",
    response_model=answers.Done,
    responses=errors(409, 410, 415, always=_OPEN),
)
def confirm_by_link(
    link: Link, body: asked.Confirmation, desk: TheDesk, request: Request
) -> answers.Done:
    """Confirm the task of a one-time link, which is spent by it. No token is needed."""
    desk.link_used(request)
    with desk.deployment.database.begin() as connection:
        task = _by_link(desk, connection, link)
        manual.confirm(connection, desk.deployment, task.id, body.by, body.statement)
    desk.wake_due()
    return answers.Done(confirmed=True)


def _may_judge(desk: Desk, token: Token, number: int, task: int) -> None:
    with read_only(desk.deployment.database).connect() as connection:
        row = desk.task(connection, token, number, task)
        desk.all_of(token, row.controllers.split())  # the records are theirs, whoever was asked
        _unless_archived(connection, number)


def _by_link(desk: Desk, connection: Connection, link: str) -> Row[object]:
    try:
        return manual.by_link(connection, desk.deployment, link)
    except NoLongerNeeded:
        raise Refused(
            410, "no-longer-needed", "This is no longer needed: there is nothing to do any more."
        ) from None
    except CannotConfirm:
        raise Refused(
            404, "no-such-link", "The link was used already or is none of ours: ask for another."
        ) from None


def _unless_archived(connection: Connection, number: int) -> None:
    row = decide.load(connection, number)
    if row.state == RequestState.ARCHIVED.value:
        raise Refused(409, "archived", "The case file of this request has ended.")


def _now(desk: Desk, task_id: int) -> answers.TaskChanged:
    with read_only(desk.deployment.database).connect() as connection:
        row = requests.get_task(connection, task_id)
    assert row is not None  # tasks stay
    return answers.TaskChanged(task=task_id, state=TaskState(row.state))
