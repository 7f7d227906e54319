"""A daemon in a process of its own, watched through its log."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hub.sync.run import QUIET_COUNTS
from support.commands import varied

Line = Mapping[str, Any]

JSON_LOG = (
    "log: {format: pretty, level: info}",
    "log: {format: json, level: debug}",
)  # quiet rounds too
OFTEN = ("schedule: {every: 30s}", "schedule: {every: 2s}")


class Daemon:
    """`hub run`, and what it has logged until now."""

    def __init__(self, config: Path, environ: Mapping[str, str], *options: str) -> None:
        self.lines: list[Line] = []
        self.other: list[str] = []  # what was no JSON: there should be none
        self._new: queue.Queue[Line | None] = queue.Queue()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hub.cli", "run", "--config", str(config), *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environ},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for text in self.process.stderr:
            try:
                line = json.loads(text)
            except json.JSONDecodeError:
                self.other.append(text)
                continue
            self._new.put(line)
        self._new.put(None)

    def until(self, wanted: Callable[[Line], bool], seconds: float = 60.0) -> Line:
        """The next line that fits."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._new.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"not logged in {seconds} s; last: {self.told()}") from None
            if line is None:
                raise AssertionError(f"the daemon ended: {self.told()}")
            self.lines.append(line)
            if wanted(line):
                return line

    def until_all_quiet(self, systems: set[str], seconds: float = 90.0) -> None:
        """Until every system has had a run that neither learnt nor sent anything."""
        left = set(systems)

        def quiet(line: Line) -> bool:
            if line["event"] != "run ended":
                return False
            told = {name for name, n in line.items() if n and name.startswith(("read_", "sent_"))}
            news = told - {f"read_{name}" for name in QUIET_COUNTS}
            if news or line["state"] != "done":
                left.update(systems & {line["system"]})
            else:
                left.discard(line["system"])
            return not left

        self.until(quiet, seconds)

    def stop(self, number: int = signal.SIGTERM, seconds: float = 30.0) -> int:
        """End it by a signal; answers its exit code."""
        self.process.send_signal(number)
        code = self.process.wait(timeout=seconds)
        self._reader.join(timeout=10)
        while not self._new.empty():
            line = self._new.get()
            if line is not None:
                self.lines.append(line)
        return code

    def told(self) -> str:
        """The last of what it said."""
        return "\n".join([*map(json.dumps, self.lines[-8:]), *self.other[-8:]])


@contextmanager
def daemon(config: Path, environ: Mapping[str, str], *options: str) -> Iterator[Daemon]:
    """A running daemon; killed if the test left it."""
    running = Daemon(config, environ, *options)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()
        for stream in (running.process.stdout, running.process.stderr):
            if stream is not None:
                running._reader.join(timeout=10)
                stream.close()


def daemon_config(folder: Path, *changes: tuple[str, str]) -> Path:
    """The sandbox configuration with a JSON log and schedules that do not keep a test waiting."""
    return varied(folder, JSON_LOG, OFTEN, *changes)
