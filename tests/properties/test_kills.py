"""I7: killed after every step of a story, and the story still ends as it would have.

The steps are the write calls and the commits (`support.kills`), one after another, until the
story runs through.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from properties.town import Town
from support.kills import Killed, Killer

from hub.store import deliveries
from hub.testing.world import ASKS, HELD, LIVE_PROJECT
from hub.vault.database import read_only

AINO, EETU = "aino.kanarialintu@posti.example", "eetu.kanarialintu@posti.example"
VILMA = "vilma.kanarialintu@posti.example"


def first_meeting(town: Town) -> None:
    """Everybody is new: persons, keys, links and creates, also across the live project."""
    crowst, bangeri = town.crm["crowst-crm"], town.crm["bangeri-crm"]
    crowst.add("vilja.kanarialintu@posti.example", first_name="Vilja", lifecycle="customer")
    town.clock.advance(600)  # so old that no overlap of a cursor reads it twice
    crowst.add(AINO, first_name="Aino", company="Crowst-tieto", projects=LIVE_PROJECT)
    crowst.subscribes(AINO, "1001")
    bangeri.add(EETU, first_name="Eetu", lifecycle="customer")
    town.list["bangeri-uutiset"].subscribes(EETU, first_name="Eetu")


def second_day(town: Town) -> None:
    """Records that are known change: values, an address, a refusal and a consent."""
    town.list["crowst-uutiset"].act(AINO, "unsubscribe")
    crowst, bangeri = town.crm["crowst-crm"], town.crm["bangeri-crm"]
    crowst.edit(crowst.id_of(AINO) or "", job_title="Johtaja", company="Crowst-uusi")
    bangeri.edit(bangeri.id_of(EETU) or "", email="eetu.uusi@posti.example", phone="+358401234567")
    town.clock.advance(60)
    crowst.subscribes(AINO, "1002")


def after_the_webinar(town: Town) -> None:
    """The webinar was held: attendance is written back, a registration brings somebody new."""
    webinar = town.hall.webinar[HELD]
    webinar.is_held([EETU])
    webinar.registers(VILMA, [ASKS["bangeri"]], "Vilma Virta")


def before_the_webinar(town: Town) -> None:
    """Known to one company, and registered by an own act."""
    town.crm["bangeri-crm"].add(EETU, first_name="Eetu")
    town.hall.webinar[HELD].registers(EETU, [ASKS["crowst"]], "Eetu Eskola")


BEFORE = {second_day: first_meeting, after_the_webinar: before_the_webinar}
"""What happened, and is in step, before a story is told."""

Snapshot = dict[str, Any]


def snapshot(town: Town) -> Snapshot:
    """What the vendors hold, without ids and times of their own, and what the hub collected."""
    found: Snapshot = {"activities": town.hall.kinds(town.world.deployment)}
    for name, crm in town.crm.items():
        found[name] = sorted(
            (
                contact.email,
                sorted(
                    (key, value)
                    for key, value in contact.properties.items()
                    if key not in ("lastmodifieddate", "createdate")
                ),
                sorted(
                    (topic, status.status)
                    for topic, status in crm.box.account.statuses.get(contact.email, {}).items()
                ),
            )
            for contact in crm.box.account.contacts.values()
        )
    for name, one in town.list.items():
        found[name] = sorted(
            (m.email, m.status, sorted(m.merge_fields.items()), sorted(m.tags.values()))
            for m in one.audience.members.values()
        )
    return found


def told(story: Callable[[Town], None], killed_at: int | None) -> tuple[Snapshot, Killer]:
    """Tell the story with a process that dies at one step, start another and let it come to rest
    by ordinary runs, which read from their cursors."""
    town = Town()
    try:
        if story in BEFORE:
            BEFORE[story](town)
            assert town.sync()
        story(town)
        town.clock.advance(30)
        killer = Killer(killed_at)
        town.restart(killer)
        with suppress(Killed):
            # the joint tool is read last, so what follows from it is written in the second round
            town.world.sync(rounds=2 if story is after_the_webinar else 1)
        town.restart()
        town.clock.advance(30)  # sooner than everything is enumerated again
        assert town.world.sync(), "it came to rest"
        with read_only(town.world.deployment.database).connect() as connection:
            assert deliveries.waiting(connection) == {}, "nothing is left undone"
        found = snapshot(town)
        before = town.world.writes()
        assert town.world.sync(full=True)
        assert town.world.writes() == before, "nothing was written twice or left unread"
        assert snapshot(town) == found
        return found, killer
    finally:
        town.close()


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "story",
    [first_meeting, second_day, pytest.param(after_the_webinar, marks=pytest.mark.long)],
)
def test_killed_at_every_step(story: Callable[[Town], None]) -> None:
    undisturbed, whole = told(story, None)
    survived = False
    for step in range(1, whole.steps + 20):
        found, killer = told(story, step)
        where = killer.where[-1]
        assert found == undisturbed, f"killed at step {step}: {where}"
        if not killer.dead:
            survived = True
            break
    assert survived, "the story was told to its end"
    assert whole.steps > 20, "there was something to kill"
