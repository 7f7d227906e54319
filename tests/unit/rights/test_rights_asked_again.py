"""A second request beside an open one: the same is not opened twice, and nothing asked is lost."""

from __future__ import annotations

from support.accounts import Crm, List
from support.rights_desk import Desk
from support.world import World

from hub.domain.rights import Right
from hub.rights import assess

DAY = 86_400


def test_a_wider_objection_counts_while_a_narrow_one_is_open(
    world: World, desk: Desk, aino: str
) -> None:
    first = desk.open(Right.OBJECTION, aino, purposes=["events"])
    assert desk.open(Right.OBJECTION, aino) != first
    assert desk.open(Right.OBJECTION, aino, purposes=["events"]) == first
    world.sync()
    assert List(world, "crowst-uutiset").status(aino) == "unsubscribed"


def test_who_agrees_and_objects_again_is_refused_again(world: World, desk: Desk, aino: str) -> None:
    crm = Crm(world, "crowst")
    number = desk.open(Right.OBJECTION, aino)
    world.sync()
    desk.work()
    assert desk.row(number).state == "notifying"
    world.clock.advance(DAY)
    crm.subscribes(aino, "1001")
    world.sync(full=True)
    assert (
        List(world, "crowst-uutiset").status(aino) != "unsubscribed"
        or crm.status(aino, "1001") == "SUBSCRIBED"
    )
    world.clock.advance(DAY)
    assert desk.open(Right.OBJECTION, aino) == number  # asked again: answered, and it counts
    assert desk.row(number).state == "executing"
    world.sync()
    desk.work()
    assert desk.row(number).state == "notifying", desk.states(number)
    assert crm.status(aino, "1001") == "UNSUBSCRIBED"


def test_who_is_known_nowhere_and_objects_again_is_refused_again(world: World, desk: Desk) -> None:
    who = "oona.uusi@posti.example"
    number = desk.open(Right.OBJECTION, who)
    desk.work()
    world.clock.advance(DAY)
    List(world, "crowst-uutiset").subscribes(who)
    world.clock.advance(DAY)
    assert desk.open(Right.OBJECTION, who) == number
    desk.work()
    assert List(world, "crowst-uutiset").status(who) == "unsubscribed", desk.states(number)


def test_a_second_correction_is_a_request_of_its_own(world: World, desk: Desk, aino: str) -> None:
    first = desk.open(Right.RECTIFICATION, aino, corrections={"last_name": "Laine"})
    second = desk.open(Right.RECTIFICATION, aino, corrections={"phone": "+358409999999"})
    assert first != second
    assert desk.open(Right.RECTIFICATION, aino, corrections={"last_name": "Laine"}) == first
    for number in (first, second):
        desk.identify(number)
        desk.approve(number)
    desk.work()
    crm = Crm(world, "crowst")
    assert (crm.value(aino, "last_name"), crm.value(aino, "phone")) == ("Laine", "+358409999999")


def test_a_further_address_is_looked_for_too(desk: Desk, aino: str) -> None:
    first = desk.open(Right.ERASURE, aino)
    assert desk.open(Right.ERASURE, aino, also_known_as=["toinen@posti.example"]) != first
    assert desk.open(Right.ERASURE, aino, also_known_as=[aino]) == first


def test_what_is_written_the_second_time_is_kept(desk: Desk, aino: str) -> None:
    number = desk.open(Right.ACCESS, aino, message="Mitä tiedätte?")
    assert desk.open(Right.ACCESS, aino, message="Vastatkaa jo!") == number
    case = assess.casefile(desk.deployment, desk.row(number))
    assert [one["text"] for one in case.notes] == ["Vastatkaa jo!"]
