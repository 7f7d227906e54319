"""What an erasure keeps on a ground: until when, and what becomes of it then."""

from __future__ import annotations

from datetime import date

import pytest
from support.accounts import Crm
from support.rights_desk import Desk
from support.world import World

from hub.domain.exemption import ExemptionGround
from hub.domain.plan import Exemption
from hub.domain.rights import DataCategory, Right
from hub.rights import decide, manual

CRM = "crowst-crm"
BILLING = Exemption(CRM, DataCategory.BILLING, ExemptionGround.ACCOUNTING, date(2033, 1, 1))
PROFILE = Exemption(CRM, DataCategory.PROFILE, ExemptionGround.LEGAL_CLAIMS, date(2026, 12, 1))
YEAR = 365.25


def _kept(desk: Desk, address: str, *exemptions: Exemption) -> int:
    number = desk.open(Right.ERASURE, address)
    desk.identify(number)
    decide.exempt(desk.deployment, number, exemptions, "invoices", "cli:handler")
    desk.approve(number)
    desk.work()
    desk.confirm(number)
    desk.work()
    desk.close(number)
    assert desk.row(number).state == "closed_with_exceptions"
    return number


def test_a_ground_that_outlives_the_case_file_ends_in_an_erasure(desk: Desk, aino: str) -> None:
    number = _kept(desk, aino, BILLING)
    crm = Crm(desk.world, "crowst")
    desk.watch(5 * YEAR)
    assert desk.row(number).state != "archived"
    assert crm.id_of(aino)
    desk.watch(1.5 * YEAR)
    assert desk.states(number)[f"{CRM} ended"] == "verified"
    assert crm.id_of(aino) is None
    desk.confirm(number)
    desk.watch(2 * YEAR)  # the proof of that is kept as long as every other
    assert desk.row(number).state != "archived"
    desk.watch(1.5 * YEAR)
    assert desk.row(number).state == "archived"


def test_what_is_kept_is_erased_under_whatever_address_it_has_then(desk: Desk, aino: str) -> None:
    """What the ground does not cover was deleted by hand, the address with it."""
    number = _kept(desk, aino, PROFILE)
    crm = Crm(desk.world, "crowst")
    id_ = crm.id_of(aino) or ""
    crm.edit(id_, email="poistettu@posti.example")
    desk.watch(40)
    assert desk.states(number)[f"{CRM} ended"] == "verified"
    assert crm.box.account.find(id_) is None


@pytest.mark.parametrize("never", [False, True], ids=["an-end", "no-end"])
def test_of_several_grounds_a_person_ends_the_earlier_and_the_last_erases(
    world: World, desk: Desk, aino: str, never: bool
) -> None:
    later = BILLING
    if never:
        later = Exemption(CRM, DataCategory.BILLING, ExemptionGround.EXCESSIVE)
    number = _kept(desk, aino, later, PROFILE)
    task = desk.tasks(number)[CRM, "records"]
    assert (task.category, task.until) == ("billing", later.until)
    desk.watch(40)
    crm = Crm(world, "crowst")
    assert crm.id_of(aino), "billing has to be kept"
    part = f"{CRM} ended:profile"
    assert desk.states(number)[part] == "awaiting_external: ground-ended"
    desk.watch(1)
    assert [one for one in desk.states(number) if "ended" in one] == [part]  # asked for once
    desk.confirm(number)
    assert desk.states(number)[part] == "confirmed: ground-ended"
    desk.watch(6.5 * YEAR)
    assert (crm.id_of(aino) is None) is not never
    assert (f"{CRM} ended" in desk.states(number)) is not never


def test_two_grounds_for_one_category_keep_it_until_the_later(desk: Desk, aino: str) -> None:
    claims = Exemption(CRM, DataCategory.BILLING, ExemptionGround.LEGAL_CLAIMS, date(2026, 12, 1))
    number = _kept(desk, aino, BILLING, claims)
    desk.watch(40)
    assert not [one for one in desk.states(number) if "ended" in one]


def test_who_deletes_the_rest_is_told_what_stays_and_until_when(desk: Desk, aino: str) -> None:
    number = desk.open(Right.ERASURE, aino)
    desk.identify(number)
    decide.exempt(desk.deployment, number, [BILLING, PROFILE], "invoices", "cli:handler")
    desk.approve(number)
    task = desk.tasks(number)[CRM, "remainder"]
    told = manual.instructions(desk.deployment, task, "en")
    for what in ("billing", "2033-01-01", "title, interests", "2026-12-01"):
        assert what in told
    assert "lasku" in manual.instructions(desk.deployment, task, "fi")
    desk.work()
    desk.confirm(number)
    desk.close(number)
    desk.watch(40)
    task = desk.tasks(number)[CRM, "ended:profile"]
    told = manual.instructions(desk.deployment, task, "en")
    assert CRM in told
    assert "title, interests" in told
    assert "billing" not in told


def test_a_case_file_stays_while_a_person_still_has_to_confirm(desk: Desk, aino: str) -> None:
    number = _kept(desk, aino, PROFILE)
    desk.watch(40)
    assert [one for one in desk.tasks(number).values() if one.state == "awaiting_external"]
    desk.watch(5 * YEAR)
    assert desk.row(number).state != "archived"
    desk.confirm(number)
    desk.watch(1)
    assert desk.row(number).state == "archived"
