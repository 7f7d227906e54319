"""Former addresses that no system shows any more: the hub has only a keyed digest of them. What
comes back by one is held off all the same, and nobody's question is lost with its person."""

from __future__ import annotations

import pytest
from support.accounts import Crm, List
from support.rights_desk import Desk
from support.world import World

from hub.domain.rights import Right
from hub.rights import matches
from hub.store import people, questions
from hub.sync import review
from hub.vault.database import read_only

NOW = "aino.uusi@posti.example"
CRM = "crowst-crm"


@pytest.fixture
def moved(world: World, aino: str) -> str:
    """She has another address in every tool; answers the former one."""
    crm = Crm(world, "crowst")
    world.clock.advance(60)
    crm.edit(crm.id_of(aino) or "", email=NOW)
    world.sync()
    assert List(world, "crowst-uutiset").member(aino) is None
    world.clock.advance(60)
    return aino


def _closed(desk: Desk, number: int) -> None:
    desk.work()
    desk.confirm(number)
    desk.close(number)
    desk.world.clock.advance(3600)


def _living(desk: Desk) -> list[int]:
    with read_only(desk.deployment.database).connect() as connection:
        return [one.id for one in people.rows(connection, range(1, 50)) if one.profile]


@pytest.mark.parametrize("system", ["crm", "list"])
def test_a_lagging_import_under_it_brings_nobody_back(
    world: World, desk: Desk, moved: str, system: str
) -> None:
    _closed(desk, desk.run(Right.ERASURE, NOW))
    if system == "crm":
        Crm(world, "crowst").add(moved, first_name="Aino", last_name="Kukkamaa")
    else:
        List(world, "crowst-tapahtumat").add(moved, first_name="Aino")
    world.sync(full=True)
    assert _living(desk) == []


def test_her_own_form_under_it_asks_a_handler(world: World, desk: Desk, moved: str) -> None:
    _closed(desk, desk.run(Right.ERASURE, NOW))
    List(world, "crowst-tapahtumat").subscribes(moved)
    world.sync(full=True)
    with read_only(desk.deployment.database).connect() as connection:
        (asked,) = questions.reviews(connection)
    assert asked.kind == questions.RETURNED


@pytest.mark.parametrize("same", [True, False])
def test_a_record_in_question_is_asked_about_before_it_is_forgotten(
    world: World, desk: Desk, moved: str, same: bool
) -> None:
    crm = Crm(world, "crowst")
    double = crm.add(moved, first_name="Aino", last_name="Kukkamaa")
    world.sync()
    with read_only(desk.deployment.database).connect() as connection:
        (asked,) = questions.reviews(connection)
    assert (asked.kind, asked.external_id) == ("identity", double)
    number = desk.run(Right.ERASURE, NOW)
    task = desk.tasks(number)[CRM, "records"]
    assert (task.state, task.reason) == ("attention", "weak-match")
    (weak,) = matches.weak(desk.deployment, task.id, desk.who)
    assert (weak.id, weak.by) == (double, "review")
    matches.judge(desk.deployment, task.id, desk.second, same=same)
    _closed(desk, number)
    assert (crm.id_of(moved) is None) is same
    assert crm.id_of(NOW) is None
    world.sync(full=True)
    assert _living(desk) == []


def test_no_record_is_linked_to_who_is_being_erased(world: World, desk: Desk, moved: str) -> None:
    """Its system may have been looked at already: it would stay there, and its link would go."""
    double = Crm(world, "crowst").add(moved, first_name="Aino", last_name="Kukkamaa")
    world.sync()
    with read_only(desk.deployment.database).connect() as connection:
        (asked,) = questions.reviews(connection)
    assert asked.external_id == double
    number = desk.open(Right.ERASURE, NOW)
    desk.identify(number)
    desk.approve(number)
    with pytest.raises(review.CannotDecide, match=f"request {number}"):
        review.decide(desk.deployment, asked.id, review.Decision.LINK, "handler", person=1)
