"""What people did: read, collected, kept once, followed by a value, and never in the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.events_world import CONFIG, CRM, FIRST, SECOND, WEBINAR, EventsWorld, events_world

from hub.api import Consent, Rejected, Stance
from hub.domain.profile import Value
from hub.store import people, progress, questions, subjects
from hub.store.activities import activity
from hub.store.progress import Fenced
from hub.sync import activities as reading
from hub.sync import run as running
from hub.sync.activities import land_activities
from hub.sync.dossier import dossier
from hub.sync.run import Bounds

AINO, EETU = "aino@posti.example", "eetu@posti.example"
MINUTE = 60.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EventsWorld]:
    with events_world(tmp_path) as made:
        yield made


def crm_list(world: EventsWorld, email: str = AINO) -> object:
    (held,) = [r for r in world.tools[CRM].held.values() if r.fields["email"] == email]
    return held.fields.get("webinars")


def block(world: EventsWorld, controller: str, kind: str, value: str) -> None:
    digest = world.deployment.identities.block(controller, kind, value)
    row = {"controller": controller, "kind": kind, "digest": digest, "at": world.clock.now()}
    with world.deployment.database.begin() as connection:
        count = sa.select(sa.func.count()).select_from(people.block)
        people.add_block(connection, {"id": (connection.scalar(count) or 0) + 1, **row})


def change(world: EventsWorld, email: str, **values: object) -> None:
    """Change a person behind the tools' backs, as a command would."""
    with world.deployment.database.begin() as connection:
        subject = world.person_in(connection, email)
        assert subject is not None
        for name, value in values.items():
            setattr(subject, name, value)
        subject.changed = True
        subjects.save(connection, [subject], world.clock.now())


def waiting(world: EventsWorld) -> list[str]:
    with world.deployment.database.connect() as connection:
        return [row.external_id for row in questions.aside(connection)]


class TestReading:
    def test_an_activity_is_each_controllers_persons(self, world: EventsWorld) -> None:
        world.webinar.register("1", AINO, first_name="Aino")
        world.webinar.did("1", "registered")
        report = world.run()
        assert report.read["activity"] == 2, "once for each controller of the joint system"
        assert world.kinds(AINO) == world.kinds(AINO, "bangeri") == ["registered"]

    def test_reading_again_brings_nothing(self, world: EventsWorld) -> None:
        world.webinar.register("1", AINO)
        for _ in range(6):
            world.webinar.did("1", "question")
        assert world.sync()
        again = world.run()
        assert again.read["activity-known"] == 6, "the overlap, for each controller"
        assert again.quiet
        assert len(world.kinds(AINO)) == 6

    def test_a_kind_that_is_not_asked_for_is_left(self, world: EventsWorld) -> None:
        world.webinar.register("1", AINO)
        world.webinar.did("1", "communication")
        assert world.run().read["activity-unasked"] == 1
        assert world.kinds(AINO) == []
        assert world.run().quiet

    def test_scopes_are_read_apart(self, world: EventsWorld) -> None:
        world.webinar.register("1", AINO)
        world.webinar.register("1", EETU, scope=SECOND)
        world.webinar.did("1", "registered")
        world.webinar.did("1", "question", scope=SECOND)
        assert world.sync()
        assert (world.kinds(AINO), world.kinds(EETU)) == (["registered"], ["question"])

    def test_where_nothing_is_collected_nothing_is_asked(self, world: EventsWorld) -> None:
        assert world.sync()
        assert world.tools[CRM].asked == []
        assert {scope for scope, _ in world.webinar.asked} == {FIRST, SECOND}

    def test_a_slice_ends_and_the_next_goes_on(
        self, world: EventsWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(running, "TOGETHER", 4)
        world.webinar.register("1", AINO)
        for _ in range(10):
            world.webinar.did("1", "question")
        world.run()
        fewer = world.kinds(AINO)
        for _ in range(10):
            world.webinar.did("1", "question")
        slices = 0
        while world.run(bounds=Bounds(pages=3)).state == "handed-back":
            slices += 1
        assert len(fewer) == 10
        assert slices > 1
        assert len(world.kinds(AINO)) == 20

    def test_a_row_that_cannot_be_understood_waits_until_it_can(self, world: EventsWorld) -> None:
        world.webinar.register("1", AINO)
        one = world.webinar.did("1", "question")
        world.webinar.unreadable[0] = Rejected(one.id, "time: none", "{}")
        assert world.run().read["quarantined"] == 1
        again = world.run()
        assert again.quiet
        assert waiting(world) == [f"activity {one.id}"]
        world.webinar.unreadable.clear()
        assert world.run().read["activity"] == 2
        assert waiting(world) == []


class TestCrashes:
    def test_activities_and_their_cursor_land_together(
        self, world: EventsWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.webinar.register("1", AINO)
        world.webinar.did("1", "attended")

        def full(*_: object, **__: object) -> None:
            raise RuntimeError("out of space")

        with monkeypatch.context() as patch:
            patch.setattr(reading.progress, "advance", full)
            opened = world.opened
            with world.deployment.database.begin() as connection:
                epoch = progress.take(connection, WEBINAR, "test", world.clock.now())
            with pytest.raises(RuntimeError):
                land_activities(
                    world.deployment,
                    opened,
                    epoch,
                    opened.system.streams[0],
                    FIRST,
                    world.webinar.log,
                    cursor="1",
                )
        with world.deployment.database.connect() as connection:
            assert connection.scalar(sa.select(sa.func.count()).select_from(activity)) == 0
            assert progress.place(connection, WEBINAR, "people:activities", FIRST) is None
            assert questions.aside(connection) == []
        assert world.sync()
        assert world.kinds(AINO) == ["attended"]

    def test_a_run_that_was_taken_over_lands_nothing(self, world: EventsWorld) -> None:
        world.webinar.register("1", AINO)
        world.run()
        one = world.webinar.did("1", "attended")
        with world.deployment.database.begin() as connection:
            old = progress.take(connection, WEBINAR, "one", world.clock.now())
            progress.take(connection, WEBINAR, "another", world.clock.now())
        opened = world.opened
        with pytest.raises(Fenced):
            land_activities(
                world.deployment, opened, old, opened.system.streams[0], FIRST, [one], cursor="9"
            )
        assert world.kinds(AINO) == []
        assert world.webinars(AINO) == ()
        with world.deployment.database.connect() as connection:
            assert progress.place(connection, WEBINAR, "people:activities", FIRST) is None


class TestWhatFollows:
    def test_attendance_is_written_to_the_crm(self, world: EventsWorld) -> None:
        world.webinar.register("1", AINO)
        assert world.sync()
        one = world.webinar.did("1", "attended")
        assert world.sync()
        assert crm_list(world) == [f"{FIRST} attended"]
        subject = world.person(AINO)
        assert subject is not None
        value = subject.profile["webinars"]
        assert (value.source, value.at) == (WEBINAR, one.at)
        assert value.origins == {"crowst", "bangeri"}

    @pytest.mark.parametrize("order", [("absent", "attended"), ("attended", "absent")])
    @pytest.mark.parametrize("together", [True, False])
    def test_a_corrected_report_ends_with_the_attendance(
        self, world: EventsWorld, order: tuple[str, str], *, together: bool
    ) -> None:
        world.webinar.register("1", AINO)
        for kind in order:
            world.webinar.did("1", kind)
            assert together or world.sync()
            world.clock.advance(MINUTE)
        assert world.sync()
        assert world.webinars(AINO) == (f"{FIRST} attended",)
        assert crm_list(world) == [f"{FIRST} attended"]
        assert sorted(world.kinds(AINO)) == ["absent", "attended"], "both were told"

    def test_another_webinar_is_another_matter(self, world: EventsWorld) -> None:
        for scope in (FIRST, SECOND):
            world.webinar.register("1", AINO, scope=scope)
        world.webinar.did("1", "absent")
        world.webinar.did("1", "attended", scope=SECOND)
        assert world.sync()
        assert crm_list(world) == [f"{FIRST} absent", f"{SECOND} attended"]

    def test_a_value_is_added_to_what_the_crm_has(self, world: EventsWorld) -> None:
        world.tools[CRM].register("c1", AINO, scope="", webinars=["spring attended"])
        world.run(CRM)
        world.webinar.register("1", AINO)
        world.webinar.did("1", "attended")
        world.run()
        subject = world.person(AINO)
        assert subject is not None
        assert subject.profile["webinars"].origins == {"crowst"}, "it holds a part of crowst's only"
        assert world.sync()
        assert crm_list(world) == [f"{FIRST} attended", "spring attended"]

    def test_what_a_person_took_away_is_not_added_again(self, world: EventsWorld) -> None:
        world.webinar.register("1", AINO)
        world.webinar.did("1", "attended")
        assert world.sync()
        world.clock.advance(MINUTE)
        (id_,) = [r.ref.id for r in world.tools[CRM].held.values()]
        world.tools[CRM].register(id_, AINO, scope="", webinars=["spring"])
        assert world.sync()
        assert world.run().read["activity-known"] == 2
        assert crm_list(world) == ["spring"]

    def test_a_tool_that_was_not_told_yet_brings_no_absence_back(self, world: EventsWorld) -> None:
        world.webinar.register("1", AINO)
        world.webinar.did("1", "absent")
        assert world.sync()
        world.clock.advance(MINUTE)
        (id_,) = [r.ref.id for r in world.tools[CRM].held.values()]
        world.tools[CRM].register(id_, AINO, scope="", webinars=[f"{FIRST} absent", "spring"])
        world.webinar.did("1", "attended")
        assert world.sync()
        assert crm_list(world) == [f"{FIRST} attended", "spring"]

    def test_a_marketing_refusal_holds_nothing_back(self, world: EventsWorld) -> None:
        yes = Consent("news", Stance.YES, world.clock.now(), "form")
        world.tools[CRM].register("c1", AINO, yes, scope="")
        world.run(CRM)
        world.clock.advance(MINUTE)
        no = Consent("news", Stance.NO, world.clock.now(), "form")
        world.webinar.register("1", AINO, no)
        world.webinar.did("1", "attended")
        assert world.sync()
        assert crm_list(world) == [f"{FIRST} attended"]
        (held,) = world.tools[CRM].held.values()
        assert [one.stance for one in held.consents] == [Stance.NO]

    def test_a_rectified_list_stays_as_it_is(self, world: EventsWorld) -> None:
        world.webinar.register("1", AINO)
        world.run()
        right = Value(("none",), CRM, world.clock.now(), frozenset({"crowst"}), rectified=True)
        subject = world.person(AINO)
        assert subject is not None
        change(world, AINO, profile={**subject.profile, "webinars": right})
        world.webinar.did("1", "attended")
        world.run()
        assert world.webinars(AINO) == ("none",)
        assert world.kinds(AINO) == ["attended"]

    def test_a_value_configured_later_is_added_for_what_landed_before(
        self, world: EventsWorld, tmp_path: Path
    ) -> None:
        world.webinar.register("1", AINO)
        world.webinar.did("1", "registered")
        assert world.sync()
        more = CONFIG.replace("registered:\n", "registered: {field: webinars, value: came}\n")
        with events_world(tmp_path, more, before=world) as again:
            again.run()
            assert again.kinds(AINO) == ["registered"]
            assert again.webinars(AINO) == ("came",)
            assert again.sync()
            change(again, AINO, profile={})
            assert again.run().read["activity-value"] == 0, "looked at anew only once"


class TestWhoIsCollected:
    def test_a_restricted_person_is_not(self, world: EventsWorld) -> None:
        world.webinar.register("1", AINO)
        world.run()
        change(world, AINO, restricted=True)
        world.webinar.did("1", "attended")
        report = world.run()
        assert (report.read["activity-restricted"], report.read["activity"]) == (1, 1)
        assert world.kinds(AINO) == []
        assert world.kinds(AINO, "bangeri") == ["attended"]
        assert world.webinars(AINO) == ()

    def test_an_erased_person_is_not(self, world: EventsWorld) -> None:
        world.webinar.register("1", AINO)
        world.run()
        block(world, "crowst", "email", AINO)
        world.webinar.did("1", "attended")
        assert world.run().read["activity-blocked"] == 1
        assert world.run().read["activity-blocked"] == 1
        assert world.run().quiet
        assert world.kinds(AINO) == []

    def test_nor_one_whose_record_is_only_in_the_block(self, world: EventsWorld) -> None:
        for controller in ("crowst", "bangeri"):
            block(world, controller, f"{WEBINAR}/people/{FIRST}", "1")
        world.webinar.register("1", AINO)
        world.webinar.did("1", "attended")
        report = world.run()
        assert report.read["activity-blocked"] == 2
        assert waiting(world) == []

    def test_a_shredded_one_is_passed_over(self, world: EventsWorld) -> None:
        world.webinar.register("1", AINO)
        world.run()
        subject = world.person(AINO)
        assert subject is not None
        world.deployment.vault.destroy([subject.key_id])
        world.webinar.did("1", "attended")
        report = world.run()
        assert (report.read["activity-shredded"], report.read["activity"]) == (1, 1)
        assert world.run().quiet

    def test_profiling_only_while_its_permission_stands(self, world: EventsWorld) -> None:
        tool, clock = world.webinar, world.clock
        tool.register("1", AINO)
        tool.did("1", "poll", about="before")
        world.run()
        clock.advance(MINUTE)
        tool.register("1", AINO, Consent("profile", Stance.YES, clock.now(), "form"))
        clock.advance(MINUTE)
        tool.did("1", "poll", about="permitted")
        world.run()
        clock.advance(MINUTE)
        tool.register("1", AINO, Consent("profile", Stance.NO, clock.now(), "form"))
        clock.advance(MINUTE)
        tool.did("1", "poll", about="withdrawn")
        report = world.run()
        assert report.read["activity-not-permitted"] > 0
        subject = world.person(AINO)
        assert subject is not None
        with world.deployment.database.connect() as connection:
            known = dossier(connection, world.deployment, subject)
        assert [one.about for one in known.activities] == [], "kept only while it stands"
        assert world.kinds(AINO, "bangeri") == [], "the consent was given to crowst"
        assert world.run().quiet

    def test_what_was_profiled_goes_when_its_permission_does(self, world: EventsWorld) -> None:
        tool, clock = world.webinar, world.clock
        tool.register("1", AINO, Consent("profile", Stance.YES, clock.now(), "form"))
        clock.advance(MINUTE)
        tool.did("1", "poll")
        tool.did("1", "question")
        world.run()
        assert sorted(world.kinds(AINO)) == ["poll", "question"]
        clock.advance(MINUTE)
        tool.register("1", AINO, Consent("news", Stance.NO, clock.now(), "form"))
        world.run()
        assert "poll" in world.kinds(AINO), "another purpose"
        clock.advance(MINUTE)
        tool.register("1", AINO, Consent("profile", Stance.NO, clock.now(), "form"))
        assert world.run().read["activity-lapsed"] == 1
        assert world.kinds(AINO) == ["question"]
        clock.advance(MINUTE)
        tool.register("1", AINO, Consent("profile", Stance.YES, clock.now(), "form"))
        world.run(full=True)
        assert "poll" not in world.kinds(AINO), "nor is it profiled again backwards"

    def test_a_permission_that_was_withdrawn_and_given_again_in_between_keeps_nothing_of_before(
        self, world: EventsWorld
    ) -> None:
        tool, clock = world.webinar, world.clock
        tool.register("1", AINO, Consent("profile", Stance.YES, clock.now(), "form"))
        clock.advance(MINUTE)
        tool.did("1", "poll")
        world.run()
        for minutes, stance in ((10, Stance.NO), (10, Stance.YES)):
            clock.advance(minutes * MINUTE)
            tool.register("1", AINO, Consent("profile", stance, clock.now(), "form"))
            world.run()
            assert "poll" not in world.kinds(AINO)

    def test_what_followed_from_it_goes_too(self, tmp_path: Path) -> None:
        config = CONFIG.replace(
            "poll: {needs: profiling}",
            'poll: {needs: profiling, field: webinars, value: "{scope} {kind}"}',
        )
        with events_world(tmp_path, config) as world:
            tool, clock = world.webinar, world.clock
            tool.register("1", AINO, Consent("profile", Stance.YES, clock.now(), "form"))
            clock.advance(MINUTE)
            tool.did("1", "poll")
            tool.did("1", "attended")
            world.sync()
            assert crm_list(world) == [f"{FIRST} attended", f"{FIRST} poll"]
            clock.advance(MINUTE)
            tool.register("1", AINO, Consent("profile", Stance.NO, clock.now(), "form"))
            world.sync()
            assert world.webinars(AINO) == (f"{FIRST} attended",)
            assert crm_list(world) == [f"{FIRST} attended"]

    def test_what_was_done_before_the_consent_is_not_profiled_after(
        self, world: EventsWorld
    ) -> None:
        world.webinar.did("1", "poll")
        world.clock.advance(MINUTE)
        yes = Consent("profile", Stance.YES, world.clock.now(), "form")
        world.webinar.register("1", AINO, yes)
        assert world.run().read["activity-not-permitted"] == 2
        assert world.kinds(AINO) == []


def test_a_person_is_shown_what_it_did(world: EventsWorld) -> None:
    world.webinar.register("1", AINO)
    world.webinar.did("1", "question", detail={"wording": "Milloin?"})
    world.run()
    subject = world.person(AINO)
    assert subject is not None
    with world.deployment.database.connect() as connection:
        (one,) = dossier(connection, world.deployment, subject).activities
    assert (one.kind, one.system, one.scope) == ("question", WEBINAR, FIRST)
    assert (one.about, one.detail) == ("Syksyn webinaari", {"wording": "Milloin?"})
