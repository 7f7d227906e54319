"""On what bases a person's data is used, and so what a right comes to, for who assesses it.

The table itself is `hub.domain.basis`; here it is asked with what the ledger shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hub.delivery.deployment import Deployment
from hub.domain.basis import Applies, Basis, rule
from hub.domain.landscape import Ground
from hub.domain.permission import EventKind, fold
from hub.domain.rights import Right
from hub.store.subjects import Subject

_BASES = {
    Ground.CONSENT: (Basis.CONSENT,),
    Ground.CUSTOMER: (Basis.CONTRACT, Basis.DIRECT_MARKETING),
    Ground.WORK_ROLE: (Basis.LEGITIMATE_INTEREST, Basis.DIRECT_MARKETING),
    Ground.COMPANY_MAILBOX: (Basis.LEGITIMATE_INTEREST,),
}
_SEEN = (EventKind.GROUND, EventKind.GROUND_ENDED)


@dataclass(frozen=True, slots=True)
class Applicability:
    """What the right comes to for one controller's data on one basis."""

    controller: str
    basis: Basis
    applies: Applies
    article: str
    note: str


def bases_of(deployment: Deployment, person: Subject) -> list[Basis]:
    """The bases that a person's data rests on: what its permissions stand on, the contract of a
    customer, who may refuse all marketing and is one all the same, and the legitimate interest in a
    register of contacts for the rest."""
    landscape = deployment.landscape
    facts = person.facts(landscape, deployment.identities)
    found = {Basis.LEGITIMATE_INTEREST}
    for permission in facts.permissions.values():
        if permission.ground is not None:
            found.update(_BASES[permission.ground])
    seen = [one for one in person.events if one.kind in _SEEN]
    standing = (
        fold(landscape.purposes[name], seen, tolerance=landscape.clock_tolerance).ground
        for name in facts.permissions
    )
    if Ground.CUSTOMER in standing:
        found.add(Basis.CONTRACT)
    return sorted(found)


def applicability(
    deployment: Deployment, right: Right, persons: Iterable[Subject]
) -> list[Applicability]:
    """What the right comes to, by controller and basis; each once."""
    found: list[Applicability] = []
    for person in persons:
        for basis in bases_of(deployment, person):
            answer = rule(right, basis)
            found.append(
                Applicability(person.controller, basis, answer.applies, answer.article, answer.note)
            )
    return list(dict.fromkeys(found))
