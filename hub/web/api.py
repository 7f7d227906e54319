"""The application: `app(hub, wake)`. Everything is under /api/v1; /api/v1/openapi.json describes
it.

Handlers are synchronous and run in a pool of threads. What changes something is one transaction of
`hub.rights`, so a request that dies half way has changed nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from hub.rights.identity import Resolve
from hub.web import decisions, overseeing, problems, requests, tasks
from hub.web.desk import Desk, Limits, Open, Wake
from hub.web.guard import Guard
from hub.web.problems import MEDIA_TYPE, Problem

ROOT = "/api/v1"

_ABOUT = """Rights of data subjects (GDPR Arts. 12-22) at the hub: receive a request, know who asks,
look at the plan, approve it, follow it until every system has its proof, and close it.

Errors are `application/problem+json` (RFC 9457). Every POST takes an `Idempotency-Key`.
"""


def app(
    hub: Open,
    wake: Wake,
    *,
    hosts: Collection[str] = (),
    hsts: bool = False,
    limits: Limits | None = None,
    resolve: Resolve | None = None,
) -> FastAPI:
    """The application over an open hub.

    `wake` is told which systems have something to do. `hosts` are names besides this machine's own
    that it is called by; `resolve` looks DNS up (None: for real).
    """
    made = FastAPI(
        title="The hub",
        version=version("crm-sync-hub"),
        description=_ABOUT,
        openapi_url=f"{ROOT}/openapi.json",
        docs_url=None,  # the pages load scripts from elsewhere
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    made.state.desk = Desk(hub, wake, limits or Limits(), resolve)
    for part in (requests, decisions, tasks, overseeing):
        made.include_router(part.api, prefix=ROOT)
    problems.register(made)
    made.add_middleware(Guard, hosts=hosts, hsts=hsts)
    made.openapi = lambda: _described(made)  # type: ignore[method-assign]  # as FastAPI documents
    return made


def _described(made: FastAPI) -> dict[str, Any]:
    """FastAPI's description, with our errors where it writes its own."""
    if made.openapi_schema is None:
        schema = get_openapi(
            title=made.title,
            version=made.version,
            description=made.description,
            routes=made.routes,
        )
        for operations in schema["paths"].values():
            for operation in operations.values():
                _with_problems(operation)
        parts = schema["components"]["schemas"]
        for name in ("HTTPValidationError", "ValidationError"):
            parts.pop(name, None)
        parts.setdefault("Problem", Problem.model_json_schema())
        made.openapi_schema = schema
    return made.openapi_schema


def _with_problems(operation: dict[str, Any]) -> None:
    for status, response in operation["responses"].items():
        if status >= "400":
            reference = {"$ref": "#/components/schemas/Problem"}
            response["content"] = {MEDIA_TYPE: {"schema": reference}}
