"""What comes back when a restriction ends (Art. 18(3)): not what was refused meanwhile, and nothing
that another request restricts too."""

from __future__ import annotations

from typing import Any

from support.accounts import Crm, List
from support.rights_desk import Desk
from support.world import World

from hub.domain.rights import Right, Way
from hub.rights import lifting
from hub.store import people
from hub.vault.database import read_only

LIST, MAILER = "crowst-uutiset", "crowst-mailer"


def _restricted(desk: Desk, address: str) -> int:
    number = desk.run(Right.RESTRICTION, address)
    desk.confirm(number)
    desk.close(number)
    desk.world.clock.advance(3600)
    return number


def _lift(desk: Desk, number: int) -> Any:
    systems = lifting.lift(desk.deployment, number, Way.EMAIL, "We lift it.", "cli:handler")
    desk.work()
    return systems


def _in_hub(desk: Desk) -> bool:
    with read_only(desk.deployment.database).connect() as connection:
        (row,) = people.rows(connection, [1])
    return bool(row.restricted)


def test_nobody_who_objected_meanwhile_is_subscribed_again(
    world: World, desk: Desk, aino: str
) -> None:
    number = _restricted(desk, aino)
    world.sync(full=True)  # the hub sees the member archived, and writes nothing there any more
    objection = desk.run(Right.OBJECTION, aino)
    world.sync()
    assert desk.states(objection)[MAILER] == "verified"
    _lift(desk, number)
    assert List(world, LIST).status(aino) == "unsubscribed"
    assert desk.states(number)[f"{MAILER} lift"] == "verified"


def test_nobody_who_withdrew_elsewhere_meanwhile_is_subscribed_again(
    world: World, desk: Desk, aino: str
) -> None:
    number = _restricted(desk, aino)
    world.sync(full=True)
    Crm(world, "crowst").withdraws(aino, "1001")
    world.sync(full=True)
    _lift(desk, number)
    assert List(world, LIST).status(aino) == "unsubscribed"


def test_who_refused_there_meanwhile_has_nothing_left_to_lift(
    world: World, desk: Desk, aino: str
) -> None:
    number = _restricted(desk, aino)
    List(world, LIST).act(aino, "unsubscribe")
    _lift(desk, number)
    assert List(world, LIST).status(aino) == "unsubscribed"
    assert desk.states(number)[f"{MAILER} lift"] == "verified"


def test_what_another_request_restricts_too_stays_so(world: World, desk: Desk, aino: str) -> None:
    first, second = _restricted(desk, aino), _restricted(desk, aino)
    assert _lift(desk, second) == []
    assert _in_hub(desk)
    assert List(world, LIST).status(aino) == "archived"
    assert MAILER in _lift(desk, first)
    assert not _in_hub(desk)
    assert List(world, LIST).status(aino) == "subscribed", "as before the first of them"
    assert desk.states(first)[f"{MAILER} lift"] == "verified"


def test_what_only_the_newest_restricts_is_lifted_with_it(
    world: World, desk: Desk, aino: str
) -> None:
    Crm(world, "bangeri").add(aino, first_name="Aino")
    List(world, "bangeri-uutiset").subscribes(aino)
    world.sync()
    _restricted(desk, aino)
    both = desk.run(Right.RESTRICTION, aino, "crowst", "bangeri")
    desk.confirm(both)
    desk.close(both)
    assert List(world, "bangeri-uutiset").status(aino) == "archived"
    assert _lift(desk, both) == ["bangeri-crm", "bangeri-mailer"]
    assert List(world, "bangeri-uutiset").status(aino) == "subscribed"
    assert List(world, LIST).status(aino) == "archived"


def test_who_was_restricted_later_by_the_older_request_gets_the_same_back(
    world: World, desk: Desk, aino: str
) -> None:
    older = desk.open(Right.RESTRICTION, aino, phone="+358401234567")  # or it would be the same
    newer = _restricted(desk, aino)
    desk.identify(older)
    desk.approve(older)
    desk.work()
    desk.confirm(older)
    desk.close(older)
    assert _lift(desk, newer) == []
    _lift(desk, older)
    assert List(world, LIST).status(aino) == "subscribed"


def test_a_record_that_was_never_restricted_is_not_lifted(
    world: World, desk: Desk, aino: str
) -> None:
    number = _restricted(desk, aino)
    world.clock.advance(3600)
    events = List(world, "crowst-tapahtumat")
    events.subscribes(aino)  # by her own form, after the restriction
    _lift(desk, number)
    assert events.status(aino) == "subscribed"
    assert desk.states(number)[f"{MAILER} lift"] == "verified"
