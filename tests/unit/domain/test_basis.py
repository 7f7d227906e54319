"""Right by lawful basis, against a table written by hand from the GDPR."""

from __future__ import annotations

import pytest

from hub.domain.basis import TABLE, Applies, Basis, applies, rule
from hub.domain.rights import Right

COLUMNS = "consent contract legal_obligation vital_interests public_task legitimate_interest"
COLUMNS += " direct_marketing"

BY_HAND = """
information             yes yes yes yes yes yes yes
access                  yes yes yes yes yes yes yes
rectification           yes yes yes yes yes yes yes
erasure                 yes if  no  if  no  if  yes
restriction             yes yes yes yes yes yes yes
portability             yes yes no  no  no  no  no
objection               no  no  no  no  if  if  yes
no_automated_decisions  if  if  if  yes if  yes yes
"""

WORDS = {"yes": Applies.YES, "no": Applies.NO, "if": Applies.CONDITIONAL}

CELLS = [
    (line.split()[0], basis, word)
    for line in BY_HAND.strip().splitlines()
    for basis, word in zip(COLUMNS.split(), line.split()[1:], strict=True)
]


@pytest.mark.parametrize(("right", "basis", "word"), CELLS)
def test_a_cell(right: str, basis: str, word: str) -> None:
    cell = rule(Right(right), Basis(basis))
    assert cell.applies is WORDS[word]
    # every no and every condition says why, and each cell cites an article of its right
    assert cell.note or cell.applies is Applies.YES
    numbers = Right(right).article.split("-")
    assert cell.article.split("(")[0] in {*numbers, Right(right).article}


def test_the_table_is_whole() -> None:
    assert len(CELLS) == 8 * 7 == len({cell[:2] for cell in CELLS})
    assert set(TABLE) == set(Right)
    assert all(set(row) == set(Basis) for row in TABLE.values())


def test_an_objection_to_direct_marketing_is_absolute() -> None:
    assert rule(Right.OBJECTION, Basis.DIRECT_MARKETING).article == "21(2)-(3)"


def test_several_bases() -> None:
    """What one basis gives is the person's, for the data that rests on it."""
    mixed = [Basis.LEGAL_OBLIGATION, Basis.LEGITIMATE_INTEREST]
    assert applies(Right.OBJECTION, mixed) is Applies.CONDITIONAL
    assert applies(Right.OBJECTION, [*mixed, Basis.DIRECT_MARKETING]) is Applies.YES
    assert applies(Right.PORTABILITY, mixed) is Applies.NO
    assert applies(Right.ACCESS, []) is Applies.NO
