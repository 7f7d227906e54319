"""Transactions that are ready at the same moment are committed together.

On SQLite one transaction writes at a time, and each waits for the disk once: forty threads that
commit small steps would spend their time in that queue. Here whoever comes first carries out what
has gathered meanwhile in one transaction, each in a savepoint of its own, and the disk is waited
for once for all of them. For the caller nothing changes: what it did is durable when the call
returns, or has left nothing behind when it raises.

PostgreSQL commits side by side and gathers by itself, so there it is a plain transaction; and no
transaction holds the rows of several tasks, which two processes would lock crosswise.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine

I = TypeVar("I")  # noqa: E741 - what is given
R = TypeVar("R")

MOST = 64
"""Transactions in one, so that the first does not wait long for the last."""


class _Turn(Generic[I]):
    """A caller that waits: for its answer, or to lead."""

    def __init__(self, item: I) -> None:
        self.item = item
        self.woken = threading.Event()
        self.leads = False
        self.answer: Any = None
        self.error: BaseException | None = None


class Gathered(Generic[I, R]):
    """Calls that are made while others are carried out are carried out together afterwards.

    `carry_out` is given the items of some callers and answers for each, in order, its result or
    the exception that this caller is to get; what it raises itself, all of them get.
    """

    def __init__(self, carry_out: Callable[[Sequence[I]], Sequence[R | BaseException]]) -> None:
        self._carry_out = carry_out
        self._lock = threading.Lock()
        self._led = False
        self._waiting: list[_Turn[I]] = []

    def __call__(self, item: I) -> R:
        """Have the item carried out, with others or alone. Raises what it came to."""
        mine = _Turn(item)
        with self._lock:
            self._waiting.append(mine)
            mine.leads = not self._led
            self._led = True
        if not mine.leads:
            mine.woken.wait()
        if mine.leads:
            self._lead()
        if mine.error is not None:
            raise mine.error
        answer: R = mine.answer
        return answer

    def _lead(self) -> None:
        with self._lock:
            turns, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        try:
            answers = self._carry_out([one.item for one in turns])
            for turn, answer in zip(turns, answers, strict=True):
                if isinstance(answer, BaseException):
                    turn.error = answer
                else:
                    turn.answer = answer
        except BaseException as error:
            for turn in turns:
                turn.error = error
        finally:
            with self._lock:
                following = self._waiting[0] if self._waiting else None
                if following is None:
                    self._led = False
                else:
                    following.leads = True
            for turn in turns:
                turn.leads = False
                turn.woken.set()
            if following is not None:
                following.woken.set()


Transaction = Callable[[Connection], Any]

_gathered: WeakKeyDictionary[Engine, Gathered[Transaction, Any]] = WeakKeyDictionary()
_making = threading.Lock()


def commit(engine: Engine, act: Callable[[Connection], R]) -> R:
    """Carry out `act` in a transaction, and answer what it answers once that is durable.

    `act` must not wait for anything but the database, nor call `commit` itself. What it raises
    undoes what it did, and nothing else.
    """
    if engine.dialect.name != "sqlite":
        with engine.begin() as connection:
            return act(connection)
    with _making:
        gathered = _gathered.get(engine)
        if gathered is None:
            gathered = _gathered[engine] = Gathered(lambda acts: _all(engine, acts))
    found: R = gathered(act)
    return found


def _all(engine: Engine, acts: Sequence[Transaction]) -> list[Any]:
    if len(acts) == 1:
        with engine.begin() as connection:
            return [acts[0](connection)]
    answers: list[Any] = []
    with engine.begin() as connection:
        for act in acts:
            try:
                with connection.begin_nested():
                    answers.append(act(connection))
            except Exception as error:
                answers.append(error)
    return answers
