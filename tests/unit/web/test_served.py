"""The endpoint over TLS on the loopback interface: what a real client sees."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.office import Office

from hub.vault.certificate import Pair, local_certificate
from hub.web import connections
from hub.web.api import app
from hub.web.server import CannotListen, check, listen, serving, url_of


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return local_certificate(tmp_path / "tls", datetime.now(UTC))


@contextmanager
def connected(url: str, pair: Pair) -> Iterator[http.client.HTTPSConnection]:
    trusting = ssl.create_default_context(cafile=str(pair.certificate))
    parts = urlsplit(url)
    connection = http.client.HTTPSConnection(
        parts.hostname or "", parts.port, context=trusting, timeout=20
    )
    try:
        yield connection
    finally:
        connection.close()


def test_it_is_served_over_tls(office: Office, pair: Pair) -> None:
    with (
        serving(office.web, listen("127.0.0.1", 0), pair, grace=1) as url,
        connected(url, pair) as connection,
    ):
        assert url.startswith("https://127.0.0.1:")
        connection.request("GET", "/api/v1/requests", headers=office.token())
        answer = connection.getresponse()
        assert (answer.status, json.load(answer)["requests"]) == (200, [])
        assert answer.getheader("server") is None
        body = json.dumps({"right": "access", "controllers": ["crowst"], "email": "a@b.example"})
        headers = {**office.token(), "Content-Type": "application/json"}
        connection.request("POST", "/api/v1/requests", body, headers)
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("location")) == (201, "/api/v1/requests/1")
        answer.read()


def test_who_speaks_no_tls_gets_nothing(office: Office, pair: Pair) -> None:
    with serving(office.web, listen("127.0.0.1", 0), pair, grace=1) as url:
        port = urlsplit(url).port
        with socket.create_connection(("127.0.0.1", port or 0), timeout=20) as plain:
            plain.sendall(b"GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"200" not in plain.recv(1000)


def test_old_tls_is_refused(office: Office, pair: Pair) -> None:
    old = ssl.create_default_context(cafile=str(pair.certificate))
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with serving(office.web, listen("127.0.0.1", 0), pair, grace=1) as url:
        address = ("127.0.0.1", urlsplit(url).port or 0)
        with (
            socket.create_connection(address, timeout=20) as plain,
            pytest.raises((ssl.SSLError, ConnectionError)),
        ):
            old.wrap_socket(plain, server_hostname="localhost")


def test_what_is_under_way_is_answered_before_the_end(office: Office, pair: Pair) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def slow(_: object) -> None:
        inside.set()
        assert go_on.wait(20)

    answered: list[int] = []
    body = json.dumps({"right": "objection", "controllers": ["crowst"], "email": "a@b.example"})
    headers = {**office.token(), "Content-Type": "application/json"}

    def call(url: str) -> None:
        with connected(url, pair) as connection:
            connection.request("POST", "/api/v1/requests", body, headers)
            answered.append(connection.getresponse().status)

    with serving(app(office, slow), listen("127.0.0.1", 0), pair, grace=10) as url:
        caller = threading.Thread(target=call, args=(url,))
        caller.start()
        assert inside.wait(20)
        threading.Timer(0.2, go_on.set).start()
    caller.join(20)
    assert answered == [201]
    address = ("127.0.0.1", urlsplit(url).port or 0)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=5)


def idle(url: str, pair: Pair) -> ssl.SSLSocket:
    """A connection that has shaken hands and asks nothing."""
    parts = urlsplit(url)
    plain = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20)
    trusting = ssl.create_default_context(cafile=str(pair.certificate))
    return trusting.wrap_socket(plain, server_hostname="127.0.0.1")


def answered_at(url: str, pair: Pair) -> int:
    with connected(url, pair) as connection:
        connection.request("GET", "/api/v1/health")
        return connection.getresponse().status


@pytest.mark.parametrize(
    "sent", [b"", b"GET /api/v1/hea", b"GET /api/v1/health HTTP/1.1\r\nHost: l"]
)
def test_who_does_not_ask_is_let_go(
    office: Office, pair: Pair, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(connections, "PATIENCE", 0.2)
    with serving(office.web, listen("127.0.0.1", 0), pair, grace=1) as url, idle(url, pair) as one:
        one.sendall(sent)
        assert one.recv(1000) == b""  # closed by the endpoint, which said nothing


def test_one_address_cannot_keep_the_others_out(
    office: Office, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "FROM_ONE", 2)
    with serving(office.web, listen("127.0.0.1", 0), pair, grace=1) as url:
        with idle(url, pair), connected(url, pair) as second:
            for _ in range(2):  # on one connection
                second.request("GET", "/api/v1/health")
                answer = second.getresponse()
                assert answer.status == 200
                answer.read()
            with idle(url, pair) as third:
                assert third.recv(1000) == b""
        assert answered_at(url, pair) == 200  # once they are gone it may come back


def test_what_is_no_http_is_answered_like_every_error(office: Office, pair: Pair) -> None:
    with serving(office.web, listen("127.0.0.1", 0), pair, grace=1) as url, idle(url, pair) as one:
        one.sendall(b"GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\nU;\r\n\r\n")
        answer = http.client.HTTPResponse(one)
        answer.begin()
        assert answer.status == 400
        assert answer.headers["content-type"] == "application/problem+json"
        assert json.loads(answer.read())["code"] == "bad-request"


def test_a_busy_port_is_told_with_its_mend() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=f"listens at 127.0.0.1:{port} already") as told:
            listen("127.0.0.1", port)
        assert "web: listen" in told.value.mend
        assert url_of(taken) == f"https://127.0.0.1:{port}"


def test_an_address_of_another_machine_is_told() -> None:
    with pytest.raises(CannotListen, match="not possible to listen"):
        listen("192.0.2.1", 8443)


def test_a_certificate_that_cannot_be_used_is_told(tmp_path: Path, pair: Pair) -> None:
    check(pair)
    other = local_certificate(tmp_path / "other", datetime.now(UTC))
    for wrong in (
        Pair(tmp_path / "nowhere.pem", pair.key),
        Pair(pair.certificate, tmp_path / "nowhere.key"),
        Pair(pair.certificate, other.key),
    ):
        with pytest.raises(CannotListen, match="cannot be used") as told:
            check(wrong)
        assert "web: certificate" in told.value.mend
