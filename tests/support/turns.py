"""Threads that take turns: of several, one runs, until it has made some steps and another goes on.

A step is what another process may see: a commit of a task, a write call before it leaves and after
it was answered. Which thread runs when is said beforehand, so that the same story comes out the
same way each time, whatever the machine does.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

import httpx

from hub.store.together import Gathered
from hub.testing.inprocess import InProcess

PATIENCE = 30.0
"""Seconds after which a thread that waits for its turn takes the others to be stuck."""
READS = ("/search", "/read", "/oauth/token")


class Turns:
    """`stretches`: how many steps each thread makes in turn, over and over."""

    def __init__(self, stretches: Sequence[int]) -> None:
        self._stretches = itertools.cycle(stretches)
        self._left = next(self._stretches)
        self._turn = threading.Condition()
        self._order: list[int] = []  # threads that are not done, the running one first
        self._number: dict[int, int] = {}  # thread's ident -> its number
        self.switches = 0

    def run(self, *acts: Callable[[], Any]) -> None:
        """Carry them out, each in a thread of its own. Raises what the first of them raised."""
        self._order = list(range(len(acts)))
        failed: list[BaseException] = []

        def one(number: int, act: Callable[[], Any]) -> None:
            self._number[threading.get_ident()] = number
            try:
                self._wait(number)
                act()
            except BaseException as error:
                failed.append(error)
            finally:
                with self._turn:
                    self._order.remove(number)
                    self._turn.notify_all()

        with self._watched():
            threads = [threading.Thread(target=one, args=given) for given in enumerate(acts)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        if failed:
            raise failed[0]

    def step(self) -> None:
        """The running thread has made a step; perhaps it is another one's turn now."""
        number = self._number.get(threading.get_ident())
        if number is None:  # a connector's own thread: whose call it is waits for it
            return
        with self._turn:
            self._left -= 1
            if self._left > 0 or len(self._order) < 2:
                return
            self._left = next(self._stretches)
            self._order.append(self._order.pop(0))
            self.switches += 1
            self._turn.notify_all()
        self._wait(number)

    def _wait(self, number: int) -> None:
        with self._turn:
            mine = self._turn.wait_for(lambda: self._order[0] == number, PATIENCE)
        assert mine, "the other thread waits for something that this one holds"

    @contextmanager
    def _watched(self) -> Iterator[None]:
        gathered: Any = Gathered.__call__
        handle: Any = InProcess.handle_request

        def committed(gathering: Any, item: Any) -> Any:
            answer = gathered(gathering, item)
            self.step()
            return answer

        def called(transport: InProcess, request: httpx.Request) -> httpx.Response:
            if request.method == "GET" or request.url.path.endswith(READS):
                found: httpx.Response = handle(transport, request)
                return found
            self.step()
            answer: httpx.Response = handle(transport, request)
            self.step()
            return answer

        with (
            mock.patch.object(Gathered, "__call__", committed),
            mock.patch.object(InProcess, "handle_request", called),
        ):
            yield
