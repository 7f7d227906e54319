"""Rows that cannot land: sealed, with their reason, until they can."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from hub.store import questions
from hub.sync.observe import Seen
from hub.sync.page import Page
from hub.vault import KeyKind, aad
from hub.vault.rows import ids


def put_aside(page: Page, external_id: str, reason: str, raw: bytes) -> None:
    """Quarantine a row, sealed under a key of its own; one met again keeps its number and key."""
    vault = page.deployment.vault
    before = questions.find_aside(page.connection, *page.place, external_id)
    key = vault.open_keys([before.key_id]).get(before.key_id) if before and before.key_id else None
    if before is not None and key is not None:
        number, key_id = before.id, before.key_id
        page.result.counts["still-quarantined"] += 1
    else:
        ((key_id, key),) = vault.new_keys(KeyKind.SYSTEM, 1)
        number = before.id if before else ids(page.connection, questions.quarantine, 1)[0]
        page.result.counts["quarantined"] += 1
    system, stream, scope = page.place
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


def as_read(seen: Seen) -> bytes:
    return orjson.dumps({"id": seen.record.ref.id, "fields": seen.record.fields})


def release(page: Page, landed: Iterable[str]) -> None:
    """Rows that land leave quarantine."""
    waiting = questions.unread(page.connection, *page.place)
    if waiting:
        questions.release(page.connection, *page.place, [one for one in landed if one in waiting])
