"""Requests: opening, listing, looking at one, a dry run, the answer to give."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Path, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.domain.audit import Event
from hub.domain.rights import RequestState, Right
from hub.rights import assess, coordinator, dryrun, intake, package
from hub.rights.decide import load
from hub.rights.due import deadline_of, refused
from hub.store import audit, requests
from hub.store.tokens import Scope
from hub.vault.database import read_only
from hub.web import answers, portable, views
from hub.web.asked import NewRequest
from hub.web.desk import Handler, Planner, Reader, TheDesk, visible
from hub.web.problems import Refused, log_broken, wrong_field
from hub.web.repeating import get, post, router

api = router("requests")

MOST = 2**53 - 1  # what every JSON parser reads exactly
Number = Annotated[int, Path(ge=1, le=MOST, description="The request's number.")]
After = Annotated[int, Query(ge=0, le=MOST, description="Begin behind this one.")]
Most = Annotated[int, Query(ge=1, le=200, description="How many at most.")]


@post(
    api,
    "/requests",
    status=201,
    response_model=answers.OpenedRequest,
    responses={200: {"model": answers.OpenedRequest, "description": "It was open already."}},
)
def open_request(body: NewRequest, desk: TheDesk, token: Handler, request: Request) -> Response:
    """Receive a request.

    An open one of the same person that asks the same of the same controllers is answered with 200
    instead. An objection takes effect at once.
    """
    deployment = desk.deployment
    for one in body.controllers:
        if one not in deployment.landscape.controllers:
            known = ", ".join(deployment.landscape.controllers)
            raise wrong_field("controllers", f"there is no such controller; there are: {known}")
    desk.all_of(token, body.controllers)
    asked = intake.Asked(
        right=body.right,
        controllers=body.controllers,
        email=body.email,
        received_at=body.received_at or deployment.now(),
        name=body.name,
        phone=body.phone,
        language=body.language,
        also_known_as=body.also_known_as,
        message=body.message,
        corrections=body.corrections,
        purposes=body.purposes,
    )
    opened = intake.open_request(deployment, asked, token.actor)
    if opened.systems:
        desk.wake(opened.systems)
    with read_only(deployment.database).connect() as connection:
        row = load(connection, opened.number)
    due = deadline_of(row)
    made = answers.OpenedRequest(
        number=opened.number,
        fresh=opened.fresh,
        state=RequestState(row.state),
        target=due.target,
        due=due.ends,
    )
    return JSONResponse(
        made.model_dump(mode="json"),
        201 if opened.fresh else 200,
        headers={"Location": f"{request.url.path}/{opened.number}"},
    )


@get(api, "/requests", response_model=answers.RequestList)
def list_requests(
    desk: TheDesk,
    token: Reader,
    state: Annotated[
        list[RequestState] | None, Query(max_length=20, description="Only in these states.")
    ] = None,
    right: Annotated[Right | None, Query(description="Only of this right.")] = None,
    controller: Annotated[
        str | None,
        Query(
            max_length=64,
            description="Only of this controller: asked of it, or with a task of its own.",
        ),
    ] = None,
    open: Annotated[  # noqa: A002 - the name in the query
        bool, Query(description="Only those for which the person still waits.")
    ] = False,
    after: After = 0,
    limit: Most = 50,
) -> answers.RequestList:
    """List requests that the token sees, in the order of their numbers."""
    mine = token.controllers if controller is None else token.controllers & {controller}
    with read_only(desk.deployment.database).connect() as connection:
        rows = requests.listed(
            connection,
            states=[one.value for one in state or ()],
            right=right.value if right else "",
            controllers=sorted(mine),
            open_only=open,
            after=after,
            limit=limit,
        )
    now = desk.deployment.now()
    return answers.RequestList(
        requests=[views.summary(one, now) for one in rows],
        next=rows[-1].id if len(rows) == limit else None,
    )


@get(api, "/requests/{number}", 404, 409, response_model=answers.RequestView)
def show_request(
    number: Number,
    desk: TheDesk,
    token: Reader,
    casefile: Annotated[
        bool,
        Query(
            description="Open the case file too: personal data. Needs rights:handle and every "
            "controller of the request, and is entered in the audit log."
        ),
    ] = False,
) -> answers.RequestView:
    """Show a request: state, deadline, plan with its hash, tasks, timeline."""
    deployment = desk.deployment
    case = None
    if casefile:
        desk.may(token, Scope.HANDLE)
        with deployment.database.begin() as connection:
            row = desk.whole(connection, token, number)
            case = assess.casefile(deployment, row)
            coordinator.tell(connection, deployment, number, Event.REQUEST_VIEWED, token.actor)
    with read_only(deployment.database).connect() as connection:
        row = desk.seen(connection, token, number)
        tasks = visible(requests.tasks_of(connection, number), token, row)
        subjects = [f"task {one.id}" for one in tasks]
        if not token.controllers.isdisjoint(assess.controllers_of(row)):
            subjects.append(f"request {number}")
        try:
            entries = [one.entry for one in audit.entries(connection, subjects=subjects)]
        except ValueError:
            raise log_broken() from None
    return views.request(deployment, row, tasks, entries, token, case)


@get(api, "/requests/{number}/dry-run", 404, 409, response_model=answers.PreviewView)
def dry_run(number: Number, desk: TheDesk, token: Planner) -> answers.PreviewView:
    """Ask every system what it holds, and show what would be done. Nothing is written but that you
    looked, into the audit log."""
    desk.checked(token, number)
    found = dryrun.preview(desk.deployment, number, desk.hub.open_system, token.actor)
    return answers.PreviewView(
        plan_hash=found.plan.hash,
        persons=found.persons,
        systems=[
            answers.FoundView(
                system=one.system,
                part=one.part,
                act=one.act,
                controllers=list(one.controllers),
                held=one.held,
                weak=one.weak,
                scopes=list(one.scopes),
                by_hand=one.by_hand,
                problem=one.problem,
            )
            for one in found.systems
        ],
        applies=[answers.AppliesView(**asdict(one)) for one in found.applies],
    )


_GATHERED = coordinator.WORKING | coordinator.AFTERWARDS | {RequestState.NOTIFYING.value}


@get(
    api,
    "/requests/{number}/package",
    404,
    409,
    response_model=answers.PackageView,
    responses={
        200: {
            "description": "The answer; with ?format=zip an archive of JSON and CSV files.",
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
def get_package(
    number: Number,
    desk: TheDesk,
    token: Handler,
    format: Annotated[  # noqa: A002 - the name in the query
        portable.Format, Query(description="json or zip (JSON and CSV files).")
    ] = portable.Format.JSON,
) -> Any:
    """Get the answer to an access, portability or information request. Personal data; the look is
    logged."""
    deployment = desk.deployment
    with deployment.database.begin() as connection:
        row = desk.whole(connection, token, number)
        if Right(row.right) not in package.ANSWERED:
            told = "Only access, portability and information have a package."
            raise Refused(409, "no-package", told)
        if row.state not in _GATHERED or refused(row):
            raise Refused(409, "not-gathered", "Nothing is gathered yet: approve the plan first.")
        right = Right(row.right)
        tasks = requests.tasks_of(connection, number)
        complete = all(coordinator.facts_of(one).done(right) for one in tasks)
        coordinator.tell(connection, deployment, number, Event.PACKAGE_FETCHED, token.actor)
    whole = package.assemble(deployment, number)
    if format is portable.Format.ZIP:
        name = f'attachment; filename="request-{number}.zip"'
        return Response(
            portable.archive(whole),
            media_type="application/zip",
            headers={"Content-Disposition": name},
        )
    return answers.PackageView(complete=complete, package=whole)
