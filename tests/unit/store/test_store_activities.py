"""Activities come back as they were, land once, and follow their person."""

from __future__ import annotations

import pytest
from support.store_world import AT, HOUR, PLACE, Kit

from hub.api import Activity, ActivityKind, Ref
from hub.store import activities, overview
from hub.store.subjects import Subject
from hub.vault import Tampered


def happened(id_: str = "a1", *, hours: int = 0, **more: object) -> Activity:
    given = {"about": "Syksyn webinaari", "detail": {"wording": "Milloin?"}, **more}
    at = AT + hours * HOUR
    return Activity(Ref("contacts", "", "7"), id_, ActivityKind.QUESTION, at, **given)  # type: ignore[arg-type]  # passed through


def row(kit: Kit, number: int, subject: Subject, one: Activity) -> dict[str, object]:
    digest = kit.identities.activity(subject.controller, PLACE, one.ref.id, one.id)
    return activities.row(number, subject.id, PLACE, one, digest, (subject.key_id, subject.key))


def test_they_come_back_newest_first(kit: Kit) -> None:
    with kit.store.begin() as connection:
        one, other = kit.person(connection), kit.person(connection)
        told = [happened("a1"), happened("a2", hours=2, about="", detail={}), happened("a3")]
        activities.add(connection, [row(kit, n, one, a) for n, a in enumerate(told, 1)])
        activities.add(connection, [row(kit, 4, other, happened("a4"))])
        found = activities.of_person(connection, one.id)
        assert [(each.id, each.at) for each in found] == [(2, AT + 2 * HOUR), (3, AT), (1, AT)]
        assert found[2].open(one.key) == ("question", "Syksyn webinaari", {"wording": "Milloin?"})
        assert found[0].open(one.key) == ("question", "", {})
        in_place = activities.of_place(connection, PLACE, [one.id, other.id])
        assert sorted(each.id for each in in_place) == [1, 2, 3, 4]
        elsewhere = activities.of_place(connection, ("crm", "contacts", "x"), [one.id])
        assert list(elsewhere) == []


def test_one_lands_once(kit: Kit) -> None:
    with kit.store.begin() as connection:
        one = kit.person(connection)
        first = row(kit, 1, one, happened())
        activities.add(connection, [first])
        activities.add(connection, [row(kit, 2, one, happened(about="another title"))])
        (kept,) = activities.of_person(connection, one.id)
        assert kept.open(one.key).about == "Syksyn webinaari"
        assert isinstance(first["digest"], bytes)
        assert activities.known(connection, [first["digest"], b"another"]) == {first["digest"]}


def test_the_digest_tells_controllers_places_records_and_ids_apart(kit: Kit) -> None:
    of = kit.identities.activity
    digests = {
        of("crowst", PLACE, "7", "a1"),
        of("bangeri", PLACE, "7", "a1"),
        of("crowst", ("crm", "contacts", "x"), "7", "a1"),
        of("crowst", PLACE, "8", "a1"),
        of("crowst", PLACE, "7", "a2"),
    }
    assert len(digests) == 5


def test_nothing_readable_stands_in_the_row(kit: Kit) -> None:
    with kit.store.begin() as connection:
        one, other = kit.person(connection), kit.person(connection)
        stored = row(kit, 1, one, happened())
        assert b"Milloin" not in stored["content"]  # type: ignore[operator]  # bytes
        activities.add(connection, [stored])
        (found,) = activities.of_person(connection, one.id)
        with pytest.raises(Tampered):
            found.open(other.key)
        with pytest.raises(Tampered):
            found._replace(id=2).open(one.key)


def test_a_merge_moves_them_under_the_key_they_have(kit: Kit) -> None:
    with kit.store.begin() as connection:
        loser, winner = kit.person(connection), kit.person(connection)
        activities.add(connection, [row(kit, 1, loser, happened())])
        activities.move(connection, loser.id, winner.id)
        assert activities.of_person(connection, loser.id) == []
        (found,) = activities.of_person(connection, winner.id)
        assert found.key_id == loser.key_id
        assert found.open(loser.key).about == "Syksyn webinaari"
        assert overview.keys_in_use(connection, [loser.key_id, 999]) == {loser.key_id}


def test_a_key_that_only_an_activity_needs_is_in_use(kit: Kit) -> None:
    with kit.store.begin() as connection:
        one, other = kit.person(connection), kit.person(connection)
        under = (777, other.key)
        stored = activities.row(1, one.id, PLACE, happened(), b"digest", under)
        activities.add(connection, [stored])
        assert overview.keys_in_use(connection, [777, 778]) == {777}
