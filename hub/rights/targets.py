"""Whom and what a request concerns: persons, and every system that may hold something of them.

Scope (DESIGN section 4): the addressed controllers, their systems whether enabled or not, joint
systems, and what another controller holds only from them. The other's independent person stays, and
is neither searched nor touched until the requester says that they mean it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.api import Ref, Sought
from hub.delivery.deployment import Deployment
from hub.domain.landscape import Landscape, System
from hub.store import erasing, normalise, people, subjects
from hub.store.normalise import Malformed
from hub.store.subjects import Subject
from hub.vault.database import Connection, Row

HUB = "hub"
"""The system id of the hub's own copy."""


@dataclass(slots=True)
class Targets:
    """What was found for a request."""

    persons: dict[int, Subject] = field(default_factory=dict)
    """Concerned whole: of the addressed controllers, or known elsewhere only from them."""
    partly: dict[int, Subject] = field(default_factory=dict)
    """Of another controller with a source of its own: only what came from the addressed ones."""
    shared: list[str] = field(default_factory=list)  # controllers where several share the address
    shredded: list[int] = field(default_factory=list)  # found, and erased already

    @property
    def everybody(self) -> dict[int, Subject]:
        return {**self.persons, **self.partly}


def find(
    connection: Connection,
    deployment: Deployment,
    emails: Sequence[str],
    controllers: Sequence[str],
) -> Targets:
    """The persons known by those addresses, present or former ones."""
    found = Targets()
    ids: list[int] = []
    for controller in controllers:
        ids += _by_email(connection, deployment, controller, emails, found)
    found.persons = _load(connection, deployment, ids)
    found.shredded = sorted(set(ids) - set(found.persons))
    known = list(dict.fromkeys([*emails, *_all_emails(deployment, found.persons.values())]))
    for other in deployment.landscape.controllers:
        if other in controllers:
            continue
        elsewhere = _by_email(connection, deployment, other, known, Targets())
        for person in _load(connection, deployment, elsewhere).values():
            if not crossed(person, controllers):
                continue
            whole = only_from(person, controllers)
            (found.persons if whole else found.partly)[person.id] = person
    return found


def loaded(
    connection: Connection, deployment: Deployment, ids: Sequence[int]
) -> dict[int, Subject]:
    """The persons of a plan as they are now; one that was merged stands for both."""
    ends = erasing.winners(connection, ids)
    return _load(connection, deployment, sorted(set(ends.values())))


def only_from(person: Subject, controllers: Sequence[str]) -> bool:
    """Whether everything that is known of a person is known only from `controllers`."""
    return all(value.origins <= set(controllers) for value in person.profile.values())


def crossed(person: Subject, controllers: Sequence[str]) -> list[str]:
    """Profile fields that the person's controller holds only from `controllers`."""
    return [
        name
        for name, value in person.profile.items()
        if value.value is not None and value.origins <= set(controllers)
    ]


def receivers(
    connection: Connection, deployment: Deployment, person: Subject
) -> list[tuple[str, list[str]]]:
    """(controller, fields) of the others to whom something of a person came from its controller."""
    emails = emails_of(deployment.landscape, [person])
    found = []
    for other in deployment.landscape.controllers:
        if other == person.controller:
            continue
        known = _load(
            connection, deployment, _by_email(connection, deployment, other, emails, Targets())
        )
        names = {
            name
            for one in known.values()
            for name, value in one.profile.items()
            if value.value is not None and person.controller in value.origins
        }
        if names:
            found.append((other, sorted(names)))
    return found


def addressed(request: Row[Any], controllers: str) -> bool:
    """Whether a request asks any of those controllers (space-separated) itself. What others hold
    only from them is found by the hub's own links, and never searched for."""
    asked = {*request.controllers.split(), *request.also.split()}
    return not asked.isdisjoint(controllers.split())


def concerned_systems(
    landscape: Landscape, targets: Targets, controllers: Sequence[str]
) -> list[tuple[str, tuple[str, ...]]]:
    """(system, controllers whose task it is) of every system that must answer, in the order of
    the configuration; disabled ones too, and ones that are there no more but hold somebody by the
    hub's own links: what is there is there."""
    whole = {one.controller for one in targets.persons.values()} | set(controllers)
    linked = {
        (link.system, one.controller)
        for one in targets.everybody.values()
        if one.controller not in controllers
        for link in one.links
    }
    chosen: list[tuple[str, tuple[str, ...]]] = []
    for system in landscape.systems.values():
        whose = tuple(
            one
            for one in system.controllers
            if one in controllers or (one in whole and (system.id, one) in linked)
        )
        if whose:
            chosen.append((system.id, whose))
    lost: dict[str, set[str]] = {}
    for one in targets.persons.values():
        for link in one.links:
            if link.system not in landscape.systems and link.state not in ("merged", "gone"):
                lost.setdefault(link.system, set()).add(one.controller)
    return chosen + [(system, tuple(sorted(whose))) for system, whose in sorted(lost.items())]


def partly_held(targets: Targets) -> list[tuple[str, str]]:
    """(system, controller) where another controller's records may show what came from here."""
    return sorted(
        {
            (link.system, one.controller)
            for one in targets.partly.values()
            for link in one.links
            if link.state != "merged"
        }
    )


def sought(
    landscape: Landscape,
    system: System,
    people_: Iterable[Subject],
    emails: Sequence[str],
    phone: str = "",
) -> Sought:
    """What to look for in one system."""
    mine = [one for one in people_ if one.controller in system.controllers]
    phones = [phone] if phone else []
    phones += [
        value.value
        for one in mine
        if (value := one.profile.get("phone")) and isinstance(value.value, str)
    ]
    return Sought(
        emails=tuple(dict.fromkeys([*emails, *emails_of(landscape, mine)])),
        phones=tuple(dict.fromkeys(number for number in phones if number.startswith("+"))),
        refs=tuple(
            dict.fromkeys(
                Ref(link.stream, link.scope, link.external_id, one.email)
                for one in mine
                for link in one.links
                if link.system == system.id
            )
        ),
    )


def emails_of(landscape: Landscape, people_: Iterable[Subject]) -> list[str]:
    """Every address that the hub can still read of those persons: in the profile, and as systems
    held it when last agreed."""
    found: list[str] = []
    for person in people_:
        if person.email:
            found.append(person.email)
        for link in person.links:
            system = landscape.systems.get(link.system)
            stream = (
                next((s for s in system.streams if s.name == link.stream), None) if system else None
            )
            for mapping in stream.fields if stream else ():
                raw = link.shadow.fields.get(mapping.vendor)
                if mapping.hub == "email" and isinstance(raw, str):
                    try:
                        found.append(normalise.email(raw))
                    except Malformed:
                        continue
    return list(dict.fromkeys(found))


def marks_of(landscape: Landscape, person: Subject) -> list[tuple[str, str]]:
    """(kind, value) of everything by which an erased person is recognised: addresses, and the
    vendors' ids of its records."""
    marks = [("email", address) for address in emails_of(landscape, [person])]
    marks += [("/".join(link.place), link.external_id) for link in person.links]
    return list(dict.fromkeys(marks))


def _by_email(
    connection: Connection,
    deployment: Deployment,
    controller: str,
    emails: Sequence[str],
    into: Targets,
) -> list[int]:
    digests = [deployment.identities.email(controller, one) for one in emails]
    hits = people.find(connection, controller, "email", digests).values()
    if any(hit.person_id is None for hit in hits):
        into.shared.append(controller)
    return [hit.person_id for hit in hits if hit.person_id is not None]


def _load(connection: Connection, deployment: Deployment, ids: Sequence[int]) -> dict[int, Subject]:
    return subjects.load(connection, deployment.vault, deployment.identities, ids, standing=False)


def _all_emails(deployment: Deployment, people_: Iterable[Subject]) -> list[str]:
    return emails_of(deployment.landscape, people_)
