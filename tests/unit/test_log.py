"""The log's second net, and that everything comes out of one pipe."""

import io
import json
import logging
import time
import warnings

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from hub import log
from hub.api import Unavailable


@pytest.fixture
def restored():
    names = ("", *log.QUIET)
    before = {
        name: (one.level, one.handlers[:], one.propagate)
        for name in names
        for one in [logging.getLogger(name)]
    }
    yield
    logging.captureWarnings(False)
    structlog.reset_defaults()
    for name, (level, handlers, propagate) in before.items():
        one = logging.getLogger(name)
        one.setLevel(level)
        one.handlers[:] = handlers
        one.propagate = propagate


@pytest.fixture
def lines(restored):
    stream = io.StringIO()
    log.setup(pretty=False, level="debug", stream=stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


PERSONAL = [
    "maija.meikalainen@firma.example",
    "äijä+tilaus@yhtiö.example",
    "maija%40firma.example",
    "+358 40 123 4567",
    "+358401234567",
    "040 123 4567",
    "040-1234567",
    "(09) 123 4567",
    "0401234567",
    "Bearer abcdefgh1234",
    "https://api.vendor.example/people/Maija?name=Maija",
    "https://user:Maija@api.vendor.example/",
]
HARMLESS = [
    "2026-11-02T10:15:00.123456Z",
    "2026-01-05",
    "took 0.0123456 s",
    "id 1234567890",
    "page 100 of 2000",
    "hubspot-0123456789abcdef",
    "01890a5d-ac96-774b-bcce-b302099a8057",
    "GET /contacts/{id}",
    "running on http://127.0.0.1:8000",
    "version 3.11.0",
]


@pytest.mark.parametrize("text", PERSONAL)
def test_personal_data_is_caught_in_any_text(text):
    shown = log.redact_text(f"seen {text} here")
    assert text not in shown
    assert "Maija" not in shown
    assert "4567" not in shown
    assert shown.startswith("seen ")
    assert shown.endswith(" here")


@pytest.mark.parametrize("text", HARMLESS)
def test_ids_times_and_routes_are_left_alone(text):
    assert log.redact_text(f"seen {text} here") == f"seen {text} here"


@given(st.emails())
def test_every_address_is_caught(address):
    assert address not in log.redact_text(f"<{address}>")


@pytest.mark.parametrize("piece", ["a", "a.", "1", "0 ", "x@a.", "https://", "+1 ", "token "])
def test_a_long_text_is_no_trouble(piece):
    began = time.perf_counter()
    log.redact_text(piece * (20_000 // len(piece)))
    assert time.perf_counter() - began < 2  # seconds; at its square it would be minutes


@pytest.mark.parametrize(
    "key", ["email", "work_email", "Phone", "firstname", "name", "api-key", "access_token", "body"]
)
def test_telling_keys_are_redacted_wherever_they_are(lines, key):
    structlog.get_logger("t").info(
        "seen", **{key: "Maija"}, inner={key: ["Maija"]}, rows=[{key: "Maija"}]
    )
    (line,) = lines()
    assert "Maija" not in json.dumps(line)
    assert line[key] == line["inner"][key] == log.REDACTED


def test_ids_and_outcomes_come_through(lines):
    structlog.get_logger("hub.sync").info(
        "page saved", system="crowst-crm", rows=100, ms=1.5, dry=True, ids=[1, 2], none=None
    )
    (line,) = lines()
    line.pop("timestamp")
    assert line == {
        "event": "page saved",
        "level": "info",
        "logger": "hub.sync",
        "system": "crowst-crm",
        "rows": 100,
        "ms": 1.5,
        "dry": True,
        "ids": [1, 2],
        "none": None,
    }


def test_an_exception_is_told_by_type_and_line_without_values(lines):
    secret = "Maija Meikäläinen"

    def fail(person):
        try:
            raise KeyError(person)
        except KeyError as error:
            raise Unavailable(
                f"crowst-crm: no answer for {person.split()[0]}@firma.example"
            ) from error

    try:
        fail(secret)
    except Unavailable:
        structlog.get_logger("t").exception("run failed")
    (line,) = lines()
    told = line["exception"]
    assert "Maija" not in told
    assert told.index("KeyError") < told.index("hub.api.errors.Unavailable: crowst-crm: no answer")
    assert "raise KeyError(person)" in told  # the line of code, not its values


def test_library_loggers_go_the_same_way_but_quietly(lines):
    logging.getLogger("some.library").info("mail to %s", "maija@firma.example")
    logging.getLogger("httpx").info("HTTP Request: GET https://x.example/maija")
    logging.getLogger("uvicorn.access").info("GET /maija")
    logging.getLogger("dbos").setLevel(logging.DEBUG)  # as DBOS does when it starts
    logging.getLogger("dbos").info("started")
    logging.getLogger("apscheduler.scheduler").warning("job missed")
    message = "maija"
    try:
        raise ValueError(message)
    except ValueError:
        logging.getLogger("some.library").exception("failed")
    first, missed, failed = lines()
    assert first["event"] == f"mail to {log.REDACTED}"
    assert missed["event"] == "job missed"
    assert failed["exception"].endswith("ValueError")
    assert "maija" not in json.dumps([first, missed, failed])


def test_dbos_gives_its_logger_no_handler_of_its_own(lines):
    from dbos._logger import init_logger

    dbos = logging.getLogger("dbos")
    # pytest's own handlers would keep DBOS from adding one
    dbos.handlers[:] = [one for one in dbos.handlers if type(one) is logging.StreamHandler]
    init_logger()
    dbos.warning("careful")
    assert [line["event"] for line in lines()] == ["careful"]
    assert [one.name for one in dbos.handlers] == [None]


def test_lines_for_people(restored):
    stream = io.StringIO()
    log.setup(pretty=True, level="info", stream=stream)
    structlog.get_logger("t").debug("unseen")
    try:
        raise Unavailable("crowst-crm: no answer")
    except Unavailable:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            structlog.get_logger("t").exception(
                "run failed", email="maija@firma.example", system="crowst-crm"
            )
    told = stream.getvalue()
    assert "run failed" in told
    assert "system=crowst-crm" in told
    assert "hub.api.errors.Unavailable: crowst-crm: no answer" in told
    assert "maija" not in told
    assert "unseen" not in told


def test_a_level_that_does_not_exist(restored):
    with pytest.raises(ValueError, match="expected debug, info, warning or error"):
        log.setup(level="loud")


def test_a_second_setup_replaces_the_first(restored):
    first, second = io.StringIO(), io.StringIO()
    logger = structlog.get_logger("t")
    log.setup(pretty=False, stream=first)
    logger.info("one")
    log.setup(pretty=False, stream=second)
    logger.info("two")
    assert ("one" in first.getvalue(), "two" in first.getvalue()) == (True, False)
    assert "two" in second.getvalue()
