"""What the engine and the daemon say to each other: claims, outcomes, attempts.

The engine stores only what is here, and nothing here can hold personal data: kinds, keys and
reasons are codes of a small alphabet that has no room for an address or a name with spaces.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

_KIND = re.compile(r"[a-z][a-z0-9_.-]{0,39}\Z")
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,119}\Z")
_REASON = re.compile(r"[a-z][a-z0-9_.-]{0,59}\Z")


def check_kind(kind: str) -> str:
    """The kind, if it is one. Raises ValueError, without repeating the value."""
    if not _KIND.match(kind):
        raise ValueError("a kind is lower-case letters, digits, '_', '.' and '-', 40 at most")
    return kind


def check_key(key: str) -> str:
    """The key, if it is one. Raises ValueError, without repeating the value."""
    if not _KEY.match(key):
        raise ValueError("a key is an id: letters, digits, '_', '.', ':', '/' and '-', 120 at most")
    return key


def check_reason(reason: str) -> str:
    """The reason, if it is a code. Raises ValueError, without repeating the value."""
    if not _REASON.match(reason):
        raise ValueError("a reason is a code: lower-case letters, digits, '_', '.' and '-'")
    return reason


@dataclass(frozen=True, slots=True)
class Attempt:
    """The `n`th try at a task, to be started at `due_at`. Its number is never given out twice."""

    kind: str
    key: str
    n: int
    due_at: datetime  # aware

    @property
    def id(self) -> str:
        """The name under which the engine runs it."""
        return f"{self.kind}/{self.key}/{self.n}"


@dataclass(frozen=True, slots=True)
class Lease:
    """A granted claim."""

    epoch: int  # rises with every claim of the task; an older one commits nothing any more
    failures: int  # failed attempts in a row before this one


@dataclass(frozen=True, slots=True)
class Claim:
    """What a handler is given: the task, and the right to commit results for it."""

    kind: str
    key: str
    n: int
    epoch: int  # put it into the condition of every commit (`Ledger.holds`)
    owner: str  # the worker's id
    failures: int = 0  # failed attempts in a row before this one
    # Set when the worker is to stop: finish the page in hand, then return `Again()`.
    stopping: threading.Event = field(default_factory=threading.Event, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Done:
    """The task is finished, until it is triggered again."""


@dataclass(frozen=True, slots=True)
class Again:
    """Not finished, nothing wrong: go on after `delay_seconds`, in a new attempt."""

    delay_seconds: float = 0.0
    reason: str = "more"

    def __post_init__(self) -> None:
        check_reason(self.reason)
        if not self.delay_seconds >= 0:
            raise ValueError("delay_seconds must not be negative")


@dataclass(frozen=True, slots=True)
class Failed:
    """It went wrong. Never final: the engine tries again with growing pauses.

    `retry_after` in seconds is the least pause, where the other side asked for one.
    """

    reason: str
    retry_after: float | None = None

    def __post_init__(self) -> None:
        check_reason(self.reason)


Outcome = Done | Again | Failed

Handler = Callable[[Claim], Outcome]
"""Does one bounded slice of a task. It may be run again after a crash at any point, so it commits
with the claim's epoch, and reads back what it cannot know. What it raises is recorded as `Failed`
with the exception's class as the reason; the text of an unforeseen exception is not kept."""
