"""What requests with an Idempotency-Key were answered, so that a repeated one changes nothing.

Keys belong to their token and are kept for a day. Answers hold ids and codes only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from hub.store import rights_tables
from hub.store.sql import table_of
from hub.vault.rows import insert_or_skip

answer = table_of(rights_tables.IdempotentAnswer)

KEEP = timedelta(hours=24)
ABANDONED = timedelta(minutes=2)
"""After which a request without an answer is taken to have died with its process."""


@dataclass(frozen=True, slots=True)
class Met:
    """An earlier request with the same key."""

    same: bool  # whether it asked the same
    status: int  # 0: still being answered
    body: str


def begin(
    connection: Connection, token_id: int, key: str, fingerprint: bytes, now: datetime
) -> Met | None:
    """Take the key for a request. Answers what an earlier one with it came to; None: it is ours to
    answer, by `finish` or `forget`.

    Of several at once one gets None: the others meet it.
    """
    connection.execute(sa.delete(answer).where(answer.c.at < now - KEEP))
    mine = (answer.c.token_id == token_id, answer.c.key == key)
    connection.execute(
        sa.delete(answer).where(*mine, answer.c.status == 0, answer.c.at < now - ABANDONED)
    )
    values = {
        "token_id": token_id,
        "key": key,
        "fingerprint": fingerprint,
        "status": 0,
        "body": "",
        "at": now,
    }
    mine_now = insert_or_skip(connection, answer).values(**values).returning(answer.c.key)
    if connection.execute(mine_now).first() is not None:
        return None
    row = connection.execute(sa.select(answer).where(*mine)).one()
    return Met(row.fingerprint == fingerprint, row.status, row.body)


def finish(connection: Connection, token_id: int, key: str, status: int, body: str) -> None:
    """Keep the answer."""
    connection.execute(
        sa.update(answer)
        .where(answer.c.token_id == token_id, answer.c.key == key)
        .values(status=status, body=body)
    )


def forget(connection: Connection, token_id: int, key: str) -> None:
    """Give the key back: the request failed on our side and may be tried again."""
    connection.execute(
        sa.delete(answer).where(
            answer.c.token_id == token_id, answer.c.key == key, answer.c.status == 0
        )
    )
