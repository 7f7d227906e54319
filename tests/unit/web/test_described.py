"""The OpenAPI description holds: whatever is sent, the answer is one that it names, and no 5xx."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS
from support.office import Office, no_dns, office_in

from hub.testing.serving import serve
from hub.web.api import app
from hub.web.connections import Connection
from hub.web.desk import Limits

SCHEMA = schemathesis.openapi.from_dict(app(cast(Any, None), list).openapi())

CHECKED = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "unsupported_method",
        "ignored_auth",
    ]
)
THERE = 12
"""Requests and tasks up to this number are there, in many states."""


@dataclass
class Served:
    url: str
    token: dict[str, str]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with office_in(tmp_path_factory.mktemp("served")) as office:
        token = office.token()
        fill(office, token)
        limits = Limits(refused_a_minute=1_000_000, links_a_minute=1_000_000)
        web = app(office, office.woken.extend, limits=limits, resolve=no_dns)
        with serve(web, protocol=Connection) as url:
            yield Served(url, token)


def fill(office: Office, token: dict[str, str]) -> None:
    """Requests of every right, some of them planned, at work, on hold, refused."""
    rights = ["information", "access", "erasure", "restriction", "portability", "objection"]
    for n, right in enumerate(rights * 2):
        both = ["crowst", "bangeri"] if n % 2 else ["crowst"]
        office.opened(token, right, both, f"person{n}@kuviteltu.example")
    for number in range(2, THERE + 1):
        if number in (6, 12):
            continue
        plan = office.known(token, number)
        if number % 3 == 0:
            office.post(f"/requests/{number}/approval", token, {"plan_hash": plan})
        if number % 5 == 0:
            office.post(f"/requests/{number}/hold", token, {"reason": "asked to"})
    refusal = {"ground": "excessive", "reason": "the fourth"}
    assert office.post("/requests/8/refusal", token, refusal).status_code == 200


def there(case: schemathesis.Case) -> None:
    """Have well-formed numbers name what is there; others stay as they are."""
    for name in ("number", "task"):
        value = (case.path_parameters or {}).get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**53:
            case.path_parameters[name] = 1 + value % (THERE + 2)


def hold_to_it(case: schemathesis.Case, served: Served) -> None:
    there(case)
    case.call_and_validate(base_url=served.url, headers=served.token, checks=CHECKED)


QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


@SCHEMA.parametrize()
@settings(max_examples=10, deadline=None, suppress_health_check=QUIET, database=None)
def test_answers_are_those_described(case: schemathesis.Case, served: Served) -> None:
    hold_to_it(case, served)


@pytest.mark.long
@SCHEMA.parametrize()
@settings(max_examples=120, deadline=None, suppress_health_check=QUIET, database=None)
def test_answers_are_those_described_at_length(case: schemathesis.Case, served: Served) -> None:
    hold_to_it(case, served)
