"""Addresses that a request learns while it looks: aliases and former ones, which other systems may
know the person by."""

from __future__ import annotations

import pytest
from support.accounts import Crm, List
from support.rights_desk import Desk
from support.world import World

from hub.domain.rights import Right
from hub.rights import addresses, assess, slices
from hub.store import people
from hub.vault.database import read_only

FORMER = "aino.entinen@posti.example"
MAILER = "crowst-mailer"


def has_former_address(world: World, aino: str, address: str = FORMER) -> None:
    """Her contact in the CRM gains an address that the hub has not read."""
    crm = Crm(world, "crowst")
    world.clock.advance(60)
    crm.merge(crm.id_of(aino) or "", crm.add(address, first_name="Aino", last_name="Kukkamaa"))


def test_a_system_that_was_done_is_looked_at_again(world: World, desk: Desk, aino: str) -> None:
    has_former_address(world, aino)
    audience = List(world, "crowst-tapahtumat")
    audience.add(FORMER, first_name="Aino")
    number = desk.open(Right.ERASURE, aino)
    desk.identify(number)
    desk.approve(number)
    slices.work(desk.deployment, MAILER, desk.opened)
    assert desk.states(number)[MAILER] == "verified"
    assert audience.member(FORMER) is not None
    desk.work()
    assert desk.states(number)[MAILER] == "verified", desk.states(number)
    assert audience.member(FORMER) is None
    assert assess.casefile(desk.deployment, desk.row(number)).learned == [FORMER]
    digests = desk.deployment.identities.blocks("crowst", "email", FORMER)
    with read_only(desk.deployment.database).connect() as connection:
        assert people.blocked(connection, "crowst", "email", digests)
    desk.confirm(number)
    desk.close(number)


def test_an_access_answers_with_what_is_held_under_it(world: World, desk: Desk, aino: str) -> None:
    has_former_address(world, aino)
    List(world, "crowst-tapahtumat").add(FORMER, first_name="Aino")
    number = desk.run(Right.ACCESS, aino)
    scopes = [one["scope"] for one in desk.receipt(number, MAILER).records]
    assert sorted(scopes) == ["crowst-tapahtumat", "crowst-uutiset"]


def test_an_address_of_somebody_else_leads_nowhere(world: World, desk: Desk, aino: str) -> None:
    audience = List(world, "crowst-tapahtumat")
    audience.add(FORMER, first_name="Aila", last_name="Toinen")
    world.sync()
    crm = Crm(world, "crowst")
    crm.delete(crm.id_of(FORMER) or "")
    has_former_address(world, aino)
    number = desk.run(Right.ERASURE, aino)
    assert desk.states(number)[MAILER] == "verified"
    assert audience.member(FORMER) is not None
    assert assess.casefile(desk.deployment, desk.row(number)).learned == []


def test_a_company_mailbox_leads_nowhere(world: World, desk: Desk, aino: str) -> None:
    mailbox = "info@kukka.example"
    has_former_address(world, aino, mailbox)
    audience = List(world, "crowst-tapahtumat")
    audience.add(mailbox)
    desk.run(Right.ERASURE, aino)
    assert audience.member(mailbox) is not None


def test_what_the_other_companys_record_shows_is_its_own(world: World, desk: Desk) -> None:
    """Hers at Bängeri only because of their project; its staff gave the record another address."""
    oona = "oona.yhteinen@posti.example"
    Crm(world, "crowst").add(oona, last_name="Yhteinen", projects="webinaari-syksy-2026")
    world.sync()
    has = Crm(world, "bangeri")
    has.edit(has.id_of(oona) or "", email=FORMER)
    List(world, "crowst-tapahtumat").add(FORMER)
    number = desk.run(Right.ERASURE, oona)
    assert assess.casefile(desk.deployment, desk.row(number)).learned == []
    assert List(world, "crowst-tapahtumat").member(FORMER) is not None


def test_it_comes_to_an_end(
    world: World, desk: Desk, aino: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "MOST", 1)
    has_former_address(world, aino)
    has_former_address(world, aino, "aino.toinen@posti.example")
    number = desk.run(Right.ERASURE, aino)
    desk.confirm(number)
    assert desk.row(number).state == "notifying", desk.states(number)
    assert len(assess.casefile(desk.deployment, desk.row(number)).learned) == 1


def test_a_system_that_is_being_looked_at_meanwhile_is_looked_at_again(
    world: World, desk: Desk, aino: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_former_address(world, aino)
    audience = List(world, "crowst-tapahtumat")
    audience.add(FORMER, first_name="Aino")
    number = desk.open(Right.ERASURE, aino)
    desk.identify(number)
    desk.approve(number)
    connector = desk.opened(MAILER).connector
    looks, looked = connector.locate, []

    def locate(*given: object) -> object:
        answer = looks(*given)
        if not looked:
            looked.append(1)
            slices.work(desk.deployment, "crowst-crm", desk.opened)
        return answer

    monkeypatch.setattr(type(connector), "locate", lambda _, *given: locate(*given))
    slices.work(desk.deployment, MAILER, desk.opened)
    assert looked
    desk.work()
    assert audience.member(FORMER) is None
    assert desk.states(number)[MAILER] == "verified", desk.states(number)
