"""Plans and their hashes, who must approve them, and when a request may close (I8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.exemption import ExemptionGround
from hub.domain.plan import (
    ACTS,
    Exemption,
    Outcome,
    Plan,
    Step,
    TaskFacts,
    request_outcome,
)
from hub.domain.rights import DataCategory, RequestState, Right, TaskState

KEPT = Exemption("crowst-crm", DataCategory.BILLING, ExemptionGround.ACCOUNTING, date(2033, 1, 1))


def step(system: str, *controllers: str, part: str = "records", act: str = "erase") -> Step:
    return Step(system, part, act, controllers or ("crowst",))


PLAN = Plan(
    Right.ERASURE,
    ("crowst",),
    persons=(7,),
    steps=(step("crowst-crm"), step("crowst-mailer"), step("hub")),
)


class TestHash:
    def test_the_bytes_are_sorted_json(self) -> None:
        plan = replace(PLAN, exemptions=(KEPT,), fields=("phone",), weak=("shared-address",))
        assert plan.canonical() == (
            b'{"controllers":["crowst"],'
            b'"exemptions":[["crowst-crm","billing","accounting","2033-01-01"]],'
            b'"fields":["phone"],"partly":[],"persons":[7],"right":"erasure",'
            b'"steps":[["crowst-crm","records","erase",["crowst"]],'
            b'["crowst-mailer","records","erase",["crowst"]],["hub","records","erase",["crowst"]]],'
            b'"weak":["shared-address"]}'
        )
        assert len(plan.hash) == 64

    @given(st.randoms(use_true_random=False))
    def test_equal_in_any_order(self, random: Random) -> None:
        other_exemption = Exemption("hub", DataCategory.PROFILE, ExemptionGround.UNFOUNDED)
        parts = {
            "controllers": ["crowst", "bangeri"],
            "persons": [3, 12, 7],
            "partly": [9, 4],
            "steps": [step("hub", "crowst", "bangeri"), step("hub", part="crossed"), step("a")],
            "exemptions": [KEPT, other_exemption],
            "fields": ["phone", "email"],
            "weak": ["b", "a"],
        }
        plain = Plan(Right.ERASURE, **parts)  # type: ignore[arg-type]  # lists are put in order
        for values in parts.values():
            random.shuffle(values)
        shuffled = Plan(
            Right.ERASURE,
            **{k: (*v, random.choice(v)) for k, v in parts.items()},  # type: ignore[arg-type]  # as above
        )
        assert shuffled == plain
        assert shuffled.hash == plain.hash

    @pytest.mark.parametrize(
        "change",
        [
            {"right": Right.RESTRICTION},
            {"controllers": ("bangeri",)},
            {"persons": (7, 8)},
            {"persons": ()},
            {"partly": (8,)},
            {"steps": PLAN.steps[:2]},
            {"steps": (*PLAN.steps, step("joint-webinar"))},
            {"steps": (*PLAN.steps[:2], step("hub", act="export"))},
            {"steps": (*PLAN.steps[:2], step("hub", "crowst", "bangeri"))},
            {"steps": (*PLAN.steps[:2], step("hub", part="crossed"))},
            {"exemptions": (KEPT,)},
            {"fields": ("phone",)},
            {"weak": ("shared-address",)},
        ],
    )
    def test_any_change_changes_it(self, change: dict[str, object]) -> None:
        assert replace(PLAN, **change).hash != PLAN.hash  # type: ignore[arg-type]  # one field each

    def test_an_exemptions_end_is_in_it(self) -> None:
        later = replace(KEPT, until=date(2034, 1, 1))
        assert replace(PLAN, exemptions=(KEPT,)).hash != replace(PLAN, exemptions=(later,)).hash

    def test_it_is_read_back(self) -> None:
        whole = replace(PLAN, exemptions=(KEPT,), fields=("phone",), partly=(3,), weak=("x",))
        assert Plan.load(whole.canonical()) == whole
        assert Plan.load(PLAN.canonical().decode()) == PLAN

    def test_each_right_has_its_act(self) -> None:
        assert set(ACTS) == set(Right)


class TestGrowing:
    def test_a_merge_adds(self) -> None:
        grown = PLAN.grown(persons=[8], steps=[step("joint-webinar")], weak=["phone-only"])
        assert grown.persons == (7, 8)
        assert len(grown.steps) == 4
        assert grown.hash != PLAN.hash

    def test_nothing_new_is_the_same_plan(self) -> None:
        assert PLAN.grown(persons=[7], steps=[step("hub")]) == PLAN
        assert PLAN.grown().hash == PLAN.hash

    def test_controllers_of_one_system_are_joined(self) -> None:
        grown = PLAN.grown(steps=[step("hub", "bangeri")])
        assert [one.controllers for one in grown.steps if one.system == "hub"] == [
            ("bangeri", "crowst")
        ]

    def test_who_is_concerned_whole_is_no_more_concerned_partly(self) -> None:
        grown = replace(PLAN, partly=(8, 9)).grown(persons=[8], partly=[7])
        assert (grown.persons, grown.partly) == ((7, 8), (9,))

    def test_two_acts_in_one_place_cannot_be(self) -> None:
        with pytest.raises(ValueError, match="cannot both"):
            PLAN.grown(steps=[step("hub", act="export")])
        with pytest.raises(ValueError, match="one step"):
            replace(PLAN, steps=(step("hub"), step("hub", act="export")))


class TestSecondApprover:
    def test_a_plain_plan_needs_none(self) -> None:
        assert not PLAN.needs_second()

    def test_one_human_at_both_controllers_needs_none(self) -> None:
        assert not replace(PLAN, controllers=("crowst", "bangeri"), persons=(7, 8)).needs_second()

    def test_exemptions_weak_matches_or_always(self) -> None:
        assert replace(PLAN, exemptions=(KEPT,)).needs_second()
        assert replace(PLAN, weak=("shared-address",)).needs_second()
        assert replace(PLAN, weak=("several-persons",)).needs_second()
        assert PLAN.needs_second(always=True)


class TestExemptions:
    def test_a_ground_that_keeps_data_needs_its_end(self) -> None:
        with pytest.raises(ValueError, match="has ended"):
            Exemption("hub", DataCategory.BILLING, ExemptionGround.ACCOUNTING)

    def test_the_lists_are_closed(self) -> None:
        with pytest.raises(ValueError, match="whim"):
            Exemption("hub", DataCategory.BILLING, "whim")  # type: ignore[arg-type]  # not a ground
        with pytest.raises(ValueError, match="shoes"):
            Exemption("hub", "shoes", ExemptionGround.UNFOUNDED)  # type: ignore[arg-type]  # no category

    def test_the_ground_must_answer_the_right(self) -> None:
        with pytest.raises(ValueError, match="does not answer access"):
            Plan(Right.ACCESS, ("crowst",), exemptions=(KEPT,))


def task(system: str, state: TaskState, **more: object) -> TaskFacts:
    part = more.pop("part", "records")
    return TaskFacts(system, part, state, **more)  # type: ignore[arg-type]  # shorthand


VERIFIED = [task(one.system, TaskState.VERIFIED) for one in PLAN.steps]


class TestOutcome:
    def test_all_proved(self) -> None:
        assert request_outcome(PLAN, VERIFIED) == Outcome(RequestState.CLOSED)

    def test_never_held_is_proof(self) -> None:
        never = [task(one.system, TaskState.NOT_HELD) for one in PLAN.steps]
        assert request_outcome(PLAN, never).closes_as is RequestState.CLOSED

    def test_a_system_without_a_task_is_not_done(self) -> None:
        """Disabled, or taken out of the configuration."""
        answer = request_outcome(PLAN, VERIFIED[:2])
        assert answer == Outcome(None, (("hub", "records"),))

    def test_a_plan_of_nothing_proves_nothing(self) -> None:
        assert request_outcome(replace(PLAN, steps=()), []).closes_as is None

    @pytest.mark.parametrize(
        "state", sorted(set(TaskState) - {TaskState.VERIFIED, TaskState.NOT_HELD})
    )
    def test_anything_else_is_not_done(self, state: TaskState) -> None:
        """A vendor's word is no proof, an exemption without a ground no exemption."""
        answer = request_outcome(PLAN, [*VERIFIED[:2], task("hub", state)])
        assert answer == Outcome(None, (("hub", "records"),))

    def test_a_named_persons_word_is_proof(self) -> None:
        by_hand = task("hub", TaskState.CONFIRMED, by_person=True)
        assert request_outcome(PLAN, [*VERIFIED[:2], by_hand]).closes_as is RequestState.CLOSED

    @pytest.mark.parametrize("state", [TaskState.PENDING, TaskState.SENT, TaskState.ATTENTION])
    def test_a_persons_name_makes_no_other_state_proof(self, state: TaskState) -> None:
        assert request_outcome(
            PLAN, [*VERIFIED[:2], task("hub", state, by_person=True, ground="accounting")]
        ).lacking

    def test_an_exemption_closes_with_exceptions(self) -> None:
        kept = task("hub", TaskState.EXEMPT, ground="accounting", until=date(2033, 1, 1))
        answer = request_outcome(PLAN, [*VERIFIED[:2], kept])
        assert answer == Outcome(RequestState.CLOSED_WITH_EXCEPTIONS)

    def test_so_does_one_that_the_plan_names(self) -> None:
        answer = request_outcome(replace(PLAN, exemptions=(KEPT,)), VERIFIED)
        assert answer == Outcome(RequestState.CLOSED_WITH_EXCEPTIONS)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"ground": "whim", "until": date(2033, 1, 1)},
            {"ground": "accounting"},  # no end
            {"ground": "others_rights"},  # answers an access, no erasure
        ],
    )
    def test_one_on_no_valid_ground_is_not_done(self, wrong: dict[str, object]) -> None:
        exempt = task("hub", TaskState.EXEMPT, **wrong)
        assert request_outcome(PLAN, [*VERIFIED[:2], exempt]).lacking == (("hub", "records"),)

    def test_further_tasks_count_too(self) -> None:
        """What a vendor may keep, and only a person can confirm."""
        reports = task("joint-webinar", TaskState.AWAITING_EXTERNAL, part="residual:reports")
        answer = request_outcome(PLAN, [*VERIFIED, reports])
        assert answer.lacking == (("joint-webinar", "residual:reports"),)
        done = replace(reports, state=TaskState.CONFIRMED, by_person=True)
        assert request_outcome(PLAN, [*VERIFIED, done]).closes_as is RequestState.CLOSED

    def test_one_of_two_tasks_for_one_place_is_not_enough(self) -> None:
        again = task("hub", TaskState.ATTENTION)
        assert request_outcome(PLAN, [*VERIFIED, again]).lacking
        assert request_outcome(PLAN, [again, *VERIFIED]).lacking

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["crowst-crm", "crowst-mailer", "hub", "joint-webinar"]),
                st.sampled_from(["records", "residual:reports"]),
                st.sampled_from(TaskState),
                st.booleans(),
                st.sampled_from(["", "accounting", "whim"]),
            ),
            max_size=8,
        )
    )
    def test_never_closed_while_a_proof_is_lacking(
        self, rows: list[tuple[str, str, TaskState, bool, str]]
    ) -> None:
        tasks = [
            TaskFacts(system, part, state, by_person, ground, date(2033, 1, 1))
            for system, part, state, by_person, ground in rows
        ]
        proved = {TaskState.VERIFIED, TaskState.NOT_HELD}
        whole = all(
            one.state in proved
            or (one.state is TaskState.CONFIRMED and one.by_person)
            or (one.state is TaskState.EXEMPT and one.ground == "accounting")
            for one in tasks
        )
        met = {(one.system, one.part) for one in tasks}
        complete = {(one.system, one.part) for one in PLAN.steps} <= met
        answer = request_outcome(PLAN, tasks)
        assert (answer.closes_as is not None) == (whole and complete) == (not answer.lacking)
