"""Persons are loaded with everything about them, saved as they were, and gone with their key."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from support.store_world import AT, HOUR, PLACE, Kit, value

from hub.domain.permission import EventKind, PermissionEvent
from hub.store import erasing, ledger, people, subjects
from hub.store.documents import Shadow
from hub.store.subjects import Subject
from hub.vault import MasterKeys, Vault

EMAIL = "aino@firma.example"
OBJECTION = PermissionEvent("news", EventKind.OBJECTION, AT, system="crm")


def load(kit: Kit, *ids: int) -> dict[int, Subject]:
    with kit.store.begin() as connection:
        return subjects.load(connection, kit.vault, kit.identities, ids)


def full(kit: Kit) -> Subject:
    """A person with one of everything."""
    with kit.store.begin() as connection:
        person = kit.person(
            connection,
            {"email": value(EMAIL), "tags": value(("a", "ö")), "phone": value(None)},
        )
        kit.link(connection, person, "101", shadow=Shadow(fields={"email": EMAIL}))
        ledger.append(connection, [ledger.row(1, person.id, OBJECTION)])
        people.join(
            connection,
            [
                {
                    "id": number,
                    "person_id": person.id,
                    "project": "autumn",
                    "how": how,
                    "since": AT,
                    "until": None,
                }
                for number, how in enumerate(("webinar:registered", "by hand: list"), 1)
            ],
        )
        digest = kit.identities.email("crowst", EMAIL)
        people.add_identifiers(
            connection,
            [
                {
                    "id": 1,
                    "controller": "crowst",
                    "kind": "email",
                    "digest": digest,
                    "person_id": person.id,
                    "undeliverable_at": AT,
                }
            ],
        )
    return person


def test_a_person_comes_back_as_it_was_saved(kit: Kit) -> None:
    saved = full(kit)
    with kit.store.begin() as connection:
        other = kit.person(connection, {"email": value("eino@firma.example")})
    found = load(kit, saved.id, other.id, saved.id, 999)
    assert set(found) == {saved.id, other.id}
    loaded = found[saved.id]
    assert loaded.profile == saved.profile
    assert (loaded.controller, loaded.version, loaded.created_at) == ("crowst", 1, AT)
    assert loaded.events == [OBJECTION]
    assert loaded.memberships == {"autumn": {"webinar:registered", "by hand: list"}}
    assert loaded.identifiers == {("email", kit.identities.email("crowst", EMAIL)): AT}
    (linked,) = loaded.link_to(*PLACE)
    assert linked.shadow == Shadow(fields={"email": EMAIL})
    assert (found[other.id].links, found[other.id].events) == ([], [])
    assert load(kit) == {}


def test_a_change_is_saved_and_raises_the_version(kit: Kit) -> None:
    saved = full(kit)
    loaded = load(kit, saved.id)[saved.id]
    loaded.profile["first_name"] = value("Aino", rectified=True)
    loaded.restricted, loaded.notice_due, loaded.changed = True, AT + HOUR, True
    with kit.store.begin() as connection:
        subjects.save(connection, [loaded], AT + HOUR)
        assert loaded.version == 2
        (row,) = people.rows(connection, [saved.id])
        assert (row.version, row.created_at, row.updated_at) == (2, AT, AT + HOUR)
    again = load(kit, saved.id)[saved.id]
    assert again.profile["first_name"] == value("Aino", rectified=True)
    assert (again.restricted, again.notice_due) == (True, AT + HOUR)


def test_an_unchanged_person_is_not_written(kit: Kit) -> None:
    saved = full(kit)
    loaded = load(kit, saved.id)[saved.id]
    loaded.profile.clear()
    with kit.store.begin() as connection:
        subjects.save(connection, [loaded], AT + HOUR)
    assert load(kit, saved.id)[saved.id].profile == saved.profile


def test_a_person_whose_key_is_gone_is_left_out(kit: Kit) -> None:
    saved = full(kit)
    with kit.store.begin() as connection:
        other = kit.person(connection)
        kit.link(connection, other, "102")
    kit.vault.destroy([saved.key_id])
    assert set(load(kit, saved.id, other.id)) == {other.id}


def test_no_personal_data_stands_readable_in_any_table(kit: Kit) -> None:
    full(kit)
    with kit.store.begin() as connection:
        for name in sa.inspect(connection).get_table_names():
            for row in connection.execute(sa.text(f"SELECT * FROM {name}")):
                assert not [one for one in row if b"aino" in _bytes(one)], name


def _bytes(one: object) -> bytes:
    return bytes(one) if isinstance(one, bytes | memoryview) else str(one).encode()


def test_a_block_on_the_address_marks_the_persons_of_its_controller(kit: Kit) -> None:
    saved = full(kit)
    with kit.store.begin() as connection:
        other = kit.person(connection, {"email": value("eino@firma.example")})
        elsewhere = kit.person(connection, {"email": value(EMAIL)}, controller="bangeri")
        nameless = kit.person(connection)
        digest = kit.identities.block("crowst", "email", EMAIL)
        row = {"id": 1, "controller": "crowst", "kind": "email", "digest": digest, "at": AT}
        people.add_block(connection, row)
    found = load(kit, saved.id, other.id, elsewhere.id, nameless.id)
    assert {id_ for id_, one in found.items() if one.blocked} == {saved.id}


def test_a_companys_no_marks_every_address_of_its_domain(kit: Kit) -> None:
    with kit.store.begin() as connection:
        one, two = (
            kit.person(connection, {"email": value(f"{name}@firma.example")}).id
            for name in ("aino", "eino")
        )
        sub = kit.person(connection, {"email": value("aino@sub.firma.example")}).id
        elsewhere = kit.person(
            connection, {"email": value("aino@firma.example")}, controller="bangeri"
        ).id
        digest = kit.identities.domain("crowst", "firma.example")
        row = {"id": 1, "controller": "crowst", "digest": digest, "at": AT, "source": "letter"}
        people.add_domain_prohibition(connection, row)
    found = load(kit, one, two, sub, elsewhere)
    prohibited = {id_: each.domain_prohibited_at for id_, each in found.items()}
    assert prohibited == {one: AT, two: AT, sub: None, elsewhere: None}


def test_merged_links_are_not_links_to_a_place(kit: Kit) -> None:
    with kit.store.begin() as connection:
        person = kit.person(connection)
        kit.link(connection, person, "101", state="merged")
        archived = kit.link(connection, person, "102", state="archived")
        kit.link(connection, person, "103", place=("crm", "contacts", "news"))
    loaded = load(kit, person.id)[person.id]
    assert len(loaded.links) == 3
    assert [one.id for one in loaded.link_to(*PLACE)] == [archived.id]


def test_the_key_store_belongs_to_the_people_here(kit: Kit, tmp_path: Path) -> None:
    """Another one, or one that was just made, would read nobody and recognise nobody."""

    def belongs(vault: Vault) -> bool:
        with kit.store.begin() as connection:
            return subjects.open_with(connection, vault)

    other = Vault(f"sqlite:///{tmp_path}/other.db", MasterKeys({1: bytes(range(32))}), lambda: AT)
    with other:
        assert belongs(other), "nobody is there yet"
        first, second = full(kit), full_again(kit)
        assert (belongs(kit.vault), belongs(other)) == (True, False)
        other.new_keys("person", 2)  # of the same numbers, and others
        assert not belongs(other)
        kit.vault.destroy([second.key_id])
        assert belongs(kit.vault)
        kit.vault.destroy([first.key_id])
        assert not belongs(kit.vault)
        with kit.store.begin() as connection:
            gone = erasing.persons_with_merged(connection, [first.id, second.id])
            erasing.forget(connection, gone, AT)
        assert belongs(other), "only tombstones are left"


def full_again(kit: Kit) -> Subject:
    with kit.store.begin() as connection:
        return kit.person(connection, {"email": value("eino@firma.example")})
