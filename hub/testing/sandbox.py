"""The base of every vendor sandbox: a stateful stand-in of an HTTP API, with faults on demand.

A sandbox is a class with routes. It is served over HTTP for people and for the vendors' own client
libraries (`asgi`), and called in process by property tests (`handle`); both go the same way::

    class Acme(Sandbox):
        @route("GET", "/people/{id}")
        def person(self, call: Call) -> Answer:
            return Answer(200, self.people[call.path["id"]])

Every sandbox answers the control surface under `/_control/`:

    GET    /_control/state     the whole state as JSON
    GET    /_control/journal   every request received, oldest first
    DELETE /_control/journal   forget the journal
    POST   /_control/reset     an empty account, no faults
    POST   /_control/seed      add vendor-native data (the sandbox's own form)
    GET    /_control/faults    faults in force
    POST   /_control/faults    add one (the fields of `Fault`)
    DELETE /_control/faults    remove all
"""

from __future__ import annotations

import asyncio
import random
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qs, unquote

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

DROP_EXTENSION = "hub.drop"
"""Key of the ASGI extension by which a server lets the application close the connection."""


class FaultKind(StrEnum):
    """What can be made to go wrong."""

    TOO_MANY = "429"  # value: seconds in Retry-After
    SERVER_ERROR = "500"
    FORBIDDEN_EMPTY = "403"  # without a body
    LATENCY = "latency"  # value: seconds
    DROP = "drop"  # the connection closes before the call takes effect
    DROP_AFTER = "drop-after"  # the call takes effect, its answer is lost
    TORN = "torn"  # the call takes effect, half of the body arrives
    EMPTY = "empty"  # the call takes effect, a 2xx without a body is answered
    HTML = "html"  # a proxy's HTML page instead of the API
    PARTIAL = "partial"  # single inputs of a batch fail; rate is per input
    SEARCH_LAG = "search-lag"  # searches do not see changes younger than value seconds


@dataclass
class Fault:
    """One fault: for which calls, how often, how many times."""

    kind: FaultKind
    method: str = ""  # "" is any
    route: str = ""  # a regular expression searched in the route template; "" is any
    rate: float = 1.0
    times: int | None = None  # None: until removed
    value: float = 0.0

    def concerns(self, method: str, template: str) -> bool:
        """Whether a call of that method and route is meant."""
        return (not self.method or self.method == method) and bool(re.search(self.route, template))


@dataclass(frozen=True)
class Call:
    """A request as a route sees it."""

    method: str
    template: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    queries: Mapping[str, list[str]] = field(default_factory=dict)  # repeated parameters

    def json(self) -> Any:
        """The body as JSON. Raises Refusal(400) where it is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise Refusal(Answer(400, {"message": "the body is not JSON"})) from error


@dataclass(frozen=True)
class Answer:
    """A response: a JSON value, bytes, or None for no body."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        """The body as sent."""
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else orjson.dumps(self.body)


class Refusal(Exception):
    """Raised by a route to answer at once."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Dropped(Exception):
    """The connection is to be closed without an answer."""


Endpoint = Callable[[Any, Call], Answer]


def route(method: str, template: str) -> Callable[[Endpoint], Endpoint]:
    """Mark a method of a Sandbox as the endpoint of `METHOD /template/{with}/{parts}`."""

    def mark(endpoint: Endpoint) -> Endpoint:
        marks = getattr(endpoint, "__routes__", ())
        endpoint.__routes__ = (*marks, (method, template))  # type: ignore[attr-defined]  # a marker read by Sandbox.__init__
        return endpoint

    return mark


class Sandbox:
    """Base class. Subclasses add routes and override the hooks `authenticate`, `limit`, `clear`,
    `state`, `seed` and the vendor's error shapes `not_found`, `too_many`, `server_error`."""

    title = "sandbox"

    def __init__(self, *, now: Callable[[], datetime] | None = None, seed: int = 0) -> None:
        self.now = now or (lambda: datetime.now(UTC))
        self.random = random.Random(seed)  # noqa: S311 - reproducible faults, not secrets
        self.faults: list[Fault] = []
        self.journal: list[dict[str, Any]] = []
        self.lock = threading.RLock()
        self._routes: list[tuple[str, str, re.Pattern[str], Endpoint]] = []
        for name in dir(type(self)):
            endpoint = getattr(type(self), name)
            for method, template in getattr(endpoint, "__routes__", ()):
                pattern = re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(template)))
                self._routes.append((method, template, pattern, endpoint))
        # literal parts win over placeholders
        self._routes.sort(key=lambda entry: entry[1].count("{"))
        self.clear()

    # what a vendor overrides

    def clear(self) -> None:
        """Empty the account."""

    def state(self) -> Any:
        """The whole state as JSON-able values."""
        return {}

    def seed(self, data: Any) -> None:
        """Add vendor-native data, past every rule that the API would enforce."""

    def authenticate(self, call: Call) -> None:
        """Raise Refusal with the vendor's 401 or 403 unless the call may pass."""

    def limit(self, call: Call) -> None:
        """Raise Refusal with the vendor's 429 when the account's rate limit is exceeded."""

    def not_found(self, call: Call) -> Answer:
        """The vendor's 404."""
        return Answer(404, {"message": "not found"})

    def too_many(self, call: Call, seconds: float) -> Answer:
        """The vendor's 429."""
        return Answer(429, {"message": "too many requests"}, {"Retry-After": f"{seconds:.0f}"})

    def server_error(self, call: Call) -> Answer:
        """The vendor's 500."""
        return Answer(500, {"message": "internal error"})

    # what a vendor's routes use

    def failing(self, kind: FaultKind, call: Call) -> Fault | None:
        """The fault of that kind that strikes now, if any; uses up one of its `times`."""
        for fault in self.faults:
            if fault.kind == kind and fault.concerns(call.method, call.template):
                if fault.times is not None and fault.times <= 0:
                    continue
                if self.random.random() >= fault.rate:
                    continue
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None

    def search_lag(self, call: Call) -> float:
        """How many seconds searches lag behind, now."""
        found = self.failing(FaultKind.SEARCH_LAG, call)
        return found.value if found else 0.0

    # the way of every request

    def handle(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """Answer one request. Raises Dropped where the connection is to be closed."""
        if path.startswith("/_control/"):
            with self.lock:
                return self._control(method, path.removeprefix("/_control/"), body)
        queries = parse_qs(query, keep_blank_values=True)
        endpoint, template, parts = self._find(method, path)
        call = Call(
            method=method,
            template=template,
            path=parts,
            query={name: values[-1] for name, values in queries.items()},
            headers={name.lower(): value for name, value in headers.items()},
            body=body,
            queries=queries,
        )
        with self.lock:
            entry: dict[str, Any] = {
                "n": len(self.journal) + 1,
                "at": self.now().isoformat(),
                "method": method,
                "route": template,
                "path": dict(parts),
                "query": dict(call.query),
                "body": body.decode("utf-8", "replace"),
                "status": None,
            }
            self.journal.append(entry)
            answer = self._answer(call, endpoint)
            entry["status"] = answer.status
            if self.failing(FaultKind.DROP_AFTER, call):
                entry["fault"] = "drop-after"
                raise Dropped
            if answer.status < 300:
                if self.failing(FaultKind.TORN, call):
                    entry["fault"] = "torn"
                    whole = answer.encoded()
                    return Answer(answer.status, whole[: len(whole) // 2], answer.headers)
                if self.failing(FaultKind.EMPTY, call):
                    entry["fault"] = "empty"
                    return Answer(answer.status, None, answer.headers)
            return answer

    def latency(self, method: str, path: str) -> float:
        """Seconds that the answer is to be held back."""
        if path.startswith("/_control/"):
            return 0.0
        _, template, _ = self._find(method, path)
        call = Call(method, template, {}, {}, {}, b"")
        with self.lock:
            found = self.failing(FaultKind.LATENCY, call)
        return found.value if found else 0.0

    def asgi(self) -> Starlette:
        """The sandbox as a web application."""

        async def everything(request: Request) -> Response:
            body = await request.body()
            hold = self.latency(request.method, request.url.path)
            if hold:
                await asyncio.sleep(hold)
            raw_path = unquote(request.scope["raw_path"].decode().split("?")[0])
            try:
                answer = self.handle(
                    request.method, raw_path, request.url.query, dict(request.headers), body
                )
            except Dropped:
                return _Dropping()
            headers = {"Content-Type": "application/json", **answer.headers}
            return Response(answer.encoded(), answer.status, headers)

        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        return Starlette(routes=[Route("/{rest:path}", everything, methods=methods)])

    def _find(self, method: str, path: str) -> tuple[Endpoint | None, str, Mapping[str, str]]:
        for known, template, pattern, endpoint in self._routes:
            if known == method:
                match = pattern.fullmatch(path)
                if match:
                    return endpoint, template, match.groupdict()
        return None, path, {}

    def _answer(self, call: Call, endpoint: Endpoint | None) -> Answer:
        if self.failing(FaultKind.DROP, call):
            raise Dropped
        if fault := self.failing(FaultKind.TOO_MANY, call):
            return self.too_many(call, fault.value)
        if self.failing(FaultKind.SERVER_ERROR, call):
            return self.server_error(call)
        if self.failing(FaultKind.FORBIDDEN_EMPTY, call):
            return Answer(403)
        if self.failing(FaultKind.HTML, call):
            page = b"<!doctype html><title>Bad gateway</title>"
            return Answer(200, page, {"Content-Type": "text/html"})
        try:
            self.authenticate(call)
            self.limit(call)
            return endpoint(self, call) if endpoint else self.not_found(call)
        except Refusal as refusal:
            return refusal.answer

    def _control(self, method: str, what: str, body: bytes) -> Answer:
        match method, what:
            case "GET", "state":
                return Answer(200, self.state())
            case "GET", "journal":
                return Answer(200, self.journal)
            case "DELETE", "journal":
                self.journal.clear()
            case "POST", "reset":
                self.journal.clear()
                self.faults.clear()
                self.clear()
            case "POST", "seed":
                self.seed(orjson.loads(body))
            case "GET", "faults":
                return Answer(200, [asdict(fault) for fault in self.faults])
            case "POST", "faults":
                given = orjson.loads(body)
                self.faults.append(Fault(**{**given, "kind": FaultKind(given["kind"])}))
            case "DELETE", "faults":
                self.faults.clear()
            case _:
                return Answer(404, {"message": f"no control {method} {what}"})
        return Answer(204)


class _Dropping(Response):
    """Ends the exchange without an answer: the connection closes on the client.

    ASGI has no word for that. `hub.testing.serving` offers one; under any other server the answer
    is left unfinished, which closes the connection too, though with a line in the server's log.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        drop = scope.get("extensions", {}).get(DROP_EXTENSION)
        if drop is not None:
            drop()
            # the server must see the loss before we return, or it reports a missing answer
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        headers = [(b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
