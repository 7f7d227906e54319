"""Every answer of the gate: each rule, and each near miss with the explanation nearest to a yes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.domain.scene import NOW, facts, landscape, project, value

from hub.domain.gate import (
    Decision,
    Facts,
    may_bring,
    may_collect,
    may_cross,
    may_hold,
    may_refuse,
    may_subscribe,
)
from hub.domain.landscape import Effect, Ground, Project
from hub.domain.permission import Permission

YES = Permission(True, "consent", Ground.CONSENT, NOW)
PROHIBITED = Permission(False, "prohibited", None, NOW, NOW)
ENDED = project(ends=date(2026, 10, 31))


def hold(
    person: Facts,
    system: str,
    what: Any,
    *projects: Project,
    at: datetime = NOW,
    name: str = "email",
) -> Decision:
    world = landscape(*projects)
    return may_hold(world, person, world.systems[system], name, what, at)


class TestMayHold:
    def test_own_data_in_an_own_system(self) -> None:
        assert hold(facts("crowst"), "crowst-crm", value("crowst")).rule == "own"

    def test_a_value_known_to_both_goes_to_either(self) -> None:
        assert hold(facts(), "bangeri-crm", value("crowst", "bangeri")).rule == "own"

    def test_a_value_crosses_through_the_live_project(self) -> None:
        answer = hold(facts(), "bangeri-crm", value("crowst"), project())
        assert answer.allowed
        assert answer.rule == "joint-project"
        assert "webinar" in answer.reason

    @pytest.mark.parametrize(
        ("refused", "rule"),
        [({"blocked": True}, "erasure-block"), ({"restricted": True}, "restriction")],
    )
    def test_what_stands_over_everything(self, refused: dict[str, bool], rule: str) -> None:
        answer = hold(facts("crowst", **refused), "crowst-crm", value("crowst"))
        assert (answer.allowed, answer.rule) == (False, rule)

    def test_a_block_is_told_before_a_restriction(self) -> None:
        person = facts("crowst", blocked=True, restricted=True)
        assert hold(person, "crowst-crm", value("crowst")).rule == "erasure-block"

    def test_no_person_is_written_to_anothers_system(self) -> None:
        answer = hold(facts("crowst"), "bangeri-crm", value("crowst", "bangeri"), project())
        assert (answer.allowed, answer.rule) == (False, "other-controller")

    @pytest.mark.parametrize(
        ("projects", "person", "name", "source", "rule"),
        [
            ((), facts(), "email", "crowst-crm", "no-project"),
            ((project(systems=frozenset({"x"})),), facts(), "email", "crowst-crm", "no-project"),
            (
                (project(controllers=frozenset({"crowst", "third"})),),
                facts(),
                "email",
                "crowst-crm",
                "not-in-project",
            ),
            ((ENDED,), facts(), "email", "crowst-crm", "project-ended"),
            (
                (project(starts=date(2026, 11, 3)),),
                facts(),
                "email",
                "crowst-crm",
                "project-ended",
            ),
            ((project(),), facts(), "email", "crowst-secret", "source-not-in-project"),
            (
                (project(),),
                facts(projects=frozenset()),
                "email",
                "crowst-crm",
                "not-a-member",
            ),
            ((project(),), facts(), "phone", "crowst-crm", "field-not-in-project"),
        ],
    )
    def test_near_misses(
        self, projects: tuple[Project, ...], person: Facts, name: str, source: str, rule: str
    ) -> None:
        what = value("crowst", source=source)
        answer = hold(person, "bangeri-crm", what, *projects, name=name)
        assert (answer.allowed, answer.rule) == (False, rule)
        assert answer.reason

    def test_the_nearest_project_explains(self) -> None:
        near = project("near", fields=frozenset({"first_name"}))
        person = facts(projects=frozenset({"near", "webinar"}))
        for order in ((ENDED, near), (near, ENDED)):
            assert hold(person, "bangeri-crm", value("crowst"), *order).rule == (
                "field-not-in-project"
            )

    def test_one_open_project_is_enough(self) -> None:
        person = facts(projects=frozenset({"other", "webinar"}))
        answer = hold(person, "bangeri-crm", value("crowst"), ENDED, project("other"))
        assert answer.reason.endswith("other")

    def test_a_joint_system_needs_a_way_for_each_of_its_controllers(self) -> None:
        tool = frozenset({"webinar-tool", "crowst-crm"})
        person = facts("crowst")
        assert hold(person, "webinar-tool", value("crowst"), project(systems=tool)).allowed
        assert not hold(person, "webinar-tool", value("crowst")).allowed

    def test_days_are_helsinkis(self) -> None:
        last = datetime(2026, 11, 30, 21, 59, tzinfo=UTC)  # 23:59 in Helsinki
        for at, allowed in ((last, True), (last + timedelta(minutes=2), False)):
            answer = hold(facts(), "bangeri-crm", value("crowst"), project(), at=at)
            assert answer.allowed is allowed

    def test_a_project_without_an_end_goes_on(self) -> None:
        later = NOW + timedelta(days=3650)
        answer = hold(facts(), "bangeri-crm", value("crowst"), project(ends=None), at=later)
        assert answer.allowed

    @given(
        name=st.sampled_from(("email", "first_name", "phone")),
        member=st.booleans(),
        days=st.integers(-60, 60),
        listed=st.booleans(),
        source=st.sampled_from(("crowst-crm", "crowst-secret")),
    )
    def test_nothing_crosses_but_through_all_four_doors(
        self, name: str, member: bool, days: int, listed: bool, source: str
    ) -> None:
        """I2, as a table: time, member, field, source."""
        at = NOW + timedelta(days=days)
        open_ = project(systems=frozenset({"bangeri-crm", "crowst-crm"} if listed else {"x"}))
        person = facts(projects=frozenset({"webinar"} if member else ()))
        answer = hold(
            person, "bangeri-crm", value("crowst", source=source), open_, at=at, name=name
        )
        assert answer.allowed is (
            listed
            and member
            and name != "phone"
            and source == "crowst-crm"
            and date(2026, 10, 1) <= at.date() <= date(2026, 11, 30)
        )


class TestMayCross:
    def test_yes_names_the_project(self) -> None:
        answer = may_cross(facts("crowst"), project(), "bangeri", "email", value("crowst"), NOW)
        assert answer == (True, "joint-project", "the joint project webinar is live")

    @pytest.mark.parametrize(
        ("refused", "rule"),
        [
            ({"blocked": True}, "erasure-block"),
            ({"restricted": True}, "restriction"),
            ({"objected": True}, "objection"),
            ({"projects": frozenset()}, "not-a-member"),
        ],
    )
    def test_no(self, refused: dict[str, Any], rule: str) -> None:
        person = facts("crowst", **refused)
        answer = may_cross(person, project(), "bangeri", "email", value("crowst"), NOW)
        assert (answer.allowed, answer.rule) == (False, rule)


class TestMaySubscribe:
    OWN = (Effect("crowst", "newsletter"),)

    def ask(
        self, effects: tuple[Effect, ...] = OWN, system: str = "crowst-crm", **more: Any
    ) -> Decision:
        given: dict[str, Any] = {"permissions": {"newsletter": YES}, **more}
        world = landscape()
        return may_subscribe(world, facts("crowst", **given), world.systems[system], effects, NOW)

    def test_on_a_ground(self) -> None:
        assert self.ask() == (True, "permitted", "newsletter: consent")

    @pytest.mark.parametrize(
        ("more", "rule"),
        [
            ({"blocked": True}, "erasure-block"),
            ({"restricted": True}, "restriction"),
            ({"undeliverable": True}, "undeliverable"),
            ({"permissions": {}}, "no-ground"),
            ({"permissions": {"newsletter": PROHIBITED}}, "prohibited"),
            ({"system": "bangeri-crm"}, "other-controller"),
            ({"effects": ()}, "no-purpose"),
            ({"effects": (*OWN, Effect("bangeri", "newsletter"))}, "other-controller"),
            ({"effects": (*OWN, Effect("crowst", "events"))}, "no-ground"),
        ],
    )
    def test_no(self, more: dict[str, Any], rule: str) -> None:
        answer = self.ask(**more)
        assert (answer.allowed, answer.rule) == (False, rule)

    def test_a_prohibition_is_told_with_its_day(self) -> None:
        assert "2026-11-02" in self.ask(permissions={"newsletter": PROHIBITED}).reason

    def test_one_prohibited_purpose_of_two_is_enough(self) -> None:
        both = (*self.OWN, Effect("crowst", "events"))
        answer = self.ask(both, permissions={"newsletter": YES, "events": PROHIBITED})
        assert answer.rule == "prohibited"


class TestMayRefuse:
    def test_always(self) -> None:
        assert may_refuse(facts("crowst")).rule == "refusal"

    def test_also_under_a_restriction(self) -> None:
        """Art. 18(2): a withdrawal is let through."""
        assert may_refuse(facts("crowst", restricted=True)).allowed

    def test_save_for_the_erased(self) -> None:
        assert may_refuse(facts("crowst", blocked=True)).rule == "erasure-block"


def test_the_gate_is_pure() -> None:
    person, what = facts(), value("crowst")
    before = replace(person)
    first = hold(person, "bangeri-crm", what, project())
    assert hold(person, "bangeri-crm", what, project()) == first
    assert person == before


class TestMayCollect:
    def test_what_needs_no_permission(self) -> None:
        assert may_collect(facts(), None, NOW).rule == "collected"

    def test_a_marketing_prohibition_does_not_matter(self) -> None:
        assert may_collect(facts(permissions={"newsletter": PROHIBITED}), None, NOW).allowed

    @pytest.mark.parametrize(
        ("refused", "rule"),
        [({"blocked": True}, "erasure-block"), ({"restricted": True}, "restriction")],
    )
    @pytest.mark.parametrize("needs", [None, "profiling"])
    def test_what_stands_over_everything(
        self, refused: dict[str, bool], rule: str, needs: str | None
    ) -> None:
        answer = may_collect(facts(permissions={"profiling": YES}, **refused), needs, NOW)
        assert (answer.allowed, answer.rule) == (False, rule)

    def test_a_permission_that_stands(self) -> None:
        answer = may_collect(facts(permissions={"profiling": YES}), "profiling", NOW)
        assert (answer.allowed, answer.rule, answer.reason) == (
            True,
            "consent",
            "profiling: consent",
        )

    def test_a_ground_without_a_time(self) -> None:
        mailbox = Permission(True, "company-mailbox", Ground.COMPANY_MAILBOX)
        assert may_collect(facts(permissions={"profiling": mailbox}), "profiling", NOW).allowed

    def test_what_happened_before_it_was_permitted(self) -> None:
        earlier = NOW - timedelta(seconds=1)
        answer = may_collect(facts(permissions={"profiling": YES}), "profiling", earlier)
        assert (answer.allowed, answer.rule) == (False, "before-permission")
        assert answer.reason == "profiling: permitted only since 2026-11-02"

    def test_a_permission_of_another_purpose(self) -> None:
        answer = may_collect(facts(permissions={"newsletter": YES}), "profiling", NOW)
        assert (answer.rule, answer.reason) == ("no-ground", "profiling: no ground is known")

    def test_a_permission_that_was_withdrawn(self) -> None:
        answer = may_collect(facts(permissions={"profiling": PROHIBITED}), "profiling", NOW)
        assert (answer.rule, answer.reason) == (
            "prohibited",
            "profiling: prohibited since 2026-11-02",
        )


class TestMayBring:
    def test_a_system_of_one_company(self) -> None:
        world = landscape(ENDED)
        assert may_bring(world, world.systems["crowst-crm"], NOW).allowed

    def test_a_joint_system_while_its_project_is_live(self) -> None:
        world = landscape(project())
        assert may_bring(world, world.systems["webinar-tool"], NOW).rule == "joint-project"

    @pytest.mark.parametrize("one", [ENDED, project(starts=date(2026, 11, 3))])
    def test_before_the_start_and_after_the_end(self, one: Project) -> None:
        world = landscape(one)
        answer = may_bring(world, world.systems["webinar-tool"], NOW)
        assert (answer.allowed, answer.rule) == (False, "project-ended")
        assert "only its refusals count" in answer.reason

    @pytest.mark.parametrize("one", [ENDED, project(starts=date(2026, 11, 3))])
    def test_nor_is_anything_but_a_refusal_written_there(self, one: Project) -> None:
        world = landscape(one)
        tool = world.systems["webinar-tool"]
        person = facts("crowst", permissions={"newsletter": YES})
        both = value("crowst", "bangeri")
        assert may_hold(world, person, tool, "email", both, NOW).rule == "project-ended"
        effects = (Effect("crowst", "newsletter"),)
        assert may_subscribe(world, person, tool, effects, NOW).rule == "project-ended"
        assert may_refuse(person).allowed
