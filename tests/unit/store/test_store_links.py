"""Links: found by the record, changed, merged, walked through."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError
from support.store_world import PLACE, Kit

from hub.store import links, subjects
from hub.store.documents import Shadow
from hub.vault import aad


def test_a_record_is_known_by_its_place_and_id(kit: Kit) -> None:
    with kit.store.begin() as connection:
        person = kit.person(connection)
        one = kit.link(connection, person, "101")
        kit.link(connection, person, "101", place=("crm", "companies", ""))
        kit.link(connection, person, "101", place=("mailer", "contacts", ""))
        found = links.known(connection, *PLACE, ["101", "102"])
        assert list(found) == ["101"]
        (known,) = found["101"]
        assert known == (one.id, "101", "crowst", person.id, one.digest, "1", "live", None)
        assert one.digest == kit.identities.fingerprint(Shadow().canonical())


def test_a_joint_systems_record_has_a_link_for_each_controller(kit: Kit) -> None:
    with kit.store.begin() as connection:
        ours, theirs = kit.person(connection), kit.person(connection, controller="bangeri")
        kit.link(connection, ours, "101")
        kit.link(connection, theirs, "101")
        found = links.known(connection, *PLACE, ["101"])["101"]
        assert {one.controller: one.person_id for one in found} == {
            "crowst": ours.id,
            "bangeri": theirs.id,
        }
        with pytest.raises(IntegrityError), connection.begin_nested():
            kit.link(connection, ours, "101")


def test_links_of_persons_come_sealed(kit: Kit) -> None:
    shadow = Shadow(fields={"email": "aino@firma.example"})
    with kit.store.begin() as connection:
        person, other = kit.person(connection), kit.person(connection)
        made = kit.link(connection, person, "101", shadow=shadow)
        kit.link(connection, other, "102")
        (found,) = links.of_persons(connection, [person.id])
    assert found.opened is None
    assert b"aino" not in found.sealed
    assert Shadow.load(person.key.open(found.sealed, aad("link", made.id, "shadow"))) == shadow


def test_a_saved_change_moves_shadow_fingerprint_and_owner(kit: Kit) -> None:
    with kit.store.begin() as connection:
        person, winner = kit.person(connection), kit.person(connection)
        linked = kit.link(connection, person, "101")
        before = linked.digest
        linked.touch().fields["email"] = "aino@firma.example"
        linked.version, linked.writes, linked.writes_on = "2", 3, 739_000
        linked.person_id = winner.id
        subjects.save_links(connection, kit.identities, [(linked, winner.key)])
        assert not linked.dirty
        (stored,) = links.of_persons(connection, [winner.id])
        assert (stored.version, stored.writes, stored.writes_on) == ("2", 3, 739_000)
        assert stored.digest != before
        assert links.place_of(connection, [linked.id]) == {linked.id: winner.id}


def test_a_given_fingerprint_is_kept(kit: Kit) -> None:
    with kit.store.begin() as connection:
        person = kit.person(connection)
        linked = kit.link(connection, person, "101")
        given = {linked.id: b"f" * 16}
        subjects.save_links(connection, kit.identities, [(linked, person.key)], given)
        assert links.known(connection, *PLACE, ["101"])["101"][0].digest == b"f" * 16


def test_a_merged_record_stays_as_an_alias(kit: Kit) -> None:
    with kit.store.begin() as connection:
        person = kit.person(connection)
        old, new = (kit.link(connection, person, name) for name in ("101", "102"))
        links.merge_into(connection, old.id, new.id)
        found = links.known(connection, *PLACE, ["101", "102"])
        assert (found["101"][0].state, found["101"][0].merged_into) == ("merged", new.id)
        assert (found["102"][0].state, found["102"][0].merged_into) == ("live", None)
        assert links.count(connection, "crm") == 1


def test_live_links_of_a_place_are_walked_in_pages(kit: Kit) -> None:
    with kit.store.begin() as connection:
        person = kit.person(connection)
        made = [kit.link(connection, person, str(n)) for n in range(101, 106)]
        kit.link(connection, person, "x", place=("crm", "contacts", "other"))
        links.set_state(connection, [made[1].id], "gone")
        first = links.live_ids(connection, *PLACE, 0, 2)
        assert first == [(made[0].id, "101"), (made[2].id, "103")]
        rest = links.live_ids(connection, *PLACE, first[-1][0], 10)
        assert [external for _, external in rest] == ["104", "105"]
