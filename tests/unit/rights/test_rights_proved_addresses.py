"""Who proves one address gets nobody's data by naming another: a second person looks first."""

from __future__ import annotations

import pytest
from support.rights_desk import Desk
from support.world import World

from hub.domain.plan import Plan
from hub.domain.rights import Right
from hub.rights import decide, identity, package
from hub.rights.casefile import CaseFile
from hub.rights.identity import How
from hub.store import people
from hub.vault.rows import ids

STRANGER = "tuntematon@posti.example"


def weak(desk: Desk, number: int) -> tuple[str, ...]:
    return Plan.load(desk.row(number).plan).weak


def proved_by_code(desk: Desk, number: int) -> None:
    code = identity.new_code(desk.deployment, number, "cli:handler")
    assert identity.give_code(desk.deployment, number, code, "cli:handler")


@pytest.mark.parametrize("right", [Right.ACCESS, Right.ERASURE, Right.PORTABILITY])
def test_whom_an_unproved_address_finds_takes_two_to_approve(
    desk: Desk, aino: str, right: Right
) -> None:
    number = desk.open(right, STRANGER, also_known_as=[aino])
    proved_by_code(desk, number)
    assert weak(desk, number) == ("unproven-address",)
    seen = desk.row(number).plan_hash
    assert not decide.approve(desk.deployment, number, seen, "cli:handler")[0]
    desk.work()
    assert not package.assemble(desk.deployment, number)["hub"]
    assert decide.approve(desk.deployment, number, seen, "cli:second")[0]


def test_so_does_an_address_that_only_the_tools_may_know(desk: Desk, aino: str) -> None:
    number = desk.open(Right.ACCESS, aino, also_known_as=["vain.tyokalussa@posti.example"])
    proved_by_code(desk, number)
    assert weak(desk, number) == ("unproven-address",)


def test_the_address_that_was_proved_needs_one(desk: Desk, aino: str) -> None:
    number = desk.open(Right.ACCESS, aino)
    proved_by_code(desk, number)
    assert weak(desk, number) == ()


def test_an_address_that_is_known_as_the_same_persons_needs_one(
    world: World, desk: Desk, aino: str
) -> None:
    with desk.deployment.database.begin() as connection:
        digest = desk.deployment.identities.email("crowst", aino)
        known = people.find(connection, "crowst", "email", [digest])[digest]
        (number,) = ids(connection, people.identifier, 1)
        row = {
            "id": number,
            "controller": "crowst",
            "kind": "email",
            "digest": desk.deployment.identities.email("crowst", "ennen@posti.example"),
            "person_id": known.person_id,
            "undeliverable_at": None,
        }
        people.add_identifiers(connection, [row])
    number = desk.open(Right.ACCESS, aino, also_known_as=["ennen@posti.example"])
    proved_by_code(desk, number)
    assert weak(desk, number) == ()


def test_a_handlers_note_proves_the_address_that_it_names(desk: Desk, aino: str) -> None:
    number = desk.open(Right.ACCESS, STRANGER, also_known_as=[aino])
    desk.identify(number)
    assert weak(desk, number) == ("unproven-address",)
    identity.by_handler(
        desk.deployment,
        number,
        How.KNOWN_TO_HANDLER,
        f"asked on the number of {aino.upper()}, who confirms it.",
        "cli:handler",
    )
    assert weak(desk, number) == ()


def test_a_mandate_covers_every_address(desk: Desk, aino: str) -> None:
    number = desk.open(Right.ACCESS, STRANGER, also_known_as=[aino])
    identity.by_handler(desk.deployment, number, How.MANDATE, "a power of attorney", "cli:handler")
    assert weak(desk, number) == ()


def test_an_objection_asks_for_no_proof(desk: Desk, aino: str) -> None:
    number = desk.open(Right.OBJECTION, STRANGER, also_known_as=[aino])
    assert weak(desk, number) == ()


def test_a_doubt_takes_back_what_was_proved() -> None:
    code = {"kind": "one-time-code"}
    signed = {"kind": "message", "from": "toinen@posti.example", "dkim": "posti.example"}
    forged = {"kind": "message", "from": "toinen@posti.example", "dkim": "none"}
    doubt = {"kind": "doubt", "note": "another sender"}
    case = CaseFile("aino@posti.example", also_known_as=["toinen@posti.example"])
    for evidence, proven in (
        ([code], ["aino@posti.example"]),
        ([code, signed], case.emails),
        ([code, forged], ["aino@posti.example"]),
        ([code, signed, doubt], []),
        ([signed, doubt, code], ["aino@posti.example"]),
    ):
        case.evidence = evidence
        assert case.proven == proven
