"""Sending: a claimed batch goes to the vendor; every input ends with exactly one verdict (I11)."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from hub.api import (
    BadAnswer,
    ConnectorError,
    Misconfigured,
    Result,
    Unavailable,
    Uncertain,
    Verdict,
    Write,
    Writes,
    WritesConsents,
)
from hub.delivery.claim import Batch
from hub.delivery.deployment import Opened
from hub.store.deliveries import Lane

log = structlog.get_logger()


def send(opened: Opened, lane: Lane, batch: Batch) -> tuple[list[Result], Misconfigured | None]:
    """The result of every claimed delivery, in order; and what must stop the system's run."""
    writes = [one.write for one in batch.claimed]
    trouble: Misconfigured | None = None
    try:
        answers = _call(opened, lane, batch.stream, writes)
    except Misconfigured as error:
        trouble = error
        answers = _all(writes, Verdict.RETRYABLE, "misconfigured")
    except Uncertain as error:
        answers = _all(writes, Verdict.UNKNOWN, "no-answer", error.retry_after)
    except Unavailable as error:
        answers = _all(writes, Verdict.RETRYABLE, "unavailable", error.retry_after)
    except BadAnswer:
        # the vendor may have carried the batch out before it answered nonsense
        answers = _all(writes, Verdict.UNKNOWN, "bad-answer")
    except ConnectorError as error:
        answers = _all(writes, Verdict.UNKNOWN, type(error).__name__)
    except Exception as error:  # a connector's own fault must not take the daemon down
        # the text may hold personal data, its type does not
        log.error(
            "connector failed", system=opened.system.id, lane=lane.name, error=type(error).__name__
        )
        answers = _all(writes, Verdict.UNKNOWN, f"connector: {type(error).__name__}")
    return _one_each(opened, writes, answers), trouble


def _call(opened: Opened, lane: Lane, stream: str, writes: Sequence[Write]) -> Sequence[Result]:
    connector = opened.connector
    if lane is Lane.RECORD:
        if isinstance(connector, Writes):
            return connector.write(stream, writes)
    elif isinstance(connector, WritesConsents):
        return connector.write_consents(stream, writes)
    return _all(writes, Verdict.PERMANENT, "not-supported")


def _all(
    writes: Sequence[Write], verdict: Verdict, reason: str, retry_after: float | None = None
) -> list[Result]:
    return [Result(write.key, verdict, reason, retry_after=retry_after) for write in writes]


def _one_each(opened: Opened, writes: Sequence[Write], answers: Sequence[Result]) -> list[Result]:
    """Hold the connector to its word: what it left out, or answered twice, nobody knows."""
    found: dict[str, Result] = {}
    twice: set[str] = set()
    for answer in answers:
        if answer.key in found:
            twice.add(answer.key)
        found[answer.key] = answer
    asked = {write.key for write in writes}
    if twice or found.keys() != asked:
        log.error(
            "connector miscounted",
            system=opened.system.id,
            asked=len(asked),
            missing=len(asked - found.keys()),
            unasked=len(found.keys() - asked),
            twice=len(twice),
        )
    return [
        Result(write.key, Verdict.UNKNOWN, "miscounted")
        if write.key in twice or write.key not in found
        else found[write.key]
        for write in writes
    ]
