"""A restriction stands until it is lifted, and as long as any request asks for it."""

from __future__ import annotations

import pytest
from support.accounts import Crm, List
from support.rights_desk import Desk
from support.world import World

from hub.domain.rights import Right
from hub.rights import lifting, watch
from hub.rights.decide import CannotDecide
from hub.store import people
from hub.vault.database import read_only

LIST = "crowst-uutiset"


def restricted(desk: Desk, who: str) -> int:
    number = desk.run(Right.RESTRICTION, who)
    desk.confirm(number)
    desk.work()
    desk.close(number)
    assert desk.row(number).state == "closed"
    return number


def lift(desk: Desk, number: int) -> list[str]:
    systems = lifting.lift(desk.deployment, number, "email", "We lift it.", desk.who)
    desk.work()
    return systems


def still(desk: Desk) -> bool:
    with read_only(desk.deployment.database).connect() as connection:
        (one,) = people.rows(connection, [1])
    return bool(one.restricted)


def test_whom_two_requests_restrict_stays_so_until_both_are_lifted(
    world: World, desk: Desk, aino: str
) -> None:
    first, second = restricted(desk, aino), restricted(desk, aino)
    assert first != second
    with pytest.raises(CannotDecide, match=f"request {second} restricts") as why:
        lift(desk, first)
    assert why.value.code == "restricted-again"
    assert still(desk)
    assert lift(desk, second) == []
    assert still(desk)
    world.clock.advance(60)
    Crm(world, "crowst").edit(Crm(world, "crowst").id_of(aino) or "", job_title="Johtaja")
    world.sync(full=True)
    assert List(world, LIST).status(aino) == "archived"
    assert lift(desk, first) == ["crowst-crm", "crowst-mailer"]
    assert not still(desk)
    assert List(world, LIST).status(aino) == "subscribed"  # as it was before the first


def test_one_that_is_under_way_stands_too(desk: Desk, aino: str) -> None:
    first = restricted(desk, aino)
    second = desk.open(Right.RESTRICTION, aino)
    assert desk.row(second).state == "identity_pending"
    desk.identify(second)
    desk.approve(second)
    with pytest.raises(CannotDecide, match="lift that one first"):
        lift(desk, first)
    assert still(desk)


def test_one_that_nobody_approved_keeps_nothing(desk: Desk, aino: str) -> None:
    first = restricted(desk, aino)
    second = desk.open(Right.RESTRICTION, aino)
    desk.identify(second)
    lift(desk, first)
    assert not still(desk)
    assert lift(desk, first) == []  # once


def test_the_case_file_is_kept_until_it_is_lifted(world: World, desk: Desk, aino: str) -> None:
    number = restricted(desk, aino)
    keep = desk.deployment.landscape.rights.keep.total_seconds()
    world.clock.advance(keep + 86_400)
    watch.archive(desk.deployment)
    assert desk.row(number).state == "closed"
    lift(desk, number)
    assert not still(desk)
    watch.archive(desk.deployment)
    assert desk.row(number).state == "closed"  # the proof that it was lifted is kept as long
    world.clock.advance(keep + 86_400)
    watch.archive(desk.deployment)
    assert desk.row(number).state == "archived"


def test_who_was_erased_meanwhile_keeps_no_case_file(world: World, desk: Desk, aino: str) -> None:
    number = restricted(desk, aino)
    erasure = desk.run(Right.ERASURE, aino)
    desk.confirm(erasure)
    desk.work()
    desk.close(erasure)
    world.clock.advance(desk.deployment.landscape.rights.keep.total_seconds() + 86_400)
    watch.archive(desk.deployment)
    assert desk.row(number).state == "archived"
