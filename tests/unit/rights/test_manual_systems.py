"""A system that nothing connects: everything there is done by a named person, or not done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from support.accounts import open_accounts
from support.commands import varied
from support.rights_desk import Desk
from support.world import World, small_world

from hub.domain.audit import Event
from hub.domain.rights import Right
from hub.rights import decide, manual, watch
from hub.rights.coordinator import NotProved
from hub.rights.manual import CannotConfirm, NoLongerNeeded
from hub.store import audit
from hub.vault.database import read_only

BINDER = """\
rights: {manual_within: 10d, remind_every: 2d}
systems:
  binder:
    plugin: manual
    owner: crowst
    location: {country: FI}
    settings:
      contact: Arkisto
      instructions: {fi: "Mappi on hyllyssä B.", en: "The binder is on shelf B."}
      within: 3d

  crowst-crm:"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The four systems, and a binder of paper."""
    config = varied(tmp_path / "config", ("systems:\n  crowst-crm:", BINDER))
    with small_world(tmp_path / "hub", config=config) as made:
        open_accounts(made)
        yield made


def events(world: World, number: int) -> list[Event]:
    with read_only(world.deployment.database).connect() as connection:
        found = audit.entries(connection, subjects=[f"request {number}"])
        return [one.entry.event for one in found]


def test_an_erasure_waits_for_a_named_person_and_then_closes(
    desk: Desk, world: World, aino: str
) -> None:
    number = desk.run(Right.ERASURE, aino)
    task = desk.tasks(number)["binder", "records"]
    assert desk.row(number).state == "awaiting_external"
    assert (task.state, task.reason) == ("awaiting_external", "manual-system")
    assert task.confirm_by - world.clock.now() <= timedelta(days=3)
    with pytest.raises(decide.CannotDecide):
        desk.close(number)
    desk.watch(days=30)  # no time that passes makes it done
    assert desk.row(number).state == "awaiting_external"
    with world.deployment.database.begin() as connection, pytest.raises(CannotConfirm):
        manual.confirm(connection, world.deployment, task.id, "  ", "Poistettu.")
    desk.confirm(number)
    desk.work()
    assert desk.row(number).state == "notifying"
    desk.close(number)
    assert desk.row(number).state == "closed"


def test_reminders_are_counted_and_told(desk: Desk, world: World, aino: str) -> None:
    number = desk.run(Right.ERASURE, aino)
    place = ("binder", "records")

    def look(days: float) -> int:
        world.clock.advance(timedelta(days=days).total_seconds())
        watch.round_(world.deployment, desk.opened)
        watch.round_(world.deployment, desk.opened)  # twice at once is one reminder
        return int(desk.tasks(number)[place].reminded)

    assert look(2.9) == 0
    assert look(0.2) == 1  # its own 3 days are over, not the 10 of the others
    assert look(1.0) == 1
    assert look(1.1) == 2
    assert events(world, number).count(Event.TASK_REMINDED) == 2
    desk.confirm(number)
    assert look(9.0) == 2
    assert all(one.state != "awaiting_external" for one in desk.tasks(number).values())


def test_what_was_taken_back_is_asked_of_nobody_any_more(
    desk: Desk, world: World, aino: str
) -> None:
    number = desk.run(Right.ACCESS, aino)
    task = desk.tasks(number)["binder", "records"]
    with world.deployment.database.begin() as connection:
        link = manual.new_link(connection, world.deployment, task.id, "cli:handler")
    decide.withdraw(world.deployment, number, "cli:handler")

    def asks_no_more() -> None:
        for act in (
            lambda connection: manual.by_link(connection, world.deployment, link),
            lambda connection: manual.new_link(
                connection, world.deployment, task.id, "cli:handler"
            ),
            lambda connection: manual.confirm(
                connection, world.deployment, task.id, "Maija Mallikas", "Annettu."
            ),
        ):
            with world.deployment.database.begin() as connection, pytest.raises(NoLongerNeeded):
                act(connection)
        for _ in range(3):
            desk.watch(days=20)
        assert desk.tasks(number)["binder", "records"].reminded == 0

    asks_no_more()
    left = desk.tasks(number)["binder", "records"]
    assert (left.reason, left.confirm_by) == ("withdrawn", None)
    desk.watch(days=3 * 366)
    assert desk.row(number).state == "archived"
    asks_no_more()


@pytest.mark.parametrize("right", list(Right))
def test_every_right_asks_a_person_there(desk: Desk, world: World, aino: str, right: Right) -> None:
    more = {"corrections": {"first_name": "Aina"}} if right is Right.RECTIFICATION else {}
    number = desk.run(right, aino, **more)
    assert desk.tasks(number)["binder", "records"].state == "awaiting_external"
    desk.confirm(number)
    world.sync()  # an objection travels to the other systems on the sync's own lane
    desk.watch(days=0.01)
    desk.close(number)
    assert desk.row(number).state == "closed"


def test_its_instructions_are_its_own_and_the_hubs(desk: Desk, world: World, aino: str) -> None:
    number = desk.run(Right.ERASURE, aino)
    task = desk.tasks(number)["binder", "records"]
    finnish = manual.instructions(world.deployment, task, "fi")
    assert "Poista" in finnish
    assert finnish.endswith("Mappi on hyllyssä B.")
    swedish = manual.instructions(world.deployment, task, "sv")
    assert "Radera" in swedish
    assert "hyllyssä" not in swedish
    assert aino not in finnish
    assert manual.contact(world.deployment, "binder") == "Arkisto"
    assert manual.contact(world.deployment, "crowst-crm") == ""


def test_without_its_proof_nothing_closes(desk: Desk, world: World, aino: str) -> None:
    """I8: not even where the state was forced."""
    from hub.rights import assess, coordinator

    number = desk.run(Right.ACCESS, aino)
    with world.deployment.database.begin() as connection, pytest.raises(NotProved):
        row = decide.load(connection, number)
        case = assess.casefile(world.deployment, row)
        coordinator.close(connection, world.deployment, row, case, "cli:handler")


def test_the_sync_has_nothing_to_do_there(world: World, aino: str) -> None:
    assert world.sync()
    assert all(one.quiet for one in world.reports if one.system == "binder")
