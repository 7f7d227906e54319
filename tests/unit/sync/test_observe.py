"""What counts as a change of a record."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hub.api import RecordState
from hub.sync.observe import shows
from hub.testing.factories import record, yes

AT = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)


def test_the_act_that_made_a_record_is_no_change_of_it() -> None:
    """Otherwise each record would land anew once its connector learns to tell the act."""
    plain = record("7", email="aino@kuviteltu.example", consents=[yes("news", AT)])
    told = replace(plain, act="registration", acted_at=AT)
    assert shows(told) == shows(plain)
    assert shows(replace(plain, state=RecordState.ARCHIVED)) != shows(plain)
