"""A joint system whose project is not live: nothing new comes from it, its refusals still count."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.events_world import CRM, FIRST, OTHER, START, WEBINAR, EventsWorld, events_world

from hub.api import Consent, RecordState, Stance
from hub.domain.permission import EventKind
from hub.store import links, people, questions
from hub.sync.explain import explain
from hub.sync.review import CannotDecide, Decision, decide

AINO, EETU = "aino@posti.example", "eetu@posti.example"
AFTER = timedelta(days=60)
BEFORE = timedelta(days=5)
MINUTE = 60.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EventsWorld]:
    with events_world(tmp_path) as made:
        yield made


def over(world: EventsWorld) -> None:
    world.clock.advance(AFTER.total_seconds())


def no(world: EventsWorld, *, timed: bool = True) -> Consent:
    return Consent("news", Stance.NO, world.clock.now() if timed else None, "form")


def linked(world: EventsWorld) -> dict[str, str]:
    found = sa.select(links.link.c.controller, links.link.c.state)
    with world.deployment.database.connect() as connection:
        rows = connection.execute(found.where(links.link.c.system == WEBINAR)).all()
    return {row.controller: row.state for row in rows}


def refused(world: EventsWorld, email: str, controller: str = "crowst") -> list[EventKind]:
    subject = world.person(email, controller)
    assert subject is not None
    return [one.kind for one in subject.events]


def test_nothing_new_comes_after_the_end(world: EventsWorld) -> None:
    over(world)
    yes = Consent("news", Stance.YES, world.clock.now(), "form")
    world.webinar.register("1", AINO, yes, first_name="Aino")
    world.webinar.did("1", "attended")
    report = world.run()
    assert report.read["ended"] == 2
    assert report.quiet
    assert world.run().quiet
    assert (world.person(AINO), world.person(AINO, "bangeri"), linked(world)) == (None, None, {})
    assert world.webinar.asked == [], "its activities are not even read"
    with world.deployment.database.connect() as connection:
        assert questions.aside(connection) == questions.reviews(connection) == []


def test_what_was_read_before_the_start_comes_when_it_starts(tmp_path: Path) -> None:
    with events_world(tmp_path) as world:
        world.clock.advance(-BEFORE.total_seconds())
        world.webinar.register("1", AINO)
        world.webinar.did("1", "registered")
        world.clock.advance(MINUTE)
        world.webinar.register("2", EETU)  # the cursor is past the first when the project starts
        assert world.run().quiet
        assert world.person(AINO) is None
        world.clock.advance(BEFORE.total_seconds())
        world.run()
        subject = world.person(AINO)
        assert subject is not None
        assert subject.memberships == {"syksy": {f"{WEBINAR}/{FIRST}"}}
        assert world.kinds(AINO) == ["registered"]


def test_what_is_linked_stays_so_and_learns_nothing(world: EventsWorld) -> None:
    world.webinar.register("1", AINO, first_name="Aino")
    assert world.sync()
    before = world.tools[OTHER].written.copy()
    over(world)
    world.webinar.register("1", AINO, first_name="Aino Maria")
    world.webinar.did("1", "attended")
    assert world.sync()
    subject = world.person(AINO)
    assert subject is not None
    assert subject.profile["first_name"].value == "Aino"
    assert linked(world) == {"crowst": "live", "bangeri": "live"}
    assert world.kinds(AINO) == []
    assert world.tools[OTHER].written == before
    assert world.run(full=True).quiet


def test_a_consent_given_there_after_the_end_counts_for_nothing(world: EventsWorld) -> None:
    world.webinar.register("1", AINO)
    world.run()
    over(world)
    world.webinar.register("1", AINO, no(world))
    world.run()
    assert refused(world, AINO) == [EventKind.WITHDRAWAL]
    world.clock.advance(MINUTE)
    world.webinar.register("1", AINO, Consent("news", Stance.YES, world.clock.now(), "form"))
    assert world.run().quiet
    assert refused(world, AINO) == [EventKind.WITHDRAWAL]


def test_a_cancellation_after_the_end_still_ends_the_membership(world: EventsWorld) -> None:
    world.webinar.register("1", AINO)
    world.run()
    over(world)
    world.webinar.register("1", AINO, state=RecordState.ARCHIVED)
    world.run()
    subject = world.person(AINO)
    assert subject is not None
    assert subject.memberships == {}
    assert linked(world) == {"crowst": "archived", "bangeri": "archived"}
    assert world.run().quiet


@pytest.mark.parametrize("timed", [True, False])
def test_a_refusal_of_a_linked_person_counts_once(world: EventsWorld, *, timed: bool) -> None:
    world.webinar.register("1", AINO)
    world.run()
    over(world)
    world.webinar.register("1", AINO, no(world, timed=timed))
    world.run()
    assert refused(world, AINO) == [EventKind.WITHDRAWAL]
    assert refused(world, AINO, "bangeri") == [], "the topic is crowst's"
    world.clock.advance(MINUTE)
    assert world.run(full=True).quiet
    assert refused(world, AINO) == [EventKind.WITHDRAWAL]


def test_a_refusal_of_a_known_person_without_a_link_counts_once(world: EventsWorld) -> None:
    world.tools[CRM].register("c1", AINO, scope="", first_name="Somebody")
    world.run(CRM)
    over(world)
    world.webinar.register("1", AINO, no(world), first_name="Aino")
    world.run()
    assert refused(world, AINO) == [EventKind.WITHDRAWAL]
    assert world.run(full=True).quiet
    assert linked(world) == {}
    with world.deployment.database.connect() as connection:
        assert questions.reviews(connection) == [], "whose record it is matters to nobody"


def test_a_refusal_of_somebody_unknown_waits_for_the_person(world: EventsWorld) -> None:
    over(world)
    world.webinar.register("1", AINO, no(world, timed=False))
    world.run()
    with world.deployment.database.connect() as connection:
        (first,) = connection.execute(sa.select(people.refusal)).all()
    world.clock.advance(MINUTE)
    world.run(full=True)
    with world.deployment.database.connect() as connection:
        (again,) = connection.execute(sa.select(people.refusal)).all()
    assert again.seen_at == first.seen_at, "without a time it counts from when it was first seen"
    world.tools[CRM].register("c1", AINO, scope="")
    world.run(CRM)
    assert refused(world, AINO) == [EventKind.WITHDRAWAL]


def test_a_handler_links_nothing_either(world: EventsWorld) -> None:
    world.tools[CRM].register("c1", AINO, scope="", first_name="Eetu")
    world.run(CRM)
    world.webinar.register("1", AINO, first_name="Aino")
    world.run()
    with world.deployment.database.connect() as connection:
        (review,) = questions.reviews(connection)
    over(world)
    with pytest.raises(CannotDecide, match="syksy is not live"):
        decide(world.deployment, review.id, Decision.NEW, "test")
    decide(world.deployment, review.id, Decision.IGNORE, "test")


def test_explain_says_so(world: EventsWorld) -> None:
    world.webinar.register("1", AINO)
    world.run()
    for expected in (False, True):
        subject = world.person(AINO)
        assert subject is not None
        with world.deployment.database.connect() as connection:
            told = explain(connection, world.deployment, subject)
        notes = {one.system: one.note for one in told.places if one.record}
        assert ("only its refusals count" in notes[WEBINAR]) is expected
        over(world)


def test_a_system_of_one_company_goes_on(world: EventsWorld) -> None:
    over(world)
    world.tools[CRM].register("c1", EETU, scope="")
    assert world.run(CRM).read["new-person"] == 1
    assert world.clock.now() > START + AFTER / 2
