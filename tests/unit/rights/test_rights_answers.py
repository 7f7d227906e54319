"""What an answer contains: all that is held for an access, what they provided for a portability."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from support.accounts import Crm, Webinar
from support.rights_desk import Desk
from support.world import World

from hub.api import Exported, Ref
from hub.domain.exemption import ExemptionGround
from hub.domain.plan import Exemption, Plan
from hub.domain.rights import DataCategory, Right
from hub.rights import decide, package
from hub.rights.exporting import Chosen
from hub.testing.world import ASKS_BOTH, HELD, LIVE_PROJECT

CRM = "crowst-crm"
PIA = "pia.portti@posti.example"


@pytest.fixture
def pia(world: World) -> str:
    """Known to Crowst by a form of hers, and by what its staff concluded."""
    crm = Crm(world, "crowst")
    crm.add(PIA, first_name="Pia", job_title="Johtaja", lifecycle="customer")
    crm.subscribes(PIA, "1001")
    world.sync()
    return PIA


def attended(world: World, who: str, name: str) -> None:
    webinar = Webinar(world, HELD)
    webinar.registers(who, yes=[ASKS_BOTH], name=name)
    world.sync()
    world.clock.advance(30 * 86_400)
    webinar.is_held([who])
    world.sync(full=True)


def answered(desk: Desk, right: Right, who: str, *withheld: DataCategory) -> dict[str, Any]:
    number = desk.open(right, who)
    desk.identify(number)
    ground = ExemptionGround.OTHERS_RIGHTS
    kept = [Exemption(CRM, one, ground) for one in withheld]
    if kept:
        decide.exempt(desk.deployment, number, kept, "a colleague is named", "cli:handler")
    desk.approve(number)
    desk.work()
    if right is Right.ACCESS:
        desk.confirm(number)  # that no recording shows them
    assert desk.row(number).state == "notifying", desk.states(number)
    answer = package.assemble(desk.deployment, number)
    desk.close(number)
    assert desk.row(number).state == ("closed_with_exceptions" if kept else "closed")
    return answer


def test_a_customer_who_refuses_all_marketing_is_a_customer(desk: Desk, pia: str) -> None:
    """What they provided under the contract is theirs all the same (Art. 20(1)(a))."""
    desk.run(Right.OBJECTION, pia)
    answer = answered(desk, Right.PORTABILITY, pia)
    assert "not_portable" not in answer
    assert answer["hub"][0]["profile"]["first_name"]["value"] == "Pia"
    assert answer["systems"][CRM]["records"][0]["values"]["first_name"] == "Pia"


def test_who_only_agreed_and_took_it_back_has_nothing_portable(
    world: World, desk: Desk, aino: str
) -> None:
    desk.run(Right.OBJECTION, aino)
    assert answered(desk, Right.PORTABILITY, aino)["not_portable"]


@pytest.mark.parametrize("right", [Right.ACCESS, Right.PORTABILITY])
def test_what_was_asked_for_is_gathered_before_it_is_erased(
    desk: Desk, pia: str, right: Right
) -> None:
    number, erasure = desk.open(right, pia), desk.open(Right.ERASURE, pia)
    desk.identify(number)
    desk.identify(erasure)
    with pytest.raises(decide.CannotDecide, match=f"request {number} ") as why:
        desk.approve(erasure)
    assert why.value.code == "answer-first"
    desk.approve(number)
    desk.work()
    desk.approve(erasure)
    desk.work()
    assert desk.states(erasure)["hub"] == "verified"
    answer = package.assemble(desk.deployment, number)
    assert PIA in str(answer["systems"][CRM]["records"])


def test_what_nobody_proved_to_have_asked_for_holds_up_no_erasure(desk: Desk, pia: str) -> None:
    desk.open(Right.ACCESS, pia)  # perhaps a stranger's
    erasure = desk.run(Right.ERASURE, pia)
    assert desk.states(erasure)["hub"] == "verified"


def test_what_is_others_is_withheld_after_it_was_looked_through(desk: Desk, pia: str) -> None:
    number = desk.run(Right.ACCESS, pia)
    desk.work()
    looked = package.assemble(desk.deployment, number)
    assert "jobtitle" in looked["systems"][CRM]["records"][0]["values"]["properties"]
    kept = Exemption(CRM, DataCategory.PROFILE, ExemptionGround.OTHERS_RIGHTS)
    decide.exempt(desk.deployment, number, [kept], "it names a colleague", desk.who)
    assert desk.row(number).state == "planned"
    desk.approve(number)
    desk.work()
    assert desk.row(number).state == "notifying", desk.states(number)
    answer = package.assemble(desk.deployment, number)
    assert "jobtitle" not in answer["systems"][CRM]["records"][0]["values"]["properties"]
    assert answer["systems"][CRM]["withheld"][0]["law"] == "GDPR 15(4), 20(4)"
    assert "job_title" not in answer["hub"][0]["profile"]
    desk.close(number)
    assert desk.row(number).state == "closed_with_exceptions"
    with pytest.raises(decide.CannotDecide, match="cannot be exempted"):
        decide.exempt(desk.deployment, number, [], "none", desk.who)


@pytest.mark.parametrize("own", [True, False])
def test_an_access_names_the_other_company_that_got_something(
    world: World, desk: Desk, own: bool
) -> None:
    """Art. 15(1)(c): who it is, whether or not they know the person by themselves."""
    if own:
        Crm(world, "bangeri").add(PIA, last_name="Portti")
        world.sync()
    Crm(world, "crowst").add(PIA, last_name="Portti", company="Oy X", projects=LIVE_PROJECT)
    world.sync()
    assert Crm(world, "bangeri").value(PIA, "company") == "Oy X"
    (copy,) = answered(desk, Right.ACCESS, PIA)["hub"]
    (other,) = [one for one in copy["recipients"] if "company" in one]
    assert (other["company"], other["contact"]) == ("Bängeri Oy", "genz@bangeri.fi")
    assert other["fields"] == (["company"] if own else ["company", "email", "last_name"])
    assert "Oy X" not in str(copy["recipients"])


def test_an_access_tells_what_the_hub_collected(world: World, desk: Desk, aino: str) -> None:
    attended(world, aino, "Aino Kukkamaa")
    (own,) = answered(desk, Right.ACCESS, aino)["hub"]
    kinds = {(one["system"], one["kind"]) for one in own["activities"]}
    assert {("joint-webinar", "registered"), ("joint-webinar", "attended")} <= kinds
    assert any(one["evidence"] for one in own["permissions"])


def test_only_the_exempt_category_is_withheld(world: World, desk: Desk, pia: str) -> None:
    answer = answered(desk, Right.ACCESS, pia, DataCategory.IDENTITY, DataCategory.PERMISSIONS)
    crm = answer["systems"][CRM]
    (record,) = crm["records"]
    assert "firstname" not in record["values"]["properties"]
    assert record["values"]["properties"]["jobtitle"] == "Johtaja"
    assert "subscriptions" not in record["values"]
    assert {(one["category"], one["law"]) for one in crm["withheld"]} == {
        ("identity", "GDPR 15(4), 20(4)"),
        ("permissions", "GDPR 15(4), 20(4)"),
    }
    (own,) = answer["hub"]
    assert sorted(own["profile"]) == ["email", "job_title", "lifecycle"]
    assert not own["permissions"]
    assert answer["systems"]["crowst-mailer"]["records"][0]["values"]["member"]
    assert not answer["systems"]["crowst-mailer"]["withheld"]


def test_what_nobody_mapped_is_withheld_as_profile(world: World, desk: Desk, pia: str) -> None:
    answer = answered(desk, Right.ACCESS, pia, DataCategory.PROFILE)
    (record,) = answer["systems"][CRM]["records"]
    assert sorted(record["values"]["properties"]) == ["email", "firstname"]
    assert record["values"]["subscriptions"]


@pytest.mark.parametrize(
    ("withheld", "left"),
    [
        (DataCategory.COMMUNICATIONS, {"properties": {"firstname": "Pia", "score": "7"}}),
        (DataCategory.IDENTITY, {"properties": {"score": "7"}, "notes": ["soitto"]}),
        (DataCategory.PROFILE, {"properties": {"firstname": "Pia"}, "notes": ["soitto"]}),
        (DataCategory.BILLING, {"properties": {"firstname": "Pia"}, "notes": ["soitto"]}),
    ],
)
def test_whole_parts_go_by_what_the_connector_says_of_them(
    desk: Desk, withheld: DataCategory, left: dict[str, Any]
) -> None:
    kept = Exemption(CRM, withheld, ExemptionGround.OTHERS_RIGHTS)
    plan = Plan(Right.ACCESS, ("crowst",), exemptions=(kept,)).canonical().decode()
    chosen = Chosen(desk.deployment, SimpleNamespace(plan=plan, right="access"))  # type: ignore[arg-type]  # as much of a row as is used
    held = Exported(
        Ref("contacts", "", "1"),
        {"properties": {"firstname": "Pia", "score": "7"}, "notes": ["soitto"]},
        categories={"notes": "communications"},
    )
    assert chosen.values(CRM, {"firstname": "first_name"}, held) == left
    said = withheld is not DataCategory.COMMUNICATIONS
    assert chosen.activity(CRM, "communication") is said
    assert chosen.activity(CRM, "registered")
    assert chosen.activity("bangeri-crm", "communication")


def test_what_they_provided_is_portable_and_nothing_else(
    world: World, desk: Desk, pia: str
) -> None:
    attended(world, pia, "Pia Portti")
    answer = answered(desk, Right.PORTABILITY, pia)
    (own,) = answer["hub"]
    assert "lifecycle" not in own["profile"]
    assert {"email", "first_name", "job_title"} <= own["profile"].keys()
    assert (own["recipients"], own["projects"]) == ([], [])
    assert {one["kind"] for one in own["permissions"]} == {"consent"}
    assert {"registered", "attended"} <= {one["kind"] for one in own["activities"]}
    (record,) = answer["systems"][CRM]["records"]
    assert record["values"]["first_name"] == "Pia"
    assert not {"lifecycle", "lifecyclestage", "createdate", "subscriptions"} & set(
        record["values"]
    )
    (registered,) = answer["systems"]["joint-webinar"]["records"]
    assert registered["values"]["custom_questions"]  # her answers in the form


def test_whom_one_company_has_no_consent_of_gets_nothing_from_it(
    world: World, desk: Desk, pia: str
) -> None:
    Crm(world, "bangeri").add(pia, first_name="Pia", last_name="Porttinen")
    world.sync()
    number = desk.run(Right.PORTABILITY, pia, "crowst", "bangeri")
    answer = package.assemble(desk.deployment, number)
    assert [one["controller"] for one in answer["hub"]] == ["crowst"]
    assert answer["systems"][CRM]["records"]
    assert not answer["systems"]["bangeri-crm"]["records"]
