"""API tokens: who may ask through the admin endpoint. Only the digest of a token is kept."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from hub.domain.audit import Event, is_code
from hub.store import audit, rights_tables
from hub.store.sql import table_of
from hub.vault.rows import ids

token = table_of(rights_tables.ApiToken)

PREFIX = "hub_"
"""How a token begins, so that scanners of secrets recognise one that was mislaid."""
SECRET_BYTES = 32


class Scope(StrEnum):
    """What a token may be used for."""

    READ = "rights:read"  # requests, without what is sealed
    HANDLE = "rights:handle"  # open and decide requests, look into case files
    APPROVE = "rights:approve"  # approve plans
    AUDIT = "audit:read"  # the audit log


class NameTaken(Exception):
    """A token of that name is or was there. Names are not used twice: the audit log has them."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is stored."""

    id: int
    name: str
    scopes: frozenset[str]
    controllers: frozenset[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    @property
    def actor(self) -> str:
        """How the audit log calls whoever uses it."""
        return f"token:{self.id}"

    def refused(self, now: datetime) -> str:
        """Why it is not accepted: a code, "" where it is."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else ""


def create(
    connection: Connection,
    now: datetime,
    name: str,
    scopes: Iterable[Scope],
    controllers: Iterable[str],
    actor: str,
    expires_at: datetime | None = None,
) -> str:
    """Make a token. The answer is the only time it can be read. Raises NameTaken."""
    if connection.scalar(sa.select(token.c.id).where(token.c.name == name)) is not None:
        raise NameTaken(name)
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    whose = sorted(set(controllers))
    may = sorted(scope.value for scope in scopes)
    (number,) = ids(connection, token, 1)
    connection.execute(
        sa.insert(token).values(
            id=number,
            name=name,
            digest=_digest(secret),
            scopes=" ".join(may),
            controllers=" ".join(whose),
            created_at=now,
            expires_at=expires_at,
        )
    )
    joined = ":".join(whose)
    detail = {scope.replace(":", "_"): "yes" for scope in may}
    detail["controllers"] = joined if is_code(joined) else str(len(whose))
    if expires_at is not None:
        detail["expires"] = expires_at.date().isoformat()
    audit.record(connection, now, Event.TOKEN_CREATED, actor, f"token {number}", detail)
    return secret


def find(connection: Connection, secret: str) -> Token | None:
    """The token of that secret, also one that has ended: see `Token.refused`."""
    digest = _digest(secret)
    row = connection.execute(sa.select(token).where(token.c.digest == digest)).first()
    if row is None or not hmac.compare_digest(row.digest, digest):
        return None
    return _token(row)


def listed(connection: Connection) -> Sequence[Token]:
    """Every token that was ever made, in its order."""
    return [_token(row) for row in connection.execute(sa.select(token).order_by(token.c.id))]


def revoke(connection: Connection, now: datetime, name: str, actor: str) -> Token | None:
    """End a token at once; answers it, None where there is none of that name. Again changes
    nothing."""
    row = connection.execute(sa.select(token).where(token.c.name == name).with_for_update()).first()
    if row is None:
        return None
    ended = _token(row)
    if ended.revoked_at is not None:
        return ended
    connection.execute(sa.update(token).where(token.c.id == row.id).values(revoked_at=now))
    audit.record(connection, now, Event.TOKEN_REVOKED, actor, f"token {row.id}")
    return replace(ended, revoked_at=now)


def _digest(secret: str) -> bytes:
    # 256 random bits need neither salt nor a slow hash
    return hashlib.sha256(secret.encode()).digest()


def _token(row: Row[Any]) -> Token:
    return Token(
        row.id,
        row.name,
        frozenset(row.scopes.split()),
        frozenset(row.controllers.split()),
        row.created_at,
        row.expires_at,
        row.revoked_at,
    )
