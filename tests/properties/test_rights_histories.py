"""Random histories of requests (DESIGN section 5, I3 and I5-I11; issue 4 "must show" 1).

Each rule prints what happens and to whom; a failure shrinks to a story of a few lines.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from hypothesis import seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test
from properties.ledger import search
from properties.oracle import Violation
from properties.rights_doings import PEOPLE, WHO, OfPeople
from properties.rights_ledger import tampered
from properties.rights_town import NOTE, STRANGER
from properties.test_histories import QUICK, SEED
from properties.town import SYSTEMS
from support.accounts import QUESTIONS

from hub.domain.exemption import ExemptionGround
from hub.domain.rights import Right
from hub.rights import decide, slices
from hub.rights.identity import How, by_handler
from hub.store import audit
from hub.testing.world import HELD

SYSTEM = st.sampled_from(SYSTEMS)
RIGHT = st.sampled_from(
    (Right.ERASURE, Right.ERASURE, Right.RESTRICTION, *Right)
)  # what harms most
ADDRESSED = st.sampled_from((("crowst",), ("crowst",), ("bangeri",), ("bangeri", "crowst")))
HANDLER = st.sampled_from(("cli:handler", "cli:second"))
PICK = st.integers(0, 20)
ASKS = st.sampled_from((*PEOPLE, *PEOPLE, STRANGER))
FAR = st.sampled_from((1, 2, 3, 3, 4, 4))
COOLING = st.sampled_from((0, 0, 0, 3))
KEPT = st.sampled_from(("", "", "", "crowst-crm", "crowst-mailer", "joint-webinar"))
FAULTS = ("429", "500", "403", "drop", "drop-after", "torn", "partial", "search-lag")
ROUTES = ("", "gdpr-delete|delete-permanent", "batch/", "{member}", "lists", "registrant")


@pytest.fixture(autouse=True)
def one_after_another(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same story must come out the same way each time it is told."""
    monkeypatch.setattr(slices, "SIDE_BY_SIDE", 1)
    yield


class RightsHistory(OfPeople):
    """What happens in the town, in any order."""

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:  # a story that broke a rule already is told no further
                self.town.rest()
                self.town.grounds_end()
                self.town.searched()
        finally:
            self.town.close()

    @initialize(
        both=st.booleans(),
        member=st.booleans(),
        mailed=st.booleans(),
        registered=st.booleans(),
        days=COOLING,
        kept=KEPT,
        right=RIGHT,
        whom=ADDRESSED,
        far=FAR,
    )
    def the_story_begins(
        self,
        both: bool,
        member: bool,
        mailed: bool,
        registered: bool,
        days: float,
        kept: str,
        right: Right,
        whom: tuple[str, ...],
        far: int,
    ) -> None:
        """`both`: Aino is known to both companies; `member`: by a project of both; `mailed`: she
        agreed to the newsletter; `registered`: to the joint webinar, agreeing to all; an
        erasure waits for `days` after its approval. She asks for something, of which a ground keeps
        what the system `kept` has, and gets it as `far`."""
        town = self.town
        town.cools(days)
        address = town.have("Ainokukka", "crowst-crm")
        town.have("Eetukukka", "bangeri-crm")
        if both:
            town.have("Ainokukka", "bangeri-crm")
        if member:
            town.join("Ainokukka", "crowst-crm")
        if mailed:
            now = self._tick()
            town.crm["crowst-crm"].subscribes(address, "1001")
            town.oracle.consents("crowst", address, "newsletter", now)
        if registered:
            self._tick()
            town.registers("Ainokukka", HELD, tuple(QUESTIONS))
        town.sync()
        town.oracle.at_rest(town.shown())
        self._asked("Ainokukka", right, whom, 0, far, kept)

    # requests

    @rule(who=ASKS, right=RIGHT, whom=ADDRESSED, pick=PICK, far=FAR)
    def asks(self, who: str, right: Right, whom: tuple[str, ...], pick: int, far: int) -> None:
        """Under the present address, or a former one (`pick`); it is received (1), identified and
        approved (2), carried out (3), answered (4)."""
        self._asked(who, right, whom, pick, far)

    def _asked(
        self,
        who: str,
        right: Right,
        whom: tuple[str, ...],
        pick: int,
        far: int,
        kept: str = "",
    ) -> None:
        self._tick()
        town = self.town
        present = town.of(who)
        mine = [a for a, human in town.oracle.human_of.items() if human == who]
        address = mine[pick % len(mine)] if pick > 14 else present
        corrections = {}
        if right is Right.RECTIFICATION:
            name = ("last_name", "company", "job_title")[pick % 3]
            corrections = {name: town.value(whom[0], name)}
            for controller in whom:
                town.oracle.owns(controller, corrections[name])
        town.opens(right, who, address, whom, corrections)
        number = max(town.law.asked)
        if kept and right is Right.ERASURE:
            self._identified(number)
            town.exempts(number, kept, ExemptionGround.ACCOUNTING, 20)
        if far > 1:
            self._approved(number)
        if far > 2:
            town.works()
        if far > 3:
            town.sync()
            town.works()
            self._tended()

    def _identified(self, number: int) -> None:
        if self.town.desk.row(number).state == "identity_pending":
            self.town.decides(lambda: self._identify(number))

    def _approved(self, number: int) -> None:
        town = self.town
        self._identified(number)
        for actor in ("cli:handler", "cli:handler", "cli:second", "cli:second"):
            town.approves(number, actor)  # each clicks twice

    def _tended(self) -> None:
        self.town.judges_matches()
        self.town.confirms()
        self.town.works()
        for number in list(self.town.law.asked):
            self.town.closes(number)

    @rule(pick=PICK, then=st.booleans())
    def is_identified_and_approved(self, pick: int, then: bool) -> None:
        """`then`: and what is to be done is done."""
        self._tick()
        town = self.town
        number = self._one(pick, "identity_pending", "planned")
        if number is None:
            return
        self._approved(number)
        if then:
            town.works()

    @rule(
        pick=PICK,
        system=SYSTEM,
        ground=st.sampled_from(tuple(ExemptionGround)),
        days=st.sampled_from((1, 5, 40)),
    )
    def a_ground_keeps_something(
        self, pick: int, system: str, ground: ExemptionGround, days: int
    ) -> None:
        """Of an erasure that is not approved yet, or waits to be approved anew."""
        self._tick()
        number = self._one(pick, "planned")
        if number is not None and self.town.law.asked[number].right == Right.ERASURE:
            self.town.exempts(number, system, ground, days)

    @rule()
    def the_time_to_think_it_over_passes(self) -> None:
        self.town.waits_for_cooling()

    @rule(pick=PICK, actor=HANDLER)
    def is_identified_or_approved_by_one(self, pick: int, actor: str) -> None:
        self._tick()
        if (number := self._one(pick, "identity_pending")) is not None:
            self.town.decides(lambda: self._identify(number))
        elif (number := self._one(pick, "planned")) is not None:
            self.town.approves(number, actor)

    @rule(pick=PICK, what=st.sampled_from(("hold", "release", "withdraw", "retry", "lift")))
    def a_handler_decides(self, pick: int, what: str) -> None:
        self._tick()
        town, actor = self.town, "cli:handler"
        number = self._one(pick)
        deployment = town.world.deployment
        if what == "lift":
            done = [n for n, one in town.law.asked.items() if one.right == "restriction"]
            if done:
                town.lifts(done[pick % len(done)])
        elif number is not None and what == "withdraw":
            town.decides(lambda: decide.withdraw(deployment, number, actor))
        elif number is not None and what == "retry":
            town.decides(lambda: decide.retry(deployment, number, actor))
        elif number is not None:
            on = what == "hold"
            town.decides(lambda: decide.hold(deployment, number, actor, on=on, reason=NOTE))

    @rule()
    def a_handler_tends_to_what_waits(self) -> None:
        """Weak matches are judged, manual tasks confirmed, people told."""
        self._tick()
        self._tended()

    @rule()
    def a_handler_admits_whoever_returned(self) -> None:
        self._tick()
        self.town.admits()

    @rule(
        who=WHO,
        rights=st.tuples(RIGHT, RIGHT),
        whom=st.tuples(ADDRESSED, ADDRESSED),
        pick=PICK,
        stretches=st.lists(st.integers(1, 4), min_size=1, max_size=5),
    )
    def two_requests_are_worked_on_at_once(
        self,
        who: str,
        rights: tuple[Right, Right],
        whom: tuple[tuple[str, ...], tuple[str, ...]],
        pick: int,
        stretches: list[int],
    ) -> None:
        """Of one human, by two workers of whom now one and now the other makes a few steps."""
        for right, asked in zip(rights, whom, strict=True):
            self._asked(who, right, asked, pick, 2)
        self.town.works_at_once(stretches)

    # time and trouble

    @rule(
        system=SYSTEM,
        kind=st.sampled_from(FAULTS),
        route=st.sampled_from(ROUTES),
        n=st.integers(1, 5),
    )
    def the_vendor_fails(self, system: str, kind: str, route: str, n: int) -> None:
        if kind == "search-lag":
            self.town.fault(system, kind, "", n, 20)
        else:
            self.town.fault(system, kind, route, n)

    @rule(system=SYSTEM, on=st.booleans())
    def a_system_is_taken_out_of_use(self, system: str, on: bool) -> None:
        self.town.disable(system, on=on)

    @rule(days=st.sampled_from((1.1, 8.0, 31.0)))
    def days_pass_and_the_hub_watches(self, days: float) -> None:
        self.town.watches(days)

    @rule(
        how=st.sampled_from(("edited", "removed", "truncated", "exchanged")), at=st.integers(0, 99)
    )
    def somebody_changes_the_log(self, how: str, at: int) -> None:
        """And takes it back, once it was found."""
        town = self.town
        with town.world.deployment.database.connect() as connection:
            connection.begin()
            if audit.head(connection).seq > 1:
                found = tampered(connection, how, at, town.heads)
                if found is None:
                    raise Violation(f"I10: row {at} was {how}, and nobody sees it")
            connection.rollback()

    # the hub

    @rule()
    def tasks_are_carried_out(self) -> None:
        self._tick()
        self.town.works()

    @rule()
    def the_hub_syncs(self) -> None:
        self._tick()
        self.town.sync()

    @rule()
    def everything_comes_to_rest(self) -> None:
        self._tick()
        self.town.rest()

    @rule(step=st.integers(1, 40))
    def the_hub_is_killed_at_its_tasks(self, step: int) -> None:
        self._tick()
        self.town.killed(step, lambda: self.town.desk.work(12))

    @rule(step=st.integers(1, 20))
    def the_hub_is_killed_while_it_syncs(self, step: int) -> None:
        self._tick()
        self.town.killed_at(step)

    @rule(pick=PICK, step=st.integers(1, 6))
    def the_hub_is_killed_while_it_approves(self, pick: int, step: int) -> None:
        self._tick()
        number = self._one(pick, "planned")
        if number is not None:
            town = self.town
            # who approved it already is told to ask somebody else
            town.killed(step, lambda: town.decides(lambda: town.desk.approve(number)))

    def _one(self, pick: int, *states: str) -> int | None:
        desk = self.town.desk
        found = [
            number
            for number, one in self.town.law.asked.items()
            if not one.ended and (not states or desk.row(number).state in states)
        ]
        return found[pick % len(found)] if found else None

    def _identify(self, number: int) -> None:
        by_handler(self.town.world.deployment, number, How.KNOWN_TO_HANDLER, NOTE, "cli:handler")


SOME = settings(QUICK, max_examples=10, stateful_step_count=10)
LONG = settings(QUICK, max_examples=60, stateful_step_count=16)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(2))
def test_histories_of_requests(part: int, logged: list[str]) -> None:
    """In parts, so that they can run side by side."""
    run_state_machine_as_test(seed(SEED + 500 + part)(part_of(RightsHistory)), settings=SOME)
    search(None, logged)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(2))
def test_longer_histories_of_requests(part: int, logged: list[str]) -> None:
    run_state_machine_as_test(seed(SEED + 600 + part)(part_of(RightsHistory)), settings=LONG)
    search(None, logged)


def part_of(machine: type[RightsHistory]) -> type[RightsHistory]:
    """A machine of its own, for a seed is kept on the class."""
    return type("RightsHistory", (machine,), {})
