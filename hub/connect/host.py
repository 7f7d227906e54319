"""Knows the connector types and opens configured systems with them."""

from __future__ import annotations

import hashlib
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from importlib.metadata import EntryPoint
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self, TypeVar

import httpx
from pydantic import BaseModel

from hub.api import (
    ActivityKind,
    Capability,
    Connector,
    ConnectorError,
    ConnectorType,
    Context,
    Misconfigured,
    Rate,
    TokenRequest,
)
from hub.connect.clock import Clock, SystemClock
from hub.connect.discovery import PluginProblem, discover
from hub.connect.http import HttpClient
from hub.connect.limits import Accounts, BucketMaker
from hub.connect.retry import Patience
from hub.connect.validation import validated
from hub.domain.landscape import Stream, System

_T = TypeVar("_T")


class Host:
    """The connector types that can be used, and the way to open systems with them.

    A process has one: it holds the rate limits of the vendors' accounts, which are kept per
    credential, and the HTTP clients of the systems, which are opened once and used again. Close
    it (or use it as a context manager) to let go of connections.

    `buckets` makes the rate limiters; the default counts within this process. `clock` and
    `patience` are for tests and for unusual vendors.
    """

    def __init__(
        self,
        types: Iterable[ConnectorType],
        problems: Sequence[PluginProblem] = (),
        *,
        clock: Clock | None = None,
        buckets: BucketMaker | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.types: Mapping[str, ConnectorType] = MappingProxyType({t.kind: t for t in types})
        self.problems = tuple(problems)
        self._clock = clock or SystemClock()
        self._patience = patience
        self._accounts = Accounts(self._clock, buckets)
        self._clients: dict[tuple[object, ...], HttpClient] = {}
        self._lock = threading.Lock()

    @classmethod
    def load(
        cls,
        entries: Iterable[EntryPoint] | None = None,
        *,
        clock: Clock | None = None,
        buckets: BucketMaker | None = None,
        patience: Patience | None = None,
    ) -> Host:
        """A host of the installed plugins. Never fails for a plugin's sake: see `problems`."""
        found = discover(entries)
        return cls(found.types, found.problems, clock=clock, buckets=buckets, patience=patience)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the HTTP clients of every system opened."""
        with self._lock:
            clients = list(self._clients.values())
            self._clients.clear()
        for client in clients:
            client.close()

    def type(self, kind: str, system: str = "") -> ConnectorType:
        """The connector type of that kind. Raises Misconfigured where there is none to use."""
        found = self.types.get(kind)
        if found is not None:
            return found
        of = f"{system}: " if system else ""
        for problem in self.problems:
            if kind == problem.plugin or kind in problem.kinds:
                raise Misconfigured(f"{of}{problem.message}", mend=problem.mend)
        known = ", ".join(sorted(self.types)) or "none"
        close = get_close_matches(kind, self.types, n=1)
        guess = f", did you mean {close[0]!r}?" if close else ""
        raise Misconfigured(
            f"{of}no plugin connects {kind!r}{guess}",
            mend=f"known kinds: {known}; `hub connectors` tells what is wrong with a plugin",
        )

    def settings(self, kind: str, raw: Mapping[str, Any], system: str = "") -> BaseModel:
        """`raw` as the settings of that kind; `system` is for messages.

        Raises Misconfigured for an unknown kind, and InvalidSettings, which names every wrong key
        and quotes no value.
        """
        return validated(system or kind, self.type(kind, system).settings, raw)

    def open(
        self,
        system: System,
        settings: BaseModel,
        *,
        transport: httpx.BaseTransport | None = None,
        now: Callable[[], datetime] | None = None,
        rates: Mapping[str, Rate] = MappingProxyType({}),
    ) -> Connector:
        """A connector for `system`. No call is made yet.

        `rates` overrides limits of the connector type by name. `transport` replaces the network,
        `now` the clock that the connector is told the time by.

        Raises Misconfigured where the plugin is unknown or cannot be used, or where the system
        asks for what its connector type does not offer.
        """
        kind = self.type(system.plugin, system.id)
        for stream in system.streams:
            _check_stream(system.id, kind, stream)
        unknown = [name for name in rates if name and name not in kind.limits]
        if unknown:
            known = ", ".join(repr(name) for name in kind.limits) or "none but the general one"
            raise Misconfigured(
                f"{system.id}: {kind.kind} has no rate limit called {unknown[0]!r}",
                mend=f"its limits: {known}",
            )
        for name, rate in rates.items():
            if rate.count < 1 or rate.seconds <= 0:
                raise Misconfigured(
                    f"{system.id}: the rate limit {name!r} would let no call out",
                    mend="give it a count of at least 1 and a time above 0 seconds",
                )
        base_url = _asked(system.id, kind, "base_url", lambda: kind.base_url(settings))
        headers = _asked(system.id, kind, "auth", lambda: kind.auth(settings))
        ask_token = kind.token
        token = _asked(system.id, kind, "token", lambda: ask_token(settings)) if ask_token else None
        context = Context(
            system=system.id,
            settings=settings,
            http=self._client(
                system.id, kind, base_url, headers, token, {**kind.limits, **rates}, transport
            ),
            fields={s.name: tuple(f.vendor for f in s.fields) for s in system.streams},
            scopes={s.name: s.scopes for s in system.streams},
            topics={
                s.name: tuple(dict.fromkeys(t.topic for t in s.topics)) for s in system.streams
            },
            now=now or self._clock.now,
            written={
                s.name: tuple(
                    f.vendor for f in s.fields if s.direction.writes and f.direction.writes
                )
                for s in system.streams
            },
            activities={
                s.name: frozenset(ActivityKind(one.kind) for one in s.activities)
                for s in system.streams
            },
        )
        return _asked(system.id, kind, "open", lambda: kind.open(context))

    def _client(
        self,
        system: str,
        kind: ConnectorType,
        base_url: str,
        headers: Mapping[str, str],
        token: TokenRequest | None,
        limits: Mapping[str, Rate],
        transport: httpx.BaseTransport | None,
    ) -> HttpClient:
        credential = {**headers, **token.headers, **token.form} if token else headers
        account = _account(kind.kind, base_url, credential)
        key = (system, account, tuple(sorted(limits.items(), key=lambda one: one[0])), transport)
        with self._lock:
            client = self._clients.get(key)
            if client is None:
                client = HttpClient(
                    system,
                    base_url,
                    headers,
                    limits=limits,
                    concurrency=kind.concurrency,
                    token=token,
                    transport=transport,
                    account=account,
                    accounts=self._accounts,
                    clock=self._clock,
                    patience=self._patience,
                )
                self._clients[key] = client
            return client


def _account(kind: str, base_url: str, headers: Mapping[str, str]) -> str:
    """A name for the vendor account that a credential opens: the same credential, the same name,
    in every process. A digest, for a shared limiter keeps it in its table's name."""
    told = "\0".join([kind, base_url, *(f"{name}: {headers[name]}" for name in sorted(headers))])
    return f"{kind}-{hashlib.sha256(told.encode()).hexdigest()[:20]}"


def _check_stream(system: str, kind: ConnectorType, stream: Stream) -> None:
    try:
        offered = kind.stream(stream.name)
    except KeyError:
        known = [one.name for one in kind.streams]
        close = get_close_matches(stream.name, known, n=1)
        guess = f", did you mean {close[0]!r}?" if close else ""
        raise Misconfigured(
            f"{system}: {kind.kind} has no stream {stream.name!r}{guess}",
            mend=f"its streams: {', '.join(known)}",
        ) from None
    named = [scope for scope in stream.scopes if scope]
    if named and not offered.scoped:
        raise Misconfigured(
            f"{system}: the stream {stream.name!r} has no scopes, yet {named[0]!r} is given",
            mend=f"remove the scopes of {stream.name}",
        )
    if offered.scoped and (not named or len(named) < len(stream.scopes)):
        raise Misconfigured(
            f"{system}: the stream {stream.name!r} needs to know which scopes to sync",
            mend=f"list the vendor's ids under scopes of {stream.name}",
        )
    for needed, wanted, way in (
        (Capability.READ, stream.direction.reads, "read from"),
        (Capability.WRITE, stream.direction.writes, "written to"),
    ):
        if wanted and needed not in kind.capabilities:
            raise Misconfigured(
                f"{system}: a {kind.kind} system cannot be {way}, which the direction "
                f"{stream.direction.value!r} of {stream.name!r} asks for",
                mend=f"change the direction of {stream.name}",
            )
    offered_kinds = (
        offered.activities if Capability.READ_ACTIVITIES in kind.capabilities else frozenset()
    )
    for one in stream.activities:
        if one.kind not in offered_kinds:
            told = ", ".join(sorted(offered_kinds)) or "none"
            raise Misconfigured(
                f"{system}: {kind.kind} tells of no activities of the kind {one.kind!r} in the "
                f"stream {stream.name!r}",
                mend=f"take it out of activities of {stream.name}; the kinds it tells of: {told}",
            )


def _asked(system: str, kind: ConnectorType, what: str, ask: Callable[[], _T]) -> _T:
    """What a function of the plugin answers; its failures may quote settings, so only the type
    of error and the line are told."""
    try:
        return ask()
    except ConnectorError:
        raise
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        told = f"{type(error).__name__} in {Path(frame.filename).name}:{frame.lineno}"
    raise Misconfigured(
        f"{system}: the plugin {kind.kind} failed in `{what}` ({told})",
        mend=f"check the settings of {system}, or ask the plugin's author",
    )
