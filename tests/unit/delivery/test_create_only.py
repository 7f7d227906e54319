"""A vendor that cannot change its records gets none planned to be changed, and is made new ones."""

from __future__ import annotations

from dataclasses import replace

from support.accounts import Crm, List
from support.world import World

AINO, BERTTA = "aino@kuviteltu.example", "bertta@kuviteltu.example"


def make_create_only(world: World, system: str) -> None:
    opened = world.deployment.systems[system]
    streams = tuple(replace(one, updates=False) for one in opened.type.streams)
    changed = replace(opened, type=replace(opened.type, streams=streams))
    systems = {**world.deployment.systems, system: changed}
    world.deployment = replace(world.deployment, systems=systems)


def story(world: World) -> tuple[Crm, int]:
    """Both know Aino, then the mailer learns another name; answers the CRM's calls since."""
    crm, news = Crm(world, "crowst"), List(world, "crowst-uutiset")
    crm.add(AINO, first_name="Aino")
    news.subscribes(AINO, first_name="Aino")
    assert world.sync()
    before = world.writes()["crowst-crm"]
    world.clock.advance(7200)
    news.edit(AINO, first_name="Aina")
    assert world.sync()
    return crm, world.writes()["crowst-crm"] - before


def test_a_change_goes_out_where_the_vendor_can_take_it(world: World) -> None:
    crm, calls = story(world)
    assert crm.value(AINO, "first_name") == "Aina"
    assert calls


def test_no_change_is_planned_where_it_cannot(world: World) -> None:
    make_create_only(world, "crowst-crm")
    crm, calls = story(world)
    assert crm.value(AINO, "first_name") == "Aino"
    assert calls == 0
    List(world, "crowst-uutiset").subscribes(BERTTA, first_name="Bertta")
    assert world.sync()
    assert crm.value(BERTTA, "first_name") == "Bertta", "a new record is made all the same"
