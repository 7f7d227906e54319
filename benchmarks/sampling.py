"""A sampling profiler of the main thread: where it stands, a thousand times a second.

It slows the program by a few hundredths, so its shares are truer than those of a profiler that
stops at every call. A signal interrupts the thread at its next step, and the time since the last
one is put down to where it stands then, so a long call into a library counts in full (and what is
thrown away at a function's end, such as a landed page, counts for the call that comes next).
Working and waiting (for the disk, a vendor, another thread's turn) are told apart.
"""

from __future__ import annotations

import signal
import time
from collections import defaultdict
from pathlib import Path
from types import CodeType, FrameType

EVERY = 0.001
ROOT = Path(__file__).parents[1]
SHOWN = 70


class Sampler:
    """Samples while its block lasts. `contacts`: what times are divided by in the report."""

    def __init__(self, contacts: int) -> None:
        self._contacts = max(contacts, 1)
        self._names: dict[CodeType, str] = {}
        self._own: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self._within: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self._lines: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])

    def __enter__(self) -> Sampler:
        self._before = signal.signal(signal.SIGALRM, self._sample)
        self._began = self._last = time.perf_counter(), time.thread_time(), time.process_time()
        signal.setitimer(signal.ITIMER_REAL, EVERY, EVERY)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._before)
        self._ended = time.perf_counter(), time.thread_time(), time.process_time()

    def _sample(self, _: int, frame: FrameType | None) -> None:
        now = time.perf_counter(), time.thread_time(), 0.0
        worked = now[1] - self._last[1]
        waited = max(0.0, now[0] - self._last[0] - worked)
        self._last = now
        own, line = "", ""
        met: set[str] = set()
        while frame is not None:
            name = self._named(frame)
            own = own or name
            if name not in met:
                met.add(name)
                _add(self._within[name], worked, waited)
            if not line and name.startswith(("hub/", "plugins/")):
                line = f"{name} line {frame.f_lineno}"
            frame = frame.f_back
        _add(self._own[own], worked, waited)
        _add(self._lines[line or "elsewhere"], worked, waited)

    def _named(self, frame: FrameType) -> str:
        code = frame.f_code
        name = self._names.get(code)
        if name is None:
            path = code.co_filename
            if path == "<string>" and "self" in frame.f_locals:  # what `dataclass` makes
                path = type(frame.f_locals["self"]).__name__
            if path.startswith(f"{ROOT}/") and "site-packages" not in path:
                path = path.removeprefix(f"{ROOT}/")
            else:
                path = "/".join(path.split("/")[-2:])
            name = self._names[code] = f"{path}:{code.co_qualname}"
        return name

    def report(self) -> str:
        """Microseconds a contact, working and waiting: inclusive, own, and by this project's
        innermost line."""
        each = 1e6 / self._contacts
        wall, own, all_ = (end - start for end, start in zip(self._ended, self._began, strict=True))
        parts = [
            "µs a contact",
            f"{wall * each:9.1f}  by the clock",
            f"{own * each:9.1f}  worked by the main thread",
            f"{(all_ - own) * each:9.1f}  worked by the others",
        ]
        for title, found in (
            ("inclusive", self._within),
            ("own", self._own),
            ("innermost lines of this project", self._lines),
        ):
            parts += ["", f"== {title}: working, waiting"]
            ordered = sorted(found.items(), key=lambda item: -sum(item[1]))
            parts += [
                f"{w * each:9.1f} {s * each:9.1f}  {name}" for name, (w, s) in ordered[:SHOWN]
            ]
        return "\n".join(parts) + "\n"


def _add(sums: list[float], worked: float, waited: float) -> None:
    sums[0] += worked
    sums[1] += waited
