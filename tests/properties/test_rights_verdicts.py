"""I11 for rights: every act of a batch gets exactly one verdict, whatever a connector answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.api import (
    Act,
    BadAnswer,
    Misconfigured,
    Result,
    Unavailable,
    Uncertain,
    Verdict,
    Verification,
    Write,
)
from hub.rights import acting

FAILS = (BadAnswer("x"), Unavailable("x"), Uncertain("x"), Misconfigured("x"), ValueError("x"))


@dataclass
class Stream:
    write_batch: int


@dataclass
class Type:
    most: int

    def stream(self, _: str) -> Stream:
        return Stream(self.most)


@dataclass
class Careless:
    """A connector that answers some, some twice, some that nobody asked for, or nothing."""

    answers: Any
    asked: list[str] = field(default_factory=list)

    def erase(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        self.asked += [one.key for one in batch]
        plan = self.answers.draw(st.one_of(st.sampled_from(FAILS), st.none()))
        if plan is not None:
            raise plan
        keys = st.sampled_from([*(one.key for one in batch), "r999"])
        verdicts = st.sampled_from(Verdict)
        made = self.answers.draw(st.lists(st.builds(Result, keys, verdicts), max_size=6))
        return list(made)

    def verify(self, refs: Sequence[Any], act: Act) -> Sequence[Verification]:
        return []


@dataclass
class Opened:
    type: Type
    connector: Careless


@settings(max_examples=150, deadline=None, database=None)
@given(count=st.integers(1, 7), most=st.integers(1, 3), streams=st.integers(1, 2), data=st.data())
def test_one_verdict_for_each(count: int, most: int, streams: int, data: Any) -> None:
    connector = Careless(data)
    batch = []
    for number in range(count):
        entry = {"stream": f"s{number % streams}", "scope": "", "id": str(number)}
        batch.append(acting.Sent(number, entry, Write(f"r{number}", None, "", {})))
    results, _ = acting.send(Opened(Type(most), connector), "erase", batch)  # type: ignore[arg-type]  # as much of it as is used
    assert [one.key for one in results] == [one.write.key for one in batch]
    assert Counter(connector.asked) == Counter(one.write.key for one in batch)
