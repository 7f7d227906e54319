"""Run by Alembic for every command. The connection is given by whoever runs it, in a transaction
of its own; there is no alembic.ini, and logging is left as the process has set it up."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlmodel import AutoString

from hub.store import tables
from hub.vault.types import UtcDateTime


def _render(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """How column types of other packages are written into a new migration."""
    if kind == "type" and isinstance(item, UtcDateTime):
        autogen.imports.add("from hub.vault.types import UtcDateTime")
        return "UtcDateTime()"
    if kind == "type" and isinstance(item, AutoString):
        return "sa.String()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata,
    render_as_batch=True,
    render_item=_render,
)
context.run_migrations()
