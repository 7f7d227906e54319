"""The daemon as a process: withdrawals travel, it stops cleanly, a kill loses nothing."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.commands import mailchimp, members, over, subscription, varied
from support.daemon_process import JSON_LOG, Line, daemon, daemon_config

from hub.sandbox_world import SandboxWorld

Small = Callable[..., SandboxWorld]


def ready(world: SandboxWorld, config: Path) -> dict[str, str]:
    """The environment of a daemon over the world, its first question answered."""
    hub = over(world, config)
    hub.ok("keys", "confirm-kept")
    return dict(hub.environ)


def ended(system: str) -> Callable[[Line], bool]:
    return lambda line: line["event"] == "run ended" and line["system"] == system


def withdraw(world: SandboxWorld) -> str:
    """Somebody leaves Crowst's newsletter in the mailer; the CRM still says yes."""
    who = next(
        one
        for one in members(world, "crowst-mailer", "crowst-uutiset", "subscribed")
        if subscription(world, "crowst-crm", one["email_address"], "1001") == "SUBSCRIBED"
    )
    mailchimp(
        world,
        "crowst-mailer",
        "PATCH",
        f"/lists/crowst-uutiset/members/{who['id']}",
        {"status": "unsubscribed"},
    )
    return str(who["email_address"])


MAILER = "  crowst-mailer:\n    plugin: mailer\n    owner: crowst\n    location: *location\n    "


def test_a_withdrawal_in_one_tool_reaches_the_other_within_seconds(
    small: Small, tmp_path: Path
) -> None:
    world = small(people=40)
    # only the mailer is read often: what reaches the CRM in time does not come by its schedule
    config = varied(
        tmp_path,
        JSON_LOG,
        (f"{MAILER}schedule: {{every: 30s}}", f"{MAILER}schedule: {{every: 2s}}"),
        ("schedule: {every: 30s}", "schedule: {every: 1d}"),
    )
    environ = ready(world, config)
    hub = over(world, config)
    with daemon(config, environ) as running:
        running.until(lambda line: line["event"] == "engine.started")
        for _ in range(3):
            hub.ok("sync")
        started = time.monotonic()
        address = withdraw(world)
        running.until(
            lambda line: (
                ended("crowst-crm")(line)
                and line.get("sent_done", 0) == 1
                and subscription(world, "crowst-crm", address, "1001") == "UNSUBSCRIBED"
            ),
            seconds=20,
        )
        assert time.monotonic() - started < 12
        before = {name: n for name, (_, n) in world.calls().items()}
        running.until(ended("crowst-mailer"))
        running.until(ended("crowst-mailer"))
        assert {name: n for name, (_, n) in world.calls().items()} == before
        assert running.stop() == 0
        assert running.other == []
        log = "\n".join(map(str, running.lines))
        assert address not in log
        assert "@" not in log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_in_the_middle_of_work(small: Small, tmp_path: Path, number: int) -> None:
    world = small(people=300)
    config = daemon_config(tmp_path)
    environ = ready(world, config)
    with daemon(config, environ) as running:
        running.until(lambda line: line["event"] == "engine.started")
        running.until(ended("crowst-crm"))  # the others are at work now
        assert running.stop(number) == 0
        assert running.lines[-1]["event"] == "engine.stopped"
        assert running.lines[-1]["unfinished"] == 0
    # what it handed back is finished by whoever comes next
    hub = over(world, config)
    assert hub.ok("sync", "--json").json["quiet"]
    before = {name: n for name, (_, n) in world.calls().items()}
    hub.ok("sync")
    assert {name: n for name, (_, n) in world.calls().items()} == before


def test_killed_at_work_it_goes_on_without_writing_anything_twice(
    small: Small, tmp_path: Path
) -> None:
    world = small(people=150)
    config = daemon_config(tmp_path)
    environ = ready(world, config)
    for kill_after in ("crowst-crm", "bangeri-mailer", "crowst-mailer"):
        with daemon(config, environ) as running:
            running.until(ended(kill_after))
            running.stop(signal.SIGKILL)
    with daemon(config, environ) as running:
        running.until_all_quiet(set(world.urls))
        before = {name: n for name, (_, n) in world.calls().items()}
        running.until(ended("crowst-mailer"))
        running.until(ended("crowst-mailer"))
        assert {name: n for name, (_, n) in world.calls().items()} == before
        assert running.stop() == 0
    for name in ("crowst-crm", "bangeri-crm"):
        contacts = world.control(name, "state")["contacts"].values()
        made = [
            one["properties"]["email"]
            for one in contacts
            if not one["archived"] and one["properties"].get("email")
        ]
        assert len(made) == len(set(made)), f"{name} has somebody twice"
    # one delivery row for each write that the tools took: none done twice for one record
    hub = over(world, config)
    assert hub.ok("sync", "--dry-run", "--json").json is not None


def test_one_system_with_a_wrong_token_is_named_once_and_the_others_run_on(
    small: Small, tmp_path: Path
) -> None:
    world = small(people=20)
    config = daemon_config(tmp_path, ("token: sandbox-crowst-crm", "token: wrong"))
    environ = ready(world, config)
    others = set(world.urls) - {"crowst-crm"}
    with daemon(config, environ) as running:
        down = running.until(lambda line: line["event"] == "system is down")
        assert down["system"] == "crowst-crm"
        assert "token" in down["reason"]
        assert down["mend"]
        assert "varied.yaml:" in down["at"]
        running.until_all_quiet(others)
        running.until(ended("bangeri-crm"))
        assert running.stop() == 0
        told = [one for one in running.lines if one["event"] == "system is down"]
        assert len(told) == 1


def test_a_vendor_that_answers_html_is_named_and_comes_back(small: Small, tmp_path: Path) -> None:
    world = small(people=20)
    config = daemon_config(tmp_path)
    environ = ready(world, config)
    world.control("bangeri-crm", "faults", "POST", {"kind": "html"})
    with daemon(config, environ) as running:
        down = running.until(lambda line: line["event"] == "system is down")
        assert down["system"] == "bangeri-crm"
        running.until_all_quiet(set(world.urls) - {"bangeri-crm"})
        world.control("bangeri-crm", "faults", "DELETE")
        back = running.until(lambda line: line["event"] == "system is back")
        assert back["system"] == "bangeri-crm"
        running.until_all_quiet(set(world.urls))
        assert running.stop() == 0


def test_an_unknown_plugin_blocks_only_its_own_system(small: Small, tmp_path: Path) -> None:
    world = small(people=20)
    config = daemon_config(
        tmp_path, ("plugin: hubspot\n    owner: crowst", "plugin: hubspott\n    owner: crowst")
    )
    environ = ready(world, config)
    with daemon(config, environ) as running:
        down = running.until(lambda line: line["event"] == "system is down")
        assert "did you mean 'hubspot'" in down["reason"]
        running.until_all_quiet(set(world.urls) - {"crowst-crm"})
        assert running.stop() == 0


def test_without_the_word_on_the_master_key_it_does_not_start(small: Small, tmp_path: Path) -> None:
    world = small(people=5)
    config = daemon_config(tmp_path)
    with daemon(config, world.environ({})) as running:
        assert running.process.wait(timeout=30) == 2
    assert "confirm-kept" in "".join(running.other)
    with daemon(config, world.environ({}), "--master-key-kept") as running:
        running.until(lambda line: line["event"] == "engine.started")
        assert running.stop() == 0


def test_a_sync_command_is_done_by_the_daemon_that_runs(small: Small, tmp_path: Path) -> None:
    world = small(people=20)
    config = daemon_config(tmp_path, ("schedule: {every: 2s}", "schedule: {every: 1h}"))
    environ = ready(world, config)
    hub = over(world, config)
    with daemon(config, environ) as running:
        running.until(lambda line: line["event"] == "engine.started")
        hub.ok("sync")
        hub.ok("sync")
        address = withdraw(world)
        told = hub.ok("sync", "crowst-mailer", "crowst-crm")
        assert "The daemon is running" in told.err
        assert subscription(world, "crowst-crm", address, "1001") == "UNSUBSCRIBED"
        assert running.stop() == 0
