"""Stories told as they stand, on SQLite and on PostgreSQL: all eight rights of one human."""

from __future__ import annotations

import pytest
from properties.ledger import search
from properties.rights_stories import AINO, asked, registered
from properties.rights_town import RightsTown

from hub.domain.rights import Right
from hub.rights import slices

IN_TURN = (*(one for one in Right if one is not Right.ERASURE), Right.ERASURE)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def url(request: pytest.FixtureRequest) -> str | None:
    """The address of a PostgreSQL database, None for SQLite's file."""
    found: str | None = None
    if request.param == "postgresql":
        found = request.getfixturevalue("pg_url")
    return found


@pytest.fixture(autouse=True)
def one_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SIDE_BY_SIDE", 1)


def test_all_eight_rights_one_after_another(url: str | None, logged: list[str]) -> None:
    """A restriction is lifted before the rights that would be held up by it."""
    logged.clear()
    town = RightsTown(url)
    try:
        town.have(AINO, "bangeri-crm")
        town.join(AINO, "crowst-crm")
        registered(town)
        for right in IN_TURN:
            new = {"last_name": town.value("crowst", "last_name")}
            town.oracle.owns("bangeri", *new.values())
            corrections = new if right is Right.RECTIFICATION else {}
            number = asked(town, right, "bangeri", "crowst", **corrections)
            town.works()
            town.sync()  # refusals travel with it
            town.clock.advance(3700)
            town.works()
            town.confirms()
            town.works()
            town.closes(number)
            assert town.law.asked[number].ended == "closed", town.desk.states(number)
            if right is Right.RESTRICTION:
                town.sync(full=True)
                town.lifts(number)
                town.works()
            town.rest()
        town.searched()
        search(None, logged)
    finally:
        town.close()
        logged.clear()
