"""The delivery loop of one system: refusals first, then records, then consents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from hub.api import EXISTS, Misconfigured, Verdict
from hub.delivery.claim import claim
from hub.delivery.deployment import Deployment, Opened
from hub.delivery.recover import Observe, recover
from hub.delivery.send import send
from hub.delivery.settle import settle
from hub.store.deliveries import SYNCED, Lane, State


@dataclass(slots=True)
class Delivered:
    """What a delivery loop came to."""

    outcomes: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    trouble: Misconfigured | None = None  # the run must stop and tell the operator
    handed_back: bool = False  # it was asked to stop before the lanes were empty


def deliver(
    deployment: Deployment,
    opened: Opened,
    epoch: int,
    observe: Observe,
    *,
    held: bool = False,
    stopping: Callable[[], bool] = lambda: False,
    batches: int | None = None,
) -> Delivered:
    """Send what is ready and due for one system.

    `held` sends refusals only: the storm guard is waiting for a person's word. `batches` bounds
    the work of one slice. Raises Fenced, and what `Connector.fetch` raises in recovery.
    """
    done = Delivered()
    # what an earlier run sent and never settled: nobody else will, and it holds its successors up
    done.outcomes += recover(deployment, opened, epoch, observe)
    lanes = (Lane.REFUSAL,) if held else SYNCED
    while True:
        for lane in lanes:
            batch = claim(deployment, opened, epoch, lane)
            done.outcomes += batch.outcomes
            if not batch.looked_at:
                continue
            if batch.claimed:
                results, done.trouble = send(opened, lane, batch)
                done.calls += 1
                stream = opened.system.stream(batch.stream)
                met = [
                    result.record
                    for result in results
                    if result.verdict is Verdict.PERMANENT
                    and result.reason == EXISTS
                    and result.record is not None
                ]
                if met:  # landed before the create is settled: a crash between reads it back
                    observe(stream, batch.scope, met)
                outcomes = settle(
                    deployment,
                    opened,
                    epoch,
                    stream,
                    batch.scope,
                    list(zip(batch.claimed, results, strict=True)),
                )
                done.outcomes += outcomes
                if outcomes[State.UNKNOWN.value] and not done.trouble:
                    done.outcomes += recover(deployment, opened, epoch, observe)
            break
        else:
            return done
        if done.trouble is not None:
            return done
        if stopping() or (batches is not None and done.calls >= batches):
            done.handed_back = True
            return done
