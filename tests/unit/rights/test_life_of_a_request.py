"""Decisions and their limits: one effect each, clear errors, nothing closed without its proof."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from support.accounts import Crm, List
from support.rights_desk import Desk
from support.world import World

from hub.domain.audit import Event, verify
from hub.domain.deadline import ExtensionReason
from hub.domain.exemption import ExemptionGround
from hub.domain.landscape import HELSINKI
from hub.domain.plan import Exemption
from hub.domain.rights import DataCategory, Right
from hub.rights import decide, identity, intake, lifting, manual, matches, watch
from hub.rights.decide import CannotDecide
from hub.rights.due import deadline_of
from hub.rights.instructions import CATEGORIES
from hub.store import audit, questions
from hub.sync.review import Decision
from hub.sync.review import decide as answer
from hub.vault.database import read_only

AINO = "aino.kukkamaa@posti.example"
CRM = "crowst-crm"
DAY = 86_400.0


def test_the_same_request_is_opened_once(desk: Desk, aino: str) -> None:
    first = desk.open(Right.ERASURE, aino)
    assert desk.open(Right.ERASURE, aino.upper()) == first
    assert desk.open(Right.ACCESS, aino) != first


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"email": "ei osoite"}, "email"),
        ({"controllers": ("acme",)}, "controllers"),
        ({"language": "de"}, "language"),
        ({"purposes": ("vitsit",)}, "purposes"),
        ({"corrections": {"last_name": "X"}}, "corrections"),
        ({"phone": "kaksi"}, "phone"),
    ],
)
def test_what_cannot_be_right_is_named(desk: Desk, given: dict, field: str) -> None:  # type: ignore[type-arg]  # of mixed values
    now = desk.deployment.now()
    asked = {"right": Right.ACCESS, "controllers": ("crowst",), "email": AINO, "received_at": now}
    with pytest.raises(intake.Invalid) as wrong:
        intake.open_request(desk.deployment, intake.Asked(**{**asked, **given}), "cli:handler")
    assert wrong.value.field == field
    with pytest.raises(intake.Invalid, match="future"):
        later = {**asked, "received_at": now + timedelta(days=1)}
        intake.open_request(desk.deployment, intake.Asked(**later), "cli:handler")
    # a slip in the year: no row may hold a moment that nobody can read again
    with pytest.raises(intake.Invalid, match="see the year"):
        slip = {**asked, "received_at": datetime(1, 1, 1, tzinfo=HELSINKI)}
        intake.open_request(desk.deployment, intake.Asked(**slip), "cli:handler")


def test_clocks_differ_and_nothing_happens_before_it_was_received(
    world: World, desk: Desk, aino: str
) -> None:
    midnight = datetime(2026, 11, 10, 22, tzinfo=UTC)  # in Helsinki
    world.clock.advance((midnight - world.clock.now()).total_seconds() - 10)
    ahead = desk.deployment.now() + timedelta(seconds=30)
    asked = intake.Asked(Right.ACCESS, ("crowst",), aino, ahead)
    number = intake.open_request(desk.deployment, asked, desk.who).number
    identity.new_code(desk.deployment, number, desk.who)
    assert desk.row(number).received_at == desk.deployment.now()
    assert deadline_of(desk.row(number)).paused


@pytest.mark.parametrize("right", [right for right in Right if right is not Right.OBJECTION])
def test_only_an_objection_is_to_purposes(desk: Desk, right: Right) -> None:
    """Of automated decisions it would leave the profiling that was to end."""
    corrections = {"last_name": "Laine"} if right is Right.RECTIFICATION else {}
    with pytest.raises(intake.Invalid) as wrong:
        desk.open(right, AINO, purposes=["newsletter"], corrections=corrections)
    assert wrong.value.field == "purposes"


def test_an_objection_is_to_a_purpose_of_who_is_asked(desk: Desk, world: World) -> None:
    """Otherwise it would close with nothing recorded."""
    land = world.deployment.landscape
    other = replace(land.purposes["events"], controllers=frozenset({"bangeri"}))
    changed = replace(land, purposes={**land.purposes, "events": other})
    desk.world.deployment = replace(world.deployment, landscape=changed)
    with pytest.raises(intake.Invalid, match="theirs: newsletter, profiling"):
        desk.open(Right.OBJECTION, AINO, "crowst", purposes=["events"])
    assert desk.open(Right.OBJECTION, AINO, "crowst", "bangeri", purposes=["events"])


def test_what_was_answered_is_taken_back_no_more(desk: Desk, aino: str) -> None:
    number = desk.run(Right.ACCESS, aino)
    assert desk.row(number).state == "notifying"
    for _ in range(2):
        with pytest.raises(CannotDecide, match="cannot be withdrawn"):
            decide.withdraw(desk.deployment, number, desk.who)
        if desk.row(number).open:
            desk.close(number)
    assert desk.row(number).state == "closed"


def test_nothing_is_added_to_a_case_file_that_has_ended(
    world: World, desk: Desk, aino: str
) -> None:
    number = desk.run(Right.ACCESS, aino)
    desk.close(number)
    world.clock.advance(desk.deployment.landscape.rights.keep.total_seconds() + DAY)
    watch.archive(desk.deployment)
    assert desk.row(number).state == "archived"
    mail = f"From: {aino}\r\n\r\nHei\r\n".encode()
    for act in (
        lambda: decide.note(desk.deployment, number, "x", desk.who),
        lambda: desk.identify(number),
        lambda: identity.by_message(desk.deployment, number, mail, desk.who, lambda *_, **__: None),
    ):
        with pytest.raises(CannotDecide, match="has ended"):
            act()


def test_what_is_decided_has_its_reason(desk: Desk, aino: str) -> None:
    number = desk.open(Right.ERASURE, aino)
    desk.identify(number)
    kept = Exemption(CRM, DataCategory.BILLING, ExemptionGround.UNFOUNDED)
    deployment, who = desk.deployment, desk.who
    for act in (
        lambda: decide.exempt(deployment, number, [kept], " ", who),
        lambda: decide.refuse(deployment, number, "unfounded", "", who),
        lambda: decide.extend(deployment, number, ExtensionReason.COMPLEX, "\n", who),
        lambda: decide.note(deployment, number, "", who),
    ):
        with pytest.raises(CannotDecide) as why:
            act()
        assert why.value.code == "reason-missing"
    assert desk.row(number).state == "planned"


def test_a_refusal_is_due_within_a_month_although_a_question_is_open(
    world: World, desk: Desk, aino: str
) -> None:
    number = desk.open(Right.ACCESS, aino)
    identity.new_code(desk.deployment, number, desk.who)
    world.clock.advance(2 * DAY)
    decide.refuse(desk.deployment, number, "unfounded", "No answer came.", desk.who)
    due = deadline_of(desk.row(number))
    assert not due.paused
    assert (due.target, due.ends) == (date(2026, 12, 4), date(2026, 12, 4))  # two days stood still
    assert desk.row(number).due_on == due.ends


def test_a_refusal_is_due_within_a_month_although_it_was_extended(
    world: World, desk: Desk, aino: str
) -> None:
    number = desk.open(Right.ACCESS, aino)
    decide.extend(desk.deployment, number, ExtensionReason.COMPLEX, "many", desk.who)
    decide.refuse(desk.deployment, number, "unfounded", "The fourth this week.", desk.who)
    due = deadline_of(desk.row(number))
    assert (due.ends, due.extended) == (date(2026, 12, 2), False)
    assert desk.row(number).due_on == due.ends
    world.clock.advance(31 * DAY)
    watch.escalate(desk.deployment)
    assert desk.row(number).escalated == "late"


def test_of_an_extended_deadline_everything_is_told_anew(
    world: World, desk: Desk, aino: str
) -> None:
    number = desk.open(Right.ACCESS, aino)

    def told_at(left: int) -> list[str]:
        days = (desk.row(number).due_on - world.clock.now().date()).days - left
        world.clock.advance(days * 86_400)
        for _ in range(2):
            watch.escalate(desk.deployment)
        with read_only(desk.deployment.database).connect() as connection:
            entries = audit.entries(connection, subjects=[f"request {number}"])
            return [
                one.entry.detail["level"]
                for one in entries
                if one.entry.event is Event.REQUEST_ESCALATED
            ]

    assert told_at(9) == ["ten-days"]
    decide.extend(desk.deployment, number, ExtensionReason.COMPLEX, "many", desk.who)
    assert told_at(40) == ["ten-days"]
    assert told_at(9) == ["ten-days", "ten-days"]
    assert told_at(4) == ["ten-days", "ten-days", "five-days"]


def test_who_does_the_rest_by_hand_is_told_what_is_kept(desk: Desk, aino: str) -> None:
    number = desk.open(Right.ERASURE, aino)
    desk.identify(number)
    kept = [
        Exemption(CRM, DataCategory.BILLING, ExemptionGround.ACCOUNTING, date(2033, 1, 1)),
        Exemption(CRM, DataCategory.CONTACT, ExemptionGround.LEGAL_CLAIMS, date(2027, 1, 1)),
    ]
    decide.exempt(desk.deployment, number, kept, "invoices", desk.who)
    desk.approve(number)
    task = desk.tasks(number)[CRM, "remainder"]
    told = {one: manual.instructions(desk.deployment, task, one) for one in ("fi", "sv", "en")}
    for text in told.values():
        assert "2033-01-01" in text
        assert "2027-01-01" in text
        assert ExemptionGround.ACCOUNTING.law in text
        assert aino not in text
    assert told["en"].startswith("Keep: ")
    assert "billing and bookkeeping (" in told["en"]
    assert told["en"].endswith(
        f"Delete everything about the person from {CRM}, bins and archives included.\n"
        "What is kept is used for nothing else: nothing is sent to the person."
    )
    assert "laskutus" in told["fi"]
    assert "fakturering" in told["sv"]
    assert set(CATEGORIES) == set(DataCategory)


def test_what_does_not_fit_is_said_with_its_mend(desk: Desk, aino: str) -> None:
    number = desk.open(Right.ACCESS, aino)
    desk.identify(number)
    with pytest.raises(CannotDecide, match="record a doubt"):
        identity.new_code(desk.deployment, number, desk.who)
    past = Exemption(CRM, DataCategory.BILLING, ExemptionGround.EXCESSIVE, date(2026, 11, 1))
    with pytest.raises(CannotDecide, match="still to come"):
        decide.exempt(desk.deployment, number, [past], "invoices", desk.who)
    ever = Exemption(CRM, DataCategory.BILLING, ExemptionGround.EXCESSIVE, date(9999, 12, 31))
    with pytest.raises(CannotDecide, match="on which the ground ends"):
        decide.exempt(desk.deployment, number, [ever], "invoices", desk.who)
    desk.approve(number)
    with pytest.raises(CannotDecide, match="hold"):
        identity.doubt(desk.deployment, number, "another address", desk.who)
    task = desk.tasks(number)[CRM, "records"].id
    with pytest.raises(CannotDecide, match=f"hub rights show {number}"):
        matches.judge(desk.deployment, task, desk.who, same=True)


def test_nothing_is_carried_out_before_the_person_is_known(desk: Desk, aino: str) -> None:
    number = desk.open(Right.ERASURE, aino)
    assert desk.row(number).state == "identity_pending"
    with pytest.raises(CannotDecide, match="identity_pending"):
        decide.approve(desk.deployment, number, "", "cli:handler")


def test_a_code_is_guessed_five_times_at_most(desk: Desk, aino: str) -> None:
    number = desk.open(Right.ACCESS, aino)
    code = identity.new_code(desk.deployment, number, "cli:handler")
    for _ in range(5):
        assert not identity.give_code(desk.deployment, number, "VAARIN22", "cli:handler")
    with pytest.raises(CannotDecide, match="too often"):
        identity.give_code(desk.deployment, number, code, "cli:handler")
    fresh = identity.new_code(desk.deployment, number, "cli:handler")
    assert identity.give_code(desk.deployment, number, f" {fresh.lower()} ", "cli:handler")
    assert desk.row(number).state == "planned"


def test_the_clock_stands_still_between_question_and_answer(desk: Desk, aino: str) -> None:
    number = desk.open(Right.ACCESS, aino)  # 2 November
    before = desk.row(number).due_on
    identity.doubt(desk.deployment, number, "another sender than before", "cli:handler")
    desk.world.clock.advance(5 * 86_400)
    desk.identify(number)
    assert desk.row(number).due_on > before + timedelta(days=4)


def test_an_approval_is_of_one_plan(world: World, desk: Desk, aino: str) -> None:
    number = desk.open(Right.ERASURE, aino)
    desk.identify(number)
    seen = desk.row(number).plan_hash
    Crm(world, "bangeri").add(AINO, first_name="Aino", last_name="Kukkamaa")
    decide.confirm_scope(desk.deployment, number, ["bangeri"], "cli:handler")
    with pytest.raises(CannotDecide, match="changed"):
        decide.approve(desk.deployment, number, seen, "cli:handler")
    now = desk.row(number).plan_hash
    assert decide.approve(desk.deployment, number, now, "cli:handler")[0]
    assert decide.approve(desk.deployment, number, now, "cli:handler")[0]  # again: nothing more
    desk.work()
    assert [one.state for one in desk.tasks(number).values()].count("verified") >= 3


def test_an_exemption_needs_a_second_person_and_ends(desk: Desk, aino: str) -> None:
    number = desk.open(Right.ERASURE, aino)
    desk.identify(number)
    exemption = Exemption(
        "crowst-crm", DataCategory.BILLING, ExemptionGround.ACCOUNTING, date(2026, 12, 1)
    )
    plan = decide.exempt(desk.deployment, number, [exemption], "invoices", "cli:handler")
    assert not decide.approve(desk.deployment, number, plan.hash, "cli:handler")[0]
    with pytest.raises(CannotDecide, match="somebody else"):
        decide.approve(desk.deployment, number, plan.hash, "cli:handler")
    assert decide.approve(desk.deployment, number, plan.hash, "cli:second")[0]
    desk.work()
    desk.confirm(number)
    assert desk.states(number)["crowst-crm"] == "exempt"
    desk.close(number)
    assert desk.row(number).state == "closed_with_exceptions"
    desk.watch(40)
    assert desk.states(number)["crowst-crm ended"] == "verified", desk.states(number)
    assert Crm(desk.world, "crowst").id_of(aino) is None


def test_a_held_request_waits(desk: Desk, aino: str) -> None:
    number = desk.open(Right.ERASURE, aino)
    desk.identify(number)
    desk.approve(number)
    decide.hold(desk.deployment, number, "cli:handler", on=True, reason="a court asks")
    desk.work()
    assert desk.states(number)["crowst-crm"] == "pending"
    decide.hold(desk.deployment, number, "cli:handler", on=False)
    desk.work()
    assert desk.states(number)["crowst-crm"] == "verified"


def test_an_extension_is_once_and_in_the_first_month(desk: Desk, aino: str) -> None:
    number = desk.open(Right.ACCESS, aino)
    due = decide.extend(desk.deployment, number, ExtensionReason.COMPLEX, "many", "cli:handler")
    assert due.target == date(2027, 2, 2)
    with pytest.raises(CannotDecide, match="once"):
        decide.extend(desk.deployment, number, ExtensionReason.COMPLEX, "more", "cli:handler")
    late = desk.open(Right.PORTABILITY, aino)
    desk.world.clock.advance(60 * 86_400)
    with pytest.raises(CannotDecide, match="first month"):
        decide.extend(desk.deployment, late, ExtensionReason.NUMBER, "late", "cli:handler")


def test_who_is_back_by_a_lag_is_an_incident_and_goes_again(
    world: World, desk: Desk, aino: str
) -> None:
    number = desk.run(Right.ERASURE, aino)
    desk.confirm(number)
    desk.close(number)
    Crm(world, "crowst").add(AINO, first_name="Aino")  # an import
    world.sync(full=True)
    desk.watch(2)
    assert desk.row(number).state == "watching"
    assert Crm(world, "crowst").id_of(AINO) is None
    with read_only(desk.deployment.database).connect() as connection:
        told = [one.entry.event for one in audit.entries(connection)]
        assert verify(audit.entries(connection), audit.head(connection)) is None
    assert "reappeared" in told


def test_who_comes_back_by_an_own_act_is_asked_about(world: World, desk: Desk, aino: str) -> None:
    number = desk.run(Right.ERASURE, aino)
    desk.confirm(number)
    desk.close(number)
    world.clock.advance(86_400)
    List(world, "crowst-uutiset").subscribes(AINO, first_name="Aino")
    world.sync(full=True)
    assert Crm(world, "crowst").id_of(AINO) is None
    with desk.deployment.database.connect() as connection:
        (review,) = questions.reviews(connection)
    assert review.kind == "returned"
    answer(desk.deployment, review.id, Decision.ADMIT, "test")
    world.sync(full=True)
    assert Crm(world, "crowst").id_of(AINO) is not None
    assert Crm(world, "crowst").value(AINO, "last_name") in (None, "")  # nothing of before


def test_a_merge_waits_and_makes_the_plan_grow(world: World, desk: Desk, aino: str) -> None:
    crm = Crm(world, "crowst")
    double = crm.add("aino.toinen@posti.example", first_name="Aino", last_name="Toinen")
    world.sync()
    number = desk.open(Right.ERASURE, aino)
    desk.identify(number)
    desk.approve(number)
    before = desk.row(number).plan_hash
    crm.merge(crm.id_of(aino) or "", double)
    world.sync()
    desk.work()
    assert desk.row(number).state == "planned"
    assert desk.row(number).plan_hash != before
    desk.approve(number)
    desk.work()
    desk.confirm(number)
    assert desk.row(number).state == "notifying", desk.states(number)


def test_a_restriction_is_lifted_once_the_person_was_told(
    world: World, desk: Desk, aino: str
) -> None:
    number = desk.run(Right.RESTRICTION, aino)
    desk.confirm(number)
    desk.close(number)
    with pytest.raises(CannotDecide, match="told"):
        lifting.lift(desk.deployment, number, "e-mail", " ", "cli:handler")
    lifting.lift(desk.deployment, number, "e-mail", "We lift it.", "cli:handler")
    desk.work()
    assert desk.states(number)["crowst-mailer lift"] == "verified", desk.states(number)
    assert List(world, "crowst-uutiset").status(aino) == "subscribed"
