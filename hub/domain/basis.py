"""Right by lawful basis: what a person may ask for, given why their data is used.

GDPR Art. 6(1) has the bases. Direct marketing stands beside them as a use of its own, because an
objection to it is absolute whatever basis it rests on (Art. 21(2)-(3)).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from hub.domain.rights import Right


class Basis(StrEnum):
    """Why personal data is used."""

    CONSENT = "consent"  # 6(1)(a)
    CONTRACT = "contract"  # (b)
    LEGAL_OBLIGATION = "legal_obligation"  # (c)
    VITAL_INTERESTS = "vital_interests"  # (d)
    PUBLIC_TASK = "public_task"  # (e)
    LEGITIMATE_INTEREST = "legitimate_interest"  # (f)
    DIRECT_MARKETING = "direct_marketing"  # (f), with Art. 21(2)


class Applies(StrEnum):
    """Whether the right can be used."""

    YES = "yes"
    NO = "no"
    CONDITIONAL = "conditional"  # on what the note says; a handler decides


class Rule(NamedTuple):
    """One cell of the table."""

    applies: Applies
    article: str
    note: str = ""  # English, for the handler


def _always(article: str, note: str = "") -> dict[Basis, Rule]:
    return dict.fromkeys(Basis, Rule(Applies.YES, article, note))


_NO_OBJECTION = "an objection needs a public task, a legitimate interest or direct marketing"
_NO_LONGER = "once the data is no longer needed for it"
_SITUATION = (
    "on grounds of the person's own situation, unless compelling grounds override or legal claims "
    "need it"
)
_NOT_PORTABLE = "only what rests on consent or contract is portable"
_PORTABLE = "what the person provided, observed activity included"
_NO_EXCEPTION = "no exception of 22(2) fits"

TABLE: Mapping[Right, Mapping[Basis, Rule]] = {
    Right.INFORMATION: _always("13-14"),
    Right.ACCESS: _always("15"),
    Right.RECTIFICATION: _always("16"),
    Right.ERASURE: {
        Basis.CONSENT: Rule(Applies.YES, "17(1)(b)", "asking for it withdraws the consent"),
        Basis.CONTRACT: Rule(Applies.CONDITIONAL, "17(1)(a)", _NO_LONGER),
        Basis.LEGAL_OBLIGATION: Rule(Applies.NO, "17(3)(b)", "while the obligation lasts"),
        Basis.VITAL_INTERESTS: Rule(Applies.CONDITIONAL, "17(1)(a)", _NO_LONGER),
        Basis.PUBLIC_TASK: Rule(Applies.NO, "17(3)(b)", "while the task needs it"),
        Basis.LEGITIMATE_INTEREST: Rule(
            Applies.CONDITIONAL,
            "17(1)(a), 17(1)(c)",
            "once it is no longer needed, or after an objection that nothing overrides",
        ),
        Basis.DIRECT_MARKETING: Rule(
            Applies.YES, "17(1)(c)", "asking for it objects to the marketing"
        ),
    },
    Right.RESTRICTION: _always("18", "on a ground of 18(1), which the person states"),
    Right.PORTABILITY: {
        Basis.CONSENT: Rule(Applies.YES, "20(1)(a)", _PORTABLE),
        Basis.CONTRACT: Rule(Applies.YES, "20(1)(a)", _PORTABLE),
        Basis.LEGAL_OBLIGATION: Rule(Applies.NO, "20(1)(a)", _NOT_PORTABLE),
        Basis.VITAL_INTERESTS: Rule(Applies.NO, "20(1)(a)", _NOT_PORTABLE),
        Basis.PUBLIC_TASK: Rule(Applies.NO, "20(3)", _NOT_PORTABLE),
        Basis.LEGITIMATE_INTEREST: Rule(Applies.NO, "20(1)(a)", _NOT_PORTABLE),
        Basis.DIRECT_MARKETING: Rule(Applies.NO, "20(1)(a)", _NOT_PORTABLE),
    },
    Right.OBJECTION: {
        Basis.CONSENT: Rule(Applies.NO, "21(1)", "a consent is withdrawn instead (7(3))"),
        Basis.CONTRACT: Rule(Applies.NO, "21(1)", _NO_OBJECTION),
        Basis.LEGAL_OBLIGATION: Rule(Applies.NO, "21(1)", _NO_OBJECTION),
        Basis.VITAL_INTERESTS: Rule(Applies.NO, "21(1)", _NO_OBJECTION),
        Basis.PUBLIC_TASK: Rule(Applies.CONDITIONAL, "21(1)", _SITUATION),
        Basis.LEGITIMATE_INTEREST: Rule(Applies.CONDITIONAL, "21(1)", _SITUATION),
        Basis.DIRECT_MARKETING: Rule(Applies.YES, "21(2)-(3)", "absolute: no ground is needed"),
    },
    Right.NO_AUTOMATED_DECISIONS: {
        Basis.CONSENT: Rule(
            Applies.CONDITIONAL, "22(2)(c), 22(3)", "with explicit consent a human may be asked for"
        ),
        Basis.CONTRACT: Rule(
            Applies.CONDITIONAL,
            "22(2)(a), 22(3)",
            "where the contract needs the decision a human may be asked for",
        ),
        Basis.LEGAL_OBLIGATION: Rule(
            Applies.CONDITIONAL, "22(2)(b)", "unless a law authorises the decision"
        ),
        Basis.VITAL_INTERESTS: Rule(Applies.YES, "22(1)", _NO_EXCEPTION),
        Basis.PUBLIC_TASK: Rule(
            Applies.CONDITIONAL, "22(2)(b)", "unless a law authorises the decision"
        ),
        Basis.LEGITIMATE_INTEREST: Rule(Applies.YES, "22(1)", _NO_EXCEPTION),
        Basis.DIRECT_MARKETING: Rule(Applies.YES, "22(1)", _NO_EXCEPTION),
    },
}
"""DESIGN section 4: what decides whether a right applies."""


def rule(right: Right, basis: Basis) -> Rule:
    """Whether the right applies to data used on that basis, and where that is written."""
    return TABLE[right][basis]


def applies(right: Right, bases: Iterable[Basis]) -> Applies:
    """What the right comes to for data used on several bases: what one of them gives the person is
    theirs for the data that rests on it. NO where there is none."""
    found = {rule(right, basis).applies for basis in bases}
    for answer in (Applies.YES, Applies.CONDITIONAL):
        if answer in found:
            return answer
    return Applies.NO
