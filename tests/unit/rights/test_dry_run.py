"""A dry run shows what an approval would carry out: the same plan, and nobody else's data."""

from __future__ import annotations

from datetime import date

from support.accounts import Crm
from support.rights_desk import Desk
from support.world import World

from hub.domain.exemption import ExemptionGround
from hub.domain.plan import Exemption
from hub.domain.rights import DataCategory, Right
from hub.rights import decide, dryrun
from hub.testing.world import LIVE_PROJECT

OONA = "oona.yhteinen@posti.example"


def test_what_was_decided_is_in_it(desk: Desk, aino: str) -> None:
    number = desk.open(Right.ERASURE, aino)
    desk.identify(number)
    kept = Exemption(
        "crowst-crm", DataCategory.BILLING, ExemptionGround.ACCOUNTING, date(2033, 1, 1)
    )
    plan = decide.exempt(desk.deployment, number, [kept], "invoices", desk.who)
    found = dryrun.preview(desk.deployment, number, desk.opened, "token:1")
    assert found.plan.exemptions == (kept,)
    assert found.plan.hash == plan.hash == desk.row(number).plan_hash


def test_the_right_by_lawful_basis_is_told(world: World, desk: Desk) -> None:
    crm = Crm(world, "crowst")
    crm.add(OONA, last_name="Nimi", lifecycle="customer", projects=LIVE_PROJECT)
    Crm(world, "bangeri").add(OONA, last_name="Omanimi", lifecycle="customer")
    world.sync()
    number = desk.open(Right.ERASURE, OONA)
    found = dryrun.preview(desk.deployment, number, desk.opened, "token:1").applies
    told = {(one.controller, one.basis.value): one.applies.value for one in found}
    assert told == {
        ("crowst", "contract"): "conditional",
        ("crowst", "direct_marketing"): "yes",
        ("crowst", "legitimate_interest"): "conditional",
    }


def test_the_other_companys_own_data_is_not_searched(world: World, desk: Desk) -> None:
    Crm(world, "bangeri").add(OONA, last_name="Omanimi")
    world.sync()
    Crm(world, "crowst").add(OONA, last_name="Omanimi", company="Oy X", projects=LIVE_PROJECT)
    world.sync()
    number = desk.open(Right.ERASURE, OONA)
    desk.identify(number)
    journal = world.sandbox("bangeri-crm").journal
    before = len(journal)
    found = dryrun.preview(desk.deployment, number, desk.opened, "token:1")
    (crossed,) = [one for one in found.systems if one.part == "crossed"]
    assert (crossed.system, crossed.held) == ("bangeri-crm", 1)  # found by the hub's own link
    asked = journal[before:]
    assert asked
    assert not [one for one in asked if OONA in str(one.get("body"))]
