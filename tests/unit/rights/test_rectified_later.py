"""A corrected value (GDPR Art. 16) holds against every tool, until the person changes it again: by
an act of their own, or by another correction."""

from __future__ import annotations

import pytest
from support.accounts import Crm, List, Webinar
from support.rights_desk import Desk
from support.world import World

from hub.domain.rights import Right
from hub.store import questions
from hub.sync import review
from hub.testing.world import COMING, LIVE_PROJECT
from hub.vault.database import read_only

AINO = "aino.kukkamaa@posti.example"


@pytest.fixture
def corrected(world: World, desk: Desk, aino: str) -> str:
    """Her last name was corrected everywhere, an hour ago."""
    correct(desk, "Kukkamäki")
    world.clock.advance(3600)
    world.sync()
    assert held(world) == ("Kukkamäki", "Kukkamäki")
    return aino


def correct(desk: Desk, last_name: str) -> int:
    number = desk.run(Right.RECTIFICATION, AINO, corrections={"last_name": last_name})
    assert desk.row(number).state == "notifying", desk.states(number)
    desk.close(number)
    return number


def held(world: World) -> tuple[str | None, str | None]:
    """Her last name in the CRM and in the newsletter."""
    member = List(world, "crowst-uutiset").member(AINO)
    return Crm(world, "crowst").value(AINO, "last_name"), member and member.merge_fields["LNAME"]


def test_no_edit_of_a_tool_changes_it(world: World, corrected: str) -> None:
    crm = Crm(world, "crowst")
    crm.edit(crm.id_of(corrected) or "", last_name="Väärä")
    List(world, "crowst-uutiset").edit(corrected, last_name="Väärin")
    world.sync()
    assert held(world) == ("Kukkamäki", "Kukkamäki")


def test_a_form_that_the_person_fills_in_changes_it(world: World, corrected: str) -> None:
    List(world, "crowst-tapahtumat").subscribes(corrected, first_name="Aino", last_name="Uusinimi")
    world.sync()
    assert held(world) == ("Uusinimi", "Uusinimi")
    # it is a value like any other from then on
    world.clock.advance(3600)
    crm = Crm(world, "crowst")
    crm.edit(crm.id_of(corrected) or "", last_name="Kolmas")
    world.sync()
    assert held(world) == ("Kolmas", "Kolmas")


def test_a_registration_changes_it(world: World, corrected: str) -> None:
    Webinar(world, COMING).registers(corrected, name="Aino Uusinimi")
    world.sync()
    assert held(world) == ("Uusinimi", "Uusinimi")


def test_an_edit_after_the_person_gave_it_again_changes_nothing(
    world: World, corrected: str
) -> None:
    form = List(world, "crowst-tapahtumat")
    form.subscribes(corrected, first_name="Aino", last_name="Kukkamäki")
    world.sync()
    form.edit(corrected, last_name="Väärä")
    world.sync()
    assert held(world) == ("Kukkamäki", "Kukkamäki")
    assert form.member(corrected).merge_fields["LNAME"] == "Kukkamäki"


def test_a_record_edited_since_the_act_asks_a_handler(world: World, corrected: str) -> None:
    form = List(world, "crowst-tapahtumat")
    form.subscribes(corrected, first_name="Aino", last_name="Uusinimi")
    world.clock.advance(3600)
    form.edit(corrected, last_name="Muokattu")
    world.sync()
    assert held(world) == ("Kukkamäki", "Kukkamäki")
    assert form.member(corrected).merge_fields["LNAME"] == "Muokattu"
    with read_only(world.deployment.database).connect() as connection:
        (asked,) = questions.reviews(connection)
    assert (asked.kind, asked.field) == ("conflict", "last_name")


def test_another_correction_changes_it(world: World, desk: Desk, corrected: str) -> None:
    correct(desk, "Toinen")
    world.sync()
    assert held(world) == ("Toinen", "Toinen")


def test_a_late_task_brings_back_no_value_that_the_person_changed_since(
    world: World, desk: Desk, aino: str
) -> None:
    number = desk.open(Right.RECTIFICATION, aino, corrections={"last_name": "Kukkamäki"})
    desk.identify(number)
    desk.approve(number)
    world.clock.advance(3600)
    Webinar(world, COMING).registers(aino, name="Aino Uusinimi")
    world.run("joint-webinar")
    desk.work()
    assert desk.states(number)["crowst-crm"] == "verified"
    assert "Kukkamäki" not in held(world)
    world.sync()
    assert held(world) == ("Uusinimi", "Uusinimi")


def test_what_the_person_says_later_crosses_over_a_corrected_value(
    world: World, desk: Desk
) -> None:
    """The partner's own request corrected what had crossed to it."""
    crowst, bangeri = Crm(world, "crowst"), Crm(world, "bangeri")
    crowst.add(AINO, first_name="Aino", last_name="Kukkamaa", projects=LIVE_PROJECT)
    world.sync()
    number = desk.run(Right.RECTIFICATION, AINO, "bangeri", corrections={"last_name": "Kukkamäki"})
    assert desk.row(number).state == "notifying", desk.states(number)
    desk.close(number)
    world.sync()
    assert bangeri.value(AINO, "last_name") == "Kukkamäki"
    world.clock.advance(3600)
    crowst.edit(crowst.id_of(AINO) or "", last_name="Väärä")
    world.sync()
    assert bangeri.value(AINO, "last_name") == "Kukkamäki"
    world.clock.advance(3600)
    List(world, "crowst-tapahtumat").subscribes(AINO, first_name="Aino", last_name="Uusinimi")
    world.sync()
    assert bangeri.value(AINO, "last_name") == "Uusinimi"


@pytest.fixture
def disputed(world: World, desk: Desk, aino: str) -> int:
    """Her last name was edited in two tools at once, and a handler is asked whose is right."""
    world.clock.advance(3600)
    crm = Crm(world, "crowst")
    crm.edit(crm.id_of(aino) or "", last_name="Väärä")
    List(world, "crowst-uutiset").edit(aino, last_name="Väärin")
    world.sync()
    with read_only(world.deployment.database).connect() as connection:
        (asked,) = questions.reviews(connection)
    assert (asked.kind, asked.field) == ("conflict", "last_name")
    return int(asked.id)


def test_a_dispute_from_before_it_is_over(world: World, desk: Desk, disputed: int) -> None:
    """A handler's word on it would put the correction aside."""
    number = desk.open(Right.RECTIFICATION, AINO, corrections={"last_name": "Kukkamäki"})
    desk.identify(number)
    desk.approve(number)
    with pytest.raises(review.CannotDecide, match="moot"):
        review.decide(desk.deployment, disputed, review.Decision.THEIRS, "handler")
    desk.work()
    world.sync()
    assert held(world) == ("Kukkamäki", "Kukkamäki")


def test_what_the_person_says_later_reaches_where_it_was_disputed(
    world: World, desk: Desk, disputed: int
) -> None:
    correct(desk, "Kukkamäki")
    world.clock.advance(3600)
    Webinar(world, COMING).registers(AINO, name="Aino Uusinimi")
    world.sync()
    assert held(world) == ("Uusinimi", "Uusinimi")
