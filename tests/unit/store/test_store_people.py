"""Persons and what finds them: identifiers, memberships, blocks, prohibitions, refusals."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError
from support.store_world import AT, HOUR, Kit

from hub.store import people
from hub.vault.rows import ids

DIGEST = b"d" * 16
OTHER = b"e" * 16


def identify(
    connection: Connection,
    person_id: int | None,
    digest: bytes = DIGEST,
    *,
    controller: str = "crowst",
    kind: str = "email",
) -> None:
    (number,) = ids(connection, people.identifier, 1)
    people.add_identifiers(
        connection,
        [
            {
                "id": number,
                "controller": controller,
                "kind": kind,
                "digest": digest,
                "person_id": person_id,
                "undeliverable_at": None,
            }
        ],
    )


def joined(person_id: int, how: str, id_: int, since: Any = AT) -> dict[str, Any]:
    return {
        "id": id_,
        "person_id": person_id,
        "project": "autumn",
        "how": how,
        "since": since,
        "until": None,
    }


def test_a_digest_finds_its_person_at_its_controller_only(kit: Kit) -> None:
    with kit.store.begin() as connection:
        ours = kit.person(connection).id
        theirs = kit.person(connection, controller="bangeri").id
        identify(connection, ours)
        identify(connection, theirs, controller="bangeri")
        identify(connection, theirs, kind="phone", controller="bangeri")

        def owners(controller: str, kind: str) -> dict[bytes, int | None]:
            found = people.find(connection, controller, kind, [DIGEST, OTHER])
            return {digest: one.person_id for digest, one in found.items()}

        assert owners("crowst", "email") == {DIGEST: ours}
        assert owners("bangeri", "email") == {DIGEST: theirs}
        assert owners("crowst", "phone") == {}
        assert people.find(connection, "crowst", "email", []) == {}


def test_more_digests_than_one_statement_takes(kit: Kit) -> None:
    digests = [bytes([n // 256, n % 256]) * 8 for n in range(1_200)]
    with kit.store.begin() as connection:
        person = kit.person(connection).id
        for digest in (digests[0], digests[600], digests[1199]):
            identify(connection, person, digest)
        assert set(people.find(connection, "crowst", "email", digests)) == {
            digests[0],
            digests[600],
            digests[1199],
        }


def test_one_identifier_has_one_row(kit: Kit) -> None:
    with kit.store.begin() as connection:
        one, other = kit.person(connection).id, kit.person(connection).id
        identify(connection, one)
        with pytest.raises(IntegrityError), connection.begin_nested():
            identify(connection, other)


def test_a_shared_identifier_finds_nobody(kit: Kit) -> None:
    with kit.store.begin() as connection:
        person = kit.person(connection).id
        identify(connection, person, kind="phone")
        identify(connection, person)
        people.share_identifier(connection, "crowst", "phone", DIGEST)
        assert people.find(connection, "crowst", "phone", [DIGEST])[DIGEST].person_id is None
        assert people.find(connection, "crowst", "email", [DIGEST])[DIGEST].person_id == person
        assert [one.kind for one in people.identifiers(connection, [person])] == ["email"]


def test_an_address_bounces_and_works_again(kit: Kit) -> None:
    with kit.store.begin() as connection:
        person = kit.person(connection).id
        identify(connection, person)
        identify(connection, person, kind="phone")

        def bounced() -> dict[str, Any]:
            return {
                one.kind: one.undeliverable_at for one in people.identifiers(connection, [person])
            }

        people.set_undeliverable(connection, "crowst", DIGEST, AT)
        assert bounced() == {"email": AT, "phone": None}
        people.set_undeliverable(connection, "crowst", DIGEST, None)
        assert bounced() == {"email": None, "phone": None}


def test_a_membership_ends_and_is_taken_up_again(kit: Kit) -> None:
    with kit.store.begin() as connection:
        person = kit.person(connection).id
        people.join(connection, [joined(person, "webinar:registered", 1)])
        people.join(connection, [joined(person, "by hand: list", 2)])
        people.leave(connection, person, "autumn", "webinar:registered", AT + HOUR)
        assert people.memberships(connection, [person]) == [(person, "autumn", "by hand: list")]
        people.join(connection, [joined(person, "webinar:registered", 3, AT + 2 * HOUR)])
        assert {how for _, _, how in people.memberships(connection, [person])} == {
            "webinar:registered",
            "by hand: list",
        }
        since = sa.select(people.membership.c.since).where(people.membership.c.id == 1)
        assert connection.execute(since).scalar() == AT


def test_a_merge_moves_what_points_at_the_person(kit: Kit) -> None:
    with kit.store.begin() as connection:
        loser, winner = kit.person(connection).id, kit.person(connection).id
        identify(connection, loser)
        identify(connection, winner, OTHER)
        people.join(connection, [joined(loser, "webinar:registered", 1)])
        people.join(connection, [joined(winner, "webinar:registered", 2)])
        people.join(connection, [joined(loser, "by hand: list", 3)])
        people.move(connection, loser, winner)
        assert {one.digest for one in people.identifiers(connection, [winner])} == {DIGEST, OTHER}
        assert people.identifiers(connection, [loser]) == []
        assert sorted(people.memberships(connection, [loser, winner])) == [
            (winner, "autumn", "by hand: list"),
            (winner, "autumn", "webinar:registered"),
        ]
        (row,) = people.rows(connection, [loser])
        assert row.merged_into == winner
        assert people.count(connection) == {"crowst": 1}


def test_erasure_blocks_are_found_by_controller_and_kind(kit: Kit) -> None:
    with kit.store.begin() as connection:
        assert not people.any_blocks(connection)
        block = {"controller": "crowst", "kind": "email", "digest": DIGEST, "at": AT}
        people.add_block(connection, {"id": 1, **block})
        people.add_block(connection, {"id": 2, **block})
        assert people.any_blocks(connection)
        assert people.blocked(connection, "crowst", "email", [OTHER, DIGEST]) == [DIGEST]
        assert people.blocked(connection, "bangeri", "email", [DIGEST]) == []
        assert people.blocked(connection, "crowst", "crm/contacts/", [DIGEST]) == []


def test_a_companys_no_keeps_its_first_date(kit: Kit) -> None:
    with kit.store.begin() as connection:
        assert not people.any_domain_prohibitions(connection)
        row = {"controller": "crowst", "digest": DIGEST, "source": "letter"}
        people.add_domain_prohibition(connection, {"id": 1, "at": AT, **row})
        people.add_domain_prohibition(connection, {"id": 2, "at": AT + HOUR, **row})
        assert people.any_domain_prohibitions(connection)
        assert people.prohibited_domains(connection, "crowst", [DIGEST, OTHER]) == [(DIGEST, AT)]
        assert people.prohibited_domains(connection, "bangeri", [DIGEST]) == []


def test_a_refusal_waits_for_its_person(kit: Kit) -> None:
    with kit.store.begin() as connection:
        assert not people.any_refusals(connection)
        row = {"controller": "crowst", "digest": DIGEST, "purpose": "news", "system": "mailer"}
        people.add_refusal(connection, {"id": 1, "at": None, "seen_at": AT, **row})
        later = AT + timedelta(days=1)
        people.add_refusal(connection, {"id": 2, "at": later, "seen_at": later, **row})
        people.add_refusal(
            connection, {"id": 3, "at": AT, "seen_at": AT, **row, "system": "webinar"}
        )
        assert people.any_refusals(connection)
        found = {
            one.system: (one.at, one.seen_at)
            for one in people.refusals(connection, "crowst", [DIGEST])
        }
        assert found == {"mailer": (later, later), "webinar": (AT, AT)}
        assert people.refusals(connection, "bangeri", [DIGEST]) == []
