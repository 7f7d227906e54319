"""Idempotency-Key: a POST that is sent twice has one effect and one answer.

A key belongs to the caller's token and is kept for 24 hours with the answer, if that was a success;
after an error, which changed nothing, it is free again. What is answered once only (a one-time
code, a link) is not kept: a repeated key is then told so, and no second one is made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Header
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.store import idempotency
from hub.store.idempotency import Met
from hub.web.desk import Desk, bearer, desk_of
from hub.web.problems import MOST_ERRORS, Problem, Refused, field_name

_FORM = r"^[\x21-\x7e]{1,255}$"
_ONCE = "x-answered-once"

Act = Callable[[Request], Coroutine[Any, Any, Response]]


class RepeatableRoute(APIRoute):
    """A route that takes no other query than its own, and whose POST honours Idempotency-Key."""

    def get_route_handler(self) -> Act:
        """The handler, with what the key asks for around it."""
        plain = super().get_route_handler()
        once = bool((self.openapi_extra or {}).get(_ONCE))
        known = {one.alias for one in self.dependant.query_params}

        async def handler(request: Request) -> Response:
            unknown = [name for name in request.query_params if name not in known]
            if unknown:
                told = [(field_name([name]), "there is no such parameter") for name in unknown]
                errors = list(dict.fromkeys(told))[:MOST_ERRORS]
                raise Refused(422, "invalid", "A parameter is wrong.", errors=errors)
            key = request.headers.get("idempotency-key")
            if request.method != "POST" or key is None or not re.fullmatch(_FORM, key):
                return await plain(request)  # where the key is malformed it says so
            return await _with_key(request, key, plain, once=once)

        return handler


async def _with_key(request: Request, key: str, act: Act, *, once: bool) -> Response:
    desk = desk_of(request)
    credentials = await bearer(request)
    caller = await run_in_threadpool(desk.caller, request, credentials)
    request.state.caller = caller
    body = await request.body()
    # digests: what a client chose for a key may tell of a person, and the body does
    identities = desk.deployment.identities
    name = identities.secret("idempotency", key).hex()
    place = f"{request.method} {request.url.path}?{request.url.query}".encode()
    fingerprint = identities.fingerprint(len(place).to_bytes(4, "big") + place + body)
    met = await run_in_threadpool(_begin, desk, caller.id, name, fingerprint)
    if met is not None:
        return _again(met)
    try:
        response = await act(request)
    except BaseException:
        await run_in_threadpool(_forget, desk, caller.id, name)
        raise
    kept = (
        ""
        if once
        else orjson.dumps([response.headers.get("location"), orjson.loads(response.body)]).decode()
    )
    await run_in_threadpool(_finish, desk, caller.id, name, response.status_code, kept)
    return response


def _again(met: Met) -> Response:
    if not met.same:
        raise Refused(
            422,
            "key-used",
            "This Idempotency-Key was used for another request: choose another.",
            errors=[("Idempotency-Key", "was used for another request")],
        )
    if met.status == 0:
        raise Refused(
            409,
            "still-running",
            "The first request with this key is still being answered: try again.",
            headers={"Retry-After": "1"},
        )
    if not met.body:
        raise Refused(
            409,
            "answered-once",
            "This was answered, and the answer is not kept. Ask for a new one with another key.",
        )
    location, body = orjson.loads(met.body)
    headers = {"Idempotency-Replayed": "true"} | ({"Location": location} if location else {})
    return JSONResponse(body, met.status, headers=headers)


def _begin(desk: Desk, token_id: int, key: str, fingerprint: bytes) -> Met | None:
    deployment = desk.deployment
    with deployment.database.begin() as connection:
        return idempotency.begin(connection, token_id, key, fingerprint, deployment.now())


def _finish(desk: Desk, token_id: int, key: str, status: int, body: str) -> None:
    with desk.deployment.database.begin() as connection:
        idempotency.finish(connection, token_id, key, status, body)


def _forget(desk: Desk, token_id: int, key: str) -> None:
    with desk.deployment.database.begin() as connection:
        idempotency.forget(connection, token_id, key)


def _key(
    idempotency_key: Annotated[
        str | None,
        Header(
            pattern=_FORM,
            description="Any text that is new for each thing that is wanted. Sent again with the "
            "same body it changes nothing and is answered the same (24 hours).",
            examples=["3f0c1a52-5d0e-4e0b-9a35-1f0d6f5f7c11"],
        ),
    ] = None,
) -> None:
    """Documents the header; `RepeatableRoute` has read it by then."""


def router(tag: str) -> APIRouter:
    """A router whose routes are repeatable."""
    return APIRouter(route_class=RepeatableRoute, tags=[tag])


def post(
    on: APIRouter, path: str, *, status: int = 200, once: bool = False, **more: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A route that changes something."""
    return on.post(
        path,
        status_code=status,
        dependencies=[Depends(_key)],
        responses={**errors(404, 409, 415), **more.pop("responses", {})},
        openapi_extra={_ONCE: True} if once else None,
        **more,
    )


def get(
    on: APIRouter, path: str, *also: int, **more: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A route that only looks. `also` are further statuses of errors."""
    return on.get(path, responses={**errors(*also), **more.pop("responses", {})}, **more)


_TOLD = {
    400: "The request cannot be read, or names a host that is not ours.",
    401: "No token, or one that is not accepted.",
    403: "The token lacks the scope or a controller.",
    404: "There is none, or none that the token may see.",
    405: "The method does not fit the address.",
    408: "The request came too slowly.",
    409: "It does not fit how things are; `code` says why.",
    410: "It is no longer needed.",
    413: "More than 1 MiB.",
    415: "Not JSON.",
    422: "A field is wrong; `errors` names it.",
    429: "Too often; wait as long as Retry-After says.",
    500: "A fault of ours. Nothing was changed.",
    503: "The database does not answer.",
}
_ALWAYS = (400, 401, 403, 405, 408, 413, 422, 429, 500)


def errors(*also: int, always: tuple[int, ...] = _ALWAYS) -> dict[int | str, dict[str, Any]]:
    """The problems that a route may answer with, for its description."""
    return {
        status: {"description": _TOLD[status], "model": Problem}
        for status in sorted({*always, *also})
    }
