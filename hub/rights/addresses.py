"""Addresses that are learned while a person is looked for.

A record that is certainly theirs may carry another address than the request: an alias, a former
one. It joins what the request looks for, and every system is looked at once more, those too that
had found nothing or were done (DESIGN section 4: aliases and former addresses are found too).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import structlog

from hub.api import Held
from hub.delivery.deployment import Deployment
from hub.domain.audit import Event
from hub.domain.rights import Right
from hub.rights import assess, coordinator, effects, targets
from hub.rights.newcomers import Grew
from hub.store import erasing, normalise, people, requests
from hub.store.normalise import Malformed
from hub.vault.database import Connection, Row, read_only

if TYPE_CHECKING:
    from hub.rights.work import Work

log = structlog.get_logger(__name__)

MOST = 20
"""Addresses that one request learns at the most: each makes every system be looked at again."""


def learn(work: Work, found: Iterable[Held]) -> None:
    """Let addresses that a task's records show join its open request. Raises Grew where there are
    any new ones: the attempt begins anew with them.

    Not learned is an address that several share or that is somebody else's to the hub: whose it
    is, is for a handler to say (`hub review`), and nobody's data is touched on a guess.
    """
    deployment = work.deployment
    if work.task.part != "records":
        return
    if not targets.addressed(work.request, work.task.controllers):
        return  # what another controller's record says besides is its own
    shown = _shown(deployment, found)
    fresh = [one for one in shown if one not in work.case.emails]
    if not fresh:
        return
    with read_only(deployment.database).connect() as connection:
        if not _theirs(connection, deployment, work.request, fresh):
            return  # by far the most often, and once for each round
    with deployment.database.begin() as connection:
        request = requests.get(connection, work.request.id, lock=True)
        assert request is not None  # its task names it
        if not request.open:
            return
        case = assess.casefile(deployment, request)
        known = len(case.learned)
        fresh = [one for one in fresh if one not in case.emails]
        fresh = _theirs(connection, deployment, request, fresh)[: MOST - known]
        if not fresh:
            # another task was quicker: that one has had this one begin anew, or there is no room
            if known >= MOST:
                log.warning("a request shows too many addresses", request=request.id)
            return
        case.learned += fresh
        requests.change(connection, request, casefile=case.seal(work.key, request.id))
        if request.right == Right.ERASURE.value:
            marks = [("email", one) for one in fresh]
            controllers = assess.controllers_of(request)
            effects.block(connection, deployment, controllers, marks, deployment.now())
        coordinator.look_again(connection, deployment, request.id)
        coordinator.tell(
            connection,
            deployment,
            request.id,
            Event.REQUEST_GREW,
            "hub",
            addresses=str(len(fresh)),
            system=work.task.system,
        )
    raise Grew


def _shown(deployment: Deployment, found: Iterable[Held]) -> list[str]:
    """The addresses of records that are certainly the person's, company mailboxes left out."""
    shown: list[str] = []
    for held in found:
        for text in (held.ref.email, *held.emails) if held.certain else ():
            try:
                address = normalise.email(text or "")
            except Malformed:
                continue
            if address.partition("@")[0] not in deployment.landscape.mailboxes:
                shown.append(address)
    return list(dict.fromkeys(shown))


def _theirs(
    connection: Connection, deployment: Deployment, request: Row[object], wanted: Sequence[str]
) -> list[str]:
    """Those of the addresses that are nobody's, or a person's whom the plan names."""
    named = set(erasing.winners(connection, requests.persons_of(request)).values())
    others: set[str] = set()
    for controller in assess.controllers_of(request):
        digests = {deployment.identities.email(controller, one): one for one in wanted}
        for digest, hit in people.find(connection, controller, "email", [*digests]).items():
            owner = hit.person_id
            if owner is None or not named.issuperset(erasing.winners(connection, [owner]).values()):
                others.add(digests[digest])
    return [one for one in wanted if one not in others]
