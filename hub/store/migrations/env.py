"""Run by Alembic for every command. The connection is given by whoever runs it, in a transaction
of its own; there is no alembic.ini, and logging is left as the process has set it up."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import (
    CreateTableOp,
    MigrateOperation,
    MigrationScript,
    ModifyTableOps,
)
from sqlmodel import AutoString

from hub.store import rights_tables, tables
from hub.vault.types import UtcDateTime

assert rights_tables  # its tables are in the same metadata


def _render(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """How column types of other packages are written into a new migration."""
    if kind == "type" and isinstance(item, UtcDateTime):
        autogen.imports.add("from hub.vault.types import UtcDateTime")
        return "UtcDateTime()"
    if kind == "type" and isinstance(item, AutoString):
        return "sa.String()"
    return False


def _plainly(_: Any, __: Any, directives: list[MigrationScript]) -> None:
    """Index a table that is being made in the plain way: batches are for tables that exist."""
    for script in directives:
        assert script.upgrade_ops is not None
        made: set[str] = set()
        plain: list[MigrateOperation] = []
        for one in script.upgrade_ops.ops:
            if isinstance(one, CreateTableOp):
                made.add(one.table_name)
            if isinstance(one, ModifyTableOps) and one.table_name in made:
                plain += one.ops
            else:
                plain.append(one)
        script.upgrade_ops.ops = plain


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata,
    render_as_batch=True,
    process_revision_directives=_plainly,
    render_item=_render,
)
context.run_migrations()
