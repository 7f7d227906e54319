"""Recovery: what was sent and never settled is read back before anything is repeated.

Called when a run begins (everything in flight then belongs to a run that ended in a crash or was
fenced) and after a batch whose outcome nobody knows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from hub.api import Record, RecordState, Ref, Result, Verdict
from hub.delivery.claim import Claimed, open_payload
from hub.delivery.deployment import Deployment, Opened
from hub.delivery.plan import Intent, same
from hub.delivery.settle import arrived, settle
from hub.domain.landscape import Stream
from hub.store import deliveries, progress, subjects
from hub.store.deliveries import Lane, State
from hub.vault.database import Row, read_only

Observe = Callable[[Stream, str, Sequence[Record]], None]
"""Land records that were met on the way: sync's own landing."""

_AT_ONCE = 100


def recover(deployment: Deployment, opened: Opened, epoch: int, observe: Observe) -> Counter[str]:
    """Read back every write of the system whose outcome is not known, and settle it.

    Raises what `Connector.fetch` raises: while the system cannot be read nothing is repeated.
    """
    outcomes: Counter[str] = Counter()
    while True:
        with read_only(deployment.database).connect() as connection:
            rows = deliveries.in_flight(connection, opened.system.id, _AT_ONCE)
        if not rows:
            return outcomes
        place = (rows[0].stream, rows[0].scope)
        rows = [row for row in rows if (row.stream, row.scope) == place]
        outcomes += _read_back(deployment, opened, epoch, place, rows, observe)


def _read_back(
    deployment: Deployment,
    opened: Opened,
    epoch: int,
    place: tuple[str, str],
    rows: list[Row[Any]],
    observe: Observe,
) -> Counter[str]:
    stream_name, scope = place
    now = deployment.now()
    sent: list[tuple[Claimed, Intent, Ref]] = []
    lost: list[dict[str, Any]] = []
    with deployment.database.begin() as connection:
        progress.check(connection, opened.system.id, epoch)
        people = subjects.load(
            connection,
            deployment.vault,
            deployment.identities,
            [row.person_id for row in rows],
        )
        for row in rows:
            subject = people.get(row.person_id)
            if subject is None or row.payload is None:
                # its person was erased meanwhile: there is nothing left to compare or repeat
                lost.append(
                    {
                        "id": row.id,
                        "state": State.CANCELLED.value,
                        "reason": "shredded",
                        "link_id": row.link_id,
                        "settled_at": now,
                    }
                )
                continue
            intent, email = open_payload(row.payload, subject.key, row.id)
            linked = next((at for at in subject.links if at.id == row.link_id), None)
            external = linked.external_id if linked else ""
            sent.append(
                (
                    Claimed(
                        row.id,
                        Lane(row.lane),
                        row.tries,
                        subject,
                        linked,
                        intent,
                        _NO_WRITE,
                        read_back=True,
                    ),
                    intent,
                    Ref(stream_name, scope, external, None if external else email),
                )
            )
        deliveries.settle(connection, lost)
    if not sent:
        return Counter(shredded=len(lost))
    stream = opened.system.stream(stream_name)
    found = opened.connector.fetch(stream_name, [at for _, _, at in sent])
    results: list[tuple[Claimed, Result]] = []
    strangers: list[Record] = []
    for (one, intent, _), record in zip(sent, found, strict=True):
        key = str(one.id)
        if record is None or record.state is not RecordState.LIVE:
            # not there: a create may be repeated, an update finds out by itself
            results.append((one, Result(key, Verdict.RETRYABLE, "not-there", retry_after=0)))
        elif _arrived(deployment, stream, intent, record):
            results.append((one, Result(key, Verdict.OK, "read-back", record)))
        elif one.linked is None and _arrived(deployment, stream, _fields_of(intent), record):
            # ours, without all of its wishes: what is missing is planned when it is read
            one.intent = arrived(deployment, stream, intent, record)
            results.append((one, Result(key, Verdict.OK, "read-back", record)))
        elif one.linked is None:
            strangers.append(record)
            results.append((one, Result(key, Verdict.RETRYABLE, "not-ours", retry_after=0)))
        else:
            results.append((one, Result(key, Verdict.RETRYABLE, "not-done", record, 0)))
    if strangers:
        observe(stream, scope, strangers)
    return settle(deployment, opened, epoch, stream, scope, results)


def _arrived(deployment: Deployment, stream: Stream, intent: Intent, record: Record) -> bool:
    """Whether the record shows everything that was written."""
    names = {mapping.vendor: mapping.hub for mapping in stream.fields}
    stances = {consent.topic: consent.stance for consent in record.consents}
    return all(
        vendor in names and same(deployment, names[vendor], record.fields.get(vendor), written)
        for vendor, written in intent.fields.items()
    ) and all(stances.get(consent.topic) == consent.stance for consent in intent.consents)


def _fields_of(intent: Intent) -> Intent:
    return Intent(intent.lane, fields=intent.fields)


_NO_WRITE: Any = None  # a recovered delivery is compared, not sent: its Write is never looked at
