"""The town with a handler in it: requests of all rights, carried out over the four accounts.

Who is at work is known by the story: what a vendor receives while tasks are worked on is a rights
act, everything else the sync's. Both are read from the journals and held against the oracle.
"""

from __future__ import annotations

import copy
from bisect import insort
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from properties.journals import Written
from properties.ledger import search
from properties.oracle import SYSTEM_OWNER, Violation
from properties.rights_journals import Acted
from properties.rights_ledger import Account, audited, settled
from properties.rights_oracle import Asked, Record, RightsOracle
from properties.rights_verdicts import Verdicts
from properties.town import CRMS, owner, system_of
from support.accounts import AUDIENCES
from support.kills import Killed, Killer
from support.rights_desk import Desk
from support.world import World

from hub.domain.rights import Right
from hub.rights import decide, lifting, manual, matches, watch
from hub.rights.casefile import Receipt
from hub.store import audit, questions, requests
from hub.store.returns import RETURNED
from hub.sync import review
from hub.vault.database import read_only
from plugins.mailer.sandbox_audience import address_hash

STRANGER = "Tuntematonkukka"
CONFIRMER = "Maija Kanariaemäntä"
NOTE = "Soitettu takaisin, kanarialaulaja vahvisti."
"""What a handler writes carries the canary too: it may lie nowhere in the clear."""
TRIES = 14


class RightsTown(Verdicts):
    """The world, what is true in it, and the requests."""

    def __init__(self) -> None:
        self.rights: RightsOracle | None = None
        self.disabled: set[str] = set()
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
        self.quiet = False
        super().__init__()
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
        world.deployment = replace(
            world.deployment, landscape=replace(whole, systems=systems), systems=self._usable(world)
        )

    def _usable(self, world: World) -> Any:
        opened = dict(world.deployment.systems)
        self._all = {**getattr(self, "_all", {}), **opened} if opened else opened
        return {name: one for name, one in self._all.items() if name not in self.disabled}

    def disable(self, system: str, *, on: bool) -> None:
        """The operator takes a system out of use, or brings it back."""
        (self.disabled.discard if on else self.disabled.add)(system)
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

    def returns(self, who: str, place: str) -> bool:
        """A lagging system serves a record of theirs again that was gone, as it was."""
        system, scope = system_of(place)
        for (at, in_, id_), (whose, record) in reversed(self.graves.items()):
            if (at, in_, whose) != (system, scope, who) or self._stands(system, scope, id_):
                continue
            if scope:
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

    def _stands(self, system: str, scope: str, id_: str) -> bool:
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
            if record[1]:
                self.handles[record[0], record[1], address_hash(address)] = record[2]

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
        return found

    # what a handler does

    def opens(
        self,
        right: Right,
        who: str,
        address: str,
        controllers: tuple[str, ...],
        corrections: dict[str, str],
    ) -> None:
        """A request is received."""
        self._remember()
        number = self.desk.open(
            right,
            address,
            *controllers,
            corrections=corrections,
            name=f"{who}kanaria",
            message=NOTE,
        )
        if number not in self.law.asked:
            self.law.asked[number] = Asked(
                number, right.value, who, address, controllers, corrections
            )
        self.learn()

    def adopt(
        self,
        number: int,
        right: Right,
        who: str,
        controllers: tuple[str, ...],
        corrections: dict[str, str],
    ) -> None:
        """A request that was handled elsewhere is judged from now on, as begun before it."""
        request = Asked(number, right.value, who, self.of(who), controllers, corrections)
        self.law.asked[number] = request
        began = self.desk.row(number).approved_at
        records = [(*record, address) for record, (_, address) in self.buried.items()]
        self.law.begin(request, began, records)
        self.learn()

    def decides(self, act: Callable[[], Any]) -> Any:
        """Something that may be refused; what the refusal says is kept for I9."""
        try:
            return act()
        except (decide.CannotDecide, decide.NoSuchRequest, manual.CannotConfirm) as error:
            self.spoken.append(str(error))
        except review.CannotDecide as error:
            self.spoken.append(str(error))
        finally:
            if not (self.killer and self.killer.dead):
                self.learn()
        return None

    def approves(self, number: int, actor: str) -> None:
        """One person approves the plan as it is now."""
        self._remember()
        self.decides(
            lambda: decide.approve(
                self.world.deployment, number, self.desk.row(number).plan_hash, actor
            )
        )

    def learn(self) -> None:
        """What became of the requests: which are carried out, on hold, or over."""
        for number, request in self.law.asked.items():
            row = self.desk.row(number)
            if row is None:
                raise Violation(f"I7: request {number} is lost")
            request.on_hold = row.on_hold
            if row.state in ("identity_pending", "assessing", "planned", "cooling_off"):
                request.approved = False
            elif row.state in ("refused", "withdrawn"):
                request.ended = row.state
            elif not request.approved:
                self._second(row)
                self.law.begin(request, self.clock.now(), self.shown())
            if row.state in ("closed", "closed_with_exceptions", "watching"):
                request.ended = "closed"

    @staticmethod
    def _second(row: Any) -> None:
        """Doubtful matches and several persons of one controller take two people."""
        plan = decide.Plan.load(row.plan)
        doubtful = len(plan.persons) > len(plan.controllers) or plan.weak
        if not doubtful or row.right != "erasure":
            return  # the others may grow without being approved anew
        if not row.second_by or row.approved_by == row.second_by:
            raise Violation(f"approval: request {row.id} is carried out on one word")

    def works(self, rounds: int = 12) -> None:
        """Tasks are carried out."""
        self._remember()
        self.desk.work(rounds)
        self.judge_rights()

    def killed(self, step: int, act: Callable[[], Any]) -> bool:
        """A process that does that and is killed at that step; the next one starts."""
        self.calm = False
        self._remember()
        self.restart(Killer(step))
        with suppress(Killed):
            act()
        dead = self.killer is not None and self.killer.dead
        self.restart()
        self.judge_rights()
        self.learn()
        return dead

    def closes(self, number: int) -> None:
        """The person is told; what was asked must be true at every vendor now."""
        if self.desk.row(number).state != "notifying":
            return
        self.decides(
            lambda: decide.notified(self.world.deployment, number, "e-mail", NOTE, "cli:handler")
        )
        if self.law.asked[number].ended:  # else a merge made its plan grow
            self.closed(self.law.asked[number])

    def watches(self, days: float) -> None:
        """Days pass, and what has a date is looked at."""
        self._remember()
        self.clock.advance(days * 86_400)
        watch.round_(self.world.deployment, self.desk.opened)
        self.works()
        self.learn()

    def lifts(self, number: int) -> None:
        """A restriction ends."""
        done = self.decides(
            lambda: lifting.lift(self.world.deployment, number, "e-mail", NOTE, "cli:handler")
        )
        if done is not None:
            self.law.asked[number].lifted = True

    def admits(self) -> None:
        """A handler lets everybody in who is back by an act of their own."""
        with read_only(self.world.deployment.database).connect() as connection:
            waiting = [one for one in questions.reviews(connection) if one.kind == RETURNED]
        for one in waiting:
            where = (one.system, one.scope, one.external_id)
            who = self.humans.get(where)
            controller = SYSTEM_OWNER[one.system]
            since = max(
                (
                    r.started
                    for r in self.law.asked.values()
                    if r.right == "erasure" and r.who == who and r.started
                ),
                default=None,
            )
            place = one.scope or one.system
            own = [a for a in self.law.acts if (a[1], a[2]) == (place, who)]
            if since is None or not any(at > since for at, _, _ in own):
                raise Violation(f"I3: {who} asks to come in at {place} without an act of theirs")
            said = self.decides(
                lambda id_=one.id: review.decide(
                    self.world.deployment, id_, review.Decision.ADMIT, "handler"
                )
            )
            if said and who:
                self.law.admitted[controller, who] = self.clock.now()
        self._remember()

    def judges_matches(self) -> None:
        """A handler looks at weak matches and tells whose they are."""
        for number, request in self.law.asked.items():
            for task in self.desk.tasks(number).values():
                if task.reason != "weak-match":
                    continue
                row = self.desk.row(number)
                key = self.world.deployment.vault.open_keys([row.key_id])[row.key_id]
                weak = [
                    one
                    for one in Receipt.open(key, task.id, task.receipt).records
                    if one["certain"] == "no"
                ]
                whose = {self.humans.get((task.system, one["scope"], one["id"])) for one in weak}
                same = whose == {request.who}
                self.decides(
                    lambda id_=task.id, same=same: matches.judge(
                        self.world.deployment, id_, "cli:handler", same=same
                    )
                )

    def confirms(self) -> None:
        """A named person says of every manual task that it is done."""
        for number in self.law.asked:
            for task in self.desk.tasks(number).values():
                if task.state == "awaiting_external":
                    with self.world.deployment.database.begin() as connection:
                        manual.confirm(connection, self.world.deployment, task.id, CONFIRMER, NOTE)
        self.learn()

    def run(self, system: str) -> None:
        """As `Town.run`; a system out of use has no runs."""
        if system not in self.disabled:
            super().run(system)

    # judging

    def edited(self, record: Record) -> None:
        """Staff changed a record."""
        self._edited = {**self._edited, record: self.clock.now()}

    # rest

    def tidies(self) -> None:
        """Faults end, and everything that was begun is brought to its end by a diligent handler."""
        self.mend()
        for system in list(self.disabled):
            self.disable(system, on=True)
        for number, request in self.law.asked.items():
            if request.on_hold and not request.ended:
                self.decides(
                    lambda n=number: decide.hold(self.world.deployment, n, "cli:handler", on=False)
                )
        for _ in range(TRIES):
            self.clock.advance(3700)
            self.sync(full=True)
            self.works()
            self.judges_matches()
            self.confirms()
            for number, request in self.law.asked.items():
                row = self.desk.row(number)
                if row.state == "planned" and request.started:
                    for actor in ("cli:handler", "cli:second"):
                        self.approves(number, actor)
            for number in self.law.asked:
                self.closes(number)
            if not self._unfinished():
                break
            with suppress(decide.CannotDecide):
                for number in self._unfinished():
                    decide.retry(self.world.deployment, number, "cli:handler")
        else:
            stuck = {n: (self.desk.row(n).state, self.desk.states(n)) for n in self._unfinished()}
            raise Violation(f"stuck: {stuck}")

    def _unfinished(self) -> list[int]:
        return [n for n, one in self.law.asked.items() if one.started and not one.ended]

    def rest(self) -> None:
        """Now all must be as it should be."""
        self.tidies()
        before = len(self.log), len(self.acted_log), len(self.corrected_log)
        self.clock.advance(60)
        self.sync(full=True)
        self.works()
        if (len(self.log), len(self.acted_log), len(self.corrected_log)) != before:
            news = self.log[before[0] :], self.acted_log[before[1] :]
            raise Violation(f"I4: nothing changed, and yet written: {news}")
        self.oracle.at_rest(self.shown())
        with read_only(self.world.deployment.database).connect() as connection:
            settled(connection, self)
            audited(connection, self.heads)
            self.heads.append(audit.head(connection))

    def searched(self) -> None:
        """Nobody's data lies clear anywhere, a handler's name included."""
        said = [f"{one.reason} {one.mend}" for one in self.world.reports]
        search(self.folder, [*said, *self.spoken])


__all__ = ["AUDIENCES", "CRMS", "STRANGER", "RightsTown", "requests"]
