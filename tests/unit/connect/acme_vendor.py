"""A small vendor for the tests of `hub.connect`, and clients of it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from hub.api import Rate
from hub.connect.http import HttpClient
from hub.connect.limits import Accounts
from hub.connect.retry import Patience
from hub.testing.clock import ManualClock
from hub.testing.inprocess import InProcess
from hub.testing.sandbox import Answer, Call, Fault, FaultKind, Refusal, Sandbox, route
from hub.testing.serving import serve

TOKEN = "tok-canary-5f1d9a"
BASE = "https://api.vendor.example/v1"


class Acme(Sandbox):
    """People by id; every call that took effect is counted in `effects`."""

    def clear(self) -> None:
        self.effects = 0
        self.answers: list[Answer] = []

    def authenticate(self, call: Call) -> None:
        if call.headers.get("authorization") != f"Bearer {TOKEN}":
            raise Refusal(Answer(401, {"message": "who are you?"}))

    def _next(self, usual: Answer) -> Answer:
        self.effects += 1
        return self.answers.pop(0) if self.answers else usual

    @route("GET", "/v1/people/{id}")
    def one(self, call: Call) -> Answer:
        return self._next(Answer(200, {"id": call.path["id"], "query": dict(call.query)}))

    @route("PUT", "/v1/people/{id}")
    def put(self, call: Call) -> Answer:
        return self._next(Answer(200, call.json()))

    @route("POST", "/v1/people")
    def create(self, call: Call) -> Answer:
        return self._next(
            Answer(201, {"sent": call.body.decode(), "as": call.headers["content-type"]})
        )

    def strike(self, kind: FaultKind | str, times: int | None = None, value: float = 0.0) -> None:
        self.faults.append(Fault(FaultKind(kind), times=times, value=value))


def client(
    acme: Acme,
    clock: ManualClock,
    *,
    limits: Mapping[str, Rate] | None = None,
    **options: Any,
) -> HttpClient:
    """A client of `acme` in process."""
    return HttpClient(
        "crowst-acme",
        options.pop("base_url", BASE),
        options.pop("headers", {"Authorization": f"Bearer {TOKEN}"}),
        limits=limits or {},
        concurrency=options.pop("concurrency", 4),
        transport=options.pop("transport", None) or InProcess(acme, clock),
        clock=clock,
        **options,
    )


@contextmanager
def served(acme: Acme, clock: ManualClock, **options: Any) -> Iterator[HttpClient]:
    """A client of `acme` over the loopback interface."""
    with (
        serve(acme) as url,
        HttpClient(
            "crowst-acme",
            f"{url}/v1",
            {"Authorization": f"Bearer {TOKEN}"},
            limits={},
            concurrency=4,
            clock=clock,
            **options,
        ) as http,
    ):
        yield http


__all__ = ["BASE", "TOKEN", "Accounts", "Acme", "Patience", "client", "served"]
