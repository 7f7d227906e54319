"""What people and staff do in stories of requests, behind the hub's back."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from properties.rights_town import RightsTown
from properties.town import CRMS, PLACES, owner
from support.accounts import AUDIENCES, QUESTIONS, TOPICS, WEBINARS

PEOPLE = ("Ainokukka", "Eetukukka")
WHO = st.sampled_from(PEOPLE)
PLACE = st.sampled_from(PLACES)
BACK = st.sampled_from((*PLACES, *WEBINARS))
AUDIENCE = st.sampled_from(tuple(AUDIENCES))
CRM = st.sampled_from(CRMS)
WEBINAR = st.sampled_from(tuple(WEBINARS))
ANSWERS = st.sets(st.sampled_from(tuple(QUESTIONS)))
FIELD = st.sampled_from(("last_name", "company", "job_title"))


class OfPeople(RuleBasedStateMachine):
    """What happens to the accounts in the town."""

    def __init__(self) -> None:
        super().__init__()
        self.town = RightsTown()

    def _tick(self) -> Any:
        self.town.clock.advance(7)
        return self.town.clock.now()

    # people and staff

    @rule(who=WHO, audience=AUDIENCE)
    def fills_in_the_mailers_form(self, who: str, audience: str) -> None:
        now, town = self._tick(), self.town
        controller, purpose = AUDIENCES[audience]
        address = town.record(who, audience) or town.of(who)
        town.oracle.owns(controller, address)
        town.law.own_records.add((controller, who))
        town.list[audience].subscribes(address, **town.values(who, controller))
        town.oracle.consents(controller, address, purpose, now)
        town.law.acts.append((now, audience, who))
        town._remember()

    @rule(who=WHO, crm=CRM)
    def ticks_a_box_in_the_crms_form(self, who: str, crm: str) -> None:
        now, town = self._tick(), self.town
        address = town.have(who, crm)
        topic = next(one for one, about in TOPICS[owner(crm)].items() if about == "newsletter")
        town.crm[crm].subscribes(address, topic)
        town.oracle.consents(owner(crm), address, "newsletter", now)
        town.law.acts.append((now, crm, who))

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
            town.law.acts.append((town.clock.now(), place, who))

    @rule(who=WHO, place=PLACE, name=FIELD)
    def staff_edits(self, who: str, place: str, name: str) -> None:
        self._tick()
        town = self.town
        address, value = town.have(who, place), town.value(owner(place), name)
        town.law.values.setdefault((owner(place), who), set()).add(value)
        if place in CRMS:
            town.crm[place].edit(town.crm[place].id_of(address) or "", **{name: value})
        else:
            town.list[place].edit(address, **{name: value})
        for record, held, _ in town._everything():
            if held == address:
                town.edited(record)

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

    # the joint webinars

    @rule(who=WHO, webinar=WEBINAR, yes=ANSWERS, read=st.booleans())
    def registers(self, who: str, webinar: str, yes: set[str], read: bool) -> None:
        """`read`: the hub sees it at once."""
        self._tick()
        self.town.registers(who, webinar, sorted(yes))
        if read:
            self.town.sync()

    @rule(who=WHO, webinar=WEBINAR, act=st.sampled_from(("cancel", "approve", "deny", "delete")))
    def a_registration_is(self, who: str, webinar: str, act: str) -> None:
        self._tick()
        self.town.hall.decide(who, webinar, act)

    @rule(webinar=WEBINAR, came=st.sets(WHO))
    def a_webinar_is_held(self, webinar: str, came: set[str]) -> None:
        self._tick()
        self.town.hall.hold(webinar, sorted(came))

    @rule(who=WHO, place=BACK, how=st.sampled_from(("lag", "import", "form")), read=st.booleans())
    def who_was_erased_is_back(self, who: str, place: str, how: str, read: bool) -> None:
        """By lag, by staff or by an act of their own; `read`: the hub sees it at once."""
        self._tick()
        if how == "lag":
            self.town.returns(who, place)
        elif place in WEBINARS:
            self.town.registers(who, place, ())
        elif how == "form" and place in AUDIENCES:
            self.fills_in_the_mailers_form(who, place)
        else:
            self.town.have(who, place)
        if read:
            self.town.sync()
