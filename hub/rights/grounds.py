"""On what bases a person's data is used, and so what a right comes to, for who assesses it.

The table itself is `hub.domain.basis`; here it is asked with what the ledger shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hub.delivery.deployment import Deployment
from hub.domain.basis import Applies, Basis, rule
from hub.domain.landscape import Ground
from hub.domain.rights import Right
from hub.store.subjects import Subject

_BASES = {
    Ground.CONSENT: (Basis.CONSENT,),
    Ground.CUSTOMER: (Basis.CONTRACT, Basis.DIRECT_MARKETING),
    Ground.WORK_ROLE: (Basis.LEGITIMATE_INTEREST, Basis.DIRECT_MARKETING),
    Ground.COMPANY_MAILBOX: (Basis.LEGITIMATE_INTEREST,),
}


@dataclass(frozen=True, slots=True)
class Applicability:
    """What the right comes to for one controller's data on one basis."""

    controller: str
    basis: Basis
    applies: Applies
    article: str
    note: str


def bases_of(deployment: Deployment, person: Subject) -> list[Basis]:
    """The bases that a person's data rests on: what its permissions stand on, and the legitimate
    interest in a register of contacts for the rest."""
    facts = person.facts(deployment.landscape, deployment.identities)
    found = {Basis.LEGITIMATE_INTEREST}
    for permission in facts.permissions.values():
        if permission.ground is not None:
            found.update(_BASES[permission.ground])
    return sorted(found)


def applicability(
    deployment: Deployment, right: Right, persons: Iterable[Subject]
) -> list[Applicability]:
    """What the right comes to, by controller and basis."""
    found: list[Applicability] = []
    for person in persons:
        for basis in bases_of(deployment, person):
            answer = rule(right, basis)
            found.append(
                Applicability(person.controller, basis, answer.applies, answer.article, answer.note)
            )
    return found
