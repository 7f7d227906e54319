"""Limits are kept per vendor account, whoever calls."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.api import Rate, RateLimited
from hub.connect.clock import SystemClock
from hub.connect.limits import Accounts, in_memory, in_postgres
from hub.connect.retry import Patience
from hub.testing.clock import ManualClock
from hub.testing.sandbox import Answer
from tests.unit.connect.acme_vendor import Acme, client


def read(http, limit=""):
    return http.call("GET", "/people/{id}", path={"id": "1"}, limit=limit)


def test_two_clients_of_one_account_share_a_bucket():
    clock, acme = ManualClock(), Acme()
    accounts = Accounts(clock)
    shared = {"limits": {"": Rate(3, 10)}, "accounts": accounts, "account": "acme-1"}
    with client(acme, clock, **shared) as one, client(acme, clock, **shared) as two:
        for http in (one, two, one):
            read(http)
        assert clock.slept == []
        read(two)
    assert sum(clock.slept) == pytest.approx(10, abs=0.01)


def test_clients_of_different_accounts_do_not_wait_for_each_other():
    clock, acme = ManualClock(), Acme()
    accounts = Accounts(clock)
    limits = {"": Rate(1, 10)}
    with (
        client(acme, clock, limits=limits, accounts=accounts, account="acme-1") as one,
        client(acme, clock, limits=limits, accounts=accounts, account="acme-2") as two,
    ):
        read(one)
        read(two)
    assert clock.slept == []


@given(
    gaps=st.lists(st.floats(0, 3), min_size=1, max_size=40),
    count=st.integers(1, 5),
    seconds=st.sampled_from([0.5, 1, 10]),
)
def test_never_more_than_count_in_any_window(gaps, count, seconds):
    clock = ManualClock()
    account = Accounts(clock).get("acme", {"": Rate(count, seconds)}, 1)
    went_out = []
    for gap in gaps:
        clock.advance(gap)
        assert account.turn("", 600) == 0.0
        went_out.append(clock.monotonic())
    for n in range(len(went_out) - count):
        # the bucket counts whole milliseconds
        assert went_out[n + count] - went_out[n] > seconds - 0.002


def test_a_named_limit_narrows_only_its_own_calls():
    clock, acme = ManualClock(), Acme()
    with client(acme, clock, limits={"": Rate(100, 1), "search": Rate(1, 5)}) as http:
        read(http, "search")
        for _ in range(5):
            read(http)
        assert clock.slept == []
        read(http, "search")
        assert sum(clock.slept) == pytest.approx(5, abs=0.01)
        with pytest.raises(LookupError, match="serach"):
            read(http, "serach")


def test_a_pause_that_the_vendor_asks_for_holds_all_clients_of_the_account():
    clock, acme = ManualClock(), Acme()
    accounts = Accounts(clock)
    impatient = Patience(tries=1)
    shared = {"accounts": accounts, "account": "acme-1", "patience": impatient}
    with client(acme, clock, **shared) as one, client(acme, clock, **shared) as two:
        acme.answers = [Answer(429, {}, {"Retry-After": "20"})]
        with pytest.raises(RateLimited):
            read(one)
        assert clock.slept == []
        read(two)
    assert clock.slept == [20.0]


def test_a_limit_that_would_hold_too_long_is_handed_back():
    clock, acme = ManualClock(), Acme()
    with client(acme, clock, limits={"": Rate(1, 86400)}) as http:
        read(http)
        with pytest.raises(RateLimited, match="our own rate limit") as caught:
            read(http)
    assert caught.value.retry_after == pytest.approx(86400, abs=1)
    assert acme.effects == 1
    assert clock.slept == []


def test_the_stricter_of_two_rates_holds():
    clock = ManualClock()
    accounts = Accounts(clock)
    for rate in (Rate(100, 10), Rate(2, 10), Rate(50, 10)):
        account = accounts.get("acme", {"": rate}, 1)
    for _ in range(3):
        account.turn("", 60)
    assert sum(clock.slept) == pytest.approx(10, abs=0.01)


def test_threads_get_no_more_tokens_than_there_are():
    clock = ManualClock()
    bucket = in_memory(clock)("acme/", Rate(50, 10))
    with ThreadPoolExecutor(4) as pool:
        waits = list(pool.map(lambda _: bucket.take(), range(200)))
    assert waits.count(0.0) == 50


def test_a_turn_costs_next_to_nothing():
    """Measured at 3 µs; the bound is generous for a busy machine."""
    account = Accounts(SystemClock()).get("acme", {"": Rate(10**6, 1)}, 1)
    began = time.perf_counter()
    for _ in range(2000):
        account.turn("", 1)
    assert (time.perf_counter() - began) / 2000 < 100e-6


def test_simultaneous_calls_are_counted_per_account_too():
    clock = ManualClock()
    accounts = Accounts(clock)
    lock, inside, most, crowded = threading.Lock(), [0], [0], threading.Event()

    def answer(request):
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            if inside[0] > 2:
                crowded.set()
        crowded.wait(0.05)  # time for a third one to come in, if it could
        with lock:
            inside[0] -= 1
        return httpx.Response(200, json={})

    shared = {
        "concurrency": 2,
        "accounts": accounts,
        "account": "acme-1",
        "transport": httpx.MockTransport(answer),
    }
    calls = [{"method": "GET", "route": "/people/{id}", "path": {"id": "1"}}] * 4
    with (
        client(Acme(), clock, **shared) as one,
        client(Acme(), clock, **shared) as two,
        ThreadPoolExecutor(2) as pool,
    ):
        answers = list(pool.map(lambda http: http.many(calls), (one, two)))
    assert [reply.status for replies in answers for reply in replies] == [200] * 8
    assert most == [2]


def test_a_bucket_in_postgresql_is_shared_by_processes(pg_url: str) -> None:
    address = pg_url.replace("postgresql+psycopg://", "postgresql://")

    class Pool:
        def connection(self):
            return psycopg.connect(address)

    account = uuid4().hex
    # two registries know nothing of each other, as in two processes
    one, two = (
        Accounts(SystemClock(), in_postgres(Pool())).get(account, {"": Rate(3, 3600)}, 1)
        for _ in range(2)
    )
    assert [one.turn("", 0), two.turn("", 0), one.turn("", 0)] == [0.0, 0.0, 0.0]
    assert two.turn("", 0) == pytest.approx(3600, abs=60)
    assert one.turn("", 0) == pytest.approx(3600, abs=60)


# several limits of one call, and limits of a single record


def test_a_call_may_be_under_several_limits():
    clock = ManualClock()
    acme = Acme(now=clock.now)
    limits = {"second": Rate(10, 1), "day": Rate(15, 86_400)}
    with client(acme, clock, limits=limits) as http:
        for _ in range(15):
            assert read(http, limit="day second").status == 200
        with pytest.raises(RateLimited) as error:
            read(http, limit="day second")
        assert error.value.retry_after > 80_000
        assert read(http, limit="second").status == 200, "the other limit has room"
        with pytest.raises(LookupError, match="'hour'"):
            read(http, limit="day hour")


def test_a_429_pauses_the_narrowest_limit_alone():
    clock = ManualClock()
    acme = Acme(now=clock.now)
    limits = {"second": Rate(10, 1), "day": Rate(1000, 86_400)}
    with client(acme, clock, limits=limits, patience=Patience(tries=1)) as http:
        acme.strike("429", times=1, value=500.0)
        with pytest.raises(RateLimited):
            read(http, limit="day second")
        assert read(http, limit="day").status == 200
        with pytest.raises(RateLimited, match="our own"):
            read(http, limit="day second")


def test_a_429_about_one_record_holds_back_nobody_else():
    clock = ManualClock()
    acme = Acme(now=clock.now)
    with client(acme, clock, limits={"light": Rate(10, 1)}) as http:
        acme.strike("429", times=1, value=40_000.0)
        with pytest.raises(RateLimited) as error:
            http.call("GET", "/people/{id}", path={"id": "1"}, limit="light", apart=True)
        assert error.value.retry_after == 40_000.0
        assert read(http, limit="light").status == 200
