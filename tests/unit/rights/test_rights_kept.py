"""What a ground keeps until a day, and what becomes of it then."""

from __future__ import annotations

from datetime import timedelta

from support.accounts import Crm, List
from support.rights_desk import Desk
from support.world import World

from hub.domain.deadline import helsinki_day
from hub.domain.exemption import ExemptionGround
from hub.domain.plan import Exemption
from hub.domain.rights import DataCategory, Right
from hub.rights import decide

MOVED = "aino.muuttanut@posti.example"
DAYS = 20


def _kept(desk: Desk, email: str) -> int:
    """An erasure at Crowst that leaves the newsletter's record be, carried out but not closed."""
    number = desk.open(Right.ERASURE, email)
    desk.identify(number)
    until = helsinki_day(desk.world.clock.now()) + timedelta(days=DAYS)
    kept = Exemption("crowst-mailer", DataCategory.BILLING, ExemptionGround.ACCOUNTING, until)
    decide.exempt(desk.deployment, number, [kept], "Lasku on maksamatta.", desk.who)
    desk.approve(number)
    desk.work()
    desk.confirm(number)
    desk.work()
    assert desk.row(number).state == "notifying", desk.states(number)
    return number


def test_it_is_found_at_its_end_under_whatever_address(world: World, desk: Desk, aino: str) -> None:
    crowst, news = Crm(world, "crowst"), List(world, "crowst-uutiset")
    crowst.edit(crowst.id_of(aino) or "", email=MOVED)
    world.clock.advance(60)
    world.sync(full=True)
    assert news.status(MOVED) == "subscribed"
    number = _kept(desk, aino)  # by the address of before, which no tool holds
    desk.close(number)
    assert desk.row(number).state == "closed_with_exceptions"
    desk.watch(DAYS - 1)
    assert news.status(MOVED) == "subscribed"
    desk.watch(1)
    assert news.member(MOVED) is None
    assert desk.tasks(number)["crowst-mailer", "ended"].state == "verified"


def test_it_may_end_before_the_person_is_told(world: World, desk: Desk, aino: str) -> None:
    number = _kept(desk, aino)
    desk.watch(DAYS)
    assert List(world, "crowst-uutiset").member(aino) is None
    assert desk.row(number).state == "notifying"
    desk.close(number)
    assert desk.row(number).state == "closed_with_exceptions"
