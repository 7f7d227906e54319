"""The oracle of rights: who asked for what, and what a vendor may therefore have received or hold.

A plain model without the hub's code. What counts is what the handler decided and what the vendors
show. Where it cannot know what the hub knew it errs towards the hub: two addresses are one
person's only if one record was seen with both while the hub was at rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from properties.journals import Written
from properties.oracle import (
    HELSINKI,
    SYSTEM_OWNER,
    Oracle,
    Violation,
    owners_of,
    purposes_of,
)
from properties.rights_journals import Acted

Record = tuple[str, str, str]  # system, scope, id
Shown = Iterable[tuple[str, str, str, str]]  # system, scope, id, address

ACTS = {"erase": "erasure", "restrict": "restriction", "lift": "restriction"}
"""What was done at a vendor -> the right that asks for it."""


@dataclass
class Asked:
    """One request, as the story knows it."""

    number: int
    right: str
    who: str
    address: str
    controllers: tuple[str, ...]
    corrections: dict[str, str] = field(default_factory=dict)
    started: datetime | None = None  # approved by as many as it takes, for the first time
    approved: bool = False  # and no plan has grown since
    on_hold: bool = False
    ended: str = ""  # "closed", "withdrawn", "refused"
    lifted: bool = False
    exempt: dict[str, date] = field(default_factory=dict)  # system -> first day it is not kept
    cooling: datetime | None = None  # approved then, to be carried out a while later
    # controllers that had something of the person of their own when it started
    independent: set[str] = field(default_factory=set)
    # what was surely the person's when it started: by controller, and records
    addresses: dict[str, set[str]] = field(default_factory=dict)
    records: set[Record] = field(default_factory=set)
    read: bool = False  # whether one of them had been read by the hub

    @property
    def works(self) -> bool:
        """Whether something may be carried out for it now."""
        closed = self.ended == "closed"
        watched = closed and self.right == "erasure"
        lifts = closed and self.lifted
        return self.approved and not self.on_hold and (not self.ended or watched or lifts)

    def keeps(self, system: str, at: datetime) -> bool:
        """Whether a ground that a handler stated keeps what the system holds."""
        until = self.exempt.get(system)
        return until is not None and at.astimezone(HELSINKI).date() < until

    def about(self, record: Record, address: str) -> bool:
        """Whether a record of an addressed controller is surely of the person."""
        whose = set(owners_of(record[0])) & set(self.controllers)
        known = any(address in self.addresses.get(one, ()) for one in whose)
        return bool(whose) and (known or record in self.records)


@dataclass
class RightsOracle:
    """Requests, and the rules that vendors' journals and accounts are held against."""

    town: Oracle
    asked: dict[int, Asked] = field(default_factory=dict)
    own_records: set[tuple[str, str]] = field(default_factory=set)  # (controller, human)
    known_own: set[tuple[str, str]] = field(default_factory=set)  # those that the hub surely read
    # values that a controller got of a human itself, and of nobody else; "": that both got at once
    values: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    acts: list[tuple[datetime, str, str]] = field(default_factory=list)  # own: (at, place, human)
    admitted: dict[tuple[str, str], datetime] = field(default_factory=dict)
    gone: dict[Record, datetime] = field(default_factory=dict)  # erased, heard of, and not back

    def begin(self, request: Asked, now: datetime, shown: Shown) -> None:
        """It is carried out from now: fix what was the person's at that moment."""
        if request.started is None:
            request.started = now
            request.independent = {
                controller for controller, human in self.known_own if human == request.who
            }
        request.approved = True
        mine = {a for a, human in self.town.human_of.items() if human == request.who}
        for controller in request.controllers:
            known = {a for a in mine if self.town.same(controller, a, request.address)}
            request.addresses.setdefault(controller, set()).update(known | {request.address})
        for system, scope, id_, address in shown:
            known = {a for one in owners_of(system) for a in request.addresses.get(one, ())}
            before = self.town.seen.get((system, scope, id_), set())
            if address in known or before & known:
                request.records.add((system, scope, id_))
                request.read |= bool(before)

    # what a handler's work wrote

    def acted(
        self,
        one: Acted,
        record: Record,
        human: str | None,
        born: datetime,
        held: Iterable[object] = (),
    ) -> None:
        """Hold an act on a record, there since `born` with the values `held`, against what was
        asked. Raises Violation."""
        whose = owners_of(one.system)
        for request in self.asked.values():
            if request.who != human or request.right != ACTS.get(one.kind):
                continue
            reaches = not set(whose).isdisjoint(request.controllers)
            if one.kind == "erase" and self._came_back(request, record, born):
                continue
            if request.keeps(one.system, one.at):
                continue
            # whom another controller knows only from here is erased there too
            theirs = whose[0] in request.independent and self._own(whose[0], human, held)
            if request.works and (reaches or not theirs):
                break
        else:
            raise Violation(
                f"I6: {one.system} was told at {one.at} to {one.kind} a record of {human}, which "
                f"no approved request asks for: {[*self.asked.values()]}"
            )
        if one.kind == "erase" and one.accepted and record in self.gone:
            raise Violation(f"I7: {record} was erased at {self.gone[record]}, and again")
        if one.kind == "erase" and one.accepted and one.heard:
            self.gone[record] = one.at

    def _own(self, controller: str, human: str, held: Iterable[object]) -> bool:
        """Whether a record holds something that its controller has from a source of its own; a
        name and an address alone do not tell."""
        telling = {one for one in held if _is_text(one) and "@" not in str(one)}
        telling.discard(f"{human}kanaria")
        return not telling.isdisjoint({*self.town.own.get(controller, ()), *self.town.joint})

    def _came_back(self, request: Asked, record: Record, born: datetime) -> bool:
        """Whether the record was made by an act of the person after the erasure, which is over: a
        handler decides about them, and the hub leaves them alone."""
        place = record[1] or record[0]
        by_act = (born, place, request.who) in self.acts
        over = request.ended == "closed" or self.is_admitted(record, request.who)
        return by_act and over and request.started is not None and born > request.started

    def is_admitted(self, record: Record, human: str) -> bool:
        """Whether a handler let them in again, at a controller whose record it is."""
        return any((one, human) in self.admitted for one in owners_of(record[0]))

    def corrected(self, one: Written, human: str | None, before: Mapping[str, object]) -> None:
        """Hold a correction against what was asked; `before` is what the record held. Raises
        Violation."""
        controller = SYSTEM_OWNER[one.system]
        mine = self.town.own.get(controller, set())
        touched = {name for name in one.fields if before.get(name) in mine}
        for request in self.asked.values():
            if request.who != human or not request.works:
                continue
            reaches = controller in request.controllers
            if not reaches and touched:
                continue  # the other company's own knowledge is its own to correct
            wanted = {name: request.corrections.get(name) for name in one.fields}
            if request.right == "rectification" and dict(one.fields) == wanted:
                return
            if request.right == "erasure" and not reaches and not any(one.fields.values()):
                return
        raise Violation(f"I6: {one.system} received {one} of {human}, which nobody asked for")

    # what the sync wrote

    def synced(self, one: Written, address: str, record: Record) -> None:
        """Hold one write of the sync against every request. Raises Violation."""
        controller = SYSTEM_OWNER[one.system]
        addresses = {address, str(one.fields.get("email", address))}
        for request in self._started(one.at):
            if not any(request.about(record, a) for a in addresses):
                continue
            if self._is_new(request, controller, one.at):
                continue
            match request.right:
                case "erasure":
                    raise Violation(
                        f"I3: {one.system} received {one} for {address}, erased by request "
                        f"{request.number} since {request.started}"
                    )
                # where nothing was held there is nothing to restrict
                case "restriction" if (
                    request.records
                    and not request.lifted
                    and (one.fields or set(one.stances.values()) - {"no"})
                ):
                    raise Violation(
                        f"I5: {one.system} received {one} for {address}, restricted by request "
                        f"{request.number} since {request.started}"
                    )
                case "objection":
                    self._objected(request, one, address)
                # a correction of somebody whom no sync has read is for the systems alone
                case "rectification" if request.read:
                    self._outlived(request, one, address)
        human = self.town.human_of.get(address)
        self._nothing_old(one, controller, human)

    def _objected(self, request: Asked, one: Written, address: str) -> None:
        assert request.started is not None
        controller = SYSTEM_OWNER[one.system]
        for topic, stance in one.stances.items():
            for purpose in purposes_of(one.system, one.scope, topic):
                acts = self.town.wishes.get((controller, request.who, purpose))
                newer = acts and any(at > request.started for at in acts.acts)
                if stance != "no" and not newer:
                    raise Violation(
                        f"I1: {one.system} received {stance} for {purpose} of {address}, who "
                        f"objected at {request.started}"
                    )

    def _outlived(self, request: Asked, one: Written, address: str) -> None:
        for name, value in one.fields.items():
            right = request.corrections.get(name)
            if right is not None and value != right and not self._changed(request, name):
                raise Violation(
                    f"rectified: {one.system} received {name}={value} of {address}, corrected to "
                    f"{right} by request {request.number}"
                )

    def _changed(self, request: Asked, name: str) -> bool:
        """Whether the person changed the value since, or had it corrected once more."""
        assert request.started is not None
        return any(at > request.started and who == request.who for at, _, who in self.acts) or any(
            other.started and other.started > request.started and name in other.corrections
            for other in self.asked.values()
            if other.who == request.who
        )

    def _nothing_old(self, one: Written, controller: str, human: str | None) -> None:
        """Nothing of an erased person's values, whoever they are written for."""
        for request in self._started(one.at):
            if request.right != "erasure":
                continue
            for value in filter(_is_text, one.fields.values()):
                if value in self.dead.get(request.number, ()):
                    raise Violation(
                        f"I3: {one.system} received {value} of {human}: {request.who} was "
                        f"erased by request {request.number}"
                    )

    def of_person(self, request: Asked) -> set[str]:
        """Values that the request's controllers alone have of its person."""
        whose = [*request.controllers, *([""] if len(request.controllers) > 1 else [])]
        return {value for one in whose for value in self.values.get((one, request.who), ())}

    dead: dict[int, set[str]] = field(default_factory=dict)
    """Request -> values that no account of its controllers held any more when it was closed."""

    def _is_new(self, request: Asked, controller: str, at: datetime) -> bool:
        since = self.admitted.get((controller, request.who))
        return since is not None and request.started is not None and request.started < since <= at

    def _started(self, at: datetime) -> Iterator[Asked]:
        for request in self.asked.values():
            if request.started is not None and request.started < at:
                if request.ended in ("withdrawn", "refused"):
                    continue
                yield request


def _is_text(value: object) -> bool:
    return isinstance(value, str)
