"""A system that was taken out of the configuration, and still holds people by the hub's links."""

from __future__ import annotations

from dataclasses import replace

from support.rights_desk import Desk
from support.world import World

from hub.domain.rights import Right
from hub.opening import missing
from hub.rights import dryrun

MAILER = "crowst-mailer"


def without(world: World, name: str) -> None:
    """The operator deletes the system from the file, and starts the hub again."""
    landscape = world.deployment.landscape
    systems = {key: one for key, one in landscape.systems.items() if key != name}
    world.settings = replace(world.settings, landscape=replace(landscape, systems=systems))
    world.deployment = replace(world.deployment, landscape=world.settings.landscape)


def test_an_erasure_does_not_close_without_it(world: World, desk: Desk, aino: str) -> None:
    without(world, MAILER)
    number = desk.run(Right.ERASURE, aino)
    desk.attempts([MAILER])
    desk.confirm(number)
    assert desk.states(number)[MAILER] == "attention: system-missing"
    assert desk.row(number).state == "attention"


def test_a_dry_run_says_so(world: World, desk: Desk, aino: str) -> None:
    without(world, MAILER)
    number = desk.open(Right.ERASURE, aino)
    desk.identify(number)
    told = dryrun.preview(desk.deployment, number, desk.opened, desk.who)
    assert {one.system: one.problem for one in told.systems}[MAILER] == "system-missing"


def test_the_operator_is_told(world: World, aino: str) -> None:
    assert aino
    assert missing(world.settings, world.deployment.database) == []
    without(world, MAILER)
    assert missing(world.settings, world.deployment.database) == [MAILER]
