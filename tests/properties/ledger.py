"""I6 and I9, from the outside: what was delivered against what was received, and what lies where.

The one place of these tests that looks into the hub's own tables, because I6 is about them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from properties.journals import Written
from properties.oracle import Violation, purposes_of

from hub.store.deliveries import delivery
from hub.store.links import link

CANARY = b"kanaria"
"""In every name, address and value of these stories."""
PHONES = (b"+35840700", b"+35845700", b"0407000", b"0457000")

Place = tuple[str, str, str, str]  # system, scope, human, hub field or purpose


def compare(
    connection: sa.Connection,
    log: Iterable[Written],
    human_of: Mapping[tuple[str, str, str], str],
    human_at: Mapping[str, str],
    *,
    calm: bool,
) -> None:
    """I6: every write that a vendor carried out is a settled delivery, and the other way round.

    `human_of` tells whose a record is, `human_at` whose an address. In a `calm` story (no fault, no
    kill) the counts are equal; else a try may have been carried out unheard, or several times.
    Raises Violation.
    """
    received: Counter[Place] = Counter()
    perhaps: Counter[Place] = Counter()  # inputs of batches that were partly refused
    for one in log:
        if not one.accepted:
            continue
        human = human_of.get((one.system, one.scope, one.id)) or human_at.get(one.email.lower())
        where = (one.system, one.scope, human or "?")
        counted = perhaps if one.partly else received
        counted.update((*where, name) for name in one.fields)
        for topic in one.stances:
            counted.update((*where, about) for about in purposes_of(one.system, one.scope, topic))
    settled: Counter[Place] = Counter()
    tried: Counter[Place] = Counter()
    of_person = _of_persons(connection, human_of)
    for row in _rows(connection):
        human = human_of.get((row.system, row.scope, row.external_id))
        # a create that came to nothing has no record: its person's others tell whose it was
        human = human or of_person.get(row.person_id)
        where = (row.system, row.scope, human or "?")
        for what in (*row.fields.split(), *row.purposes.split()):
            tried[(*where, what)] += row.tries
            # repeated, it also names what an earlier try may have written
            if row.state == "done" and row.tries == 1:
                settled[(*where, what)] += 1
    for place in received | perhaps:
        count = received[place]
        if not tried[place]:
            raise Violation(f"I6: {place} was written {count} times, and no delivery says so")
        if calm and count > settled[place]:
            raise Violation(f"I6: {place} was written {count} times, settled {settled[place]}")
    for place, count in settled.items():
        name = place[-1]
        if name in ("tags", "webinars", "newsletter", "events"):
            continue  # left alone where the vendor shows them already
        most = received[place] + perhaps[place]
        if not most or (calm and not received[place] <= count <= most):
            raise Violation(f"I6: {place} was settled {count} times, received {most}")


def _rows(connection: sa.Connection) -> list[Any]:
    columns = (
        delivery.c.system,
        delivery.c.scope,
        delivery.c.person_id,
        delivery.c.fields,
        delivery.c.purposes,
        delivery.c.state,
        delivery.c.tries,
        link.c.external_id,
    )
    joined = delivery.outerjoin(link, delivery.c.link_id == link.c.id)
    sent = sa.select(*columns).select_from(joined).where(delivery.c.sent_at.is_not(None))
    return list(connection.execute(sent))


def _of_persons(
    connection: sa.Connection, human_of: Mapping[tuple[str, str, str], str]
) -> dict[int, str]:
    """Whose the hub's persons are, by their records."""
    where = (link.c.system, link.c.scope, link.c.external_id)
    return {
        row.person_id: human
        for row in connection.execute(sa.select(link.c.person_id, *where))
        if (human := human_of.get((row.system, row.scope, row.external_id)))
    }


def search(folder: Path | None, spoken: Iterable[str]) -> None:
    """I9: nobody's data in any clear byte of the stores, nor in anything said. Raises Violation."""
    for path in sorted(folder.rglob("*")) if folder else ():
        if path.is_file():
            _clear_of(path.read_bytes(), path.name)
    for text in spoken:
        _clear_of(text.encode(), "log, report or error")


def _clear_of(data: bytes, where: str) -> None:
    folded = data.lower()
    for canary in (CANARY, *PHONES):
        if canary in folded:
            at = folded.index(canary)
            raise Violation(f"I9: {data[max(0, at - 30) : at + 30]!r} lies clear in {where}")
