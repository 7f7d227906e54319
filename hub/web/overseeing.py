"""The audit log, and whether the endpoint is well.

The log is one for the whole hub, so it takes a token with every controller to read it.
"""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import Query

from hub.domain.audit import Broken, Fault, Head, verify
from hub.store import audit
from hub.store.tokens import Token
from hub.vault.database import SQLAlchemyError, read_only
from hub.web import answers, views
from hub.web.desk import Auditor, Desk, TheDesk
from hub.web.problems import Refused, log_broken, wrong_field
from hub.web.repeating import errors, get, router
from hub.web.requests import After, Most

api = router("audit")
log = structlog.get_logger(__name__)


@get(api, "/audit", 409, response_model=answers.AuditPage)
def read_audit(
    desk: TheDesk, token: Auditor, after: After = 0, limit: Most = 100
) -> answers.AuditPage:
    """Read the audit log, in its order."""
    _everybodys(desk, token)
    with read_only(desk.deployment.database).connect() as connection:
        try:
            found = audit.page(connection, after, limit)
        except ValueError:
            raise log_broken() from None
    return answers.AuditPage(
        entries=[views.event(one.entry) for one in found],
        next=found[-1].entry.seq if len(found) == limit else None,
    )


@get(api, "/audit/head", response_model=answers.HeadView)
def audit_head(desk: TheDesk, token: Auditor) -> answers.HeadView:
    """The end of the audit log, to be kept elsewhere."""
    _everybodys(desk, token)
    with read_only(desk.deployment.database).connect() as connection:
        return _head(audit.head(connection))


@get(api, "/audit/verify", response_model=answers.VerifyView)
def verify_audit(
    desk: TheDesk,
    token: Auditor,
    seq: Annotated[
        int | None, Query(ge=0, le=2**53 - 1, description="Of a head that was kept elsewhere.")
    ] = None,
    hash: Annotated[  # noqa: A002 - the name in the query
        str | None, Query(pattern=r"^[0-9a-f]{64}$", description="The hash of that head.")
    ] = None,
) -> answers.VerifyView:
    """Check the chain of the audit log from its beginning, and against a head kept elsewhere.
    Without one, a cut tail is not found."""
    _everybodys(desk, token)
    if (seq is None) != (hash is None):
        raise wrong_field("hash" if hash is None else "seq", "seq and hash belong together")
    kept = [Head(seq, bytes.fromhex(hash))] if seq is not None and hash is not None else []
    with read_only(desk.deployment.database).connect() as connection:
        head = audit.head(connection)
        try:
            broken = verify(audit.entries(connection), *kept)
        except ValueError:  # a row that can be no entry
            broken = Broken(Fault.EDITED, 0)
    return answers.VerifyView(
        holds=broken is None,
        fault=broken.fault.value if broken else None,
        seq=broken.seq if broken else None,
        head=_head(head),
    )


@api.get(
    "/health",
    response_model=answers.Health,
    responses=errors(503, always=(400, 405, 408, 413, 422, 500)),
)
def health(desk: TheDesk) -> answers.Health:
    """Whether the endpoint and its database answer. No token is needed."""
    try:
        with read_only(desk.deployment.database).connect() as connection:
            audit.head(connection)
    except SQLAlchemyError as error:
        log.error("the database does not answer", exc_info=error)
        raise Refused(503, "unavailable", "The database does not answer.") from None
    return answers.Health(status="ok")


def _everybodys(desk: Desk, token: Token) -> None:
    desk.all_of(token, desk.deployment.landscape.controllers)


def _head(head: Head) -> answers.HeadView:
    return answers.HeadView(seq=head.seq, hash=head.hash.hex())
