"""When a place is read as if for the first time: what its records mean to the hub has changed.

It is noted at the cursor by what the hub read: how the configuration maps the stream, which joint
projects were live and what they do with the system's records, and whether anything new could come
of it at all. Records that do not change at the vendor would otherwise never be looked at again: not
by a project that begins, nor by a field or a way into it that somebody adds.
"""

from __future__ import annotations

from datetime import datetime

from hub.delivery.deployment import Deployment, Opened
from hub.domain.gate import may_bring
from hub.domain.landscape import Stream

_CLOSED = "closed"


def reads(deployment: Deployment, opened: Opened, stream: Stream, at: datetime) -> str:
    """What to note at the cursor for records that are read at that moment."""
    open_ = may_bring(deployment.landscape, opened.system, at).allowed
    parts = [stream.signature, *sorted(_live(deployment, opened, at))]
    return " ".join(parts if open_ else [*parts, _CLOSED])


def outgrown(
    noted: str, deployment: Deployment, opened: Opened, stream: Stream, at: datetime
) -> bool:
    """Whether what was read under that note is to be read anew. A project that has ended asks for
    nothing to be read again."""
    signature, *projects = noted.split(" ") if noted else [""]
    if signature != stream.signature:
        return True
    if _CLOSED in projects and may_bring(deployment.landscape, opened.system, at).allowed:
        return True
    return not _live(deployment, opened, at).issubset(projects)


def _live(deployment: Deployment, opened: Opened, at: datetime) -> set[str]:
    system = opened.system.id
    return {
        project.signature(system)
        for project in deployment.landscape.projects_of_system.get(system, ())
        if project.live(at)
    }
