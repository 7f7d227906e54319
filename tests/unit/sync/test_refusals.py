"""Refusals on their way: echoes that are none, joint topics, unclear records, waiting addresses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from support.accounts import Crm, List
from support.events_world import CONFIG, EventsWorld, events_world
from support.world import World
from unit.domain.scene import NOW, landscape

from hub.api import Consent, Record, Ref, Stance
from hub.domain.landscape import (
    CreatePolicy,
    Direction,
    Effect,
    Schedule,
    Stream,
    System,
    TopicMap,
)
from hub.domain.permission import EventKind
from hub.store.documents import Shadow, stated
from hub.sync.consents import Heard, listen
from hub.sync.observe import Seen

AINO = "aino@posti.example"
TOPIC = TopicMap("news", "", (Effect("crowst", "newsletter"),))


def hear(
    consent: Consent,
    shadow: Shadow,
    topic: TopicMap = TOPIC,
    *beside: Consent,
    after: timedelta = timedelta(0),
) -> Heard:
    stream = Stream("contacts", Direction.BOTH, ("",), CreatePolicy.ALWAYS, (), (topic,))
    system = System("crowst-crm", "acme", ("crowst",), None, "FI", "", Schedule(), (stream,))
    said = (consent, *beside)
    record = Record(Ref("contacts", "", "1"), "1", {}, consents=said)
    seen = Seen(record, "crowst", b"", stated(said))
    return listen(landscape(), system, stream, "crowst", shadow, seen, NOW + after)


def kinds(heard: Heard) -> list[EventKind]:
    return [event.kind for event, _ in heard.events]


NO, YES = Stance.NO, Stance.YES


@pytest.mark.parametrize("other", [Stance.UNDELIVERABLE, YES, Stance.UNSTATED])
@pytest.mark.parametrize("first", [True, False])
def test_a_refusal_is_hidden_by_nothing_that_is_told_beside_it(other: Stance, first: bool) -> None:
    """A connector should tell of each topic once; where it does not, the person's no counts."""
    refusal, beside = Consent("news", NO, NOW), Consent("news", other)
    shadow = Shadow(consents={"news": (other.value, None, None)})
    told = (refusal, beside) if first else (beside, refusal)
    assert kinds(hear(told[0], shadow, TOPIC, told[1])) == [EventKind.WITHDRAWAL]
    assert shadow.consents["news"][0] == "no"


class TestEchoes:
    """Our own write is known by its value when it comes back; an act of the person is none."""

    def after_our(self, stance: Stance) -> Shadow:
        return Shadow(
            consents={"news": (stance.value, None, None)},
            echoes={"news": (stance.value, NOW.isoformat())},
        )

    @pytest.mark.parametrize("late", [timedelta(0), timedelta(minutes=5)])
    def test_our_no_with_the_vendors_time(self, late: timedelta) -> None:
        assert kinds(hear(Consent("news", NO, NOW + late), self.after_our(NO))) == []

    def test_a_later_no(self) -> None:
        later = Consent("news", NO, NOW + timedelta(minutes=6))
        assert kinds(hear(later, self.after_our(NO))) == [EventKind.WITHDRAWAL]

    def test_the_persons_own_no_soon_after_ours(self) -> None:
        soon = Consent("news", NO, NOW + timedelta(minutes=1), "preferences-page")
        assert kinds(hear(soon, self.after_our(NO))) == [EventKind.WITHDRAWAL]

    def test_our_yes(self) -> None:
        assert kinds(hear(Consent("news", YES, NOW), self.after_our(YES))) == []

    def test_the_persons_own_yes_after_ours(self) -> None:
        assert kinds(hear(Consent("news", YES, NOW, "form"), self.after_our(YES))) == [
            EventKind.CONSENT
        ]

    def test_a_no_after_our_yes(self) -> None:
        assert kinds(hear(Consent("news", NO), self.after_our(YES))) == [EventKind.WITHDRAWAL]

    def test_a_no_kept_as_an_unticked_box(self) -> None:
        shadow = Shadow(
            consents={"news": (Stance.UNSTATED.value, None, None)},
            echoes={"news": (NO.value, NOW.isoformat())},
        )
        assert kinds(hear(Consent("news", Stance.UNSTATED, NOW), shadow)) == []

    def test_said_twice_is_heard_once(self) -> None:
        shadow = Shadow()
        assert kinds(hear(Consent("news", NO), shadow)) == [EventKind.WITHDRAWAL]
        assert kinds(hear(Consent("news", NO), shadow)) == []


class TestWhatCounts:
    @pytest.mark.parametrize(
        "consent",
        [
            Consent("news", YES, NOW),
            Consent("news", YES, act="form"),
            Consent("news", Stance.PENDING, NOW),
            Consent("news", Stance.UNSTATED, NOW),
            Consent("other", NO, NOW),
        ],
    )
    def test_nothing(self, consent: Consent) -> None:
        assert kinds(hear(consent, Shadow())) == []

    def test_an_unticked_box_that_the_configuration_says_is_no_refusal(self) -> None:
        topic = TopicMap("news", "", TOPIC.effects, no_counts=False)
        assert kinds(hear(Consent("news", NO), Shadow(), topic)) == []

    def test_a_joint_refusal_binds_both_and_a_consent_only_its_own(self) -> None:
        both = (Effect("crowst", "newsletter"), Effect("bangeri", "newsletter"))
        topic = TopicMap("news", "", both)
        heard = hear(Consent("news", NO, NOW), Shadow(), topic)
        assert kinds(heard) == [EventKind.WITHDRAWAL]
        assert [who for who, _ in heard.joint] == ["bangeri"]
        heard = hear(Consent("news", YES, NOW, "form"), Shadow(), topic)
        assert kinds(heard) == [EventKind.CONSENT]
        assert heard.joint == []

    def test_a_bounce_is_no_wish(self) -> None:
        heard = hear(Consent("news", Stance.UNDELIVERABLE), Shadow())
        assert heard.bounced
        assert kinds(heard) == []


class TestThroughTheTools:
    def test_a_withdrawal_within_minutes_of_our_own_write(self, world: World) -> None:
        """Refused in the mailer, written to the CRM by us, taken back by form, refused again on
        the CRM's own page a minute later: the last word is the person's no."""
        crm, mailer = Crm(world, "crowst"), List(world, "crowst-uutiset")
        crm.add(AINO, first_name="Aino")
        mailer.subscribes(AINO)
        assert world.sync()
        world.clock.advance(60)
        mailer.act(AINO, "unsubscribe")
        assert world.sync()
        assert crm.status(AINO, "1001") == "UNSUBSCRIBED"
        world.clock.advance(60)
        mailer.subscribes(AINO)
        world.clock.advance(60)
        crm.withdraws(AINO, "1001")
        assert world.sync(full=True)
        assert mailer.status(AINO) == "unsubscribed"

    def test_a_consent_travels_and_is_taken_back_everywhere(self, world: World) -> None:
        crm, mailer = Crm(world, "crowst"), List(world, "crowst-uutiset")
        crm.add(AINO, first_name="Aino")
        crm.subscribes(AINO, "1001")
        assert world.sync(full=True)
        assert mailer.status(AINO) == "subscribed"
        world.clock.advance(60)
        crm.withdraws(AINO, "1001")
        assert world.sync(full=True)
        assert mailer.status(AINO) == "unsubscribed"
        world.clock.advance(60)
        crm.subscribes(AINO, "1001")  # back by an own act
        assert world.sync(full=True)
        assert crm.status(AINO, "1001") == "SUBSCRIBED", "our own no there is no new withdrawal"
        # a no found at the destination is left as it is, also where it was our own
        assert mailer.status(AINO) == "unsubscribed"

    def test_an_unclear_record_still_refuses_for_whoever_it_is(self, world: World) -> None:
        """The address is Aino's, the name is not: nothing is linked, the no counts."""
        crm = Crm(world, "crowst")
        crm.add(AINO, first_name="Aino", lifecycle="customer")
        assert world.sync()
        assert crm.status(AINO, "1002") == "SUBSCRIBED"
        tapahtumat = List(world, "crowst-tapahtumat")
        tapahtumat.act(AINO, "delete")
        world.clock.advance(60)
        tapahtumat.subscribes(AINO, first_name="Eetu")
        tapahtumat.act(AINO, "unsubscribe")
        assert world.sync(full=True)
        assert crm.status(AINO, "1002") == "UNSUBSCRIBED"


BOTH = """
          - {topic: both, purpose: newsletter, controllers: [crowst, bangeri], direction: read}"""
JOINT = CONFIG.replace(
    "{topic: news, purpose: newsletter}", "{topic: news, purpose: newsletter}" + BOTH
)


class TestJointAndUnclear:
    """A topic of crowst's CRM that speaks for both companies."""

    @pytest.fixture
    def joint(self, tmp_path: Path) -> Iterator[EventsWorld]:
        with events_world(tmp_path, JOINT) as made:
            yield made

    def allowed(self, joint: EventsWorld, controller: str) -> bool:
        subject = joint.person(AINO, controller)
        assert subject is not None
        facts = subject.facts(joint.deployment.landscape, joint.deployment.identities)
        return facts.permissions["newsletter"].allowed

    def agrees(self, joint: EventsWorld, ago: timedelta) -> None:
        """Aino consents to bangeri's newsletter."""
        yes = Consent("news", YES, joint.clock.now() - ago, "form")
        joint.tools["bangeri-crm"].register("b1", AINO, yes, scope="")

    def refuses(self, joint: EventsWorld, record: str, ago: timedelta, **named: str) -> None:
        no = Consent("both", NO, joint.clock.now() - ago, "form")
        joint.tools["crowst-crm"].register(record, AINO, no, scope="", **named)

    def test_one_of_a_record_whose_person_is_unclear_binds_the_other_company_too(
        self, joint: EventsWorld
    ) -> None:
        joint.tools["crowst-crm"].register("c1", AINO, scope="", first_name="Aino")
        self.agrees(joint, timedelta(0))
        assert joint.sync()
        assert self.allowed(joint, "bangeri")
        joint.clock.advance(60)
        self.refuses(joint, "c2", timedelta(0), first_name="Eetu")
        assert joint.sync()
        assert not self.allowed(joint, "bangeri")
        joint.clock.advance(60)
        assert joint.sync(full=True)
        subject = joint.person(AINO, "bangeri")
        assert subject is not None
        assert sum(one.kind.prohibits for one in subject.events) == 1, "met again, it counts once"

    def test_of_two_that_wait_for_a_person_the_later_stands(self, joint: EventsWorld) -> None:
        """An older one is read after it: the consent between them is no newer act."""
        joint.clock.advance(3600)
        self.refuses(joint, "c1", timedelta(minutes=5))
        joint.run("crowst-crm")
        joint.clock.advance(1)
        self.refuses(joint, "c1", timedelta(minutes=30))
        joint.run("crowst-crm")
        self.agrees(joint, timedelta(minutes=15))
        joint.run("bangeri-crm")
        assert not self.allowed(joint, "bangeri")


@pytest.mark.parametrize("timed", [True, False])
def test_one_that_is_read_after_the_clock_was_set_back_counts(
    tmp_path: Path, *, timed: bool
) -> None:
    with events_world(tmp_path) as world:
        yes = Consent("news", YES, world.clock.now(), "form")
        world.tools["crowst-crm"].register("c1", AINO, yes, scope="")
        world.run("crowst-crm")
        world.clock.advance(-3600)
        no = Consent("news", NO, world.clock.now() if timed else None, "form")
        world.webinar.register("1", AINO, no)
        world.run()
        subject = world.person(AINO)
        assert subject is not None
        facts = subject.facts(world.deployment.landscape, world.deployment.identities)
        assert facts.permissions["newsletter"].rule == "prohibited"


def test_what_an_addresss_owner_refused_counts_for_a_record_that_came_to_have_it(
    tmp_path: Path,
) -> None:
    """Aino agreed; her contact was given the address of somebody who had refused."""
    other = "eetu@posti.example"
    with events_world(tmp_path) as world:
        crm = world.tools["crowst-crm"]
        yes = Consent("news", YES, world.clock.now(), "form")
        crm.register("c1", AINO, yes, scope="", first_name="Aino")
        world.run("crowst-crm")
        world.clock.advance(60)
        no = Consent("news", NO, world.clock.now(), "form")
        world.webinar.register("1", other, no, first_name="Eetu")
        world.run()
        world.clock.advance(60)
        crm.register("c1", other, yes, scope="", first_name="Aino")
        assert world.sync()
        said = {one.topic: one.stance for one in crm.held["", "c1"].consents}
        assert said["news"] is NO


def test_nor_is_a_yes_written_while_that_is_an_open_question(tmp_path: Path) -> None:
    other = "eetu@posti.example"
    with events_world(tmp_path) as world:
        crm = world.tools["crowst-crm"]
        crm.register("c1", AINO, scope="", first_name="Aino")
        crm.register("c2", other, scope="", first_name="Eetu")
        world.run("crowst-crm")
        world.clock.advance(60)
        crm.register("c1", other, scope="", first_name="Aino")
        world.run("crowst-crm")
        world.clock.advance(60)
        yes = Consent("news", YES, world.clock.now(), "form")
        world.webinar.register("1", AINO, yes, first_name="Aino")
        assert world.sync()
        assert crm.held["", "c1"].consents == ()
