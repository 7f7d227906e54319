"""A record that moves between two pages while they are read is told twice, and landed once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.events_world import CRM, EventsWorld, events_world

from hub.api import Page, Record
from hub.store import questions

AINO = "aino@posti.example"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EventsWorld]:
    with events_world(tmp_path) as made:
        yield made


def twice(world: EventsWorld, monkeypatch: pytest.MonkeyPatch, *, lagging: bool = False) -> Record:
    """Aino's contact, told of on two pages: by another first name on the second one."""
    tool: Any = world.tools[CRM]
    tool.register("c1", AINO, scope="", first_name="Aino")
    (one,) = tool.held.values()
    version = "" if lagging else one.version
    other = replace(one, version=version, fields={**one.fields, "first_name": "Aino Maria"})

    def read(_stream: str, _scope: str, _cursor: str | None) -> Iterator[Page]:
        yield Page([one], (), "1")
        yield Page([other], (), "2", complete=True)

    monkeypatch.setattr(tool, "read", read)
    return one


def nothing_asked(world: EventsWorld) -> bool:
    with world.deployment.database.connect() as connection:
        return not questions.reviews(connection)


def test_what_was_told_last_counts(world: EventsWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    twice(world, monkeypatch)
    assert world.run(CRM).read["new-person"] == 1
    person = world.person(AINO)
    assert person is not None
    assert person.profile["first_name"].value == "Aino Maria"
    assert nothing_asked(world)


def test_unless_it_lags(world: EventsWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    twice(world, monkeypatch, lagging=True)
    world.run(CRM)
    person = world.person(AINO)
    assert person is not None
    assert person.profile["first_name"].value == "Aino"


def test_one_without_an_address_too(world: EventsWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is known by nothing but its id."""
    one = twice(world, monkeypatch)
    tool: Any = world.tools[CRM]
    bare = replace(one, fields={"first_name": "Aino"})
    monkeypatch.setattr(
        tool, "read", lambda *_: iter([Page([bare], (), "1"), Page([bare], (), "2", complete=True)])
    )
    assert world.run(CRM).read["new-person"] == 1
    assert nothing_asked(world)
