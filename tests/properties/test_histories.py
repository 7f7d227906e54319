"""Random histories of two humans against the oracle (DESIGN section 5, issue 2 "must show" 2).

Each rule prints what happens and to whom; a failure shrinks to a story of a few lines.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from properties.ledger import search
from properties.oracle import purposes_of
from properties.town import (
    AFTER_ITS_END,
    BEFORE_IT_BEGINS,
    CRMS,
    FIELDS,
    MEANWHILE,
    PLACES,
    SYSTEMS,
    Town,
    owner,
)
from support.accounts import AUDIENCES, CONTROLLERS, QUESTIONS, TOPICS, WEBINARS

WHO = st.sampled_from(("Ainokukka", "Eetukukka"))  # few, so that they meet often
PLACE = st.sampled_from(PLACES)
AUDIENCE = st.sampled_from(tuple(AUDIENCES))
CRM = st.sampled_from(CRMS)
WEBINAR = st.sampled_from(tuple(WEBINARS))
WHEN = st.sampled_from(("meanwhile", "meanwhile", "before", "afterwards"))
ANSWERS = st.sets(st.sampled_from(tuple(QUESTIONS)))
CONTROLLER = st.sampled_from(CONTROLLERS)
PURPOSE = st.sampled_from(("newsletter", "events"))
FAULTS = ("429", "500", "403", "drop", "drop-after", "torn", "empty", "partial")
ROUTES = ("", "batch/up", "statuses/batch/write", "{member}", "{list}$", "registrants", "past")


class History(RuleBasedStateMachine):
    """What happens in the town, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.town = Town(BEFORE_IT_BEGINS)

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:  # a story that broke a rule already is told no further
                self.town.rest()
                self.town.searched()
        finally:
            self.town.close()

    def _tick(self) -> Any:
        self.town.clock.advance(7)
        return self.town.clock.now()

    @initialize(known=st.booleans(), member=st.booleans(), when=WHEN)
    def the_story_begins(self, known: bool, member: bool, when: str) -> None:
        """`known`: the hub has met everybody; `member`: one is of both companies by the project;
        `when`: before the joint project begins, meanwhile, or after its end."""
        town = self.town
        if when != "before":
            town.wait_until(MEANWHILE)
        if known:
            for who, crm in (("Ainokukka", "crowst-crm"), ("Eetukukka", "bangeri-crm")):
                town.have(who, crm)
        if member:
            town.join("Ainokukka", "crowst-crm")
        if known or member:
            town.sync()
        if when == "afterwards":
            town.wait_until(AFTER_ITS_END)

    # people

    @rule(who=WHO, audience=AUDIENCE)
    def fills_in_the_mailers_form(self, who: str, audience: str) -> None:
        now, town = self._tick(), self.town
        controller, purpose = AUDIENCES[audience]
        address = town.record(who, audience) or town.of(who)
        town.oracle.owns(controller, address)
        town.list[audience].subscribes(address, **town.values(who, controller))
        town.oracle.consents(controller, address, purpose, now)

    @rule(who=WHO, crm=CRM, purpose=PURPOSE)
    def ticks_a_box_in_the_crms_form(self, who: str, crm: str, purpose: str) -> None:
        now, town = self._tick(), self.town
        address = town.have(who, crm)
        town.crm[crm].subscribes(address, _topic(crm, purpose))
        town.oracle.consents(owner(crm), address, purpose, now)

    @rule(who=WHO, place=PLACE, purpose=PURPOSE)
    def withdraws(self, who: str, place: str, purpose: str) -> None:
        now, town = self._tick(), self.town
        address = town.have(who, place)
        if place in CRMS:
            town.crm[place].withdraws(address, _topic(place, purpose))
        else:
            if town.list[place].status(address) == "unsubscribed":
                return  # already: a second click leaves no trace at the vendor
            town.list[place].act(address, "unsubscribe")
            purpose = AUDIENCES[place][1]
        town.oracle.refuses(owner(place), address, purpose, now)

    @rule(who=WHO, crm=CRM)
    def unsubscribes_from_everything(self, who: str, crm: str) -> None:
        now, town = self._tick(), self.town
        address = town.have(who, crm)
        if (address, "") in town.crm[crm].box.account.opted_out:
            return  # already: once more leaves no trace at the vendor
        town.crm[crm].opts_out(address)
        for purpose in purposes_of(crm, "", "*"):
            town.oracle.refuses(owner(crm), address, purpose, now)

    @rule(who=WHO, place=PLACE)
    def has_a_new_address(self, who: str, place: str) -> None:
        self._tick()
        town = self.town
        old = town.have(who, place)
        new = town.fresh_address(who)
        town.oracle.owns(owner(place), new)
        if place in CRMS:
            town.crm[place].edit(town.crm[place].id_of(old) or "", email=new)
        else:
            town.list[place].moves(old, new)

    @rule(who=WHO, audience=AUDIENCE)
    def bounces(self, who: str, audience: str) -> None:
        self._tick()
        self.town.list[audience].act(self.town.have(who, audience), "bounce")

    # staff

    @rule(who=WHO, crm=CRM, customer=st.booleans())
    def staff_adds_a_contact(self, who: str, crm: str, customer: bool) -> None:
        self._tick()
        town = self.town
        address = town.have(who, crm)
        if customer:
            town.crm[crm].edit(town.crm[crm].id_of(address) or "", lifecycle="customer")

    @rule(who=WHO, audience=AUDIENCE)
    def staff_imports_a_subscriber(self, who: str, audience: str) -> None:
        self._tick()
        town = self.town
        if town.list[audience].member(town.of(who)) is None:
            controller = owner(audience)
            town.oracle.owns(controller, town.of(who))
            town.list[audience].add(town.of(who), **town.values(who, controller))

    @rule(who=WHO, place=PLACE, purpose=PURPOSE)
    def staff_sets_subscribed(self, who: str, place: str, purpose: str) -> None:
        self._tick()
        town = self.town
        address = town.have(who, place)
        if place in CRMS:
            town.crm[place].staff_subscribes(address, _topic(place, purpose))
        else:
            town.list[place].act(address, "staff-subscribe")

    @rule(who=WHO, place=PLACE, name=st.sampled_from(FIELDS))
    def staff_edits(self, who: str, place: str, name: str) -> None:
        self._tick()
        town = self.town
        address, value = town.have(who, place), town.value(owner(place), name)
        if place in CRMS:
            town.crm[place].edit(town.crm[place].id_of(address) or "", **{name: value})
        else:
            town.list[place].edit(address, **{name: value})

    @rule(who=WHO, place=PLACE)
    def staff_archives(self, who: str, place: str) -> None:
        self._tick()
        town = self.town
        address = town.record(who, place)
        if address and place in CRMS:
            town.crm[place].archive(town.crm[place].id_of(address) or "")
        elif address:
            town.list[place].act(address, "archive")

    @rule(who=WHO, place=PLACE)
    def staff_deletes(self, who: str, place: str) -> None:
        self._tick()
        town = self.town
        address = town.record(who, place)
        if address and place in CRMS:
            town.crm[place].delete(town.crm[place].id_of(address) or "")
        elif address:
            town.list[place].act(address, "delete")

    @rule(who=WHO, crm=CRM, before=st.booleans())
    def staff_merges_a_duplicate(self, who: str, crm: str, before: bool) -> None:
        """`before`: the hub has met the duplicate before it is merged."""
        self._tick()
        kept, added = self.town.doubles(who, crm)
        if before:
            self.town.run(crm)
            self._tick()
        self.town.crm[crm].merge(kept, added)

    @rule(who=WHO, place=PLACE)
    def joins_the_project(self, who: str, place: str) -> None:
        self._tick()
        self.town.join(who, place)

    @rule(who=WHO, place=PLACE)
    def leaves_the_project(self, who: str, place: str) -> None:
        self._tick()
        self.town.leave(who, place)

    # the joint webinars

    @rule(who=WHO, webinar=WEBINAR, yes=ANSWERS)
    def registers(self, who: str, webinar: str, yes: set[str]) -> None:
        self._tick()
        self.town.hall.register(who, webinar, self.town.of(who), sorted(yes))

    @rule(who=WHO, webinar=WEBINAR, act=st.sampled_from(("cancel", "approve", "deny", "delete")))
    def a_registration_is(self, who: str, webinar: str, act: str) -> None:
        self._tick()
        self.town.hall.decide(who, webinar, act)

    @rule(webinar=WEBINAR, came=st.sets(WHO))
    def a_webinar_is_held(self, webinar: str, came: set[str]) -> None:
        self._tick()
        self.town.hall.hold(webinar, sorted(came))

    @rule(who=WHO, audience=AUDIENCE)
    def gets_and_opens_a_mailing(self, who: str, audience: str) -> None:
        now, town = self._tick(), self.town
        address, campaign = town.have(who, audience), f"c{now:%j%H%M%S}"
        town.list[audience].act(address, "send", campaign=campaign, to=[address])
        self._tick()
        town.list[audience].act(address, "open", campaign=campaign)

    # the law

    @rule(who=WHO, controller=CONTROLLER)
    def is_erased(self, who: str, controller: str) -> None:
        self._tick()
        self.town.erase(controller, who)

    @rule(who=WHO, controller=CONTROLLER)
    def is_restricted(self, who: str, controller: str) -> None:
        self._tick()
        self.town.restrict(controller, self.town.of(who))

    # time and trouble

    @rule(seconds=st.sampled_from((30, 200, 4000, 90_000, 8 * 86_400)))
    def time_passes(self, seconds: int) -> None:
        self.town.clock.advance(seconds)

    @rule()
    def the_project_begins_or_ends(self) -> None:
        begins = self.town.clock.now() < MEANWHILE
        self.town.wait_until(MEANWHILE if begins else AFTER_ITS_END)

    @rule(
        system=st.sampled_from(SYSTEMS),
        kind=st.sampled_from(FAULTS),
        route=st.sampled_from(ROUTES),
        times=st.integers(1, 5),
    )
    def the_vendor_fails(self, system: str, kind: str, route: str, times: int) -> None:
        self.town.fault(system, kind, route, times)

    @rule(crm=CRM)
    def search_lags(self, crm: str) -> None:
        self.town.fault(crm, "search-lag", "", 5, 20)

    # the hub

    @rule(system=st.sampled_from(SYSTEMS))
    def the_hub_runs(self, system: str) -> None:
        self._tick()
        self.town.run(system)

    @rule()
    def the_hub_syncs(self) -> None:
        self._tick()
        self.town.sync()

    @rule()
    def the_hub_comes_to_rest(self) -> None:
        self._tick()
        self.town.rest()

    @rule(step=st.integers(1, 30))
    def the_hub_is_killed(self, step: int) -> None:
        self._tick()
        self.town.killed_at(step)


def _topic(crm: str, purpose: str) -> str:
    return next(topic for topic, about in TOPICS[owner(crm)].items() if about == purpose)


QUICK = settings(
    max_examples=50,
    stateful_step_count=8,
    deadline=None,
    database=None,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)
LONG = settings(QUICK, max_examples=150, stateful_step_count=30)
SEED = int(os.environ.get("HUB_HISTORIES_SEED", "0"))
"""The same stories every time, so that a check of one change never fails for another's sake; set
it to anything else to tell new ones."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "part", [0, 1, pytest.param(2, marks=pytest.mark.long), pytest.param(3, marks=pytest.mark.long)]
)
def test_two_hundred_histories(part: int, logged: list[str]) -> None:
    """In four parts, so that they can run side by side; each takes half a minute or so."""
    run_state_machine_as_test(seed(SEED + part)(part_of(History)), settings=QUICK)
    search(None, logged)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(2))
def test_longer_histories(part: int, logged: list[str]) -> None:
    run_state_machine_as_test(seed(SEED + 100 + part)(part_of(History)), settings=LONG)
    search(None, logged)


def part_of(machine: type[History]) -> type[History]:
    """A machine of its own, for a seed is kept on the class."""
    return type("History", (machine,), {})
