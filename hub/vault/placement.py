"""Where the key store, its copies and the master key lie, and what `hub check` says about it.

A copy of the key store keeps the keys of people erased since, so copies lie apart from ordinary
backups and live for fourteen days at most (DESIGN section 7).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hub.vault.database import sqlite_path

COPY_LIFE = timedelta(days=14)
"""How long a copy of the key store may live."""


def placement_warnings(
    key_store_url: str, application_url: str, master_file: Path | None, now: datetime
) -> list[str]:
    """One sentence with its mend for each rule that does not hold; empty when all is well.

    Looks only at what can be seen from here: SQLite files and the master key's file, if any.
    """
    warnings: list[str] = []
    store = sqlite_path(key_store_url)
    application = sqlite_path(application_url)
    if store is None:
        return warnings
    folder = store.absolute().parent
    if application is not None and application.absolute().parent == folder:
        warnings.append(
            f"The key store lies in the same folder as the application's database ({folder}), so "
            "one backup would hold both. Give the key store a folder of its own."
        )
    if master_file is not None:
        if master_file.absolute().parent == folder:
            warnings.append(
                f"The master key lies beside the keys it wraps ({folder}). Move the master key "
                "to another folder, or give it by the environment."
            )
        if master_file.exists() and master_file.stat().st_mode & 0o077:
            warnings.append(
                f"Others than its owner can read the master key {master_file}: chmod 600 it."
            )
    warnings += [
        f"{copy} looks like a copy of the key store older than {COPY_LIFE.days} days: it keeps "
        "the keys of people erased since. Delete it."
        for copy in _old_copies(store, now)
    ]
    return warnings


def _old_copies(store: Path, now: datetime) -> list[Path]:
    if not store.absolute().parent.is_dir():
        return []
    live = {store.name + ending for ending in ("", "-wal", "-shm", "-journal")}
    return [
        path
        for path in sorted(store.absolute().parent.glob(f"{store.stem}*"))
        if path.name not in live
        and path.is_file()
        and now - datetime.fromtimestamp(path.stat().st_mtime, UTC) > COPY_LIFE
    ]
