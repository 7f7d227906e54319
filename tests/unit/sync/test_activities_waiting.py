"""Activities whose record has no person yet, and those of persons who turn out to be one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from support.events_world import CRM, FIRST, SECOND, EventsWorld, events_world

from hub.api import Activity, ActivityKind, Consent, Ref, Stance
from hub.store import overview, questions, subjects
from hub.sync import persons
from hub.sync.page import Page

AINO = "aino@posti.example"
MINUTE = 60.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EventsWorld]:
    with events_world(tmp_path) as made:
        yield made


def crm_list(world: EventsWorld, email: str = AINO) -> object:
    (held,) = [r for r in world.tools[CRM].held.values() if r.fields["email"] == email]
    return held.fields.get("webinars")


def waiting(world: EventsWorld) -> list[str]:
    with world.deployment.database.connect() as connection:
        return [row.external_id for row in questions.aside(connection)]


class TestWaiting:
    def test_what_comes_before_its_record_is_taken_up_with_it(self, world: EventsWorld) -> None:
        for kind in ("registered", "absent", "attended"):
            world.webinar.did("1", kind)
            world.clock.advance(MINUTE)
        report = world.run()
        assert report.read["activity-waiting"] == 3
        assert waiting(world) == ["1"]
        with world.deployment.database.connect() as connection:
            (row,) = questions.aside(connection)
        assert b"Syksyn" not in row.raw, "sealed"
        world.run()
        again = world.run()
        assert again.read["activity-still-waiting"] == 3
        assert again.quiet
        world.webinar.register("1", AINO)
        assert world.run().read["activity"] == 6
        assert waiting(world) == []
        assert world.kinds(AINO) == ["attended", "absent", "registered"]
        assert world.webinars(AINO) == (f"{FIRST} attended",)
        assert world.sync()
        assert crm_list(world) == [f"{FIRST} attended"]

    def test_an_unclear_record_waits_for_the_controller_that_cannot_tell(
        self, world: EventsWorld
    ) -> None:
        """crowst knows the address under another first name, bangeri does not know it."""
        world.tools[CRM].register("c1", AINO, scope="", first_name="Eetu")
        world.run(CRM)
        world.webinar.register("1", AINO, first_name="Aino")
        world.webinar.did("1", "attended")
        report = world.run()
        assert (report.read["activity"], report.read["activity-waiting"]) == (1, 1)
        assert world.kinds(AINO, "bangeri") == ["attended"]
        assert waiting(world) == ["1"]
        assert world.run().quiet
        world.clock.advance(MINUTE)
        world.tools[CRM].register("c1", AINO, scope="", first_name="Aino")
        world.run(CRM)
        world.webinar.register("1", AINO, first_name="Aino")
        assert world.run().read["activity"] == 1
        assert world.kinds(AINO) == ["attended"]
        assert world.kinds(AINO, "bangeri") == ["attended"], "not twice"
        assert waiting(world) == []

    def test_what_waits_for_both_stays_until_both_have_it(self, world: EventsWorld) -> None:
        """The row was told long ago: no overlap brings it again."""
        world.webinar.did("1", "attended")
        for _ in range(5):
            world.webinar.did("other", "question")
        world.run()
        world.tools[CRM].register("c1", AINO, scope="", first_name="Eetu")
        world.run(CRM)
        world.webinar.register("1", AINO, first_name="Aino")
        world.run()
        assert world.kinds(AINO, "bangeri") == ["attended"]
        assert "1" in waiting(world)
        world.clock.advance(MINUTE)
        world.tools[CRM].register("c1", AINO, scope="", first_name="Aino")
        world.run(CRM)
        world.webinar.register("1", AINO, first_name="Aino")
        world.run()
        assert world.kinds(AINO) == world.kinds(AINO, "bangeri") == ["attended"]
        assert waiting(world) == ["other"]

    def test_what_needs_a_permission_does_not_wait(self, world: EventsWorld) -> None:
        """Nobody can have given it while nobody knows whose it is."""
        world.webinar.did("1", "poll", at=world.clock.now() + timedelta(hours=1))
        assert world.run().read["activity-not-permitted"] == 2
        assert waiting(world) == []
        world.webinar.register("1", AINO)
        world.run()
        assert world.kinds(AINO) == []

    def test_unless_the_vendor_tells_it_again(self, world: EventsWorld) -> None:
        world.webinar.did("1", "poll", at=world.clock.now() + timedelta(hours=1))
        world.run()
        yes = Consent("profile", Stance.YES, world.clock.now(), "form")
        world.webinar.register("1", AINO, yes)
        report = world.run()
        assert (report.read["activity"], report.read["activity-not-permitted"]) == (1, 1)
        assert world.kinds(AINO) == ["poll"]
        assert world.kinds(AINO, "bangeri") == []


class TestMerges:
    def test_a_merged_person_keeps_what_both_did(self, world: EventsWorld) -> None:
        """One human registered twice, under two addresses: absent as one, there as the other."""
        world.webinar.register("1", AINO, first_name="Aino")
        world.webinar.register("2", "aino@firma.example", first_name="Aino")
        world.webinar.did("1", "absent")
        world.webinar.did("2", "attended")
        world.webinar.register("1", AINO, scope=SECOND)
        world.webinar.did("1", "attended", scope=SECOND)
        world.run()
        with world.deployment.database.begin() as connection:
            winner = world.person_in(connection, AINO)
            loser = world.person_in(connection, "aino@firma.example")
            assert winner is not None
            assert loser is not None
            persons.join(connection, world.deployment.landscape, winner, loser)
            subjects.save(connection, [winner], world.clock.now())
            subjects.save_links(
                connection,
                world.deployment.identities,
                [(one, winner.key) for one in winner.links if one.dirty],
            )
        assert sorted(world.kinds(AINO)) == ["absent", "attended", "attended"]
        assert world.webinars(AINO) == (f"{FIRST} attended", f"{SECOND} attended")
        with world.deployment.database.connect() as connection:
            used = overview.keys_in_use(connection, [winner.key_id, loser.key_id])
        assert used == {winner.key_id, loser.key_id}, "the loser's key still seals its activities"
        assert world.run().quiet, "known under the same digest, whosever they are now"

    def test_what_the_loser_did_in_the_merging_page_is_the_winners(
        self, world: EventsWorld
    ) -> None:
        world.webinar.register("1", AINO)
        world.run()
        one = Activity(Ref("people", FIRST, "1"), "x", ActivityKind.QUESTION, world.clock.now())
        with world.deployment.database.connect() as connection:
            stream = world.opened.system.streams[0]
            page = Page(
                connection, world.deployment, world.opened, stream, FIRST, world.clock.now()
            )
            loser = world.person_in(connection, AINO)
            winner = world.person_in(connection, AINO, "bangeri")
            assert loser is not None
            assert winner is not None
            page.activities.append((loser, one, b"d"))
            page.fresh.append(("1", loser))
            page.hand_over(loser, winner)
        assert page.activities == [(winner, one, b"d")]
        assert page.fresh == [("1", winner)]
