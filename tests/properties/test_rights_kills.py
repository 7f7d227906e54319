"""I7 for rights: killed after every step from receipt to proof, and the request still ends as it
would have: not lost, nothing done twice.

The steps are the write calls and the commits (`support.kills`), one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from properties.rights_stories import AINO
from properties.rights_town import CONFIRMER, NOTE, RightsTown
from properties.town import Town
from support.kills import Killed, Killer
from support.rights_desk import Desk

from hub.domain.rights import Right, Way
from hub.rights import decide, intake, manual, slices
from hub.rights.identity import How, by_handler
from hub.store import tables

PLACES = ("crowst-crm", "bangeri-crm", "crowst-uutiset")


@pytest.fixture(autouse=True)
def one_after_another(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(slices, "SIDE_BY_SIDE", 1)
    yield


def handled(desk: Desk, asked: intake.Asked) -> int:
    """A whole request up to its end; what is done already is not done again."""
    deployment = desk.deployment
    number = 1
    if desk.row(1) is None:
        number = intake.open_request(deployment, asked, "cli:handler").number
    if desk.row(number).state == "identity_pending":
        by_handler(deployment, number, How.KNOWN_TO_HANDLER, NOTE, "cli:handler")
    if desk.row(number).state == "planned":
        desk.approve(number)
    desk.work()
    for task in desk.tasks(number).values():
        if task.state == "awaiting_external":
            with deployment.database.begin() as connection:
                manual.confirm(connection, deployment, task.id, CONFIRMER, NOTE)
    desk.work()
    if desk.row(number).state == "notifying":
        decide.notified(deployment, number, Way.EMAIL, NOTE, "cli:handler")
    return number


def told(
    right: Right, killed_at: int | None, url: str | None = None
) -> tuple[dict[str, Any], Killer]:
    """The request handled by a process that dies at one step, and by the next one."""
    town = RightsTown(url)
    try:
        for place in PLACES:
            town.have(AINO, place)
        town.sync()
        town.oracle.at_rest(town.shown())
        town.clock.advance(60)
        corrections = {"last_name": "Kanariauusi"} if right is Right.RECTIFICATION else {}
        town.oracle.owns("crowst", "Kanariauusi")
        asked = intake.Asked(
            right, ("crowst",), town.of(AINO), town.clock.now(), corrections=corrections
        )
        town._remember()
        killer = Killer(killed_at)
        Town.restart(town, killer)
        with suppress(Killed):
            handled(town.desk, asked)
        town.restart()
        town.clock.advance(30)
        handled(town.desk, asked)
        town.adopt(1, right, AINO, ("crowst",), corrections)
        town.judge_rights()
        assert town.desk.row(1).state == "closed", town.desk.states(1)
        assert town.desk.row(2) is None, "one request, however often it was received"
        town.closed(town.law.asked[1])
        town.calm = killed_at is None
        town.rest()
        town.searched()
        found = {name: sorted(town.desk.states(1).items()) for name in ("states",)}
        found["records"] = sorted(
            (record[0], record[1], address) for record, address, _ in town._everything()
        )
        return found, killer
    finally:
        if url:
            tables.metadata.drop_all(town.world.deployment.database)
        town.close()


def _each(right: Right, chosen: Callable[[int], bool], url: str | None = None) -> None:
    undisturbed, whole = told(right, None, url)
    assert whole.steps > 8, "there was something to kill"
    for step in filter(chosen, range(1, whole.steps + 1)):
        found, killer = told(right, step, url)
        assert killer.dead
        assert found == undisturbed, f"killed at step {step}: {killer.where[-1]}"


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "third", [0, pytest.param(1, marks=pytest.mark.long), pytest.param(2, marks=pytest.mark.long)]
)
def test_an_erasure_killed_at_every_step(third: int) -> None:
    _each(Right.ERASURE, lambda step: step % 3 == third)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("right", [Right.RESTRICTION, Right.RECTIFICATION, Right.OBJECTION])
def test_other_rights_killed_at_every_step(right: Right) -> None:
    _each(right, lambda _: True)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("right", [Right.ERASURE, Right.RESTRICTION])
def test_on_postgresql_killed_at_every_other_step(right: Right, pg_url: str) -> None:
    _each(right, lambda step: step % 2 == 0, pg_url)
