"""I11: every input of every batch gets exactly one verdict, whatever a connector answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from support.accounts import Crm
from support.world import World

from hub.api import (
    AuthFailed,
    BadAnswer,
    ConnectorError,
    RateLimited,
    Result,
    Unavailable,
    Uncertain,
    Verdict,
    Write,
)
from hub.delivery.claim import Batch, Claimed
from hub.delivery.deployment import Opened
from hub.delivery.plan import Intent
from hub.delivery.send import send
from hub.store.deliveries import Lane, delivery

Answering = Callable[[Sequence[Write]], Sequence[Result]]


@dataclass
class Stub:
    """A connector whose answers are given."""

    answer: Answering

    def write(self, stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        return self.answer(batch)


@dataclass
class _System:
    id: str = "crowst-crm"


def batch_of(count: int) -> Batch:
    nobody: Any = None
    claimed = [
        Claimed(n, Lane.RECORD, 1, nobody, None, Intent(Lane.RECORD), Write(f"{n}.1", None, "", {}))
        for n in range(count)
    ]
    return Batch("contacts", "", claimed)


def answered(answer: Answering, count: int = 3, lane: Lane = Lane.RECORD) -> list[Result]:
    system: Any = _System()
    connector: Any = Stub(answer)
    kind: Any = None
    results, _ = send(Opened(system, kind, connector), lane, batch_of(count))
    return results


ANSWERS = st.lists(st.tuples(st.integers(0, 4), st.sampled_from(list(Verdict))), max_size=8)


@given(given_=ANSWERS, count=st.integers(1, 4))
def test_exactly_one_verdict_for_each(given_: list[tuple[int, Verdict]], count: int) -> None:
    """A connector that leaves inputs out, answers them twice, or answers what nobody asked."""
    results = answered(lambda _: [Result(f"{n}.1", v) for n, v in given_], count)
    assert [one.key for one in results] == [f"{n}.1" for n in range(count)]
    said = Counter(n for n, _ in given_)
    for n, one in enumerate(results):
        if said[n] == 1:
            assert one.verdict is dict(given_)[n]
        else:
            assert (one.verdict, one.reason) == (Verdict.UNKNOWN, "miscounted")


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (AuthFailed("no"), Verdict.RETRYABLE),
        (Unavailable("later"), Verdict.RETRYABLE),
        (RateLimited("slower", retry_after=7), Verdict.RETRYABLE),
        (Uncertain("who knows"), Verdict.UNKNOWN),
        (BadAnswer("html"), Verdict.UNKNOWN),
        (ConnectorError("odd"), Verdict.UNKNOWN),
        (ZeroDivisionError("the connector's own fault"), Verdict.UNKNOWN),
    ],
)
def test_one_fate_for_the_whole_batch(error: Exception, verdict: Verdict) -> None:
    def fails(_: Sequence[Write]) -> Sequence[Result]:
        raise error

    results = answered(fails)
    assert [one.verdict for one in results] == [verdict] * 3
    assert {one.retry_after for one in results} == {getattr(error, "retry_after", None)}


def test_what_a_connector_cannot_do_ends_permanently() -> None:
    results = answered(lambda _: [], lane=Lane.CONSENT)
    assert [(one.verdict, one.reason) for one in results] == [
        (Verdict.PERMANENT, "not-supported")
    ] * 3


@pytest.mark.parametrize("lost", ["first", "all", "twice"])
def test_a_miscounting_connector_loses_nothing(world: World, lost: str) -> None:
    """It carries everything out and answers wrongly: all is read back, nothing is sent twice."""
    crm = Crm(world, "crowst")
    for number in range(5):
        crm.add(f"asiakas{number}@posti.example", first_name="Aino", lifecycle="customer")
    connector = world.deployment.systems["crowst-mailer"].connector
    honest = connector.write  # type: ignore[attr-defined]  # this one writes

    def miscounts(stream: str, batch: Sequence[Write]) -> Sequence[Result]:
        results = honest(stream, batch)
        if lost == "twice":
            return [*results, replace(results[0], verdict=Verdict.PERMANENT)]
        return results[1:] if lost == "first" else []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connector, "write", miscounts, raising=True)
        world.run("crowst-crm")
        world.run("crowst-mailer")
    with world.deployment.database.connect() as connection:
        states = Counter(connection.scalars(sa.select(delivery.c.state)))
    assert states == {"done": 15}  # ten members, five statuses in the CRM
    assert world.writes()["crowst-mailer"] == 2
