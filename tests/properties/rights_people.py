"""The town for stories of rights: whose each record is, as it last was, and who comes back."""

from __future__ import annotations

import copy
from bisect import insort
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from properties.hall import Hall
from properties.journals import Written
from properties.oracle import owners_of
from properties.rights_journals import Acted
from properties.rights_ledger import Account
from properties.rights_oracle import Record, RightsOracle
from properties.town import SYSTEMS, Town, owner, system_of
from support.accounts import WEBINARS
from support.kills import Killer
from support.rights_desk import Desk
from support.world import World

from hub.testing.world import WEBINAR
from plugins.mailer.sandbox_audience import address_hash


class RightsPeople(Town):
    """The world, what is true in it, and the requests."""

    def __init__(self, url: str | None = None) -> None:
        self.rights: RightsOracle | None = None
        self.disabled: set[str] = set()
        self.cooling = timedelta(0)
        self.graves: dict[Record, tuple[str, Any]] = {}  # record -> whose, as it last was
        self.born: dict[Record, Any] = {}  # record -> since when it stands there
        self.reborn: set[Record] = set()
        self.handles: dict[Record, str] = {}  # (system, scope, address's hash) -> contact id
        self.heads: list[Any] = []
        self.spoken: list[str] = []
        self.buried: dict[Record, tuple[str, str]] = {}  # record -> whose, its last address
        self.account = Account()
        self.acted_log: list[tuple[Acted, str | None]] = []
        self.corrected_log: list[tuple[Written, str | None]] = []
        super().__init__(url=url)
        self.rights = RightsOracle(self.oracle)

    @property
    def law(self) -> RightsOracle:
        assert self.rights is not None
        return self.rights

    @property
    def desk(self) -> Desk:
        return Desk(self.world)

    def _open(self, killer: Killer | None) -> World:
        world = super()._open(killer)
        self._settle_systems(world)
        return world

    def _settle_systems(self, world: World) -> None:
        """Systems that the operator took out of use, as the configuration tells them."""
        whole = world.settings.landscape
        systems = {
            name: replace(one, enabled=name not in self.disabled)
            for name, one in whole.systems.items()
        }
        policy = replace(whole.rights, cooling_off=self.cooling)
        world.deployment = replace(
            world.deployment,
            landscape=replace(whole, systems=systems, rights=policy),
            systems=self._usable(world),
        )

    def _usable(self, world: World) -> Any:
        opened = dict(world.deployment.systems)
        self._all = {**getattr(self, "_all", {}), **opened} if opened else opened
        return {name: one for name, one in self._all.items() if name not in self.disabled}

    def disable(self, system: str, *, on: bool) -> None:
        """The operator takes a system out of use, or brings it back."""
        (self.disabled.discard if on else self.disabled.add)(system)
        self._settle_systems(self.world)

    def cools(self, days: float) -> None:
        """The operator configures a time between approval and erasure."""
        self.cooling = timedelta(days=days)
        self._settle_systems(self.world)

    # what happens to people

    def values(self, who: str, controller: str) -> dict[str, str]:
        """As `Town.values`; whose they are is kept."""
        made = super().values(who, controller)
        own = {value for name, value in made.items() if name != "first_name"}
        self.law.values.setdefault((controller, who), set()).update(own)
        return made

    def have(self, who: str, place: str) -> str:
        """As `Town.have`: the controller has a record of its own of them from now."""
        self.law.own_records.add((owner(place), who))
        return super().have(who, place)

    def registers(self, who: str, webinar: str, yes: Collection[str]) -> bool:
        """They fill in the form of a joint webinar, which gives both companies a record of them;
        answers whether that was still possible."""
        address, now = self.of(who), self.clock.now()
        if not self.hall.register(who, webinar, address, yes):
            return False
        there = self.hall.webinar[webinar].registrant(address)
        record = (WEBINAR, webinar, there.id)
        self.born[record] = now  # the vendor's id stays for the address, the registration is new
        self.reborn.discard(record)
        self.law.gone.pop(record, None)
        self.law.acts.append((now, webinar, who))
        self.law.values.setdefault(("", who), set()).update(
            {there.last_name, *there.values.values()}
        )
        self.law.own_records |= {(one, who) for one in owners_of(WEBINAR)}
        self._remember()
        return True

    def sync(self, *, full: bool = False) -> bool:
        """As `Town.sync`. Where nothing failed the hub knows now who has what of whom."""
        failing = self.disabled or any(self.world.sandbox(one).faults for one in SYSTEMS)
        quiet = super().sync(full=full)
        if quiet and not failing:
            self.law.known_own |= self.law.own_records
        return quiet

    def returns(self, who: str, place: str) -> bool:
        """A lagging system serves a record of theirs again that was gone, as it was."""
        system, scope = (WEBINAR, place) if place in WEBINARS else system_of(place)
        for (at, in_, id_), (whose, record) in reversed(self.graves.items()):
            if (at, in_, whose) != (system, scope, who) or self._stands(system, scope, id_):
                continue
            if system == WEBINAR:
                if not self._registrant_again(scope, record):
                    continue
            elif scope:
                if not self._member_again(scope, record):
                    continue
            elif not self._contact_again(system, record):
                continue
            self.law.gone.pop((system, scope, id_), None)
            self.reborn.add((system, scope, id_))
            self._remember()
            return True
        return False

    def _contact_again(self, crm: str, record: Any) -> bool:
        account = self.crm[crm].box.account
        if record.email in account.emails or record.id in account.merged:
            return False
        made = copy.deepcopy(record)
        account.contacts[made.id] = made
        insort(account._ids, made.id)
        made.archived = None
        made.modified = self.crm[crm].box.ms()
        account._by_time_add(made)
        account.emails[made.email] = made.id
        return True

    def _member_again(self, audience: str, record: Any) -> bool:
        whole = self.list[audience].audience
        if whole.holding(record.email) is not None:
            return False
        made = copy.deepcopy(record)
        whole.members[made.contact_id] = made
        whole._by_hash[made.hash] = made.contact_id
        whole.forgotten.discard(made.hash)
        whole.touch(made, self.clock.now().strftime("%Y-%m-%dT%H:%M:%S+00:00"))
        return True

    def _registrant_again(self, webinar: str, record: Any) -> bool:
        there = self.hall.webinar[webinar].there
        there.registrants[record.id] = copy.deepcopy(record)
        return True

    def _stands(self, system: str, scope: str, id_: str) -> bool:
        if system == WEBINAR:
            return id_ in self.hall.webinar[scope].there.registrants
        if scope:
            return id_ in self.list[scope].audience.members
        return int(id_) in self.crm[system].box.account.contacts

    def _remember(self) -> None:
        super()._remember()
        if self.rights is None:
            return
        for record, address, held in self._everything():
            if (human := self.oracle.human_of.get(address)) is not None:
                self.graves[record] = (human, copy.deepcopy(held))
                self.humans[record] = human
                self.buried[record] = (human, address)
            self.born.setdefault(record, self.clock.now())
            if record[1] and record[0] != WEBINAR:
                self.handles[record[0], record[1], address_hash(address)] = record[2]

    def shown(self) -> list[tuple[str, str, str, str]]:
        """As `Town.shown`, with those who are registered to a joint webinar or wait for the host's
        word."""
        registered = [
            (WEBINAR, name, one.id, str(one.email).lower())
            for name, hall in self._halls()
            for one in hall.there.registrants.values()
            if one.status != "denied"
        ]
        return [*super().shown(), *registered]

    def _halls(self) -> Iterable[tuple[str, Any]]:
        hall: Hall | None = getattr(self, "hall", None)  # it is opened last
        return hall.webinar.items() if hall else ()

    def _everything(self) -> list[tuple[Record, str, Any]]:
        """Every record of every account, whatever its state."""
        found: list[tuple[Record, str, Any]] = []
        for name, crm in self.crm.items():
            for contact in crm.box.account.contacts.values():
                found.append(((name, "", str(contact.id)), contact.email, contact))
        for name, one in self.list.items():
            for member in one.audience.members.values():
                where = (*system_of(name), member.contact_id)
                found.append((where, str(member.email).lower(), member))
        for name, hall in self._halls():
            for one in hall.there.registrants.values():
                found.append(((WEBINAR, name, one.id), str(one.email).lower(), one))
        return found
