"""`python -m hub.store.migrations MESSAGE`: write the migration from the last one to tables.py."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory

from hub.store.schema import alembic_config, migrate, open_store


def draft(message: str) -> Path:
    """Write the next migration, by comparing `hub.store.tables` with an empty database that was
    migrated as far as there are migrations."""
    config = alembic_config()
    existing = list(ScriptDirectory.from_config(config).walk_revisions())
    with tempfile.TemporaryDirectory() as folder:
        engine = open_store(f"sqlite:///{folder}/draft.db")
        try:
            migrate(engine)
            with engine.begin() as connection:
                config.attributes["connection"] = connection
                made = command.revision(
                    config, message, autogenerate=True, rev_id=f"{len(existing) + 1:04}"
                )
        finally:
            engine.dispose()
    assert made is not None
    assert not isinstance(made, list)
    return Path(made.path)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    path = draft(sys.argv[1])
    for action in (["check", "--fix-only", "-q"], ["format", "-q"]):
        subprocess.run([sys.executable, "-m", "ruff", *action, str(path)], check=True)  # noqa: S603 - our own file, no shell
    print(f"{path}: read it, tidy it, test it")
