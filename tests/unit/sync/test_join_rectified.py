"""A corrected value (GDPR Art. 16) outlives a merge, whichever of the two persons had it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hub.domain.profile import Value
from hub.sync.persons import _both

NOW = datetime(2026, 11, 2, 10, tzinfo=UTC)
MINE = frozenset({"crowst"})
PLAIN = Value("Vanha", "crowst-crm", NOW, MINE)
RIGHT = Value("Oikea", "rights", NOW - timedelta(days=1), MINE, rectified=True)


def test_a_corrected_value_of_the_loser_stands() -> None:
    assert _both(PLAIN, RIGHT) == RIGHT
    assert _both(RIGHT, PLAIN) == RIGHT


def test_of_two_corrections_the_later_stands() -> None:
    later = RIGHT._replace(value="Uudempi", at=NOW)
    assert _both(RIGHT, later) == later
    assert _both(later, RIGHT) == later
