"""Short-lived bearer tokens: fetched once, renewed in time and when refused, never shown."""

import io
import logging
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from pydantic import BaseModel

from hub.api import (
    API_VERSION,
    AuthFailed,
    ConnectorError,
    ConnectorType,
    Misconfigured,
    RateLimited,
    TokenRequest,
    Unavailable,
    Uncertain,
)
from hub.connect.host import Host
from hub.connect.http import HttpClient
from hub.connect.token import EARLY
from hub.domain.landscape import Schedule, System
from hub.testing.clock import ManualClock
from hub.testing.inprocess import InProcess
from hub.testing.sandbox import Answer, Call, Fault, FaultKind, Refusal, Sandbox, route

SECRET = "secret-canary-77"
REQUEST = TokenRequest(
    "https://login.vendor.example/oauth/token",
    {"grant_type": "client_credentials", "account": "acc-canary"},
    {"Authorization": f"Basic {SECRET}"},
)


class Vendor(Sandbox):
    """Gives tokens for an hour."""

    def clear(self) -> None:
        self.good: set[str] = set()
        self.given = 0
        self.posted = 0
        self.answer: Answer | None = None

    def authenticate(self, call: Call) -> None:
        token = call.headers.get("authorization", "")
        if call.template != "/oauth/token" and token.removeprefix("Bearer ") not in self.good:
            raise Refusal(Answer(401, {"code": 124}))

    @route("POST", "/oauth/token")
    def token(self, call: Call) -> Answer:
        assert call.headers["authorization"] == f"Basic {SECRET}"
        assert call.body == b"grant_type=client_credentials&account=acc-canary"
        if self.answer:
            return self.answer
        self.given += 1
        token = f"token-canary-{self.given}"
        self.good = {token}
        return Answer(200, {"access_token": token, "token_type": "bearer", "expires_in": 3600})

    @route("GET", "/v2/people/{id}")
    def one(self, call: Call) -> Answer:
        return Answer(200, {"id": call.path["id"]})

    @route("POST", "/v2/people")
    def add(self, call: Call) -> Answer:
        self.posted += 1
        return Answer(201, {"id": "1"})


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def vendor(clock):
    return Vendor(now=clock.now)


def client(vendor, clock, request=REQUEST):
    return HttpClient(
        "crowst-webinar",
        "https://api.vendor.example",
        {},
        limits={},
        concurrency=4,
        token=request,
        transport=InProcess(vendor, clock),
        clock=clock,
    )


@pytest.fixture
def http(vendor, clock):
    with client(vendor, clock) as one:
        yield one


def get(http):
    return http.call("GET", "/v2/people/{id}", path={"id": "7"})


def test_one_token_serves_until_just_before_its_end(http, vendor, clock):
    for _ in range(3):
        assert get(http).status == 200
    clock.advance(3600 - EARLY - 1)
    assert get(http).status == 200
    assert vendor.given == 1
    clock.advance(2)
    assert get(http).status == 200
    assert vendor.given == 2, "renewed before its end, without a refused call"
    assert [one["status"] for one in vendor.journal].count(401) == 0


def test_a_token_refused_before_its_time_is_renewed_once(http, vendor):
    get(http)
    vendor.good = set()  # revoked
    assert http.call("POST", "/v2/people", json={}).status == 201
    assert (vendor.given, vendor.posted) == (2, 1)


def test_a_new_token_that_is_refused_too_is_the_credentials_fault(http, vendor, monkeypatch):
    monkeypatch.setattr(Vendor, "good", property(lambda _: set(), lambda *_: None), raising=False)
    with pytest.raises(AuthFailed):
        get(http)
    assert vendor.given == 2, "two tokens were tried, no more"


def test_threads_share_one_token(http, vendor):
    with ThreadPoolExecutor(4) as threads:
        assert all(reply.status == 200 for reply in threads.map(lambda _: get(http), range(20)))
    assert vendor.given == 1


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refused_credential_is_auth_failed(http, vendor, status):
    vendor.answer = Answer(status, {"reason": "Invalid client_id or client_secret"})
    with pytest.raises(AuthFailed, match="POST /oauth/token") as error:
        get(http)
    assert "crowst-webinar" in error.value.mend


@pytest.mark.parametrize("kind", ["500", "drop", "drop-after", "torn", "empty", "html"])
def test_no_token_now_is_unavailable_and_nothing_was_sent(http, vendor, kind):
    vendor.faults.append(Fault(FaultKind(kind), route="oauth"))
    with pytest.raises(Unavailable) as error:
        http.call("POST", "/v2/people", json={})
    assert not isinstance(error.value, Uncertain)
    assert vendor.posted == 0


@pytest.mark.parametrize("kind", ["429", "500", "drop", "drop-after", "torn", "empty", "html"])
def test_a_passing_failure_is_tried_again(http, vendor, kind):
    vendor.faults.append(Fault(FaultKind(kind), route="oauth", times=1, value=1.0))
    assert http.call("POST", "/v2/people", json={}).status == 201
    assert vendor.posted == 1


def test_a_throttled_token_says_for_how_long(http, vendor):
    vendor.faults.append(Fault(FaultKind.TOO_MANY, route="oauth", value=3600.0))
    with pytest.raises(RateLimited) as error:
        get(http)
    assert error.value.retry_after == 3600.0


@pytest.mark.parametrize("body", [{}, {"access_token": 7}, {"access_token": "a\nb"}, ["x"]])
def test_what_is_no_token_is_not_sent(http, vendor, body):
    vendor.answer = Answer(200, body)
    with pytest.raises(Unavailable):
        get(http)
    assert {one["route"] for one in vendor.journal} == {"/oauth/token"}


def test_it_is_asked_for_by_https_alone(vendor, clock):
    with pytest.raises(Misconfigured, match="unencrypted"):
        client(vendor, clock, TokenRequest("http://login.vendor.example/oauth/token"))


@pytest.mark.parametrize("kind", [None, "429", "500", "drop", "torn", "html"])
@pytest.mark.parametrize("place", ["oauth", "people"])
def test_neither_secret_nor_token_is_said(vendor, clock, kind, place):
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(1)
    try:
        if kind:
            vendor.faults.append(Fault(FaultKind(kind), route=place))
        with client(vendor, clock) as http:
            try:
                get(http).json()
            except ConnectorError as error:
                said.write("".join(traceback.format_exception(error)) + repr(error.__context__))
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    assert "canary" not in said.getvalue()
    assert "canary" not in repr(REQUEST)


class Settings(BaseModel):
    """Of a system whose credential is a client secret."""

    secret: str = SECRET


def test_a_host_gives_the_connector_a_client_with_the_token(vendor, clock):
    opened = []
    kind = ConnectorType(
        kind="acme",
        title="Acme",
        api_version=API_VERSION,
        settings=Settings,
        streams=(),
        capabilities=frozenset(),
        open=lambda context: opened.append(context) or context,
        base_url=lambda _: "https://api.vendor.example",
        auth=lambda _: {},
        token=lambda settings: TokenRequest(
            REQUEST.url, REQUEST.form, {"Authorization": f"Basic {settings.secret}"}
        ),
    )
    system = System(
        "crowst-webinar",
        "acme",
        ("crowst",),
        None,
        "FI",
        "",
        Schedule(every=timedelta(hours=1)),
        (),
    )
    with Host([kind], clock=clock) as host:
        for secret in (SECRET, SECRET, "another"):
            host.open(system, Settings(secret=secret), transport=InProcess(vendor, clock))
        first, _, other = opened
        assert get(first.http).status == 200
        assert first.http._account is not other.http._account, "limits are per credential"
