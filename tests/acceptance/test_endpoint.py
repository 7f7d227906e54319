"""The admin endpoint as the hub serves it: `hub token`, `hub run`, `hub sandbox`."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.commands import Commands, over
from support.daemon_process import daemon, daemon_config

from hub.sandbox_world import SandboxWorld
from hub.web.server import listen

Small = Callable[..., SandboxWorld]
LISTEN = 'web: {listen: "127.0.0.1:0"}'


def call(
    url: str, token: str, certificate: Path, path: str, body: Any = None
) -> tuple[int, dict[str, Any]]:
    """A call, as a person's script would make it."""
    request = urllib.request.Request(
        f"{url}/api/v1{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    trusting = ssl.create_default_context(cafile=str(certificate))
    try:
        with urllib.request.urlopen(request, context=trusting, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def everything(hub: Commands, name: str = "all") -> str:
    """A token for everything."""
    scopes = ("rights:read", "rights:handle", "rights:approve", "audit:read")
    words = [word for one in scopes for word in ("--scope", one)]
    words += ["--controller", "crowst", "--controller", "bangeri"]
    return str(hub.ok("token", "create", name, *words, "--json").json["token"])


def test_tokens_are_made_listed_and_ended(small: Small) -> None:
    hub = over(small(people=10))
    hub.ok("keys", "confirm-kept")
    hub.ok("sync", "--dry-run")
    ended = hub.ok(
        "token", "create", "desk", "-s", "rights:read", "-o", "crowst", "--expires", "90d"
    )
    secret = ended.out.strip()
    assert secret.startswith("hub_")
    assert "cannot be shown again" in ended.err
    again = hub("token", "create", "desk", "-s", "rights:read", "-o", "crowst")
    assert (again.code, "choose another name" in again.err) == (2, True)
    (listed,) = hub.ok("token", "list", "--json").json
    assert (listed["name"], listed["scopes"], listed["state"]) == ("desk", ["rights:read"], "good")
    shown = hub.ok("token", "list").out
    assert "desk" in shown
    assert secret not in shown
    hub.ok("token", "revoke", "desk")
    assert hub.ok("token", "list", "--json").json[0]["state"] == "revoked"
    assert hub("token", "revoke", "nobody").code == 1
    for wrong in (
        ("Aino Virtanen", "-s", "rights:read", "-o", "crowst"),
        ("x", "-s", "rights:all", "-o", "crowst"),
        ("x", "-s", "rights:read", "-o", "acme"),
        ("x", "-s", "rights:read", "-o", "crowst", "--expires", "soon"),
        ("x", "-s", "rights:read"),
    ):
        assert hub("token", "create", *wrong).code == 2, wrong


def test_the_hub_serves_requests_while_it_runs(small: Small, tmp_path: Path) -> None:
    world = small(people=10)
    config = daemon_config(tmp_path)
    hub = over(world, config)
    hub.ok("keys", "confirm-kept")
    with daemon(config, dict(hub.environ)) as running:
        url = running.until(lambda line: line["event"] == "the admin endpoint listens")["at"]
        certificate = world.folder / "web-certificate.pem"
        assert (world.folder / "web-key.pem").stat().st_mode & 0o777 == 0o600
        token = everything(hub)
        body = {"right": "access", "controllers": ["crowst"], "email": "aino@kuviteltu.example"}
        status, opened = call(url, token, certificate, "/requests", body)
        assert (status, opened["state"]) == (201, "identity_pending")
        at = f"/requests/{opened['number']}"
        body = {"how": "known-to-handler", "note": "met at the desk"}
        _, known = call(url, token, certificate, f"{at}/identity", body)
        body = {"plan_hash": known["plan_hash"]}
        _, approved = call(url, token, certificate, f"{at}/approval", body)
        assert approved["started"] is True
        for _ in range(100):  # the daemon was woken: nothing here waits for its next minute
            _, shown = call(url, token, certificate, at)
            if shown["state"] != "executing":
                break
            threading.Event().wait(0.1)
        assert shown["state"] in ("awaiting_external", "notifying"), shown["tasks"]
        hub.ok("token", "revoke", "all")
        assert call(url, token, certificate, at)[0] == 401
        assert running.stop(signal.SIGTERM) == 0
        said = running.told() + json.dumps([dict(line) for line in running.lines])
    assert token not in said
    assert "aino" not in said


def test_a_busy_port_ends_the_start_with_its_mend(small: Small, tmp_path: Path) -> None:
    world = small(people=10)
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        busy = f'web: {{listen: "127.0.0.1:{port}"}}'
        config = daemon_config(tmp_path, (LISTEN, busy))
        hub = over(world, config)
        hub.ok("keys", "confirm-kept")
        ended = hub("run")
    assert ended.code == 1
    assert f"another program listens at 127.0.0.1:{port} already" in ended.err
    assert "choose another port in web: listen" in ended.err.replace("\n", " ")
    assert str(config) in ended.err


def test_a_certificate_that_is_not_there_ends_the_start(small: Small, tmp_path: Path) -> None:
    world = small(people=10)
    wrong = 'web: {listen: "127.0.0.1:0", certificate: none.pem, key: none.key}'
    hub = over(world, daemon_config(tmp_path, (LISTEN, wrong)))
    hub.ok("keys", "confirm-kept")
    ended = hub("run")
    assert ended.code == 2
    assert "none.pem" in ended.err


def test_switched_off_it_does_not_listen(small: Small, tmp_path: Path) -> None:
    world = small(people=10)
    config = daemon_config(tmp_path, (LISTEN, "web: {enabled: false}"))
    hub = over(world, config)
    hub.ok("keys", "confirm-kept")
    with daemon(config, dict(hub.environ)) as running:
        running.until(lambda line: line["event"] == "run ended")
        assert running.stop() == 0
    assert "the admin endpoint listens" not in {line["event"] for line in running.lines}
    assert not (world.folder / "web-key.pem").exists()


def test_help_does_not_wait_for_the_web() -> None:
    asked = "import sys; from hub.cli.app import app; app(['--help'], standalone_mode=False)"
    found = f"{asked}; sys.exit(str(sorted({{'fastapi', 'uvicorn'}} & set(sys.modules))))"
    ended = subprocess.run(
        [sys.executable, "-c", found], capture_output=True, text=True, check=False
    )
    assert ended.stderr.strip() == "[]"


def test_the_sandbox_tells_how_to_call_it(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "hub.cli", "sandbox", "--people", "10", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "HUB_HOME": str(tmp_path)},
    )
    try:
        assert process.stdout is not None
        text = ""
        for line in process.stdout:
            text += line
            if line.rstrip() == "}":
                break
        api = json.loads(text)["api"]
        url = api["url"].removesuffix("/api/v1")
        for _ in range(100):  # it is printed just before it answers
            try:
                status, listed = call(url, api["token"], Path(api["certificate"]), "/requests")
                break
            except urllib.error.URLError:
                threading.Event().wait(0.1)
        assert (status, listed["requests"]) == (200, [])
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()
