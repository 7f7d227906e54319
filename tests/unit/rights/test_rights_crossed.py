"""What another company's records say themselves is its own: only what crossed is taken back."""

from __future__ import annotations

import pytest
from support.accounts import Crm, List
from support.rights_desk import Desk
from support.world import World

from hub.domain.rights import Right
from hub.rights import dryrun, lifting, manual, slices
from hub.store import people
from hub.testing.world import LIVE_PROJECT
from hub.vault.database import read_only

OONA = "oona.yhteinen@posti.example"


def _both(world: World) -> None:
    """Known to both companies by other values, and a member of their project."""
    Crm(world, "bangeri").add(OONA, last_name="Omanimi", company="Oma Oy", job_title="Johtaja")
    Crm(world, "crowst").add(
        OONA, last_name="Toisennimi", company="Toisen Oy", projects=LIVE_PROJECT
    )
    world.sync()
    world.clock.advance(60)


def _one_value_crossed(world: World) -> Crm:
    """Bängeri, who knows her itself, and her company from Crowst. Answers its CRM."""
    other = Crm(world, "bangeri")
    other.add(OONA, last_name="Omanimi")
    world.sync()
    Crm(world, "crowst").add(OONA, last_name="Omanimi", company="Oy X", projects=LIVE_PROJECT)
    world.sync()
    assert other.value(OONA, "company") == "Oy X"
    return other


def test_an_erasure_at_one_leaves_what_the_other_knows_itself(world: World, desk: Desk) -> None:
    _both(world)
    desk.run(Right.ERASURE, OONA)
    other = Crm(world, "bangeri")
    assert other.value(OONA, "last_name") == "Omanimi"
    assert other.value(OONA, "company") == "Oma Oy"
    assert other.value(OONA, "job_title") == "Johtaja"


def test_a_correction_at_one_leaves_what_the_other_knows_itself(world: World, desk: Desk) -> None:
    _both(world)
    desk.run(Right.RECTIFICATION, OONA, corrections={"company": "Oikea Oy"})
    assert Crm(world, "crowst").value(OONA, "company") == "Oikea Oy"
    assert Crm(world, "bangeri").value(OONA, "company") == "Oma Oy"


def test_what_crossed_is_taken_back(world: World, desk: Desk) -> None:
    other = _one_value_crossed(world)
    number = desk.run(Right.ERASURE, OONA)
    assert other.value(OONA, "company") is None, desk.states(number)
    assert other.value(OONA, "last_name") == "Omanimi"


def test_what_was_emptied_is_not_written_again_while_another_system_lags(
    world: World, desk: Desk
) -> None:
    other = _one_value_crossed(world)
    number = desk.open(Right.ERASURE, OONA)
    desk.identify(number)
    desk.approve(number)
    approved = desk.row(number).plan_hash
    world.sync(full=True)  # before anything is emptied: nothing is taken for their own
    slices.work(desk.deployment, "bangeri-crm", desk.opened)
    assert other.value(OONA, "company") is None, desk.states(number)
    world.clock.advance(60)
    other.edit(other.id_of(OONA) or "", job_title="Johtaja")
    world.sync(full=True)
    assert other.value(OONA, "company") is None
    assert dryrun.preview(desk.deployment, number, desk.opened, "token:1").plan.hash == approved
    desk.work()
    desk.confirm(number)
    world.sync(full=True)
    assert desk.row(number).state == "notifying", desk.states(number)
    assert desk.states(number)["bangeri-crm crossed"] == "verified"
    assert other.value(OONA, "company") is None
    assert other.value(OONA, "job_title") == "Johtaja"


def test_an_own_record_of_the_other_that_is_not_read_yet_is_not_searched_for(
    world: World, desk: Desk
) -> None:
    Crm(world, "crowst").add(OONA, last_name="Nimi", projects=LIVE_PROJECT)
    world.sync()
    other = Crm(world, "bangeri")
    made = other.id_of(OONA) or ""
    other.delete(made)
    own = other.add(OONA, last_name="Omanimi")
    number = desk.run(Right.ERASURE, OONA)
    desk.confirm(number)
    desk.close(number)
    desk.watch(1.1)
    assert other.id_of(OONA) == own


def test_who_has_something_only_from_here_is_told_of_a_restriction(
    world: World, desk: Desk
) -> None:
    other = Crm(world, "bangeri")
    other.add(OONA, last_name="Omanimi")
    world.sync()
    Crm(world, "crowst").add(OONA, last_name="Omanimi", company="Oy X", projects=LIVE_PROJECT)
    world.sync()
    number = desk.run(Right.RESTRICTION, OONA)
    task = desk.tasks(number)["bangeri-crm", "crossed"]
    assert (task.state, task.reason) == ("awaiting_external", "tell-recipient")
    assert task.controllers == "bangeri"
    assert "bangeri-crm" in manual.instructions(desk.deployment, task, "fi")
    assert desk.row(number).state == "awaiting_external", desk.states(number)
    desk.confirm(number)
    assert desk.row(number).state == "notifying", desk.states(number)
    world.clock.advance(60)
    other.edit(other.id_of(OONA) or "", job_title="Johtaja")
    List(world, "bangeri-uutiset").subscribes(OONA)
    world.sync(full=True)  # its own relation with her goes on
    assert List(world, "bangeri-uutiset").member(OONA).merge_fields["TITLE"] == "Johtaja"


def test_lifting_it_lifts_nothing_that_the_other_restricted_itself(
    world: World, desk: Desk
) -> None:
    Crm(world, "bangeri").add(OONA, last_name="Omanimi")
    world.sync()
    Crm(world, "crowst").add(OONA, last_name="Omanimi", company="Oy X", projects=LIVE_PROJECT)
    world.sync()
    numbers = [desk.run(Right.RESTRICTION, OONA, whose) for whose in ("bangeri", "crowst")]
    for number in numbers:
        desk.confirm(number)
        desk.work()
        desk.close(number)
    lifting.lift(desk.deployment, numbers[1], "e-mail", "We lift it.", "cli:handler")
    with read_only(desk.deployment.database).connect() as connection:
        rows = people.rows(connection, [1, 2])
    assert {one.controller: one.restricted for one in rows} == {"bangeri": True, "crowst": False}


def test_a_correction_of_what_never_crossed_stays_here(world: World, desk: Desk) -> None:
    other = Crm(world, "bangeri")
    Crm(world, "crowst").add(OONA, last_name="Nimi", phone="+358401234567", projects=LIVE_PROJECT)
    world.sync()
    assert other.value(OONA, "last_name") == "Nimi", "known there only from here"
    desk.run(Right.RECTIFICATION, OONA, corrections={"phone": "+358409999999", "last_name": "Uusi"})
    world.sync()
    assert Crm(world, "crowst").value(OONA, "phone") == "+358409999999"
    assert other.value(OONA, "last_name") == "Uusi"
    assert other.value(OONA, "phone") is None, "the project does not let it across"


def test_what_was_corrected_to_nothing_is_emptied_where_it_crossed_to(
    world: World, desk: Desk
) -> None:
    other = _one_value_crossed(world)
    number = desk.run(Right.RECTIFICATION, OONA, corrections={"company": ""})
    assert desk.states(number)["bangeri-crm crossed"] == "verified"
    assert not other.value(OONA, "company")
    assert other.value(OONA, "last_name") == "Omanimi"


@pytest.mark.parametrize("company", ["", "Oy X"], ids=["nothing crossed", "a value crossed"])
def test_nobody_stays_a_member_because_of_who_was_erased(
    world: World, desk: Desk, company: str
) -> None:
    Crm(world, "bangeri").add(OONA, last_name="Omanimi")
    world.sync()
    more = {"company": company} if company else {}
    Crm(world, "crowst").add(OONA, last_name="Omanimi", projects=LIVE_PROJECT, **more)
    world.sync()

    def reasons() -> list[str]:
        with read_only(desk.deployment.database).connect() as connection:
            return [how for _, _, how in people.memberships(connection, [1, 2])]

    assert "crossed:crowst" in reasons()
    number = desk.run(Right.ERASURE, OONA)
    world.sync(full=True)
    assert desk.states(number)["hub"] == "verified"
    assert reasons() == []
    assert Crm(world, "bangeri").value(OONA, "last_name") == "Omanimi"
