"""The one HTTP client: waits for its turn, sends, retries, judges, and says nothing of persons.

The only importer of httpx beside `hub.testing.inprocess`. What an httpx exception or log line
carries (the filled-in URL, headers) never leaves this module: failures are raised anew, outside
the `except`, so that not even `__context__` leads back to them.
"""

from __future__ import annotations

import contextvars
import logging
import re
import socket
import ssl
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit

import httpx
import orjson
import structlog

from hub.api import (
    AuthFailed,
    BadAnswer,
    ConnectorError,
    Misconfigured,
    Rate,
    RateLimited,
    Reply,
    TokenRequest,
    Unavailable,
    Uncertain,
)
from hub.connect.clock import Clock, SystemClock
from hub.connect.limits import Accounts
from hub.connect.retry import Again, Patience, retry_after, retrying
from hub.connect.token import BearerToken

# They write full URLs at INFO and headers at DEBUG.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE"})
_CHANGES = frozenset({"PUT", "PATCH", "DELETE"})
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
"""Failures before the request left: nothing can have been carried out."""

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Answer:
    """A `hub.api.Reply`."""

    __slots__ = ("_content", "_headers", "_where", "status")

    def __init__(self, where: str, response: httpx.Response) -> None:
        self.status = response.status_code
        self._where = where
        self._headers = response.headers
        self._content = response.content

    @property
    def headers(self) -> Mapping[str, str]:
        return dict(self._headers.items())

    def json(self) -> Any:
        if not self._content.strip():
            raise BadAnswer(f"{self._where}: answered {self.status} without a body")
        try:
            return orjson.loads(self._content)
        except orjson.JSONDecodeError:
            pass  # the error holds the body: it must not become the context of ours
        raise BadAnswer(f"{self._where}: answered {self.status} with a torn body, or not JSON")


@dataclass(slots=True)
class _Exchange:
    """One `call` while it lasts."""

    where: str  # "crowst-crm: GET /contacts/{id}", the only thing said of it in public
    method: str
    route: str
    request: httpx.Request
    limit: str
    idempotent: bool
    html_ok: bool
    apart: bool
    started: float
    token: str = ""  # the short-lived one that was last sent
    unsettled: bool = False  # a try went out whose outcome is not known


class HttpClient:
    """Implements `hub.api.Http` for one configured system. Safe to use from several threads.

    `account` names the vendor's account in `accounts`: clients that give the same name share its
    limits. `limits` and `concurrency` are those of the connector type, `token` is what its `token`
    says of the settings. `transport` replaces the
    network (`hub.testing.inprocess.InProcess`). `timeout` is in seconds, for each read and write;
    connecting gets at most ten of them.

    Raises Misconfigured where `base_url` or a header cannot be used.
    """

    def __init__(
        self,
        system: str,
        base_url: str,
        headers: Mapping[str, str],
        *,
        limits: Mapping[str, Rate],
        concurrency: int,
        token: TokenRequest | None = None,
        transport: httpx.BaseTransport | None = None,
        account: str | None = None,
        accounts: Accounts | None = None,
        clock: Clock | None = None,
        patience: Patience | None = None,
        timeout: float = 30.0,
    ) -> None:
        self.system = system
        self._clock = clock or SystemClock()
        self._patience = patience or Patience()
        self._base = _checked_base(system, base_url)
        accounts = accounts or Accounts(self._clock)
        self._account = accounts.get(account or system, limits, concurrency)
        self._retrying = retrying(self._clock, self._patience)
        self._concurrency = concurrency
        self._pool: ThreadPoolExecutor | None = None
        self._log = structlog.get_logger("hub.connect")
        self._client = httpx.Client(
            headers={
                "Accept": "application/json",
                "User-Agent": "crm-sync-hub",
                **_checked_headers(system, headers),
            },
            transport=transport,
            # the account's slots already hold callers back, so nobody queues for a connection
            timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0), pool=None),
            limits=httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
            follow_redirects=False,  # a redirect would carry the credential somewhere else
            # a proxy of the environment never stands between us and this very machine
            trust_env=urlsplit(self._base).hostname not in _LOOPBACK,
        )
        self._token: BearerToken | None = None
        if token is not None:
            _checked_base(system, token.url)
            _checked_headers(system, token.headers)
            self._token = BearerToken(system, token, self._client, self._clock)

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
        """Let go of connections and threads."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
        self._client.close()

    def call(
        self,
        method: str,
        route: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str | int] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        limit: str = "",
        idempotent: bool | None = None,
        html_ok: bool = False,
        apart: bool = False,
    ) -> Reply:
        """See `hub.api.Http.call`.

        Raises ValueError or LookupError where the connector itself is wrong: a placeholder of
        `route` left without a value, an empty one, an undeclared `limit`.
        """
        where = f"{self.system}: {method} {route}"
        exchange = _Exchange(
            where=where,
            method=method,
            route=route,
            request=self._request(where, method, route, path, query, json, form),
            limit=limit,
            idempotent=method in _IDEMPOTENT if idempotent is None else idempotent,
            html_ok=html_ok,
            apart=apart,
            started=self._clock.monotonic(),
        )
        failure: ConnectorError
        try:
            return self._retrying(self._try, exchange)
        except Again as again:
            failure = again.failure
        except ConnectorError as error:
            failure = error
        if exchange.unsettled and method in _CHANGES and not isinstance(failure, Uncertain):
            # it may be repeated, but whoever gives up now must know that it may have happened
            raise Uncertain(
                f"{where}: given up without knowing whether the vendor carried it out",
                retry_after=getattr(failure, "retry_after", None),
            )
        raise failure

    def many(self, calls: Sequence[Mapping[str, Any]]) -> Sequence[Reply | Exception]:
        """See `hub.api.Http.many`."""
        if len(calls) < 2 or self._concurrency < 2:
            return [self._caught(call) for call in calls]
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._concurrency, f"http-{self.system}")
        context = contextvars.copy_context()  # what structlog has bound for this run
        return list(self._pool.map(lambda call: context.copy().run(self._caught, call), calls))

    def _caught(self, call: Mapping[str, Any]) -> Reply | Exception:
        try:
            return self.call(**call)
        except Exception as error:  # every input gets its answer; the caller looks at each
            return error

    def _request(
        self,
        where: str,
        method: str,
        route: str,
        path: Mapping[str, str] | None,
        query: Mapping[str, str | int] | None,
        json: Any,
        form: Mapping[str, str] | None,
    ) -> httpx.Request:
        url = self._base + _filled(where, route, path or {})
        if query:
            url += "?" + urlencode(query, quote_via=quote)
        content: bytes | None = None
        headers = {}
        if json is not None:
            content = orjson.dumps(json)
            headers["Content-Type"] = "application/json"
        elif form is not None:
            content = urlencode(form).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            # parsed once: httpx would parse a text three times on its way
            whole = httpx.URL(url)
            return self._client.build_request(method, whole, content=content, headers=headers)
        except httpx.InvalidURL:
            pass  # its text quotes the URL
        raise ValueError(f"{where}: no URL can be made of this path and query")

    def _try(self, exchange: _Exchange) -> Reply:
        wait = self._account.turn(exchange.limit, self._patience.turn)
        if wait:
            raise RateLimited(
                f"{exchange.where}: our own rate limit leaves no room for another {wait:.0f} s",
                retry_after=wait,
            )
        if self._token is not None:
            exchange.token = self._token.value()
            exchange.request.headers["Authorization"] = f"Bearer {exchange.token}"
        response = self._sent(exchange)
        if response.status_code == 401 and self._token is not None:
            # refused before its time, and so not carried out: once, another one is fetched
            exchange.token = self._token.value(refused=exchange.token)
            exchange.request.headers["Authorization"] = f"Bearer {exchange.token}"
            response = self._sent(exchange)
        return self._judged(exchange, response)

    def _sent(self, exchange: _Exchange) -> httpx.Response:
        lost: httpx.RequestError | None = None
        with self._account.slots:
            started = self._clock.monotonic()
            try:
                response = self._client.send(exchange.request)
                # the read body's stream points back at its response: a circle that would hold
                # every body until the cycle collector comes by
                response.stream = httpx.SyncByteStream()
            except httpx.RequestError as error:
                lost = error
            took = self._clock.monotonic() - started
        self._log.debug(
            "vendor call",
            system=self.system,
            method=exchange.method,
            route=exchange.route,
            status=type(lost).__name__ if lost is not None else response.status_code,
            ms=round(took * 1000, 1),
        )
        if lost is not None:
            raise self._lost(exchange, lost)
        return response

    def _lost(self, exchange: _Exchange, error: httpx.RequestError) -> Exception:
        """What to raise where no whole answer came back."""
        if isinstance(error, _UNSENT):
            return Again(Unavailable(f"{exchange.where}: {_no_connection(error)}"))
        exchange.unsettled = True
        what = "timed out" if isinstance(error, httpx.TimeoutException) else "the connection broke"
        if exchange.idempotent:
            return Again(Unavailable(f"{exchange.where}: {what}"))
        return Uncertain(f"{exchange.where}: {what}; it may have been carried out, or not")

    def _judged(self, exchange: _Exchange, response: httpx.Response) -> Reply:
        """The connector's Reply, or what to raise instead."""
        status = response.status_code
        where = exchange.where
        if status == 401:
            raise AuthFailed(
                f"{where}: the vendor refuses the credential (401)",
                mend=f"check the credential of {self.system}: is it whole, of the right account, "
                "not expired or revoked?",
            )
        # Mailchimp answers 403 without a body instead of 429 when its firewall is annoyed
        if status == 429 or (status == 403 and not response.content):
            asked = retry_after(response.headers.get("retry-after"), self._clock.now())
            if asked and not exchange.apart:
                self._account.pause(exchange.limit, asked)
            raise Again(RateLimited(f"{where}: called too often ({status})", retry_after=asked))
        if status >= 500:
            exchange.unsettled = True
            if not exchange.idempotent:
                raise Uncertain(
                    f"{where}: the vendor failed ({status}); it may have been carried out, or not"
                )
            asked = retry_after(response.headers.get("retry-after"), self._clock.now())
            raise Again(Unavailable(f"{where}: the vendor failed ({status})", retry_after=asked))
        if 300 <= status < 400:
            raise BadAnswer(f"{where}: answered a redirect ({status}). Is base_url right?")
        if not exchange.html_ok and _is_html(response):
            raise BadAnswer(
                f"{where}: answered a web page ({status}) where JSON was due. "
                "Is base_url right, or does a proxy stand between?"
            )
        return Answer(where, response)


def _is_html(response: httpx.Response) -> bool:
    start = response.content[:200].lstrip()
    if not start:
        return False
    return start.startswith(b"<") or "text/html" in response.headers.get("content-type", "")


def _filled(where: str, route: str, path: Mapping[str, str]) -> str:
    """The route with each placeholder filled, percent-encoded so that it stays one part."""

    def part(match: re.Match[str]) -> str:
        value = path.get(match[1], "")
        if not value:
            # "/members/{id}" without an id would address all members
            raise ValueError(f"{where}: no value for {{{match[1]}}}")
        encoded = quote(value, safe="")
        # "." and ".." are steps in a path, whatever their encoding would be
        return encoded.replace(".", "%2E") if value in (".", "..") else encoded

    return _PLACEHOLDER.sub(part, route)


def _no_connection(error: httpx.RequestError) -> str:
    """Why there is no connection, in words without a URL."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return "no host of that name is known. Is base_url right?"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "the host's certificate is not trusted. Is base_url right?"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.TimeoutException):
        return "no connection in time"
    return "no connection"


def _checked_base(system: str, base_url: str) -> str:
    mend = f"set base_url of {system} to the vendor's address, https://…"
    try:
        parts = urlsplit(base_url)
        host, port_ok = parts.hostname, parts.port != 0
    except ValueError:
        host, port_ok = None, False
    if not host or not port_ok or parts.scheme not in ("http", "https"):
        raise Misconfigured(f"{system}: base_url is not a web address", mend=mend)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise Misconfigured(
            f"{system}: base_url may hold no credential, query or fragment", mend=mend
        )
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise Misconfigured(
            f"{system}: base_url would send personal data unencrypted (http)", mend=mend
        )
    return base_url.rstrip("/")


def _checked_headers(system: str, headers: Mapping[str, str]) -> Mapping[str, str]:
    """The headers, if they can be sent: the HTTP library's own refusal would quote the secret."""
    for name, value in headers.items():
        if not _HEADER_VALUE.fullmatch(value):
            raise Misconfigured(
                f"{system}: the credential cannot be sent in the header {name}: it is empty, or "
                "holds a line break, an outer space or a letter outside ASCII",
                mend=f"give the credential of {system} again, without line breaks",
            )
    return headers
