"""On what grounds a request may be refused, whole or for one category of data: a closed list.

A ground that keeps data needs the day on which it has ended; then the erasure runs again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from hub.domain.deadline import months_after
from hub.domain.rights import Right


class ExemptionGround(StrEnum):
    """Why something is not done that a person asked for."""

    UNFOUNDED = "unfounded"
    EXCESSIVE = "excessive"
    OTHERS_RIGHTS = "others_rights"
    EXPRESSION = "expression"
    LEGAL_OBLIGATION = "legal_obligation"
    PUBLIC_HEALTH = "public_health"
    ARCHIVING = "archiving"
    ACCOUNTING = "accounting"
    LEGAL_CLAIMS = "legal_claims"

    @property
    def law(self) -> str:
        """The provision, as a letter cites it."""
        return GROUNDS[self].law

    @property
    def needs_end(self) -> bool:
        """Whether the day on which it has ended must be stated."""
        return GROUNDS[self].keeps

    @property
    def titles(self) -> Mapping[str, str]:
        """In fi, sv and en."""
        return GROUNDS[self].titles


@dataclass(frozen=True, slots=True)
class _Ground:
    law: str
    rights: frozenset[Right]
    keeps: bool  # data that was to go or to be left alone is kept or used: never without an end
    titles: Mapping[str, str]


_EVERY = frozenset(Right)
_ERASURE = frozenset({Right.ERASURE})

GROUNDS: Mapping[ExemptionGround, _Ground] = {
    ExemptionGround.UNFOUNDED: _Ground(
        "GDPR 12(5)",
        _EVERY,
        False,
        {
            "fi": "pyyntö on ilmeisen perusteeton",
            "sv": "begäran är uppenbart ogrundad",
            "en": "the request is manifestly unfounded",
        },
    ),
    ExemptionGround.EXCESSIVE: _Ground(
        "GDPR 12(5)",
        _EVERY,
        False,
        {
            "fi": "pyyntö on kohtuuton, esimerkiksi toistuva",
            "sv": "begäran är orimlig, till exempel upprepad",
            "en": "the request is excessive, for example repetitive",
        },
    ),
    ExemptionGround.OTHERS_RIGHTS: _Ground(
        "GDPR 15(4), 20(4)",
        frozenset({Right.ACCESS, Right.PORTABILITY}),
        False,
        {
            "fi": "muiden oikeudet ja vapaudet",
            "sv": "andras rättigheter och friheter",
            "en": "the rights and freedoms of others",
        },
    ),
    ExemptionGround.EXPRESSION: _Ground(
        "GDPR 17(3)(a)",
        _ERASURE,
        True,
        {
            "fi": "sananvapaus ja tiedonvälityksen vapaus",
            "sv": "yttrande- och informationsfrihet",
            "en": "freedom of expression and information",
        },
    ),
    ExemptionGround.LEGAL_OBLIGATION: _Ground(
        "GDPR 17(3)(b)",
        _ERASURE,
        True,
        {
            "fi": "lakisääteinen velvoite tai yleistä etua koskeva tehtävä",
            "sv": "rättslig förpliktelse eller uppgift av allmänt intresse",
            "en": "a legal obligation or a task in the public interest",
        },
    ),
    ExemptionGround.PUBLIC_HEALTH: _Ground(
        "GDPR 17(3)(c)",
        _ERASURE,
        True,
        {
            "fi": "kansanterveyteen liittyvä yleinen etu",
            "sv": "allmänt intresse på folkhälsoområdet",
            "en": "the public interest in public health",
        },
    ),
    ExemptionGround.ARCHIVING: _Ground(
        "GDPR 17(3)(d)",
        _ERASURE,
        True,
        {
            "fi": "yleisen edun mukainen arkistointi, tutkimus tai tilastointi",
            "sv": "arkivering av allmänt intresse, forskning eller statistik",
            "en": "archiving in the public interest, research or statistics",
        },
    ),
    ExemptionGround.ACCOUNTING: _Ground(
        "Accounting Act (1336/1997) 2:10, GDPR 17(3)(b)",
        _ERASURE,
        True,
        {
            "fi": "kirjanpitoaineiston säilytysvelvollisuus",
            "sv": "skyldighet att bevara bokföringsmaterial",
            "en": "the duty to retain accounting records",
        },
    ),
    # 18(2): use despite a restriction; 21(1): use despite an objection
    ExemptionGround.LEGAL_CLAIMS: _Ground(
        "GDPR 17(3)(e), 18(2), 21(1)",
        frozenset({Right.ERASURE, Right.RESTRICTION, Right.OBJECTION}),
        True,
        {
            "fi": "oikeusvaateen laatiminen, esittäminen tai puolustaminen",
            "sv": "fastställande, utövande eller försvar av rättsliga anspråk",
            "en": "the establishment, exercise or defence of legal claims",
        },
    ),
}
"""The closed list. A refusal that rests on nothing here is no refusal."""


def may_exempt(ground: ExemptionGround, right: Right, *, direct_marketing: bool = False) -> bool:
    """Whether the ground may answer that right. Nothing answers an objection to direct marketing:
    it is absolute (Art. 21(3))."""
    if right is Right.OBJECTION and direct_marketing:
        return False
    return right in GROUNDS[ground].rights


class AccountingRecord(StrEnum):
    """What the Accounting Act wants kept, and how long."""

    BOOKS = "books"  # journals, ledgers, financial statements, chart of accounts: 10 years
    VOUCHERS = "vouchers"  # invoices, receipts, correspondence on transactions: 6 years


def accounting_until(record: AccountingRecord, fiscal_year_ends: date) -> date:
    """The first day on which the Accounting Act (1336/1997) 2:10 asks no more for the record.

    Books are kept for ten years from the end of the fiscal year (subsection 1), vouchers for six
    from the end of the calendar year in which it ended (subsection 2).
    """
    if record is AccountingRecord.VOUCHERS:
        return date(fiscal_year_ends.year + 7, 1, 1)
    last = months_after(fiscal_year_ends, 120)
    return date.fromordinal(last.toordinal() + 1)
