"""What is added to a case file while a request is open."""

from __future__ import annotations

from typing import Any

from hub.delivery.deployment import Deployment
from hub.rights.casefile import CaseFile
from hub.store import requests
from hub.vault.database import Connection, Row


def add_note(
    connection: Connection,
    deployment: Deployment,
    request: Row[Any],
    kind: str,
    text: str,
    actor: str,
    **more: str,
) -> None:
    """Add to the case file: a note, a decision, or what the person was told."""
    key = deployment.vault.open_keys([request.key_id])[request.key_id]
    case = CaseFile.open(key, request.id, request.casefile)
    entry = {"at": deployment.now().isoformat(), "by": actor, "text": text, **more}
    getattr(case, kind).append(entry)
    requests.change(connection, request, casefile=case.seal(key, request.id))
