"""The key store's own tables, in a database apart from the application's."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    Column,
    Engine,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    bindparam,
    func,
    select,
    update,
)
from sqlalchemy.engine import Connection

from hub.vault.database import UtcDateTime, id_allocator
from hub.vault.errors import KeyStoreUnusable, MasterKeyMissing, MasterKeyWrong
from hub.vault.master import MasterKeys
from hub.vault.rows import insert_or_skip

SCHEMA = 1
"""Rises when these tables change; a store with a higher number is refused."""


class KeyKind(StrEnum):
    """Whose data a key seals."""

    PERSON = "person"
    REQUEST = "request"
    SYSTEM = "system"  # the hub's own: quarantined rows, vendor tokens
    INDEX = "index"  # keys of keyed hashes, see hub.vault.blind


metadata = MetaData()

data_key = Table(
    "data_key",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("master_version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

# Which master keys wrap something here, and how each is recognised.
master_key = Table(
    "master_key",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("check_value", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("kept_at", UtcDateTime),  # the operator confirmed that a copy is kept elsewhere
)

index_key = Table(
    "index_key",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("label", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("key_id", Integer, ForeignKey("data_key.id"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("label", "version"),
)

# Counters that every process reads: `schema`; `destroyed`, raised with each destruction, so that
# caches notice; `scrubbed`, the destructions whose bytes are also gone from the database's log.
counter = Table(
    "counter",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", Integer, nullable=False),
)

id_allocator(metadata)

_COUNTER = select(counter.c.value).where(counter.c.name == bindparam("name"))


def bound_to(key_id: int, kind: str) -> bytes:
    """What a wrapped key is bound to: it opens only in its own row, for its own kind."""
    return f"hub data key\x1f{key_id}\x1f{kind}".encode()


def prepare(engine: Engine, masters: MasterKeys, now: datetime) -> None:
    """Make the tables where they are missing, and refuse a master key that does not belong.

    Raises KeyStoreUnusable, MasterKeyMissing, MasterKeyWrong.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            # Two hubs that start at once would both see the tables missing.
            connection.execute(select(func.pg_advisory_xact_lock(0x6875625F6B657973)))
        metadata.create_all(connection)
        connection.execute(
            insert_or_skip(connection, counter),
            [
                {"name": "schema", "value": SCHEMA},
                {"name": "destroyed", "value": 0},
                {"name": "scrubbed", "value": 0},
            ],
        )
        schema = read_counter(connection, "schema")
        if schema > SCHEMA:
            raise KeyStoreUnusable(
                f"The key store was written by a newer hub (schema {schema}, this one knows "
                f"{SCHEMA}). Start the newer version."
            )
        if connection.execute(select(master_key.c.version)).first() is None:
            register_master(connection, masters, masters.current, now)
        check_masters(connection, masters)


def register_master(
    connection: Connection, masters: MasterKeys, version: int, now: datetime
) -> None:
    """Record that `version` wraps keys from now on."""
    connection.execute(
        master_key.insert().values(
            version=version, check_value=masters.check_value(version), created_at=now
        )
    )


def check_masters(connection: Connection, masters: MasterKeys) -> None:
    """Raise MasterKeyMissing or MasterKeyWrong unless every version in use was given."""
    for version, expected in connection.execute(
        select(master_key.c.version, master_key.c.check_value).order_by(master_key.c.version)
    ):
        if version not in masters.by_version:
            raise MasterKeyMissing(
                f"The key store needs master key version {version}, and only "
                f"{_listed(masters)} was given. Add `{version}:…` from where it is kept."
            )
        if masters.check_value(version) != expected:
            raise MasterKeyWrong(
                f"The master key given as version {version} is not the one this key store was "
                "made with. Give the right key, or point the hub at the key store that belongs "
                "to this one; without its master key a key store cannot be opened by anyone."
            )


def active_version(connection: Connection) -> int:
    """The master version that wraps new keys, locked against its retirement on PostgreSQL."""
    version = connection.execute(
        select(master_key.c.version)
        .order_by(master_key.c.version.desc())
        .limit(1)
        .with_for_update(read=True)
    ).scalar_one()
    return int(version)


def read_counter(connection: Connection, name: str) -> int:
    """The value of one of the counters."""
    return int(connection.execute(_COUNTER, {"name": name}).scalar_one())


def count_destruction(connection: Connection) -> None:
    """Tell every process's cache, and `scrub`, that keys went."""
    connection.execute(
        update(counter).where(counter.c.name == "destroyed").values(value=counter.c.value + 1)
    )


def scrubbed_up_to(connection: Connection, destroyed: int) -> None:
    """Record that nothing of the first `destroyed` destructions is left in the files."""
    connection.execute(
        update(counter)
        .where(counter.c.name == "scrubbed", counter.c.value < destroyed)
        .values(value=destroyed)
    )


def _listed(masters: MasterKeys) -> str:
    return ", ".join(f"version {version}" for version in sorted(masters.by_version))
