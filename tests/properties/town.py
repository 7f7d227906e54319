"""A few humans, two companies, five tools, one hub: everything that can happen to them.

What happens is done to the sandboxes behind the hub's back and told to the oracle; what the hub
then wrote is read from the sandboxes' journals and held against it.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from properties.hall import Hall
from properties.journals import Written, written
from properties.ledger import compare, search
from properties.oracle import SYSTEM_OWNER, Oracle, Violation, owners_of
from support.accounts import AUDIENCES, CONTROLLERS, TOPICS, Crm, List, open_accounts
from support.kills import Killed, Killer
from support.world import CONFIG, World, small_world

from hub.store import deliveries, people, questions
from hub.store.people import add_block, block, identifier, person
from hub.testing.clock import ManualClock
from hub.testing.sandbox import Fault, FaultKind
from hub.testing.world import LIVE_PROJECT, WEBINAR
from hub.vault.database import read_only
from hub.vault.rows import ids
from plugins.mailer.sandbox_audience import address_hash

CRMS = ("crowst-crm", "bangeri-crm")
PLACES = (*CRMS, *AUDIENCES)
SYSTEMS = ("crowst-crm", "bangeri-crm", "crowst-mailer", "bangeri-mailer", WEBINAR)
BEFORE_IT_BEGINS = datetime(2026, 8, 20, 10, tzinfo=UTC)
MEANWHILE = datetime(2026, 11, 2, 10, tzinfo=UTC)
AFTER_ITS_END = datetime(2027, 7, 10, 10, tzinfo=UTC)
"""Moments before, in and after the life of the joint project."""
FIELDS = ("last_name", "company", "job_title", "phone")
FULL_WAIT = 3700  # longer than any delivery waits
GONE_STATES = ("archived", "cleaned")


def owner(place: str) -> str:
    """The controller of a CRM or an audience."""
    return SYSTEM_OWNER[place] if place in SYSTEM_OWNER else AUDIENCES[place][0]


def system_of(place: str) -> tuple[str, str]:
    """System and scope of a place."""
    return (place, "") if place in CRMS else (f"{owner(place)}-mailer", place)


def _configured(folder: Path, url: str | None) -> Path:
    """The sandbox's configuration, on PostgreSQL where an address is given, save that nobody asks
    the CRMs for talks, of which these stories know none: it would take a tenth of all calls."""
    text, asked = CONFIG.read_text(encoding="utf-8"), "        activities: *communications\n"
    assert text.count(asked) == len(CRMS)
    config = folder / "town.yaml"
    on_file = "database: sqlite:///var/sandbox/hub.db"
    assert on_file in text
    text = text.replace(asked, "").replace(on_file, f"database: {url}" if url else on_file)
    config.write_text(text, encoding="utf-8")
    return config


class Town:
    """The world, and what is true in it."""

    def __init__(self, start: datetime = MEANWHILE, url: str | None = None) -> None:
        self.url = url
        self.folder = Path(tempfile.mkdtemp(prefix="town-"))
        self.clock = ManualClock(start)
        self.oracle = Oracle()
        self.boxes: dict[str, Any] | None = None
        self.read: dict[str, int] = dict.fromkeys(SYSTEMS, 0)
        self.log: list[Written] = []
        self.address: dict[str, str] = {}
        self.made = 0  # fresh values
        self.last: dict[tuple[str, str, str], str] = {}  # record -> its last address
        self.killer: Killer | None = None
        self.calm = True  # no fault and no kill so far
        self.humans: dict[tuple[str, str, str], str] = {}  # record -> whose
        self._stack = ExitStack()
        self.config = _configured(self.folder, url)
        self.world: World = self._open(None)
        self.boxes = dict(self.world.sandboxes)
        open_accounts(self.world)
        self.crm = {name: Crm(self.world, owner(name)) for name in CRMS}
        self.list = {name: List(self.world, name) for name in AUDIENCES}
        self.hall = Hall(self.world, self.clock, self.oracle)

    def _open(self, killer: Killer | None) -> World:
        self.killer = killer
        world = self._stack.enter_context(
            small_world(
                self.folder,
                config=self.config,
                clock=self.clock,
                sandboxes=self.boxes,
                transports=killer.transport if killer else None,
            )
        )
        if killer:
            killer.watch(world.deployment.database, "hub")
            killer.watch(world.deployment.vault._engine, "keys")
        return world

    def restart(self, killer: Killer | None = None) -> None:
        """End the hub's process and start another on the same folder."""
        self._stack.close()
        self._stack = ExitStack()
        self.world = self._open(killer)

    def close(self) -> None:
        """End the hub's process and forget its folder."""
        self._stack.close()
        shutil.rmtree(self.folder)

    # values

    def of(self, who: str) -> str:
        """The present address of a human."""
        return self.address.get(who) or self.fresh_address(who)

    def fresh_address(self, who: str) -> str:
        """A new address of theirs."""
        self.made += 1
        self.address[who] = f"{who}.kanarialintu{self.made}@posti.example".lower()
        self.oracle.address(who, self.address[who])
        return self.address[who]

    def value(self, controller: str, name: str) -> str:
        """A value that only this controller has."""
        self.made += 1
        if name == "phone":
            made = f"+3584{0 if controller == 'crowst' else 5}{7000000 + self.made}"
        else:
            made = f"{controller.capitalize()}kanaria{name.replace('_', '')}{self.made}"
        self.oracle.owns(controller, made)
        return made

    def values(self, who: str, controller: str) -> dict[str, str]:
        """A whole record's values."""
        self.oracle.owns(controller, f"{who}kanaria")
        own = {name: self.value(controller, name) for name in FIELDS}
        return {"first_name": f"{who}kanaria", **own}

    # records

    def record(self, who: str, place: str) -> str | None:
        """The address under which a human is live in a place: the present one, or an earlier."""
        mine = [a for a, human in self.oracle.human_of.items() if human == who]
        for address in [self.of(who), *reversed(mine)]:
            if place in CRMS:
                if self.crm[place].id_of(address):
                    return address
            elif self.list[place].status(address) not in (None, *GONE_STATES):
                return address
        return None

    def have(self, who: str, place: str) -> str:
        """The same, added by staff where there is none."""
        found = self.record(who, place)
        if found is not None:
            return found
        address, controller = self.of(who), owner(place)
        self.oracle.owns(controller, address)
        if place in CRMS:
            self.crm[place].add(address, **self.values(who, controller))
        elif self.list[place].member(address) is None:
            self.list[place].add(address, "transactional", **self.values(who, controller))
        return address

    def shown(self) -> list[tuple[str, str, str, str]]:
        """(system, scope, id, address) of every live record, by the vendors."""
        found = []
        for name, crm in self.crm.items():
            for contact in crm.box.account.contacts.values():
                if contact.email and contact.archived is None:
                    found.append((name, "", str(contact.id), contact.email))
        for name, one in self.list.items():
            for member in one.audience.members.values():
                if member.status != "archived":
                    found.append((*system_of(name), member.contact_id, member.email.lower()))
        return found

    def stances(self) -> list[tuple[str, str, str, str]]:
        """(place, address, purpose, stance) as the vendors show them for live records."""
        found = []
        for system, scope, _, address in self.shown():
            if scope:
                status = self.list[scope].status(address) or ""
                found.append((scope, address, AUDIENCES[scope][1], status.upper()))
            else:
                for topic, purpose in TOPICS[owner(system)].items():
                    found.append(
                        (system, address, purpose, self.crm[system].status(address, topic))
                    )
        return found

    # the hub

    def run(self, system: str) -> None:
        """One run of one system, as the daemon would."""
        self._guarded(lambda: self.world.run(system))

    def sync(self, *, full: bool = False) -> bool:
        """Runs of all systems until they are quiet."""
        quiet: list[bool] = [False]

        def go() -> None:
            quiet[0] = self.world.sync(full=full)

        self._guarded(go)
        return quiet[0]

    def killed_at(self, step: int) -> bool:
        """A process that syncs and is killed at that step; answers whether it lived that long."""
        self.calm = False
        self.restart(Killer(step))
        with suppress(Killed):
            self.world.sync()
        dead = self.killer is not None and self.killer.dead
        self.restart()
        self.judge()
        return dead

    def _guarded(self, go: Any) -> None:
        self._remember()
        go()
        self.judge()

    def _remember(self) -> None:
        for system, scope, id_, address in self.shown():
            # the mailer's tags are written under the address's hash
            names = (id_, address_hash(address)) if scope else (id_,)
            for name in names:
                self.last[system, scope, name] = address
                if address in self.oracle.human_of:
                    self.humans[system, scope, name] = self.oracle.human_of[address]
            if any((owner_, address) in self.oracle.blocked for owner_ in owners_of(system)):
                self.oracle.blocked_records.add((system, scope, id_))

    def judge(self) -> None:
        """Hold what the vendors received since the last time against the oracle."""
        new: list[Written] = []
        for system in SYSTEMS:
            journal = self.world.sandbox(system).journal
            new += written(system, journal, self.read[system])
            self.read[system] = len(journal)
        for system, scope, id_, address in self.shown():  # made by the hub meanwhile
            for name in (id_, address_hash(address)):
                self.last.setdefault((system, scope, name), address)
        for one in sorted(new, key=lambda one: one.at):
            self.log.append(one)
            self.oracle.judge(one, self._address_of(one))
        self._remember()

    def _address_of(self, one: Written) -> str:
        if one.email and not one.id:
            return one.email.lower()
        return self.last.get((one.system, one.scope, one.id), one.email.lower())

    # rest

    def rest(self) -> None:
        """Faults end, time passes, everything is read: now all must be as it should be."""
        self.mend()
        self.clock.advance(FULL_WAIT)
        refused = self._refused()  # systems are read in turn: known to the hub once all are
        for _ in range(6):
            start = len(self.world.reports)
            if not self.sync(full=True):
                raise Violation("I4: ten rounds did not come to rest")
            failed = [r for r in self.world.reports[start:] if r.state not in ("done", "stopped")]
            if failed:
                raise Violation(f"a run failed without any fault: {failed[0]}")
            if not self._waiting():
                break
            self.clock.advance(FULL_WAIT)
        else:
            raise Violation(f"deliveries never end: {self._waiting()}")
        # a deletion is told at the end of an enumeration: what stood in its way lands in the next
        self.sync(full=True)
        self.oracle.refusals_shown(refused)
        self.oracle.at_rest(self.shown())
        self._idle()
        self._spread()
        self._accounted()
        self.hall.at_rest(self.world.deployment, self.humans, self._unclear())

    def mend(self) -> None:
        """No more faults."""
        for system in SYSTEMS:
            self.world.sandbox(system).faults.clear()

    def _waiting(self) -> dict[str, int]:
        with read_only(self.world.deployment.database).connect() as connection:
            return deliveries.waiting(connection)

    def _refused(self) -> list[tuple[str, str, str]]:
        return [
            (owner(place), address, purpose)
            for place, address, purpose, stance in self.stances()
            if stance == "UNSUBSCRIBED"
        ]

    def _idle(self) -> None:
        before = len(self.log)
        self.clock.advance(60)
        self.sync(full=True)
        if len(self.log) > before:
            raise Violation(f"I4: nothing changed, and yet written: {self.log[before:][:3]}")

    def _spread(self) -> None:
        unclear = self._unclear()
        for place, address, purpose, stance in self.stances():
            controller = owner(place)
            since = self.oracle.prohibited(controller, address, purpose)
            if since is None or stance in ("UNSUBSCRIBED", "CLEANED"):
                continue
            if (controller, address) in self.oracle.blocked or self._blocked_record(place, address):
                continue
            if (*system_of(place), self._id(place, address)) in unclear:
                continue
            raise Violation(
                f"spread: {address} refused {purpose} at {since:%H:%M:%S}, "
                f"and is {stance} in {place}"
            )

    def _blocked_record(self, place: str, address: str) -> bool:
        return (*system_of(place), self._id(place, address)) in self.oracle.blocked_records

    def _id(self, place: str, address: str) -> str:
        if place in CRMS:
            return self.crm[place].id_of(address) or ""
        return str(self.list[place].member(address).contact_id)

    def _accounted(self) -> None:
        with read_only(self.world.deployment.database).connect() as connection:
            compare(connection, self.log, self.humans, self.oracle.human_of, calm=self.calm)

    def searched(self) -> None:
        """Nobody's data lies clear anywhere."""
        said = [f"{one.reason} {one.mend}" for one in self.world.reports]
        search(self.folder, said)

    def _unclear(self) -> set[tuple[str, str, str]]:
        """Records whose person a handler has yet to name."""
        with read_only(self.world.deployment.database).connect() as connection:
            return {
                (row.system, row.scope, row.external_id)
                for row in questions.reviews(connection)
                if row.kind == "identity"
            }

    # what only the hub's own tables can be told

    def erase(self, controller: str, who: str) -> None:
        """Erasure blocks for every address of a human and every record that a company has of
        them, as the rights part will put them: in one transaction."""
        marks = [("email", a) for a, human in self.oracle.human_of.items() if human == who]
        addresses = [address for _, address in marks]
        for system, scope, id_, address in self.shown():
            if SYSTEM_OWNER[system] == controller and address in addresses:
                marks.append((f"{system}/{'members' if scope else 'contacts'}/{scope}", id_))
        deployment = self.world.deployment
        with deployment.database.begin() as connection:
            numbers = ids(connection, block, len(marks))
            for number, (kind, value) in zip(numbers, marks, strict=True):
                row = {"id": number, "controller": controller, "kind": kind}
                digest = deployment.identities.block(controller, kind, value)
                add_block(connection, {**row, "digest": digest, "at": self.clock.now()})
        for address in addresses:
            self.oracle.blocked[controller, address] = self.clock.now()
        self.hall.closed_for(deployment, controller, who, "erased")
        self._remember()

    def restrict(self, controller: str, address: str) -> bool:
        """Restrict the processing of the person of that address, if the hub knows one."""
        deployment = self.world.deployment
        with deployment.database.begin() as connection:
            found = people.find(
                connection, controller, "email", [deployment.identities.email(controller, address)]
            )
            numbers = [one.person_id for one in found.values() if one.person_id]
            if not numbers:
                return False
            connection.execute(
                sa.update(person).where(person.c.id.in_(numbers)).values(restricted=True)
            )
        self.oracle.restricted.add((controller, address))
        self.hall.closed_for(deployment, controller, self.oracle.human_of[address], "restricted")
        return True

    def doubles(self, who: str, crm: str) -> tuple[str, str]:
        """A second contact of a human, under an address of its own: the ids of both."""
        kept = self.crm[crm].id_of(self.have(who, crm)) or ""
        present = self.of(who)
        double = self.fresh_address(who)
        self.address[who] = present
        self.oracle.owns(owner(crm), double)
        return kept, self.crm[crm].add(double, **self.values(who, owner(crm)))

    def wait_until(self, moment: datetime) -> None:
        """Let time pass until then; not at all where that is past."""
        self.clock.advance(max(0.0, (moment - self.clock.now()).total_seconds()))

    def fault(self, system: str, kind: str, route: str, times: int, value: float = 0) -> None:
        """Something goes wrong at a vendor, that often."""
        self.calm = False
        rate = 0.5 if kind == FaultKind.PARTIAL else 1.0
        self.world.sandbox(system).faults.append(
            Fault(FaultKind(kind), route=route, rate=rate, times=times, value=value)
        )

    def join(self, who: str, place: str) -> None:
        """Put a human on the live project's list in a place."""
        address = self.have(who, place)
        if place in CRMS:
            self.crm[place].edit(self.crm[place].id_of(address) or "", projects=LIVE_PROJECT)
        else:
            self.list[place].tag(address, LIVE_PROJECT, on=True)
        self.oracle.joins(place, who)

    def leave(self, who: str, place: str) -> None:
        """Take them off it."""
        address = self.record(who, place)
        if address is None:
            return
        if place in CRMS:
            self.crm[place].edit(self.crm[place].id_of(address) or "", projects="")
        else:
            self.list[place].tag(address, LIVE_PROJECT, on=False)
        self.oracle.leaves(place, who)


__all__ = ["CONTROLLERS", "FIELDS", "PLACES", "SYSTEMS", "Town", "identifier", "owner"]
