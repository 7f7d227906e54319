"""Who looks for somebody while others are looked for goes into the next batch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from hub.api import BadAnswer, Held, Ref, Sought, Unavailable
from hub.delivery.deployment import Opened
from hub.rights import locating
from hub.rights.locating import linked_only, locate
from hub.store import normalise

Answer = Callable[[Sequence[Sought]], Sequence[Sequence[Held]]]
NOTHING: Any = None


def held(id_: str) -> Held:
    return Held(Ref("contacts", "", id_), "email")


def echo(batch: Sequence[Sought]) -> Sequence[Sequence[Held]]:
    return [[held(email) for email in one.emails] for one in batch]


class Vendor:
    """Answers by `answer`; its first call ends when `go` is set."""

    def __init__(self, answer: Answer = echo) -> None:
        self.answer = answer
        self.batches: list[int] = []
        self.asked = threading.Event()
        self.go = threading.Event()

    def locate(self, batch: Sequence[Sought]) -> Sequence[Sequence[Held]]:
        self.batches.append(len(batch))
        if len(self.batches) == 1:
            self.asked.set()
            assert self.go.wait(10)
        return self.answer(batch)


def side_by_side(vendor: Vendor, names: Sequence[str]) -> list[Any]:
    """What each is answered or gets raised: the first alone, the others while it is out."""
    opened = Opened(NOTHING, NOTHING, vendor)  # type: ignore[arg-type]  # only locate is asked for
    waiting = threading.Barrier(len(names))

    def ask(name: str) -> Any:
        if name != names[0]:
            vendor.asked.wait(10)
            waiting.wait(10)
        try:
            return [one.ref.id for one in locate(opened, Sought([name]))]
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(names)) as pool:
        asked = [pool.submit(ask, name) for name in names]
        waiting.wait(10)
        _until_gathered(opened, len(names) - 1)
        vendor.go.set()
        return [one.result() for one in asked]


def _until_gathered(opened: Opened, count: int) -> None:
    rounds: Any = locating._rounds[opened]
    turn = threading.Event()
    for _ in range(2000):
        if len(rounds._waiting) == count:
            return
        turn.wait(0.005)
    raise AssertionError("they never waited together")


def test_those_who_wait_are_asked_for_together() -> None:
    vendor = Vendor()
    assert side_by_side(vendor, ["a", "b", "c", "d"]) == [["a"], ["b"], ["c"], ["d"]]
    assert vendor.batches == [1, 3]


def test_one_that_cannot_be_understood_holds_up_nobody() -> None:
    def answer(batch: Sequence[Sought]) -> Sequence[Sequence[Held]]:
        if any("c" in one.emails for one in batch):
            raise BadAnswer("one of them")
        return echo(batch)

    vendor = Vendor(answer)
    first, second, third, fourth = side_by_side(vendor, ["a", "b", "c", "d"])
    assert (first, second, fourth) == (["a"], ["b"], ["d"])
    assert isinstance(third, BadAnswer)
    assert vendor.batches == [1, 3, 1, 1, 1]


def test_a_vendor_that_is_away_is_asked_once_for_all() -> None:
    def answer(batch: Sequence[Sought]) -> Sequence[Sequence[Held]]:
        if len(batch) > 1:
            raise Unavailable("away", retry_after=7)
        return echo(batch)

    vendor = Vendor(answer)
    first, *others = side_by_side(vendor, ["a", "b", "c", "d"])
    assert first == ["a"]
    assert [type(one) for one in others] == [Unavailable] * 3
    assert vendor.batches == [1, 3]


def test_a_connector_that_forgets_somebody_is_not_believed() -> None:
    vendor = Vendor(lambda batch: echo(batch)[1:])
    vendor.go.set()
    opened = Opened(NOTHING, NOTHING, vendor)  # type: ignore[arg-type]  # only locate is asked for
    with pytest.raises(BadAnswer, match="0 times for 1"):
        locate(opened, Sought(["a"]))


def test_only_linked_records_are_told_where_no_more_may_be_known() -> None:
    def answer(batch: Sequence[Sought]) -> Sequence[Sequence[Held]]:
        return [[held("1"), held("2")] for _ in batch]

    vendor = Vendor(answer)
    vendor.go.set()
    opened = Opened(NOTHING, NOTHING, vendor)  # type: ignore[arg-type]  # only locate is asked for
    found = linked_only(opened, [Ref("contacts", "", "2", "aino@posti.example")])
    assert [one.ref.id for one in found] == ["2"]


def test_an_address_is_looked_for_as_people_write_its_domain_too() -> None:
    """The hub keeps domains in IDNA; vendors keep what was typed, and compare letters."""
    vendor = Vendor()
    vendor.go.set()
    opened = Opened(NOTHING, NOTHING, vendor)  # type: ignore[arg-type]  # only locate is asked for
    address = normalise.email("Aino@Hämäläinen.example")
    found = locate(opened, Sought([address, "aino@posti.example", address]))
    assert [one.ref.id for one in found] == [
        "aino@xn--hmlinen-5wabb.example",
        "aino@hämäläinen.example",
        "aino@posti.example",
    ]
