"""How often, and how many at once, the vendors' accounts may be called.

A vendor counts per account, not per system of ours, so everything here is kept per account: two
systems that use one credential share its buckets, its pauses and its simultaneous calls.

The buckets are pyrate-limiter's. Its `Limiter` is left out: it sleeps and tells the time by itself,
which a test could not steer, and it holds a lock of its own. Asking the bucket costs about
3 µs a call.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from pyrate_limiter import AbstractBucket, InMemoryBucket, PostgresBucket, RateItem
from pyrate_limiter import Rate as Window

from hub.api import Rate
from hub.connect.clock import Clock

_CONTENDED = 0.02
"""Seconds until a bucket is asked again that refused without naming a time: a shared bucket does
so while another process holds its lock."""


class Bucket(Protocol):
    """Tokens for calls."""

    def take(self) -> float:
        """Take one token and answer 0.0; or take none and answer for how many seconds to wait
        before asking again."""
        ...


BucketMaker = Callable[[str, Rate], Bucket]
"""Makes the bucket of a name ("account/limit") and a rate: in memory, or shared by processes."""


class PyrateBucket:
    """A pyrate-limiter bucket of any kind.

    `now` tells the milliseconds that the bucket counts in; left out, the bucket's own clock does,
    which for `PostgresBucket` is the database's, the same for every process.
    """

    def __init__(self, bucket: AbstractBucket, now: Callable[[], int] | None = None) -> None:
        self._bucket = bucket
        self._now: Callable[[], int] = now or bucket.now
        self._lock = threading.Lock()
        self._stale_after = max(rate.limit for rate in bucket.rates)
        self._taken = 0

    def take(self) -> float:
        # the verdict of `put` is read back from the bucket, so both are under one lock
        with self._lock:
            item = RateItem("call", self._now())
            if self._bucket.put(item):
                self._taken += 1
                if self._taken >= self._stale_after:
                    self._taken = 0
                    self._bucket.leak(item.timestamp)
                return 0.0
            wait = self._bucket.waiting(item)
            if not isinstance(wait, int):
                raise TypeError("the bucket is asynchronous, the hub's HTTP client is not")
            return wait / 1000 if wait > 0 else _CONTENDED


def in_memory(clock: Clock) -> BucketMaker:
    """Buckets of this process, counting by `clock`."""

    def make(_name: str, rate: Rate) -> Bucket:
        return PyrateBucket(InMemoryBucket([_window(rate)]), lambda: int(clock.monotonic() * 1000))

    return make


class Connections(Protocol):
    """A source of psycopg connections, such as `psycopg_pool.ConnectionPool`."""

    def connection(self) -> AbstractContextManager[Any]:
        """A connection whose transaction is committed when the context ends well."""
        ...


def in_postgres(pool: Connections) -> BucketMaker:
    """Buckets that all processes on one PostgreSQL database share, counting by its clock.

    Each makes a table of its own, "ratelimit___" and a digest of its name. A call costs a few
    statements, so use it only where several machines really call the same accounts.
    """

    def make(name: str, rate: Rate) -> Bucket:
        table = hashlib.sha256(name.encode()).hexdigest()[:20]
        # typed for psycopg_pool, of which it calls nothing but `connection`
        shared: Any = pool
        return PyrateBucket(PostgresBucket(shared, table, [_window(rate)]))

    return make


def _window(rate: Rate) -> Window:
    return Window(rate.count, max(1, round(rate.seconds * 1000)))


class Account:
    """What all clients of one vendor account share."""

    def __init__(self, name: str, concurrency: int, clock: Clock, make: BucketMaker) -> None:
        self.slots = threading.BoundedSemaphore(concurrency)
        self._name = name
        self._clock = clock
        self._make = make
        self._lock = threading.Lock()
        self._rates: dict[str, Rate] = {}
        self._buckets: dict[str, Bucket] = {}
        self._paused: dict[str, float] = {}

    def admit(self, limits: Mapping[str, Rate]) -> None:
        """Take note of a client's limits. Where two clients differ, the stricter rate holds."""
        with self._lock:
            for name, rate in limits.items():
                known = self._rates.get(name)
                if known is None or _per_second(rate) < _per_second(known):
                    self._rates[name] = rate
                    self._buckets[name] = self._make(f"{self._name}/{name}", rate)

    def turn(self, limit: str, patience: float) -> float:
        """Wait until one more call of those limits (names with spaces between) may go out, then
        answer 0.0.

        Where that would take longer than `patience` seconds, answer how much longer at once.
        Raises LookupError where the connector type declares no limit of that name.
        """
        names = limit.split()
        for name in names:
            if name not in self._buckets:
                raise LookupError(f"ConnectorType.limits has no limit called {name!r}")
        waited = 0.0
        # the narrowest limit last, closest to the moment of sending
        for name in dict.fromkeys(("", *names)):
            bucket = self._buckets.get(name)
            while True:
                wait = self._paused.get(name, 0.0) - self._clock.monotonic()
                if wait <= 0.0:
                    wait = bucket.take() if bucket is not None else 0.0
                if wait <= 0.0:
                    break
                if waited + wait > patience:
                    return wait
                self._clock.sleep(wait)
                waited += wait
        return 0.0

    def pause(self, limit: str, seconds: float) -> None:
        """The vendor said so: no call of the narrowest of those limits goes out for that long, by
        any client."""
        until = self._clock.monotonic() + seconds
        name = (limit.split() or [""])[-1]
        with self._lock:
            self._paused[name] = max(until, self._paused.get(name, 0.0))


class Accounts:
    """The vendor accounts that this process calls."""

    def __init__(self, clock: Clock, make: BucketMaker | None = None) -> None:
        self._clock = clock
        self._make = make or in_memory(clock)
        self._lock = threading.Lock()
        self._accounts: dict[str, Account] = {}

    def get(self, name: str, limits: Mapping[str, Rate], concurrency: int) -> Account:
        """The account of that name, with these limits admitted to it."""
        with self._lock:
            account = self._accounts.get(name)
            if account is None:
                account = Account(name, concurrency, self._clock, self._make)
                self._accounts[name] = account
        account.admit(limits)
        return account


def _per_second(rate: Rate) -> float:
    return rate.count / rate.seconds
