"""Rows that cannot land: sealed, with their reason, until they can."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import orjson

from hub.store import questions
from hub.sync.observe import Seen
from hub.sync.page import Page
from hub.vault import KeyHandle, KeyKind, aad
from hub.vault.rows import ids

Place = tuple[str, str, str]


class Aside(NamedTuple):
    """A row in quarantine, opened."""

    id: int
    key_id: int
    key: KeyHandle
    raw: bytes


def look(page: Page, external_id: str, place: Place | None = None) -> Aside | None:
    """What is in quarantine under that id; None where there is nothing that can be read."""
    row = questions.find_aside(page.connection, *(place or page.place), external_id)
    if row is None or row.key_id is None or row.raw is None:
        return None
    key = page.deployment.vault.open_keys([row.key_id]).get(row.key_id)
    if key is None:
        return None
    return Aside(row.id, row.key_id, key, key.open(row.raw, aad("quarantine", row.id, "raw")))


def put_aside(
    page: Page, external_id: str, reason: str, raw: bytes, place: Place | None = None
) -> None:
    """Quarantine a row; one met again is no news."""
    again = keep(page, external_id, reason, raw, place)
    page.result.counts["still-quarantined" if again else "quarantined"] += 1


def keep(page: Page, external_id: str, reason: str, raw: bytes, place: Place | None = None) -> bool:
    """Seal a row into quarantine under a key of its own; answers whether it was there before: then
    it keeps its number and key."""
    vault = page.deployment.vault
    system, stream, scope = place or page.place
    before = questions.find_aside(page.connection, system, stream, scope, external_id)
    key = vault.open_keys([before.key_id]).get(before.key_id) if before and before.key_id else None
    again = before is not None and key is not None
    if before is not None and key is not None:
        number, key_id = before.id, before.key_id
    else:
        ((key_id, key),) = vault.new_keys(KeyKind.SYSTEM, 1)
        number = before.id if before else ids(page.connection, questions.quarantine, 1)[0]
    questions.put_aside(
        page.connection,
        {
            "id": number,
            "system": system,
            "stream": stream,
            "scope": scope,
            "external_id": external_id,
            "reason": reason,
            "raw": key.seal(raw, aad("quarantine", number, "raw")),
            "key_id": key_id,
            "seen_at": page.now,
        },
    )
    return again


def as_read(seen: Seen) -> bytes:
    return orjson.dumps({"id": seen.record.ref.id, "fields": seen.record.fields})


def answered(page: Page, forced: Iterable[str]) -> None:
    """Close the questions whose records these are, where they have their persons meanwhile: the
    other record is gone, or somebody mended it. `forced` ones are closed by who answered them."""
    records = {record for record, _ in page.fresh} - page.asked - set(forced)
    rows = questions.open_about(page.connection, *page.place, sorted(records))
    moot = [row.id for row in rows if row.kind == "identity"]
    questions.decide(page.connection, moot, "moot", "the record has its person", page.now)


def release(page: Page, landed: Iterable[str]) -> None:
    """Rows that land leave quarantine."""
    waiting = questions.unread(page.connection, *page.place)
    if waiting:
        questions.release(page.connection, *page.place, [one for one in landed if one in waiting])
