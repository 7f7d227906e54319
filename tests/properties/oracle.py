"""The oracle: who did what when, and what a vendor may therefore have received.

A plain model written without the hub's code, so that it can disagree with it. Where it cannot know
what the hub knew, it errs towards the hub: a prohibition binds from the moment the hub was at rest
after it, an act of the person counts from the moment it is done.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from properties.journals import Written
from support.accounts import AUDIENCES, CONTROLLERS, TOPICS

from hub.testing.world import BANGERI, CROWST, WEBINAR

SYSTEM_OWNER = {
    "crowst-crm": CROWST,
    "crowst-mailer": CROWST,
    "bangeri-crm": BANGERI,
    "bangeri-mailer": BANGERI,
}
PROJECT_FIELDS = frozenset({"email", "first_name", "last_name", "company", "job_title"})
PROJECT_STARTS, PROJECT_ENDS = date(2026, 9, 1), date(2027, 6, 30)
HELSINKI = ZoneInfo("Europe/Helsinki")


class Violation(AssertionError):
    """A rule of DESIGN section 5 is broken; the text names it and tells the story's part."""


def owners_of(system: str) -> tuple[str, ...]:
    """The controllers whose system it is: a joint one is of both."""
    return CONTROLLERS if system == WEBINAR else (SYSTEM_OWNER[system],)


def begun(at: datetime) -> bool:
    """Whether the live project has begun by then."""
    return at.astimezone(HELSINKI).date() >= PROJECT_STARTS


def over(at: datetime) -> bool:
    """Whether it has ended by then."""
    return at.astimezone(HELSINKI).date() > PROJECT_ENDS


def purposes_of(system: str, scope: str, topic: str) -> tuple[str, ...]:
    """What a topic speaks of in `config/sandbox.yaml`."""
    if scope:
        return (AUDIENCES[scope][1],)
    if topic == "*":
        return ("newsletter", "events")
    return (TOPICS[SYSTEM_OWNER[system]][topic],)


@dataclass
class Wishes:
    """What one human did about one purpose of one controller."""

    acts: list[datetime] = field(default_factory=list)
    # (when, address): said by the person or noted by staff, in any tool of the controller
    refusals: list[tuple[datetime, str]] = field(default_factory=list)
    # refusals that the hub has surely read
    known: set[tuple[datetime, str]] = field(default_factory=set)


@dataclass
class Oracle:
    """Humans, their addresses and wishes, and the rules that writes are held against."""

    human_of: dict[str, str] = field(default_factory=dict)  # address -> human
    own: dict[str, set[str]] = field(default_factory=dict)  # controller -> its own values
    # value -> when the person first gave it at a form of the joint webinar tool
    joint: dict[str, datetime] = field(default_factory=dict)
    wishes: dict[tuple[str, str, str], Wishes] = field(default_factory=dict)
    # (controller, address) -> representative: addresses that the hub knows to be one person's
    _same: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    # record (system, scope, id) -> addresses seen there while the hub was at rest
    seen: dict[tuple[str, str, str], set[str]] = field(default_factory=dict)
    blocked: dict[tuple[str, str], datetime] = field(default_factory=dict)
    # records that had a blocked address since it was blocked
    blocked_records: set[tuple[str, str, str]] = field(default_factory=set)
    restricted: set[tuple[str, str]] = field(default_factory=set)  # (controller, representative)
    members: set[tuple[str, str]] = field(default_factory=set)  # (system/scope, human), now
    were_members: set[str] = field(default_factory=set)  # humans, since the last rest

    # what happens

    def address(self, human: str, address: str) -> None:
        """The address is that human's and nobody else's."""
        self.human_of[address] = human

    def has_other_address(self, controller: str, human: str) -> bool:
        """Whether a human has an address that no erasure by that company names."""
        return any(
            whose == human and (controller, address) not in self.blocked
            for address, whose in self.human_of.items()
        )

    def owns(self, controller: str, *values: str) -> None:
        """The controller has those values from a source of its own."""
        self.own.setdefault(controller, set()).update(values)

    def registers(self, at: datetime, *values: str) -> None:
        """A person gives those values to both companies at once."""
        for value in values:
            self.joint.setdefault(value, at)

    def consents(self, controller: str, address: str, purpose: str, at: datetime) -> None:
        """An act of the person."""
        self._wish(controller, address, purpose).acts.append(at)

    def refuses(self, controller: str, address: str, purpose: str, at: datetime) -> None:
        """A prohibition, of the person or noted by staff."""
        self._wish(controller, address, purpose).refusals.append((at, address))

    def joins(self, place: str, human: str) -> None:
        """The human is on the list of the live project."""
        self.members.add((place, human))
        self.were_members.add(human)

    def leaves(self, place: str, human: str) -> None:
        """The human is taken off it."""
        self.members.discard((place, human))

    # what the hub must know

    def at_rest(self, shown: Iterable[tuple[str, str, str, str]]) -> None:
        """The hub has read everything: (system, scope, id, address) of every record."""
        for system, scope, id_, address in shown:
            known = self.seen.setdefault((system, scope, id_), set())
            known.add(address)
            first = min(known)
            for one in known:
                for controller in owners_of(system):
                    self._join(controller, first, one)
        self.were_members = {human for _, human in self.members}

    def refusals_shown(self, shown: Iterable[tuple[str, str, str]]) -> None:
        """Before the hub reads: (controller, address, purpose) for which a tool shows a NO."""
        for controller, address, purpose in shown:
            wish = self._wish(controller, address, purpose)
            wish.known.update(one for one in wish.refusals if one[1] == address)

    def same(self, controller: str, one: str, other: str) -> bool:
        """Whether the hub has to know that both addresses are one person's."""
        return self._root(controller, one) == self._root(controller, other)

    def prohibited(self, controller: str, address: str, purpose: str) -> datetime | None:
        """Since when the purpose is refused for sure: known to the hub, and no act since."""
        human = self.human_of.get(address)
        if human is None:
            return None
        wish = self._wish(controller, address, purpose)
        known = [at for at, where in wish.known if self.same(controller, where, address)]
        if not known or any(act > max(known) for act in wish.acts):
            return None
        return max(known)

    # what may be written

    def judge(self, one: Written, address: str) -> None:
        """Hold one write against the rules; `address` is the record's. Raises Violation."""
        controller = SYSTEM_OWNER[one.system]
        for topic, stance in one.stances.items():
            if stance == "no":
                continue
            for purpose in purposes_of(one.system, one.scope, topic):
                since = self.prohibited(controller, address, purpose)
                if since is not None and since < one.at:
                    raise Violation(
                        f"I1: {one.system} received {stance} for {purpose} of {address} at "
                        f"{one.at:%H:%M:%S}, refused since {since:%H:%M:%S} and no act since"
                    )
        for name, value in one.fields.items():
            self.crossed(one, controller, name, value, address)
        self._untouchable(one, controller, address)

    def crossed(self, one: Written, controller: str, name: str, value: Any, address: str) -> None:
        """Hold one value of a write against I2. Raises Violation."""
        mine = self.own.get(controller, set())
        if not isinstance(value, str) or value in ("", None) or value in mine:
            return
        if self.from_webinar(value, one.at):
            return
        others = [
            other
            for other in CONTROLLERS
            if other != controller and value in self.own.get(other, ())
        ]
        if not others and value not in self.joint:
            return
        human = self.human_of.get(address)
        live = begun(one.at) and not over(one.at)
        if others and live and name in PROJECT_FIELDS and human in self.were_members:
            return
        why = (
            "the project is not live"
            if not live
            else f"the project does not list {name}"
            if name not in PROJECT_FIELDS
            else f"{human} is no member"
        )
        whose = others[0] if others else "the joint webinar"
        raise Violation(f"I2: {one.system} received {name}={value}, of {whose} alone: {why}")

    def from_webinar(self, value: str, at: datetime) -> bool:
        """Whether the hub may have learned the value from the joint tool by then: it was said
        before the project's end, and the project has begun."""
        said = self.joint.get(value)
        return said is not None and not over(said) and begun(at)

    def _untouchable(self, one: Written, controller: str, address: str) -> None:
        record = (one.system, one.scope, one.id)
        addresses = {address, str(one.fields.get("email", address))}
        if record in self.blocked_records or any(
            (controller, a) in self.blocked for a in addresses
        ):
            raise Violation(f"erased: {one.system} received a write for {address}, blocked before")
        if any(
            who == controller and self.same(controller, root, address)
            for who, root in self.restricted
        ) and (one.fields or set(one.stances.values()) - {"no"}):
            raise Violation(f"restricted: {one.system} received {one} for {address}")

    def _wish(self, controller: str, address: str, purpose: str) -> Wishes:
        human = self.human_of.get(address, address)
        return self.wishes.setdefault((controller, human, purpose), Wishes())

    def _root(self, controller: str, address: str) -> tuple[str, str]:
        key = (controller, address)
        while self._same.get(key, key) != key:
            key = self._same[key]
        return key

    def _join(self, controller: str, one: str, other: str) -> None:
        self._same[self._root(controller, other)] = self._root(controller, one)
