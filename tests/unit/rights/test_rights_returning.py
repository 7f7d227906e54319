"""Who was erased and is here again: by lag, by an import, by an act of their own."""

from __future__ import annotations

from support.accounts import Crm, List, Webinar
from support.rights_desk import Desk
from support.world import World

from hub.domain.rights import Right
from hub.store import questions
from hub.sync.review import Decision, decide
from hub.testing.world import HELD
from hub.vault.database import read_only


def _erased(desk: Desk, address: str) -> int:
    number = desk.run(Right.ERASURE, address)
    desk.confirm(number)
    assert desk.row(number).state == "notifying", desk.states(number)
    desk.close(number)
    return number


def _returned(world: World) -> list[int]:
    with read_only(world.deployment.database).connect() as connection:
        return [one.id for one in questions.reviews(connection) if one.kind == "returned"]


def test_an_import_is_erased_again(world: World, desk: Desk, aino: str) -> None:
    number = _erased(desk, aino)
    world.clock.advance(3600)
    Crm(world, "crowst").add(aino, first_name="Aino")
    world.sync(full=True)
    assert _returned(world) == []
    desk.watch(1.1)
    assert Crm(world, "crowst").id_of(aino) is None
    assert desk.row(number).state == "watching"


def test_who_comes_back_by_themselves_waits_for_a_handler(
    world: World, desk: Desk, aino: str
) -> None:
    _erased(desk, aino)
    world.clock.advance(3600)
    List(world, "crowst-uutiset").subscribes(aino, first_name="Aino")
    desk.watch(1.1)  # before the hub has read it
    assert List(world, "crowst-uutiset").status(aino) == "subscribed"
    world.sync(full=True)
    desk.watch(6)
    assert List(world, "crowst-uutiset").status(aino) == "subscribed"
    (review,) = _returned(world)
    decide(world.deployment, review, Decision.IGNORE, "handler")
    desk.watch(25)
    assert List(world, "crowst-uutiset").member(aino) is None


def test_who_was_admitted_stays(world: World, desk: Desk, aino: str) -> None:
    _erased(desk, aino)
    world.clock.advance(3600)
    List(world, "crowst-uutiset").subscribes(aino, first_name="Aino")
    world.sync(full=True)
    (review,) = _returned(world)
    decide(world.deployment, review, Decision.ADMIT, "handler")
    world.sync(full=True)
    assert Crm(world, "crowst").id_of(aino)
    for days in (1.1, 7, 30):
        desk.watch(days)
    world.sync(full=True)
    assert Crm(world, "crowst").id_of(aino)
    assert List(world, "crowst-uutiset").status(aino) == "subscribed"


def test_a_merge_into_an_erased_persons_record_brings_nobody_back(
    world: World, desk: Desk, aino: str
) -> None:
    _erased(desk, aino)
    world.clock.advance(600)
    crm = Crm(world, "crowst")
    back = crm.add(aino, first_name="Aino")
    double = crm.add("aino.toinen@posti.example", first_name="Aino", last_name="Toinen")
    world.sync(full=True)
    world.clock.advance(60)
    crm.merge(back, double)
    world.clock.advance(60)
    before = world.writes()
    world.sync(full=True)
    crm.edit(back, last_name="Kolmas")
    world.sync(full=True)
    assert world.writes() == before


def test_a_record_that_is_back_under_another_address_is_erased_again(
    world: World, desk: Desk, aino: str
) -> None:
    id_ = Crm(world, "crowst").id_of(aino) or ""
    number = _erased(desk, aino)
    world.clock.advance(3600)
    box = world.sandbox("crowst-crm")
    box.seed({"contacts": [{"id": id_, "properties": {"email": "aino.muu@posti.example"}}]})
    desk.watch(1.1)
    assert Crm(world, "crowst").id_of("aino.muu@posti.example") is None
    assert desk.tasks(number)["crowst-crm", "records"].state == "verified"


def test_who_registers_anew_under_the_same_id_waits_for_a_handler_too(
    world: World, desk: Desk, aino: str
) -> None:
    webinar = Webinar(world, HELD)
    webinar.registers(aino)
    world.sync(full=True)
    before = webinar.registrant(aino)
    _erased(desk, aino)
    assert webinar.registrant(aino) is None
    webinar.there.registrants[before.id] = before  # a lagging system
    desk.watch(1.1)
    assert webinar.registrant(aino) is None
    webinar.registers(aino)
    assert webinar.registrant(aino).id == before.id
    desk.watch(6)
    assert webinar.registrant(aino) is not None
    world.sync(full=True)
    (review,) = _returned(world)
    decide(world.deployment, review, Decision.IGNORE, "handler")
    desk.watch(25)
    assert webinar.registrant(aino) is None
