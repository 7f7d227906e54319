"""The closed list of grounds, against one written by hand, and the ends of the Accounting Act."""

from __future__ import annotations

from datetime import date

import pytest

from hub.domain.exemption import (
    AccountingRecord,
    ExemptionGround,
    accounting_until,
    may_exempt,
)
from hub.domain.rights import Right

EVERY = {right.value for right in Right}

# ground: the provision, the rights it may answer, whether it needs an end
BY_HAND = {
    "unfounded": ("GDPR 12(5)", EVERY, False),
    "excessive": ("GDPR 12(5)", EVERY, False),
    "others_rights": ("GDPR 15(4), 20(4)", {"access", "portability"}, False),
    "expression": ("GDPR 17(3)(a)", {"erasure"}, True),
    "legal_obligation": ("GDPR 17(3)(b)", {"erasure"}, True),
    "public_health": ("GDPR 17(3)(c)", {"erasure"}, True),
    "archiving": ("GDPR 17(3)(d)", {"erasure"}, True),
    "accounting": ("Accounting Act (1336/1997) 2:10, GDPR 17(3)(b)", {"erasure"}, True),
    "legal_claims": (
        "GDPR 17(3)(e), 18(2), 21(1)",
        {"erasure", "restriction", "objection"},
        True,
    ),
}


def test_the_list_is_closed() -> None:
    assert {ground.value for ground in ExemptionGround} == set(BY_HAND)


@pytest.mark.parametrize("ground", ExemptionGround)
def test_a_ground(ground: ExemptionGround) -> None:
    law, rights, needs_end = BY_HAND[ground.value]
    assert ground.law == law
    assert {right.value for right in Right if may_exempt(ground, right)} == rights
    assert ground.needs_end == needs_end
    assert set(ground.titles) == {"fi", "sv", "en"}
    assert all(ground.titles.values())


@pytest.mark.parametrize("ground", ExemptionGround)
def test_nothing_answers_an_objection_to_direct_marketing(ground: ExemptionGround) -> None:
    assert not may_exempt(ground, Right.OBJECTION, direct_marketing=True)


@pytest.mark.parametrize(
    ("record", "ends", "until", "why"),
    [
        ("books", "2026-12-31", "2037-01-01", "ten years from 31 December 2026: to 31.12.2036"),
        ("books", "2026-06-30", "2036-07-01", "ten years from the fiscal year's end, not the year"),
        ("books", "2028-02-29", "2038-03-01", "2038 has no 29 February: to the 28th"),
        ("books", "2026-02-28", "2036-02-29", "to 28 February 2036, a leap year: the next day"),
        ("vouchers", "2026-12-31", "2033-01-01", "six years from the end of 2026: to 31.12.2032"),
        (
            "vouchers",
            "2026-06-30",
            "2033-01-01",
            "from the end of the year, not of the fiscal year",
        ),
        ("vouchers", "2027-01-01", "2034-01-01", "the fiscal year ended in 2027"),
    ],
)
def test_the_accounting_act(record: str, ends: str, until: str, why: str) -> None:
    found = accounting_until(AccountingRecord(record), date.fromisoformat(ends))
    assert found.isoformat() == until, why
