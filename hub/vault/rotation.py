"""Moving every key from earlier master keys to a new one, in steps that each commit.

1. `begin` registers the new version: from then on new keys are wrapped by it, and the hub starts
   only with both masters given.
2. `rewrap_batch` again and again, until no key is left under an earlier version.
3. `retire` forgets the earlier versions, unless a key was made under one meanwhile.

A crash anywhere leaves every key readable with both masters, and the same steps go on.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine, bindparam, delete, select, update

from hub.vault import keystore
from hub.vault.errors import MasterKeyError
from hub.vault.keystore import bound_to, data_key, master_key
from hub.vault.master import MasterKeys
from hub.vault.sealing import wrap

BATCH = 5_000
"""Keys rewrapped in one transaction: about 0.1 s during which nobody else writes on SQLite."""

Unwrap = Callable[[int, str, int, bytes], bytes]
"""(id, kind, master version, wrapped) → the key."""


def begin(engine: Engine, masters: MasterKeys, now: datetime) -> None:
    """Register `masters.current`, or find it registered by a rotation that was interrupted.

    Raises MasterKeyError if it is not newer than what the store uses, MasterKeyMissing and
    MasterKeyWrong if an earlier one is not among `masters` as it was.
    """
    with engine.begin() as connection:
        keystore.check_masters(connection, masters)
        active = keystore.active_version(connection)
        unfinished = connection.execute(
            select(master_key.c.version).where(master_key.c.version < active)
        ).first()
        if masters.current < active or (masters.current == active and not unfinished):
            raise MasterKeyError(
                f"The key store already uses master key version {active}. To rotate, add a "
                f"new key as version {active + 1}."
            )
        if masters.current > active:
            keystore.register_master(connection, masters, masters.current, now)


def rewrap_batch(engine: Engine, masters: MasterKeys, unwrap: Unwrap) -> int:
    """Rewrap up to BATCH keys and commit; how many there were."""
    current = masters.by_version[masters.current]
    with engine.begin() as connection:
        rows = connection.execute(
            select(data_key.c.id, data_key.c.kind, data_key.c.master_version, data_key.c.wrapped)
            .where(data_key.c.master_version != masters.current)
            .limit(BATCH)
            .with_for_update()
        ).all()
        if rows:
            connection.execute(
                update(data_key)
                .where(data_key.c.id == bindparam("key_id"))
                .values(wrapped=bindparam("rewrapped"), master_version=masters.current),
                [
                    {
                        "key_id": row.id,
                        "rewrapped": wrap(current, unwrap(*row), bound_to(row.id, row.kind)),
                    }
                    for row in rows
                ],
            )
    return len(rows)


def retire(engine: Engine, current: int) -> bool:
    """Forget the earlier versions; False if keys under one have appeared, to be rewrapped first."""
    with engine.begin() as connection:
        # Waits on PostgreSQL for transactions that are making keys under an earlier version.
        connection.execute(delete(master_key).where(master_key.c.version != current))
        left = connection.execute(
            select(data_key.c.id).where(data_key.c.master_version != current).limit(1)
        ).first()
        if left:
            connection.rollback()
            return False
        # The keys as the earlier masters wrapped them are to leave the files too.
        keystore.count_destruction(connection)
    return True
