"""Activities as the commands show them, and where they wait for their person."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.events_world import CONFIG, FIRST, WEBINAR, EventsWorld, events_world, tool_type

from hub.api import Misconfigured, Rejected
from hub.cli import connectors, person, quarantine
from hub.cli.base import Stop
from hub.connect.host import Host
from hub.opening import trouble_of
from hub.settings import load
from hub.store import questions
from hub.sync.dossier import Dossier, dossier
from hub.vault.database import Row

AINO = "aino@posti.example"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EventsWorld]:
    with events_world(tmp_path) as made:
        yield made


def view(world: EventsWorld) -> Dossier:
    subject = world.person(AINO)
    assert subject is not None
    with world.deployment.database.connect() as connection:
        return dossier(connection, world.deployment, subject)


def shown(world: EventsWorld, capsys: pytest.CaptureFixture[str]) -> str:
    person._activities(person.out(), view(world))
    return capsys.readouterr().out


def aside(world: EventsWorld) -> list[Row[Any]]:
    with world.deployment.database.connect() as connection:
        return questions.aside(connection)


def test_nothing_is_shown_where_nothing_happened(
    world: EventsWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    world.webinar.register("1", AINO)
    world.run()
    capsys.readouterr()
    assert shown(world, capsys) == ""


def test_the_newest_are_shown_and_the_rest_counted(
    world: EventsWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    world.webinar.register("1", AINO)
    for number in range(23):
        world.webinar.did("1", "question", about=f"no {number}.")
        world.clock.advance(60)
    world.run()
    capsys.readouterr()
    text = shown(world, capsys)
    assert "no 22." in text
    assert "no 3." in text
    assert "no 2." not in text
    assert "and 3 older ones" in text
    assert WEBINAR in text
    assert FIRST in text
    assert len(view(world).activities) == 23, "a machine gets all of them"


def test_one_whose_key_is_gone_reads_as_shredded(world: EventsWorld) -> None:
    from support.store_world import AT

    from hub.api import Activity, ActivityKind, Ref
    from hub.store import activities
    from hub.vault import KeyKind

    world.webinar.register("1", AINO)
    world.run()
    subject = world.person(AINO)
    assert subject is not None
    (key,) = world.deployment.vault.new_keys(KeyKind.PERSON, 1)
    one = Activity(Ref("people", FIRST, "1"), "x", ActivityKind.POLL, AT)
    with world.deployment.database.begin() as connection:
        row = activities.row(1, subject.id, (WEBINAR, "people", FIRST), one, b"d", key)
        activities.add(connection, [row])
    world.deployment.vault.destroy([key[0]])
    assert [each.kind for each in view(world).activities] == ["shredded"]


def test_connectors_tell_which_kinds_they_know(world: EventsWorld) -> None:
    told = connectors._told(tool_type("events", world.clock, scoped=True), "")
    assert told["activities"]["people"][:2] == ["absent", "attended"]
    assert connectors._told(tool_type("crm", world.clock, scoped=False), "")["activities"] == {}


def test_a_kind_that_is_not_offered_is_told_at_its_line(tmp_path: Path, world: EventsWorld) -> None:
    file = tmp_path / "hub.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    settings = load(file, {})
    system = settings.landscape.systems[WEBINAR]
    types = [tool_type("events", world.clock, scoped=False)]
    with Host(types) as host, pytest.raises(Misconfigured) as caught:
        from dataclasses import replace

        (stream,) = system.streams
        plain = replace(system, streams=(replace(stream, scopes=("",)),))
        host.open(plain, host.settings("events", {}))
    line = CONFIG.splitlines().index("          registered:") + 1
    assert trouble_of(settings, WEBINAR, caught.value).place == f"{file}:{line}:11"


class TestQuarantine:
    def test_retry_lands_the_record_and_with_it_what_waits(self, world: EventsWorld) -> None:
        world.webinar.did("1", "attended")
        world.run()
        (row,) = aside(world)
        world.webinar.register("1", AINO)
        assert quarantine._read_again(world.hub, row) == (
            "the activities have their person",
            False,
        )
        assert aside(world) == []
        assert world.kinds(AINO) == ["attended"]
        assert world.deployment.vault.open_keys([row.key_id]) == {}

    def test_a_record_that_is_still_unclear(self, world: EventsWorld) -> None:
        world.tools["crowst-crm"].register("c1", AINO, scope="", first_name="Eetu")
        world.run("crowst-crm")
        world.webinar.register("1", AINO, first_name="Aino")
        world.webinar.did("1", "attended")
        world.run()
        (row,) = aside(world)
        done, again = quarantine._read_again(world.hub, row)
        assert again
        assert "hub review" in done
        assert len(aside(world)) == 1

    def test_a_record_that_is_gone(self, world: EventsWorld) -> None:
        world.webinar.did("1", "attended")
        world.run()
        (row,) = aside(world)
        done, again = quarantine._read_again(world.hub, row)
        assert not again
        assert "discarded" in done
        assert aside(world) == []

    def test_a_single_activity_cannot_be_fetched(self, world: EventsWorld) -> None:
        world.webinar.did("1", "attended")
        world.webinar.unreadable[0] = Rejected("a1", "time: none", "{}")
        world.run()
        (row,) = aside(world)
        with pytest.raises(Stop, match="cannot be asked for"):
            quarantine._read_again(world.hub, row)
