"""The vault: makes, opens, destroys and rewraps data keys.

    with Vault("sqlite:////var/lib/hub/keys.db", MasterKeys.from_environment(), clock) as vault:
        key_id, key = vault.new_keys(KeyKind.PERSON, 1)[0]      # committed when it returns
        sealed = key.seal(document, aad("person", 7, "profile"))
        keys = vault.open_keys([key_id])                        # a key that is gone is absent
        vault.destroy([key_id])                                 # shredded, in every process

Order of writes: keys commit first, then the rows that use them. A crash between the two leaves
keys that nothing refers to; `collect_orphans` destroys them after an age limit.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.engine import Connection

from hub.vault import keystore, rotation
from hub.vault.blind import LABELS, BlindIndex
from hub.vault.cache import KeyCache
from hub.vault.database import checkpoint, ids, open_database, read_only, upsert
from hub.vault.errors import MasterKeyMissing, SuspiciousOrphans
from hub.vault.keystore import KeyKind, bound_to, data_key, index_key, master_key
from hub.vault.master import MasterKeys
from hub.vault.sealing import KEY_BYTES, KeyHandle, Unwrapper, wrap

_CHUNK = 5_000
"""Ids in one IN list, keys in one page of a walk."""

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class VaultStatus:
    """What `hub check` and `hub keys status` show."""

    current_version: int
    """The master version that wraps new keys."""
    keys_by_version: Mapping[int, int]
    """How many keys each master version wraps; more than one version: a rotation is unfinished."""
    keys_by_kind: Mapping[str, int]
    master_kept_at: datetime | None
    """When the operator confirmed that the current master key is also kept elsewhere."""
    scrub_pending: bool
    """Destroyed keys' bytes may still lie in the database's log, see `Vault.scrub`."""


class Vault:
    """The key store opened with its master keys. Safe for use by several threads."""

    def __init__(
        self, store_url: str, master_keys: MasterKeys, clock: Clock, *, cached_keys: int = 2_000
    ) -> None:
        """Open, making the tables at the first start, and finish an interrupted scrub.

        `cached_keys` bounds how many opened keys are remembered (about 2.5 kB each).
        Raises DatabaseUnusable, KeyStoreUnusable, MasterKeyMissing, MasterKeyWrong.
        """
        self._engine = open_database(store_url, secure_delete=True)
        self._reader = read_only(self._engine)
        self._clock = clock
        self._use_masters(master_keys)
        self._cache = KeyCache(cached_keys)
        try:
            keystore.prepare(self._engine, master_keys, clock())
            if self.status().scrub_pending:
                self.scrub()
        except BaseException:
            self._engine.dispose()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget the opened keys and close the database."""
        self._cache.clear()
        self._engine.dispose()

    # -- making and opening ---------------------------------------------------------------------

    def new_keys(self, kind: KeyKind | str, n: int) -> list[tuple[int, KeyHandle]]:
        """`n` new keys, committed together before this returns."""
        if n == 0:
            return []
        keys = [secrets.token_bytes(KEY_BYTES) for _ in range(n)]
        with self._engine.begin() as connection:
            key_ids = self._insert(connection, KeyKind(kind), keys)
        made = [(i, KeyHandle(i, key)) for i, key in zip(key_ids, keys, strict=True)]
        self._cache.add(made)
        return made

    def open_keys(self, key_ids: Iterable[int], *, fresh: bool = False) -> Mapping[int, KeyHandle]:
        """The keys that still exist, by id; one that is absent was destroyed: its rows are
        *shredded*.

        Asks the key store once whether anything was destroyed since, by any process, so no
        destruction that committed before this call is missed. `fresh` reads every key again
        without the cache; claims use it, as their last word before something leaves the hub.

        Raises Tampered if a stored key was changed, MasterKeyMissing if another process rotated
        to a master key that this one was not given.
        """
        wanted = list(dict.fromkeys(key_ids))
        if not wanted:
            return {}
        with self._reader.connect() as connection:
            # Before the keys: a destruction between the two then empties the cache once too often,
            # never once too seldom.
            destroyed = keystore.read_counter(connection, "destroyed")
            found = {} if fresh else self._cache.get(wanted, destroyed)
            missing = [i for i in wanted if i not in found]
            if missing:
                read = [
                    (row.id, KeyHandle(row.id, self._unwrap(*row)))
                    for chunk in _chunks(missing)
                    for row in connection.execute(
                        select(
                            data_key.c.id,
                            data_key.c.kind,
                            data_key.c.master_version,
                            data_key.c.wrapped,
                        ).where(data_key.c.id.in_(chunk))
                    )
                ]
                self._cache.add(read, destroyed)
                found.update(read)
        return found

    def index(self) -> BlindIndex:
        """The keyed hashes, their keys made at the first call ever.

        Index keys are random and wrapped like all others, so that a master key can be rotated
        without every look-up in the application's database having to be written again.
        """
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("LOCK TABLE index_key IN EXCLUSIVE MODE"))
            present = {row.label for row in connection.execute(select(index_key.c.label))}
            for label in LABELS:
                if label not in present:
                    self._insert_index_key(connection, label, 1)
            rows = connection.execute(
                select(
                    index_key.c.label,
                    index_key.c.version,
                    data_key.c.id,
                    data_key.c.kind,
                    data_key.c.master_version,
                    data_key.c.wrapped,
                ).join_from(index_key, data_key)
            )
            return BlindIndex(
                {
                    (label, version): self._unwrap(key_id, kind, master_version, wrapped)
                    for label, version, key_id, kind, master_version, wrapped in rows
                }
            )

    def new_index_version(self, label: str) -> int:
        """Begin a new version of one index key; earlier ones stay for look-ups. Its number."""
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("LOCK TABLE index_key IN EXCLUSIVE MODE"))
            last = connection.execute(
                select(func.max(index_key.c.version)).where(index_key.c.label == label)
            ).scalar_one()
            version = (last or 0) + 1
            self._insert_index_key(connection, label, version)
        return version

    # -- destroying -----------------------------------------------------------------------------

    def destroy(self, key_ids: Iterable[int]) -> int:
        """Destroy keys for good, all in one transaction; how many there were.

        Afterwards nothing sealed under them can be read, by this process or any other. Their
        bytes are overwritten in the file and the log is emptied; if a reader holds that up,
        `status().scrub_pending` says so and `scrub` (or the next start) finishes it. Copies of
        the key store keep their keys: that is why they may live for fourteen days at most.
        """
        wanted = list(dict.fromkeys(key_ids))
        if not wanted:
            return 0
        gone = 0
        with self._engine.begin() as connection:
            for chunk in _chunks(wanted):
                gone += connection.execute(
                    delete(data_key).where(
                        data_key.c.id.in_(chunk), data_key.c.kind != KeyKind.INDEX
                    )
                ).rowcount
            if gone:
                keystore.count_destruction(connection)
        self._cache.clear()
        if gone:
            self.scrub()
        return gone

    def scrub(self) -> bool:
        """Remove what deleted keys left behind in the database's files; False: try again later.

        SQLite: empties the write-ahead log, whose older page images still hold them (waiting up
        to 30 s for readers). PostgreSQL: rewrites the table; its own log and archives must be
        kept short by the operator.
        """
        with self._reader.connect() as connection:
            destroyed = keystore.read_counter(connection, "destroyed")
        if self._engine.dialect.name == "postgresql":
            with self._engine.connect().execution_options(
                isolation_level="AUTOCOMMIT"
            ) as connection:
                connection.execute(text("VACUUM (FULL) data_key"))
        elif not checkpoint(self._engine):
            return False
        with self._engine.begin() as connection:
            keystore.scrubbed_up_to(connection, destroyed)
        return True

    def collect_orphans(
        self,
        referenced: Callable[[Sequence[int]], set[int]],
        older_than: timedelta,
        *,
        even_if_most: bool = False,
    ) -> int:
        """Destroy person and request keys older than `older_than` that nothing refers to.

        `referenced` is given ids a page at a time and answers which of them are in use; how many
        were destroyed is returned. The age limit keeps away from keys whose rows are still on
        their way.

        Raises SuspiciousOrphans, and destroys nothing, if there are more orphans than keys in
        use, unless `even_if_most`.
        """
        before = self._clock() - older_than
        orphans: list[int] = []
        in_use = 0
        last = 0
        while True:
            with self._reader.connect() as connection:
                page = list(
                    connection.execute(
                        select(data_key.c.id)
                        .where(
                            data_key.c.id > last,
                            data_key.c.kind.in_([KeyKind.PERSON, KeyKind.REQUEST]),
                            data_key.c.created_at < before,
                        )
                        .order_by(data_key.c.id)
                        .limit(_CHUNK)
                    ).scalars()
                )
            if not page:
                break
            last = page[-1]
            used = referenced(page)
            unused = [i for i in page if i not in used]
            orphans += unused
            in_use += len(page) - len(unused)
        if len(orphans) > in_use and not even_if_most:
            raise SuspiciousOrphans(len(orphans), in_use)
        return self.destroy(orphans)

    # -- the master key -------------------------------------------------------------------------

    def rotate(self, master_keys: MasterKeys) -> int:
        """Rewrap every key under `master_keys.current`; how many were rewrapped by this call.

        `master_keys` holds the new key and those in use until now (`MasterKeys.with_new`). Works
        in batches, each committed: interrupted at any point, everything stays readable with
        `master_keys`, and calling again goes on. When it returns, only the current version is
        needed; keep the earlier ones as long as copies of the key store live.

        Raises MasterKeyError if `master_keys` has no newer key than the store, and what the
        constructor raises if it lacks or mistakes one in use.
        """
        rotation.begin(self._engine, master_keys, self._clock())
        self._use_masters(master_keys)
        rewrapped = 0
        while True:
            while batch := rotation.rewrap_batch(self._engine, master_keys, self._unwrap):
                rewrapped += batch
            if rotation.retire(self._engine, master_keys.current):
                break
        self._use_masters(master_keys.only_current())
        self.scrub()
        return rewrapped

    def confirm_master_kept(self, at: datetime) -> None:
        """Record the operator's word that the current master key is also kept elsewhere.

        A rotation asks for it anew: the new key has to be kept as well.
        """
        with self._engine.begin() as connection:
            connection.execute(
                update(master_key)
                .where(master_key.c.version == keystore.active_version(connection))
                .values(kept_at=at)
            )

    def master_kept_at(self) -> datetime | None:
        """When that was confirmed for the current master key, or None."""
        return self.status().master_kept_at

    def status(self) -> VaultStatus:
        """Counts, and what needs the operator's attention."""
        with self._reader.connect() as connection:
            current = connection.execute(
                select(master_key.c.version, master_key.c.kept_at)
                .order_by(master_key.c.version.desc())
                .limit(1)
            ).one()
            counted = connection.execute(
                select(data_key.c.master_version, data_key.c.kind, func.count()).group_by(
                    data_key.c.master_version, data_key.c.kind
                )
            ).all()
            pending = keystore.read_counter(connection, "destroyed") > keystore.read_counter(
                connection, "scrubbed"
            )
        by_version: dict[int, int] = {}
        by_kind: dict[str, int] = {}
        for version, kind, count in counted:
            by_version[version] = by_version.get(version, 0) + count
            by_kind[kind] = by_kind.get(kind, 0) + count
        return VaultStatus(current.version, by_version, by_kind, current.kept_at, pending)

    # -- inside ---------------------------------------------------------------------------------

    def _use_masters(self, masters: MasterKeys) -> None:
        self._masters = masters
        self._unwrapper = Unwrapper(masters.by_version)

    def _unwrap(self, key_id: int, kind: str, master_version: int, wrapped: bytes) -> bytes:
        if master_version not in self._unwrapper:
            raise MasterKeyMissing(
                f"Keys are wrapped by master key version {master_version}, which this process was "
                "not given: restart it with the new master key."
            )
        return self._unwrapper.unwrap(master_version, wrapped, bound_to(key_id, kind))

    def _insert(
        self, connection: Connection, kind: KeyKind, keys: Sequence[bytes]
    ) -> Sequence[int]:
        version = keystore.active_version(connection)
        if version not in self._masters.by_version:
            raise MasterKeyMissing(
                f"The key store moved to master key version {version}, which this process was not "
                "given: restart it with the new master key."
            )
        master = self._masters.by_version[version]
        now = self._clock()
        key_ids = ids(connection, data_key, len(keys))
        rows = [
            {
                "id": i,
                "kind": kind.value,
                "wrapped": wrap(master, key, bound_to(i, kind)),
                "master_version": version,
                "created_at": now,
            }
            for i, key in zip(key_ids, keys, strict=True)
        ]
        upsert(connection, data_key, rows, key=["id"], update=[])
        return key_ids

    def _insert_index_key(self, connection: Connection, label: str, version: int) -> None:
        key_ids = self._insert(connection, KeyKind.INDEX, [secrets.token_bytes(KEY_BYTES)])
        connection.execute(
            index_key.insert().values(
                label=label, version=version, key_id=key_ids[0], created_at=self._clock()
            )
        )


def _chunks(values: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
