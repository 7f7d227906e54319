"""`hub sandbox`: the report of one run, and the world that other commands can look at."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.commands import Commands

from hub.cli.sandbox_report import Once, print_once
from hub.sandbox_world import SandboxFailed, running


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    monkeypatch.setenv("HUB_HOME", str(tmp_path))
    return Commands(tmp_path / "none.yaml", {"HUB_HOME": str(tmp_path)})


def test_once_ends_converged_and_a_second_sync_writes_nothing(
    hub: Commands, tmp_path: Path
) -> None:
    told = hub.ok("sandbox", "--once", "--people", "80", "--seed", "5", "--json").json
    assert told["converged"]
    assert told["second_writes"] == 0
    assert sum(told["writes"].values()) > 0
    survey = told["survey"]
    assert set(survey["people"]) == {"crowst", "bangeri"}
    assert survey["allowed"]["crowst/newsletter"] > 0
    assert survey["crossed"]
    assert any("no-ground" in name for name in survey["blocked"])
    assert sum(survey["writes"].values()) == 0  # nothing is left that the plan still asks for
    assert list(tmp_path.iterdir()) == []  # its data was temporary


def test_the_report_reads_well_at_a_hundred_columns(
    hub: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = hub.ok("sandbox", "--once", "--people", "40").out
    for title in ("Systems", "May they be mailed?", "What the gate held back", "Time"):
        assert title in shown
    assert "✓ Converged" in shown
    assert "✓ A second sync wrote nothing" in shown
    assert max(map(len, shown.splitlines())) <= 100


def test_what_did_not_converge_is_not_made_to_look_well(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_once(Once(people=1, seed=1, converged=False, second_writes=3, failed=["crowst-crm"]))
    shown = capsys.readouterr().out
    assert "✗ Not converged" in shown
    assert "✗ A second sync made 3 calls that write" in shown
    assert "crowst-crm failed" in shown


@contextmanager
def sandbox(home: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "hub.cli", "sandbox", "--people", "20", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "HUB_HOME": str(home)},
    )
    assert process.stdout is not None
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()


def first_object(process: subprocess.Popen[str]) -> dict[str, object]:
    """What it prints once everything is up."""
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if line.rstrip() == "}":
            break
    found: dict[str, object] = json.loads(text)
    return found


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_other_commands_look_at_the_world_that_runs(hub: Commands, tmp_path: Path) -> None:
    assert hub("person", "a@b.example", "--sandbox").code == 2
    with sandbox(tmp_path) as process:
        told = first_object(process)
        hub.ok("sync", "--sandbox")
        views = hub.ok("person", str(told["examples"][2]), "--sandbox", "--json").json  # type: ignore[index]  # from JSON
        assert views
        hub.ok("check", "--sandbox")
        second = hub("sandbox", "--people", "20")
        assert second.code == 2
        assert "running already" in second.err
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    assert not alive(int(str(told["pid"])))
    with pytest.raises(SandboxFailed):
        running(tmp_path)


def test_a_killed_sandbox_leaves_nothing_running(hub: Commands, tmp_path: Path) -> None:
    with sandbox(tmp_path) as process:
        child = int(str(first_object(process)["pid"]))
        process.kill()
        process.wait()
        # the stand-ins end with whoever holds the other end of their standard input
        fd = os.pidfd_open(child) if alive(child) else None
        if fd is not None:
            import select

            assert select.select([fd], [], [], 15)[0], "the stand-ins outlive their parent"
            os.close(fd)
    ended = hub("person", "a@b.example", "--sandbox")
    assert ended.code == 2
    assert "no longer running" in ended.err
