"""Rights acts as deliveries: recorded as sent, sent, and settled, as every other write is (I6).

A row is committed before its act leaves, and settled in one transaction with the task's receipt.
What a crash leaves open is read back by the task's next attempt (`settle_lost`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

import orjson
import structlog

from hub.api import (
    Act,
    BadAnswer,
    Connector,
    ConnectorError,
    Consent,
    Erases,
    Misconfigured,
    Rectifies,
    Ref,
    Restricts,
    Result,
    Unavailable,
    Uncertain,
    Verdict,
    Write,
    WritesConsents,
)
from hub.delivery.deployment import Opened
from hub.rights.casefile import ref_of
from hub.store import deliveries
from hub.store.deliveries import Lane, State
from hub.vault import KeyHandle, aad
from hub.vault.database import Connection
from hub.vault.rows import ids

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """One act on its way: its delivery, the record's entry in the receipt, what is written."""

    delivery: int
    entry: dict[str, str]
    write: Write
    link_id: int | None = None


class Busy(Exception):
    """Another request's act, or a write of the sync, is under way on the same record since then."""

    def __init__(self, since: datetime) -> None:
        super().__init__()
        self.since = since


def record(
    connection: Connection,
    *,
    system: str,
    task_id: int,
    key: KeyHandle,
    wanted: Sequence[tuple[dict[str, str], Mapping[str, Any], list[str]]],
    links: Mapping[tuple[str, str, str], tuple[int, int]],
    now: datetime,
    refused: Mapping[tuple[str, str, str], tuple[Sequence[Consent], str]] = MappingProxyType({}),
) -> list[Sent]:
    """Add a delivery, state `sent`, for each wanted act: (receipt entry, vendor's fields, names of
    the hub's fields). `links` gives (link, person) of records that the hub knows; `refused` what
    is refused in a record, and the purposes (space-separated) that it means. Raises Busy where one
    of the records has a write in flight."""
    places = [(entry["stream"], entry["scope"], entry["id"]) for entry, _, _ in wanted]
    known = [links[one][0] for one in places if one in links]
    if since := deliveries.flying_about(connection, known):
        raise Busy(since)
    made: list[Sent] = []
    rows: list[dict[str, Any]] = []
    for number, (entry, fields, names) in zip(
        ids(connection, deliveries.delivery, len(wanted)), wanted, strict=True
    ):
        place = (entry["stream"], entry["scope"], entry["id"])
        link_id, person_id = links.get(place, (None, None))
        row = deliveries.row(
            number, (system, place[0], place[1]), person_id, link_id, Lane.RIGHTS, now
        )
        consents, purposes = refused.get(place, ((), ""))
        payload = key.seal(
            orjson.dumps({"id": entry["id"], "f": dict(fields)}),
            aad("delivery", number, "payload"),
        )
        rows.append(
            {
                **row,
                "state": State.SENT.value,
                "task_id": task_id,
                "tries": 1,
                "fields": " ".join(names),
                "purposes": purposes,
                "payload": payload,
                "sent_at": now,
            }
        )
        write = Write(
            f"r{number}",
            ref_of(entry),
            entry["scope"],
            fields,
            consents,
            memo=entry.get("memo", ""),
        )
        made.append(Sent(number, entry, write, link_id))
    deliveries.add_sent(connection, rows)
    return made


def send(
    opened: Opened, act: str, batch: Sequence[Sent]
) -> tuple[list[Result], Misconfigured | None]:
    """Carry acts out, as many at once as the stream takes writes; the result of each, in order,
    and what a person has to mend."""
    connector = opened.connector
    trouble: Misconfigured | None = None
    by_stream: dict[str, list[Sent]] = {}
    for one in batch:
        by_stream.setdefault(one.entry["stream"], []).append(one)
    answers: dict[str, Result] = {}
    for stream, some in by_stream.items():
        kind = opened.type.stream(stream)
        most = kind.consent_batch if act == REFUSE else kind.write_batch
        for start in range(0, len(some), most):
            part = some[start : start + most]
            writes = [one.write for one in part]
            found, mend = _call(_method(connector, act), stream, writes)
            trouble = trouble or mend
            counted: dict[str, Result] = {}
            for result in found:
                twice = result.key in counted
                counted[result.key] = (
                    Result(result.key, Verdict.UNKNOWN, "miscounted") if twice else result
                )
            for write in writes:
                answers[write.key] = counted.get(
                    write.key, Result(write.key, Verdict.UNKNOWN, "miscounted")
                )
    return [answers[one.write.key] for one in batch], trouble


def settle(connection: Connection, outcomes: Sequence[tuple[Sent, Result]], now: datetime) -> None:
    """Record how acts ended. What may be tried again is cancelled, not failed: the next attempt
    records a delivery of its own."""
    unknown = [one.delivery for one, result in outcomes if result.verdict is Verdict.UNKNOWN]
    deliveries.mark_unknown(connection, unknown)
    deliveries.settle(
        connection,
        [
            {
                "id": one.delivery,
                "state": _ENDS[result.verdict].value,
                "reason": result.reason,
                "link_id": one.link_id,
                "settled_at": now,
            }
            for one, result in outcomes
            if result.verdict is not Verdict.UNKNOWN
        ],
    )


def settle_lost(
    connection: Connection,
    rows: Sequence[Any],
    done: Callable[[Ref], bool],
    key: KeyHandle,
    now: datetime,
) -> int:
    """Settle what an earlier attempt sent and never heard of, by what reading back shows."""
    ended = []
    for row in rows:
        payload = orjson.loads(key.open(row.payload, aad("delivery", row.id, "payload")))
        shown = done(Ref(row.stream, row.scope, payload["id"]))
        ended.append(
            {
                "id": row.id,
                "state": (State.DONE if shown else State.CANCELLED).value,
                "reason": "read-back" if shown else "not-done",
                "link_id": row.link_id,
                "settled_at": now,
            }
        )
    deliveries.settle(connection, ended)
    return len(ended)


_ENDS = {
    Verdict.OK: State.DONE,
    Verdict.RETRYABLE: State.CANCELLED,
    Verdict.PERMANENT: State.FAILED,
    Verdict.REFUSED: State.REFUSED,
}

REFUSE = "refuse"
"""The act that writes a NO."""

Method = Callable[[str, Sequence[Write]], Sequence[Result]]


def _method(connector: Connector, act: str) -> Method:
    if act == Act.ERASE and isinstance(connector, Erases):
        return connector.erase
    if act == Act.RESTRICT and isinstance(connector, Restricts):
        return connector.restrict
    if act == Act.LIFT and isinstance(connector, Restricts):
        return connector.lift
    if act in ("rectify", "clear") and isinstance(connector, Rectifies):
        return connector.rectify
    if act == REFUSE and isinstance(connector, WritesConsents):
        return connector.write_consents
    return lambda _, batch: [Result(one.key, Verdict.PERMANENT, "not-supported") for one in batch]


def _call(
    method: Method, stream: str, writes: Sequence[Write]
) -> tuple[Sequence[Result], Misconfigured | None]:
    def all_(verdict: Verdict, reason: str, after: float | None = None) -> list[Result]:
        return [Result(one.key, verdict, reason, retry_after=after) for one in writes]

    try:
        return method(stream, writes), None
    except Misconfigured as error:
        return all_(Verdict.RETRYABLE, "misconfigured"), error
    except Uncertain as error:
        return all_(Verdict.UNKNOWN, "no-answer", error.retry_after), None
    except Unavailable as error:
        return all_(Verdict.RETRYABLE, "unavailable", error.retry_after), None
    except BadAnswer:
        return all_(Verdict.UNKNOWN, "bad-answer"), None
    except ConnectorError as error:
        return all_(Verdict.UNKNOWN, type(error).__name__.lower()), None
    except Exception as error:  # a connector's own fault must not take the daemon down
        # the text may hold personal data, its type does not
        log.error("connector failed", error=type(error).__name__)
        return all_(Verdict.UNKNOWN, "connector-fault"), None
