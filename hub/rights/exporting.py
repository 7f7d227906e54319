"""What of the held data an answer contains: all of it for an access, save the categories that were
withheld on a ground (Arts. 15(4), 12(5)); what the person provided, observed activity included, for
a portability (Art. 20(1)), under consent or contract.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hub.api import ActivityKind, Exported, Exports
from hub.delivery.deployment import Deployment, Opened
from hub.domain.basis import Applies, applies
from hub.domain.landscape import ProfileField
from hub.domain.permission import EventKind
from hub.domain.plan import Plan
from hub.domain.profile import Value
from hub.domain.rights import DataCategory, Right
from hub.rights import grounds
from hub.rights.casefile import ref_of
from hub.store.subjects import Subject
from hub.vault.database import Row

if TYPE_CHECKING:
    from hub.rights.work import Work

OBSERVED = frozenset(ActivityKind) - {ActivityKind.COMMUNICATION, ActivityKind.MAIL_SENT}
"""What the person did, as it was observed; the others are what was sent or noted of them."""
SAID = frozenset({EventKind.CONSENT.value, EventKind.WITHDRAWAL.value, EventKind.OBJECTION.value})
"""Events of the ledger that the person brought about."""

_UNTOLD = frozenset({DataCategory.PROFILE, DataCategory.BILLING})
"""What nobody mapped may be of these: it is withheld with them."""


def portable(deployment: Deployment, person: Subject) -> bool:
    """Whether what is held of a person rests on a basis that makes it portable."""
    return applies(Right.PORTABILITY, grounds.bases_of(deployment, person)) is Applies.YES


class Chosen:
    """What an answer to a request contains of one system, or of what came to the hub from it."""

    def __init__(self, deployment: Deployment, request: Row[Any]) -> None:
        self._fields: Mapping[str, ProfileField] = deployment.landscape.fields
        self._plan = Plan.load(request.plan)
        self.portability = request.right == Right.PORTABILITY.value

    def withheld(self, system: str) -> frozenset[DataCategory]:
        """The categories of a system that were withheld on a ground."""
        return frozenset(one.category for one in self._plan.exemptions if one.system == system)

    def activity(self, system: str, kind: str) -> bool:
        """Whether an activity of that kind is in the answer."""
        said = kind == ActivityKind.COMMUNICATION
        category = DataCategory.COMMUNICATIONS if said else DataCategory.ACTIVITIES
        if category in self.withheld(system):
            return False
        return not self.portability or kind in OBSERVED

    def value(self, name: str, value: Value) -> bool:
        """Whether a value of the hub's own profile is in the answer."""
        field = self._fields.get(name)
        category = field.category if field else DataCategory.PROFILE
        if category in self.withheld(value.source):
            return False
        return not self.portability or (field is not None and field.provided)

    def permission(self, system: str, kind: str) -> bool:
        """Whether an event of the ledger is in the answer."""
        if DataCategory.PERMISSIONS in self.withheld(system):
            return False
        return not self.portability or kind in SAID

    def values(self, system: str, mapped: Mapping[str, str], one: Exported) -> dict[str, Any]:
        """What is in the answer of a record's values, as the vendor has them; for a portability
        those that the person provided, by the hub's names. `mapped`: vendor's field -> hub field.
        """
        withheld = self.withheld(system)

        def known(field: str) -> ProfileField | None:
            return self._fields.get(mapped.get(field, ""))

        def shown(part: str, field: str) -> bool:
            if part in one.categories:
                return DataCategory(one.categories[part]) not in withheld
            told = known(field)
            return told.category not in withheld if told else not withheld & _UNTOLD

        found: dict[str, Any] = {}
        for part, inner in one.values.items():
            if self.portability:
                for field, value in _leaves(part, inner):
                    told = known(field)
                    provided = part in one.provided or (told is not None and told.provided)
                    if provided and shown(part, field):
                        found[mapped.get(field, field)] = value
            elif isinstance(inner, Mapping) and part not in one.categories:
                found[part] = _kept(part, inner, shown)
            elif shown(part, part):
                found[part] = inner
        return found


def gather(work: Work, opened: Opened) -> list[dict[str, Any]]:
    """Read out the located records, as far as they belong into the answer. Raises
    ConnectorError."""
    connector = opened.connector
    assert isinstance(connector, Exports)  # the capability is declared, the suite checks it
    chosen = Chosen(work.deployment, work.request)
    entries = [one for one in work.receipt.records if one["certain"] == "yes"]
    if chosen.portability:
        movable = {one.id for one in work.mine if portable(work.deployment, one)}
        owner = {place: person for place, (_, person) in work.links.items()}
        # a record that no sync has read yet has no owner: it is theirs like the others
        meant = {*movable, None} if movable else set()
        entries = [
            one for one in entries if owner.get((one["stream"], one["scope"], one["id"])) in meant
        ]
    system = opened.system
    names = {
        stream.name: {mapping.vendor: mapping.hub for mapping in stream.fields}
        for stream in system.streams
    }
    return [
        {
            "stream": one.ref.stream,
            "scope": one.ref.scope,
            "values": chosen.values(system.id, names.get(one.ref.stream, {}), one),
            "activities": [
                {
                    "kind": activity.kind.value,
                    "at": activity.at.isoformat(),
                    "about": activity.about,
                    **activity.detail,
                }
                for activity in one.activities
                if chosen.activity(system.id, activity.kind.value)
            ],
        }
        for one in connector.export([ref_of(entry) for entry in entries])
    ]


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The innermost names with their values; a list is one."""
    if isinstance(value, Mapping):
        for inner, held in value.items():
            yield from _leaves(inner, held)
    else:
        yield name, value


def _kept(
    part: str, values: Mapping[str, Any], shown: Callable[[str, str], bool]
) -> dict[str, Any]:
    """The values without what is not shown, at whatever depth."""
    return {
        name: _kept(part, value, shown) if isinstance(value, Mapping) else value
        for name, value in values.items()
        if isinstance(value, Mapping) or shown(part, name)
    }
