"""What a handler does in the town, and what the story learns of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from properties.oracle import HELSINKI, Violation, owners_of
from properties.rights_oracle import Asked
from properties.rights_people import RightsPeople
from support.kills import Killed, Killer
from support.turns import Turns

from hub.domain.exemption import ExemptionGround
from hub.domain.plan import Exemption
from hub.domain.rights import DataCategory, Right, Way
from hub.rights import decide, lifting, manual, matches, watch
from hub.rights.casefile import Receipt
from hub.rights.targets import HUB
from hub.store import questions
from hub.store.questions import RETURNED
from hub.sync import review
from hub.vault.database import read_only

STRANGER = "Tuntematonkukka"
CONFIRMER = "Maija Kanariaemäntä"
NOTE = "Soitettu takaisin, kanarialaulaja vahvisti."
"""What a handler writes carries the canary too: it may lie nowhere in the clear."""


class RightsHandler(RightsPeople):
    """A handler over the four accounts."""

    if TYPE_CHECKING:
        judge_rights: Callable[[], None]
        closed: Callable[[Asked], None]

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

    def exempts(self, number: int, system: str, ground: ExemptionGround, days: int) -> None:
        """A handler states why one system keeps what it has, and for how many days."""
        until = self.clock.now().astimezone(HELSINKI).date() + timedelta(days=days)
        kept = Exemption(system, DataCategory.BILLING, ground, until)
        plan = self.decides(
            lambda: decide.exempt(self.world.deployment, number, [kept], NOTE, "cli:handler")
        )
        if plan is not None:
            self.law.asked[number].exempt = {system: until}

    def waits_for_cooling(self) -> None:
        """The time between approval and erasure passes for whatever is in it."""
        starts = [
            self.desk.row(number).starts_at
            for number in self.law.asked
            if self.desk.row(number).state == "cooling_off"
        ]
        if starts:
            self.clock.advance(max(0.0, (max(starts) - self.clock.now()).total_seconds()))
            self._remember()
            watch.start_cooled(self.world.deployment)
            self.learn()

    def learn(self) -> None:
        """What became of the requests: which are carried out, on hold, or over."""
        for number, request in self.law.asked.items():
            row = self.desk.row(number)
            if row is None:
                raise Violation(f"I7: request {number} is lost")
            request.on_hold = row.on_hold
            if row.state == "cooling_off":
                request.cooling = request.cooling or self.clock.now()
                if request.started is None and self.desk.tasks(number):
                    raise Violation(f"cooling: request {number} has tasks before its time")
            if row.state in ("identity_pending", "assessing", "planned", "cooling_off"):
                request.approved = False
            elif row.state in ("refused", "withdrawn"):
                request.ended = row.state
            elif not request.approved:
                self._second(row, request)
                self._cooled(request)
                self.law.begin(request, self.clock.now(), self.shown())
            if row.state == "closed" and request.exempt:
                raise Violation(f"I8: request {number} is closed as if nothing had been kept")
            if row.state in ("closed", "closed_with_exceptions", "watching"):
                request.ended = "closed"

    def _cooled(self, request: Asked) -> None:
        """An erasure is carried out some time after it was approved, not before."""
        since, request.cooling = request.cooling, None
        if request.right != "erasure" or not self.cooling:
            return
        if since is None or self.clock.now() < since + self.cooling:
            raise Violation(f"cooling: request {request.number}, approved {since}, begun too soon")

    @staticmethod
    def _second(row: Any, request: Asked) -> None:
        """Doubtful matches, several persons of one controller and exemptions take two people."""
        plan = decide.Plan.load(row.plan)
        if row.right != "erasure" or not (plan.weak or request.exempt):
            return  # the others may grow without being approved anew
        if not row.second_by or row.approved_by == row.second_by:
            raise Violation(f"approval: request {row.id} is carried out on one word")

    def works(self, rounds: int = 12) -> None:
        """Tasks are carried out."""
        self._remember()
        self.desk.work(rounds)
        self.judge_rights()

    def works_at_once(self, stretches: Sequence[int]) -> int:
        """Two workers try every task that is due, one from each end of the systems, now the one and
        now the other; answers how often it changed. Who is taken over does not settle what it
        sent: that is read back."""
        self.calm = False
        self._remember()
        systems = [*self.world.deployment.landscape.systems, HUB]
        turns = Turns(stretches)
        turns.run(
            lambda: self.desk.attempts(systems * 2),
            lambda: self.desk.attempts(systems[::-1] * 2),
        )
        self.judge_rights()
        return turns.switches

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
            lambda: decide.notified(self.world.deployment, number, Way.EMAIL, NOTE, "cli:handler")
        )
        if self.law.asked[number].ended:  # else a merge made its plan grow
            self.closed(self.law.asked[number])

    def watches(self, days: float) -> None:
        """Days pass, and what has a date is looked at."""
        self._remember()
        self.clock.advance(days * 86_400)
        watch.round_(self.world.deployment, self.desk.opened)
        self.learn()
        self.works()
        self.learn()

    def lifts(self, number: int) -> None:
        """A restriction ends."""
        done = self.decides(
            lambda: lifting.lift(self.world.deployment, number, Way.EMAIL, NOTE, "cli:handler")
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
                for controller in owners_of(one.system):
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
                        self.world.deployment, id_, "cli:another", same=same
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
