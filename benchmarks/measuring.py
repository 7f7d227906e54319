"""What every measured process reports."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Stage:
    """One measured piece of work."""

    name: str
    seconds: float = 0.0
    cpu: float = 0.0  # seconds of processor time, all threads of the process
    contacts: int = 0  # what the rate is counted in
    calls: dict[str, dict[str, int]] = field(default_factory=dict)  # vendor -> kind -> how many
    peak_mib: float = 0.0  # of the process, from its start to the end of this stage
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Contacts a second."""
        return self.contacts / self.seconds if self.seconds else 0.0

    @property
    def cpu_us(self) -> float:
        """Microseconds of processor time a contact."""
        return 1e6 * self.cpu / self.contacts if self.contacts else 0.0

    @property
    def made_calls(self) -> int:
        """Calls to all vendors."""
        return sum(sum(kinds.values()) for kinds in self.calls.values())


def peak_mib() -> float:
    """The most memory that this process has held so far (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextmanager
def measured(name: str, contacts: int = 0) -> Iterator[Stage]:
    """Time a block."""
    stage = Stage(name, contacts=contacts)
    began, used = time.perf_counter(), time.process_time()
    yield stage
    stage.seconds = time.perf_counter() - began
    stage.cpu = time.process_time() - used
    stage.peak_mib = peak_mib()
