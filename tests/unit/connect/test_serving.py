"""The sandbox over a real connection: what the vendors' own clients and people at a screen meet."""

import http.client
import logging
import socket
import threading
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from hub.testing.sandbox import FaultKind
from hub.testing.serving import serve
from tests.unit.connect.acme_vendor import TOKEN, Acme


def ask(url, method="GET", path="/v1/people/1", body=None):
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("kind", [FaultKind.DROP, FaultKind.DROP_AFTER])
def test_a_dropped_connection_is_one_and_leaves_no_trace_in_the_log(kind, caplog):
    acme = Acme()
    acme.strike(kind, times=1)
    with caplog.at_level(logging.DEBUG), serve(acme) as url:
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            ask(url, "POST", "/v1/people", "{}")
        assert ask(url, "POST", "/v1/people", "{}")[0] == 201  # the server goes on
    assert acme.effects == (1 if kind is FaultKind.DROP else 2)
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


def test_the_log_holds_no_path(caplog):
    with caplog.at_level(1), serve(Acme()) as url:
        assert ask(url, path="/v1/people/canary-maija")[0] == 200
    assert "canary" not in caplog.text


def test_it_listens_on_the_loopback_interface_only_and_stops():
    before = threading.active_count()
    with serve(Acme()) as url:
        assert urlsplit(url).hostname == "127.0.0.1"
        assert ask(url)[0] == 200
    with pytest.raises(ConnectionRefusedError):
        ask(url)
    assert threading.active_count() == before


def test_a_port_of_ones_own_can_be_used_again_at_once():
    with serve(Acme()) as url:
        port = urlsplit(url).port
        assert ask(url)[0] == 200
        with pytest.raises(OSError, match="in use"), serve(Acme(), port):
            pass
    with serve(Acme(), port) as again:
        assert again == url
        assert ask(again)[0] == 200


def test_it_stops_while_a_client_keeps_its_connection():
    with serve(Acme()) as url:
        idle = socket.create_connection(("127.0.0.1", urlsplit(url).port))
    with idle:
        assert idle.recv(1) == b""


def test_any_web_application_can_be_served():
    app = Starlette(routes=[Route("/", lambda request: PlainTextResponse("hello"))])
    with serve(app) as url:
        assert ask(url, path="/") == (200, b"hello")


def test_an_application_that_does_not_start_is_told(caplog):
    async def broken(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no"})

    with pytest.raises(RuntimeError, match="did not start"), serve(broken):
        pass


def test_under_a_foreign_server_a_drop_is_an_unfinished_answer():
    acme = Acme()
    acme.strike(FaultKind.DROP)
    inner = acme.asgi()

    async def without_the_extension(scope, receive, send):
        scope.pop("extensions", None)
        await inner(scope, receive, send)

    with serve(without_the_extension) as url, pytest.raises(http.client.IncompleteRead):
        ask(url)
