"""Nothing of a person or a credential leaves the HTTP client by a log line or an exception."""

import io
import json
import logging
import traceback

import httpx
import pytest
import structlog

from hub import log
from hub.api import ConnectorError
from hub.connect.http import HttpClient
from hub.testing.clock import ManualClock
from hub.testing.sandbox import FaultKind
from tests.unit.connect.acme_vendor import BASE, TOKEN, Acme, client, served

CANARY = "canary-maija"
SECRETS = (CANARY, TOKEN, "meikäläinen", "meik%C3%A4l%C3%A4inen")
CALLS = [
    {
        "method": method,
        "route": route,
        "path": {"id": f"{CANARY}.meikäläinen@person.example"},
        "query": {"email": f"{CANARY}.q@person.example"},
        "json": {"firstname": CANARY, "lastname": "meikäläinen"},
    }
    for method, route in (("PUT", "/people/{id}"), ("POST", "/people"), ("GET", "/people/{id}"))
]


@pytest.fixture
def lines():
    """Everything that is logged, at the most talkative level, past the second net."""
    kept = io.StringIO()
    handler = logging.StreamHandler(kept)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(1)
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(0),
        logger_factory=structlog.WriteLoggerFactory(kept),
    )
    yield kept
    root.removeHandler(handler)
    root.setLevel(level)
    structlog.reset_defaults()


def everything_told(error: BaseException) -> str:
    """The text of an error and of all that hangs on it, also what a traceback would not print."""
    told = [*traceback.format_exception(error), repr(vars(error))]
    if error.__context__ is not None:
        told.append(everything_told(error.__context__))
    return "".join(told)


@pytest.mark.parametrize("kind", [None, *(kind for kind in FaultKind if kind != FaultKind.LATENCY)])
@pytest.mark.parametrize("way", ["in process", "served"])
def test_no_fault_brings_a_canary_out(kind, way, lines):
    clock, acme = ManualClock(), Acme()
    if kind:
        acme.strike(kind, value=1)
    with client(acme, clock) if way == "in process" else served(acme, clock) as http:
        for call in CALLS:
            try:
                http.call(**call).json()
            except ConnectorError as error:
                told = everything_told(error)
                assert "crowst-acme: " in told
                assert not [secret for secret in SECRETS if secret in told]
    assert CANARY in json.dumps(acme.journal)  # it did travel
    logged = lines.getvalue()
    assert '"route": "/people/{id}"' in logged
    assert not [secret for secret in SECRETS if secret in logged]


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout(f"{BASE}/{CANARY}"),
        httpx.ConnectError(f"{BASE}/{CANARY}"),
        httpx.LocalProtocolError(f"Illegal header value {TOKEN}"),
        httpx.DecodingError(CANARY),
        httpx.UnsupportedProtocol(CANARY),
    ],
)
def test_the_library_s_errors_stay_inside(error, lines):
    def fail(request):
        raise error

    with client(Acme(), ManualClock(), transport=httpx.MockTransport(fail)) as http:
        for call in CALLS:
            with pytest.raises(ConnectorError) as caught:
                http.call(**call)
            assert not [secret for secret in SECRETS if secret in everything_told(caught.value)]
    assert not [secret for secret in SECRETS if secret in lines.getvalue()]


def test_an_impossible_url_is_not_quoted():
    with client(Acme(), ManualClock()) as http, pytest.raises(ValueError, match="no URL") as caught:
        http.call("GET", "/people/{id}", path={"id": CANARY * 10_000})
    assert CANARY not in everything_told(caught.value)


def test_a_log_line_says_what_one_needs():
    acme, clock = Acme(), ManualClock()
    with structlog.testing.capture_logs() as logged, client(acme, clock) as http:
        http.call(**CALLS[0])
    assert logged == [
        {
            "event": "vendor call",
            "log_level": "debug",
            "system": "crowst-acme",
            "method": "PUT",
            "route": "/people/{id}",
            "status": 200,
            "ms": 0.0,
        }
    ]


def test_the_library_s_own_log_stays_silent_even_when_everything_is_on(lines):
    assert HttpClient  # its module silences the loggers
    for name in ("httpx", "httpcore.http11"):
        logging.getLogger(name).info("HTTP Request: GET %s/%s", BASE, CANARY)
    assert lines.getvalue() == ""


def test_the_second_net_is_there_for_the_first_one(capsys):
    assert log.redact_text(f"{BASE}/{CANARY}") == "https://api.vendor.example/…"
