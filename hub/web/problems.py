"""Errors as `application/problem+json` (RFC 9457). None repeats a value that was sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.rights.coordinator import NotProved
from hub.rights.decide import CannotDecide, NoSuchRequest
from hub.rights.identity import How
from hub.rights.intake import Invalid
from hub.rights.manual import CannotConfirm
from hub.store.requests import Stale

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 50
"""More tell nobody more."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", re.ASCII)


class FieldError(BaseModel):
    """What is wrong with one field."""

    field: str = Field(
        description="The field's path; of a name that cannot be one of ours only `(unnamed)`.",
        examples=["corrections.email"],
    )
    message: str = Field(description="What is expected.", examples=["not an e-mail address"])


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(description="Always about:blank: `code` tells errors apart.")
    title: str = Field(description="The status in words.", examples=["Conflict"])
    status: int = Field(description="The HTTP status.", examples=[409])
    code: str = Field(description="For machines; stable.", examples=["plan-changed"])
    detail: str = Field(description="For people: what is wrong, and the mend.")
    errors: list[FieldError] = Field(
        default=[], description="Each field that is wrong (status 422 only)."
    )


class Refused(Exception):
    """Ends a request with a problem. `afterwards` is called when its transaction has ended."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        afterwards: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = headers
        self.afterwards = afterwards


def wrong_field(name: str, message: str) -> Refused:
    """One field cannot be right; its name is ours."""
    return Refused(422, "invalid", "A field is wrong.", errors=[(name, message)])


def log_broken() -> Refused:
    """A row of the log can be no entry."""
    return Refused(409, "log-broken", "The audit log was tampered with: /audit/verify tells where.")


def answer(
    status: int,
    code: str,
    detail: str,
    errors: Sequence[tuple[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem as a response."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    if errors:
        body["errors"] = [{"field": name, "message": message} for name, message in errors]
    return JSONResponse(
        body, status, headers=dict(headers) if headers else None, media_type=MEDIA_TYPE
    )


def field_name(path: Sequence[object]) -> str:
    """The path of a field, `(unnamed)` for a part that can be no name of ours: it may be somebody's
    address that stood in the wrong place."""
    return ".".join(
        str(one) if isinstance(one, int) or _NAME.fullmatch(str(one)) else "(unnamed)"
        for one in path
    )


def register(app: FastAPI) -> None:
    """Answer everything that can be raised with a problem."""
    handlers: dict[Any, Any] = {
        Refused: _refused,
        RequestValidationError: _malformed,
        Invalid: lambda _, error: _invalid(error),
        NoSuchRequest: lambda *_: answer(404, "not-found", "There is no such thing here."),
        CannotDecide: lambda _, error: answer(409, error.code, _sentence(error)),
        CannotConfirm: lambda _, error: answer(409, "cannot-confirm", _sentence(error)),
        NotProved: lambda _, error: answer(409, "not-proved", _sentence(error)),
        Stale: lambda *_: answer(
            409, "changed-meanwhile", "Somebody else was quicker: look at it again."
        ),
        HTTPException: _by_status,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def _refused(_request: Request, error: Refused) -> Response:
    if error.afterwards is not None:
        error.afterwards()  # a handler that is no coroutine runs in a thread of the pool
    return answer(error.status, error.code, error.detail, error.errors, error.headers)


def _invalid(error: Invalid) -> Response:
    name = field_name(error.field.split(".", 1))
    return answer(422, "invalid", "A field is wrong.", [(name, str(error))])


def _malformed(_request: Request, error: RequestValidationError) -> Response:
    found = [(_place(one), _expected(one)) for one in error.errors()]
    errors = list(dict.fromkeys(found))[:MOST_ERRORS]
    what = "A field is wrong." if len(errors) == 1 else "Some fields are wrong."
    return answer(422, "invalid", what, errors)


def _place(problem: Mapping[str, Any]) -> str:
    """Where pydantic found it, without the first word where that is only "body" or "query", and
    without the word by which it chose among several forms of a body."""
    loc: Sequence[object] = problem["loc"]
    if str(problem["type"]).startswith("union_tag"):
        loc = (*loc, str(problem["ctx"]["discriminator"]).strip("'"))
    elif len(loc) > 2 and loc[0] == "body" and loc[1] in _FORMS:
        loc = (loc[0], *loc[2:])
    if len(loc) > 1 and loc[0] == "body" and isinstance(loc[1], int):
        return "body"  # a position in a text that is no JSON
    return field_name(loc[1:] if len(loc) > 1 else loc)


_FORMS = frozenset({"message", "doubt", *How})
"""Of evidence; see `asked.Identity`."""

_WORDS = {
    "extra_forbidden": "there is no such field",
    "missing": "is missing",
    "base64": "is no base64",
    "json_invalid": "is no JSON",
    "string_pattern_mismatch": "has another form than it must",
    "value_error": "cannot be right",
    "union_tag_invalid": "is none of those that are known",
    "union_tag_not_found": "is missing",
}


def _expected(problem: Mapping[str, Any]) -> str:
    """The expectation in words, from pydantic's own, which speak of the type and not of the
    value."""
    kind = str(problem["type"])
    if kind in _WORDS:
        return _WORDS[kind]
    if kind in _SPOKEN or kind.endswith(("_type", "_too_short", "_too_long", "_parsing")):
        return str(problem["msg"])
    return "cannot be right"


_SPOKEN = {
    "enum",
    "literal_error",
    "greater_than",
    "greater_than_equal",
    "less_than",
    "less_than_equal",
    "too_short",
    "too_long",
    "timezone_aware",
}

_CODES = {404: "not-found", 405: "method-not-allowed", 413: "too-large", 400: "bad-request"}
_SAID = {
    404: "There is no such thing here.",
    405: "The method does not fit the address.",
    400: "The request cannot be read.",
}


def _by_status(_request: Request, error: HTTPException) -> Response:
    status = error.status_code
    return answer(
        status,
        _CODES.get(status, HTTPStatus(status).phrase.lower().replace(" ", "-")),
        _SAID.get(status, f"{HTTPStatus(status).phrase}."),
        headers=error.headers,
    )


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."
