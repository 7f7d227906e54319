"""An objection reaches what no sync has read yet, and does not end while they may be mailed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.accounts import Crm, List, Webinar
from support.rights_desk import Desk
from support.world import World

from hub.domain.landscape import Direction
from hub.domain.rights import Right
from hub.store import deliveries, people, requests, subjects
from hub.testing.world import ASKS_BOTH, HELD, LIVE_PROJECT
from hub.vault.database import read_only

OONA = "oona.uusi@posti.example"
EVENTS = "crowst-tapahtumat"
MAILER = "crowst-mailer"


def test_who_is_only_in_a_tool_is_looked_for_and_refused_there(world: World, desk: Desk) -> None:
    List(world, "crowst-uutiset").add(OONA)  # an import that no sync has read
    number = desk.open(Right.OBJECTION, OONA)
    desk.work()
    assert desk.states(number)[MAILER] == "verified"
    assert desk.states(number)["crowst-crm"] == "not_held"
    assert List(world, "crowst-uutiset").status(OONA) == "unsubscribed"


@pytest.mark.parametrize("known", [True, False])
def test_another_address_that_they_named_is_refused_before_it_is_known(
    world: World, desk: Desk, known: bool
) -> None:
    crm = Crm(world, "crowst")
    if known:
        crm.add("oona@tyopaikka.example", first_name="Oona")
        world.sync()
    desk.open(Right.OBJECTION, "oona@tyopaikka.example", also_known_as=[OONA])
    world.clock.advance(3600)
    crm.add(OONA, first_name="Oona", lifecycle="customer")
    world.sync()
    assert crm.id_of(OONA)
    assert List(world, "crowst-uutiset").status(OONA) is None


def test_another_list_of_the_same_tool_is_refused_too(world: World, desk: Desk, aino: str) -> None:
    List(world, EVENTS).add(aino)  # not read yet
    number = desk.open(Right.OBJECTION, aino)
    world.sync(full=False)
    desk.work()
    assert desk.states(number)[MAILER] == "verified"
    assert List(world, EVENTS).status(aino) == "unsubscribed"


def test_a_record_in_review_is_refused_by_its_address(world: World, desk: Desk, aino: str) -> None:
    List(world, EVENTS).add(aino, first_name="Pekka", last_name="Virtanen")
    world.sync(full=True)
    number = desk.open(Right.OBJECTION, aino)
    world.sync(full=True)
    desk.work()
    assert List(world, EVENTS).status(aino) == "unsubscribed", desk.states(number)
    assert desk.row(number).state == "notifying", desk.states(number)


def test_an_answer_that_was_lost_is_read_back(
    world: World, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    List(world, "crowst-uutiset").add(OONA)
    number = desk.open(Right.OBJECTION, OONA)
    mailer = desk.opened(MAILER).connector
    real = mailer.write_consents

    def lost(stream: str, batch: object) -> object:
        real(stream, batch)
        monkeypatch.setattr(mailer, "write_consents", real)
        raise ValueError("the answer was lost")

    monkeypatch.setattr(mailer, "write_consents", lost)
    before = world.writes()[MAILER]
    desk.work()
    assert desk.states(number)[MAILER] == "verified"
    assert world.writes()[MAILER] == before + 1
    with read_only(desk.deployment.database).connect() as connection:
        task = desk.tasks(number)[MAILER, "records"].id
        (sent,) = deliveries.of_task(connection, task)
    assert (sent.state, sent.reason, sent.purposes) == ("done", "read-back", "newsletter")


def test_what_the_hub_may_only_read_is_for_a_person(world: World, desk: Desk, aino: str) -> None:
    opened = desk.opened(MAILER)
    stream = opened.system.streams[0]
    topics = tuple(replace(one, direction=Direction.READ) for one in stream.topics)
    system = replace(opened.system, streams=(replace(stream, topics=topics),))
    desk.deployment.systems[MAILER] = replace(opened, system=system)
    number = desk.open(Right.OBJECTION, aino)
    desk.work()
    assert desk.states(number)[MAILER] == "awaiting_external: refusal-by-hand"
    desk.confirm(number)
    assert desk.states(number)[MAILER] == "confirmed: refusal-by-hand"


def test_who_agrees_again_afterwards_is_not_refused_by_a_late_task(
    world: World, desk: Desk
) -> None:
    number = desk.open(Right.OBJECTION, OONA)
    world.clock.advance(3600)
    List(world, "crowst-uutiset").subscribes(OONA)
    desk.work()
    assert List(world, "crowst-uutiset").status(OONA) == "subscribed", desk.states(number)


def test_another_purpose_stays(world: World, desk: Desk) -> None:
    List(world, "crowst-uutiset").add(OONA)
    List(world, EVENTS).add(OONA)
    desk.open(Right.OBJECTION, OONA, purposes=["events"])
    desk.work()
    assert List(world, EVENTS).status(OONA) == "unsubscribed"
    assert List(world, "crowst-uutiset").status(OONA) == "subscribed"


def test_a_shared_address_is_refused_in_every_record(world: World, desk: Desk, aino: str) -> None:
    with desk.deployment.database.begin() as connection:
        digest = desk.deployment.identities.email("crowst", aino)
        people.share_identifier(connection, "crowst", "email", digest)
    number = desk.open(Right.OBJECTION, aino)
    world.sync()
    desk.work()
    world.sync(full=True)
    world.clock.advance(3600)
    desk.work()
    assert desk.row(number).state == "notifying", desk.states(number)
    assert Crm(world, "crowst").status(aino, "1001") == "UNSUBSCRIBED"
    assert List(world, "crowst-uutiset").status(aino) == "unsubscribed"


def permitted(desk: Desk, number: int) -> dict[str, set[str]]:
    """Controller -> what its person of the request permits."""
    deployment = desk.deployment
    persons = requests.persons_of(desk.row(number))
    with read_only(deployment.database).connect() as connection:
        loaded = subjects.load(connection, deployment.vault, deployment.identities, persons)
    return {
        one.controller: {
            purpose
            for purpose, permission in one.facts(
                deployment.landscape, deployment.identities
            ).permissions.items()
            if permission.allowed
        }
        for one in loaded.values()
    }


def test_the_profiling_for_marketing_ends_with_it(world: World, desk: Desk, aino: str) -> None:
    Webinar(world, HELD).registers(aino, yes=[ASKS_BOTH], name="Aino Kukkamaa")
    world.sync()
    looked = desk.open(Right.ACCESS, aino)
    desk.identify(looked)
    assert permitted(desk, looked)["crowst"] == {"newsletter", "profiling"}
    number = desk.open(Right.OBJECTION, aino)
    assert permitted(desk, number) == {"crowst": set()}


def test_profiling_for_something_else_goes_on(world: World, desk: Desk, aino: str) -> None:
    Webinar(world, HELD).registers(aino, yes=[ASKS_BOTH], name="Aino Kukkamaa")
    world.sync()
    land = desk.deployment.landscape
    other = replace(land.purposes["profiling"], marketing=False)
    changed = replace(land, purposes={**land.purposes, "profiling": other})
    desk.world.deployment = replace(desk.deployment, landscape=changed)
    number = desk.open(Right.OBJECTION, aino)
    assert permitted(desk, number) == {"crowst": {"profiling"}}


def test_who_objects_to_all_marketing_is_not_handed_on(world: World, desk: Desk) -> None:
    """The joint projects are for marketing; what had crossed before stays the other's."""
    crm, other = Crm(world, "crowst"), Crm(world, "bangeri")
    crm.add(OONA, last_name="Uusi", projects=LIVE_PROJECT)
    world.sync()
    assert other.value(OONA, "last_name") == "Uusi"
    desk.open(Right.OBJECTION, OONA)
    desk.work()
    world.clock.advance(3600)
    crm.edit(crm.id_of(OONA), last_name="Uudempi", job_title="Johtaja")
    world.sync()
    assert other.value(OONA, "last_name") == "Uusi"
    assert other.value(OONA, "job_title") is None


def test_who_objects_to_one_purpose_is_still_the_projects(world: World, desk: Desk) -> None:
    crm, other = Crm(world, "crowst"), Crm(world, "bangeri")
    crm.add(OONA, last_name="Uusi", projects=LIVE_PROJECT)
    world.sync()
    desk.open(Right.OBJECTION, OONA, purposes=["newsletter"])
    desk.work()
    world.clock.advance(3600)
    crm.edit(crm.id_of(OONA), last_name="Uudempi")
    world.sync()
    assert other.value(OONA, "last_name") == "Uudempi"
