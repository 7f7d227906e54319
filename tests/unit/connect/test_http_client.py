"""What a connector gets back from `HttpClient`, for every way an answer can go wrong."""

import ssl
import threading
import time
from datetime import timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.api import (
    AuthFailed,
    BadAnswer,
    Http,
    Misconfigured,
    RateLimited,
    Unavailable,
    Uncertain,
)
from hub.testing.clock import ManualClock
from hub.testing.sandbox import Answer, FaultKind
from tests.unit.connect.acme_vendor import Acme, client, served


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def acme(clock):
    return Acme(now=clock.now)


@pytest.fixture(params=["in process", "served"])
def http(request, acme, clock):
    """The same client, in process and over a real connection."""
    if request.param == "in process":
        with client(acme, clock) as one:
            yield one
    else:
        with served(acme, clock) as one:
            yield one


def get(http, **more):
    return http.call("GET", "/people/{id}", path={"id": "7"}, **more)


def put(http, **more):
    return http.call("PUT", "/people/{id}", path={"id": "7"}, json={"a": 1}, **more)


def post(http, **more):
    return http.call("POST", "/people", json={"a": 1}, **more)


def test_it_is_what_connectors_are_promised(acme, clock):
    with client(acme, clock) as http:
        promised: Http = http
        assert promised.call("GET", "/people/{id}", path={"id": "7"}).status == 200


def test_bodies_queries_and_headers_arrive(http):
    reply = get(http, query={"since": "2026-11-01T00:00:00+00:00", "limit": 5})
    assert reply.json()["query"] == {"since": "2026-11-01T00:00:00+00:00", "limit": "5"}
    assert reply.headers["content-type"] == "application/json"
    assert post(http).json() == {"sent": '{"a":1}', "as": "application/json"}
    form = http.call("POST", "/people", form={"a b": "ä&c"}).json()
    assert form == {"sent": "a+b=%C3%A4%26c", "as": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("kind", ["drop", "drop-after"])
def test_a_lost_answer(http, acme, kind):
    acme.strike(kind)
    effects = 0 if kind == "drop" else 1
    with pytest.raises(Uncertain):
        post(http)
    assert acme.effects == effects  # sent once, never repeated blindly
    with pytest.raises(Unavailable) as reading:
        get(http)
    assert not isinstance(reading.value, Uncertain)
    assert acme.effects == effects * 5  # a reading is tried four times
    with pytest.raises(Uncertain, match="without knowing"):
        put(http)  # repeated, but whoever gives up has to know


@pytest.mark.parametrize("call", [get, put, post])
def test_too_many_calls_are_repeated_whatever_the_method(http, acme, clock, call):
    acme.strike(FaultKind.TOO_MANY, times=2, value=3)
    assert call(http).status < 300
    assert acme.effects == 1
    assert clock.slept == [3.0, 3.0]


def test_a_long_wait_is_handed_back(http, acme, clock):
    acme.strike(FaultKind.TOO_MANY, value=3600)
    with pytest.raises(RateLimited) as caught:
        get(http)
    assert caught.value.retry_after == 3600
    assert clock.slept == []  # not waited for: the caller may have better to do


def test_waiting_ends_with_the_budget(http, acme, clock):
    acme.strike(FaultKind.TOO_MANY, value=14)
    with pytest.raises(RateLimited):
        get(http)
    assert clock.slept == [14.0, 14.0]


def test_tries_are_bounded(http, acme, clock):
    acme.strike(FaultKind.SERVER_ERROR)
    with pytest.raises(Unavailable):
        get(http)
    assert len(acme.journal) == 4
    assert len(clock.slept) == 3
    assert all(slept <= 8 for slept in clock.slept)


@pytest.mark.parametrize("call", [get, put])
def test_a_passing_server_error_is_not_noticed(http, acme, call):
    acme.strike(FaultKind.SERVER_ERROR, times=2)
    assert call(http).status == 200


def test_a_server_error_leaves_a_write_uncertain(http, acme):
    acme.strike(FaultKind.SERVER_ERROR)
    with pytest.raises(Uncertain):
        post(http)
    assert len(acme.journal) == 1
    with pytest.raises(Unavailable) as search:
        post(http, idempotent=True)  # a POST that only reads
    assert not isinstance(search.value, Uncertain)
    assert len(acme.journal) == 5


def test_an_uncertain_try_is_not_forgotten_by_a_later_answer(http, acme):
    acme.strike(FaultKind.DROP_AFTER, times=1)
    acme.answers = [Answer(200, {}), Answer(429), Answer(429), Answer(429)]
    with pytest.raises(Uncertain):
        put(http)


def test_forbidden_without_a_body_means_slow_down(http, acme):
    acme.strike(FaultKind.FORBIDDEN_EMPTY)
    with pytest.raises(RateLimited):
        post(http)
    assert len(acme.journal) == 4


def test_forbidden_with_a_body_is_the_connectors_to_read(http, acme):
    acme.answers = [Answer(403, {"category": "MISSING_SCOPES"})]
    assert get(http).json() == {"category": "MISSING_SCOPES"}


@pytest.mark.parametrize("status", [200, 201, 207, 400, 404, 409, 423])
def test_every_other_answer_is_the_connectors_to_read(http, acme, status):
    acme.answers = [Answer(status, {"a": 1})]
    reply = post(http)
    assert (reply.status, reply.json()) == (status, {"a": 1})


def test_a_refused_credential(acme, clock):
    with (
        client(acme, clock, headers={"Authorization": "Bearer another"}) as http,
        pytest.raises(AuthFailed, match="crowst-acme") as caught,
    ):
        get(http)
    assert "crowst-acme" in caught.value.mend
    assert len(acme.journal) == 1


@pytest.mark.parametrize("kind", [FaultKind.TORN, FaultKind.EMPTY])
def test_a_torn_or_empty_body(http, acme, kind):
    acme.strike(kind)
    reply = get(http)
    with pytest.raises(BadAnswer, match=r"crowst-acme: GET /people/\{id\}"):
        reply.json()


def test_a_web_page_instead_of_an_answer(http, acme):
    acme.strike(FaultKind.HTML)
    with pytest.raises(BadAnswer, match=r"crowst-acme.*Is base_url right"):
        get(http)
    assert get(http, html_ok=True).status == 200


@pytest.mark.parametrize(
    "answer",
    [
        Answer(404, b"  <html>", {"Content-Type": "application/json"}),
        Answer(200, b"Welcome", {"Content-Type": "text/html; charset=utf-8"}),
        Answer(302, None, {"Location": "https://elsewhere.example/"}),
    ],
)
def test_other_signs_of_a_wrong_address(http, acme, answer):
    acme.answers = [answer]
    with pytest.raises(BadAnswer, match="base_url"):
        get(http)


def test_latency_above_the_timeout(acme, clock):
    acme.strike(FaultKind.LATENCY, value=20)
    with client(acme, clock, timeout=5) as http, pytest.raises(Uncertain, match="timed out"):
        post(http)
    assert acme.effects == 1
    assert clock.slept == [5.0]  # the caller's patience, not the whole delay


def test_latency_above_the_timeout_of_a_real_connection(acme, clock):
    acme.strike(FaultKind.LATENCY, times=1, value=0.4)
    with served(acme, clock, timeout=0.1) as http, pytest.raises(Uncertain, match="timed out"):
        post(http)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (httpx.ConnectError("refused"), "no connection"),
        (httpx.ConnectTimeout("slow"), "no connection in time"),
    ],
)
@pytest.mark.parametrize("call", [get, put, post])
def test_what_was_never_sent_is_repeated_and_certain(acme, clock, error, message, call):
    sent = []

    def refuse(request):
        sent.append(request)
        raise error

    with (
        client(acme, clock, transport=httpx.MockTransport(refuse)) as http,
        pytest.raises(Unavailable, match=message) as caught,
    ):
        call(http)
    assert not isinstance(caught.value, Uncertain)
    assert len(sent) == 4


def test_an_untrusted_certificate_is_named(acme, clock):
    def refuse(request):
        try:
            raise ssl.SSLCertVerificationError("self-signed")
        except ssl.SSLError as cause:
            raise httpx.ConnectError("tls") from cause

    with (
        client(acme, clock, transport=httpx.MockTransport(refuse)) as http,
        pytest.raises(Unavailable, match="certificate"),
    ):
        get(http)


def test_many_answers_in_order_and_keeps_each_failure(http, acme):
    with_failure = [
        {"method": "GET", "route": "/people/{id}", "path": {"id": str(n)}} for n in range(9)
    ]
    with_failure[4] = {"method": "GET", "route": "/people/{id}", "path": {"id": ""}}
    answers = http.many(with_failure)
    assert isinstance(answers.pop(4), ValueError)
    assert [answer.json()["id"] for answer in answers] == ["0", "1", "2", "3", "5", "6", "7", "8"]


def test_no_more_calls_at_once_than_the_vendor_allows(acme, clock):
    meeting = threading.Barrier(3, timeout=10)
    lock, now, most = threading.Lock(), [0], [0]

    def answer(request):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        meeting.wait()  # only passed when three are inside together
        with lock:
            now[0] -= 1
        return httpx.Response(200, json={})

    with client(acme, clock, concurrency=3, transport=httpx.MockTransport(answer)) as http:
        calls = [{"method": "GET", "route": "/people/{id}", "path": {"id": "1"}}] * 12
        assert [reply.status for reply in http.many(calls)] == [200] * 12
    assert most == [3]


@given(value=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1))
def test_a_path_part_stays_one_part(value):
    acme, clock = Acme(), ManualClock()
    with client(acme, clock) as http:
        assert http.call("GET", "/people/{id}", path={"id": value}).json()["id"] == value
    assert [entry["route"] for entry in acme.journal] == ["/v1/people/{id}"]


def test_a_slash_in_a_path_part_leads_nowhere_else(acme, clock):
    seen = []

    def answer(request):
        seen.append(request.url.raw_path)
        return httpx.Response(200, json={})

    with client(acme, clock, transport=httpx.MockTransport(answer)) as http:
        for value in ("a/../b", "..", ".", "a?b#c"):
            http.call("GET", "/people/{id}", path={"id": value})
    assert seen == [
        b"/v1/people/a%2F..%2Fb",
        b"/v1/people/%2E%2E",
        b"/v1/people/%2E",
        b"/v1/people/a%3Fb%23c",
    ]


@pytest.mark.parametrize("path", [{}, {"id": ""}])
def test_an_empty_path_part_is_refused(acme, clock, path):
    with client(acme, clock) as http, pytest.raises(ValueError, match=r"no value for \{id\}"):
        http.call("DELETE", "/people/{id}", path=path)
    assert acme.journal == []


@pytest.mark.parametrize(
    ("base_url", "message"),
    [
        ("api.vendor.example", "not a web address"),
        ("https://", "not a web address"),
        ("https://[", "not a web address"),
        ("http://api.vendor.example", "unencrypted"),
        ("https://user:pass@api.vendor.example", "no credential"),
    ],
)
def test_an_unusable_address(acme, clock, base_url, message):
    with pytest.raises(Misconfigured, match=f"crowst-acme: .*{message}") as caught:
        client(acme, clock, base_url=base_url)
    assert "https://" in caught.value.mend
    assert "pass@" not in str(caught.value)


@pytest.mark.parametrize("value", ["Bearer secret\n", "Bearer sécret", "", " Bearer secret"])
def test_a_credential_that_cannot_be_sent(acme, clock, value):
    with pytest.raises(Misconfigured, match=r"crowst-acme.*Authorization") as caught:
        client(acme, clock, headers={"Authorization": value})
    assert "cret" not in str(caught.value) + caught.value.mend


def test_retry_after_as_a_date_is_measured_by_our_clock(acme, clock):
    at = clock.now() + timedelta(seconds=12)
    acme.answers = [Answer(429, {}, {"Retry-After": at.isoformat()})]
    with client(acme, clock) as http:
        assert get(http).status == 200
    assert clock.slept == [12.0]


def test_the_client_itself_costs_little(acme):
    """A call in process, bookkeeping of both sides included; generous for a busy machine."""
    with client(acme, ManualClock()) as http:
        began = time.perf_counter()
        for _ in range(200):
            get(http)
        assert (time.perf_counter() - began) / 200 < 0.01
