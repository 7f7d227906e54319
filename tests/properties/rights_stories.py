"""Short stories of requests, each for the breaks that show in it."""

from __future__ import annotations

from properties.oracle import Violation
from properties.rights_ledger import tampered
from properties.rights_town import NOTE, RightsTown
from support.accounts import QUESTIONS

from hub.domain.exemption import ExemptionGround
from hub.domain.rights import Right
from hub.rights.identity import How, by_handler
from hub.testing.world import COMING, HELD

AINO = "Ainokukka"


def _known(town: RightsTown, *places: str) -> str:
    for place in places or ("crowst-crm",):
        town.have(AINO, place)
    town.sync()
    town.oracle.at_rest(town.shown())
    town.clock.advance(60)
    return town.of(AINO)


def asked(town: RightsTown, right: Right, *whom: str, **corrections: str) -> int:
    """A request of hers, approved; answers its number."""
    town.opens(right, AINO, town.of(AINO), whom or ("crowst",), corrections)
    number = max(town.law.asked)
    deployment = town.world.deployment
    if town.desk.row(number).state == "identity_pending":
        by_handler(deployment, number, How.KNOWN_TO_HANDLER, NOTE, "cli:handler")
    town.clock.advance(7)
    for actor in ("cli:handler", "cli:second"):
        if town.desk.row(number).state == "planned":
            town.approves(number, actor)
    town.clock.advance(7)
    return number


def erased_and_imported_again(town: RightsTown) -> None:
    _known(town, "crowst-crm", "crowst-uutiset")
    number = asked(town, Right.ERASURE)
    town.works()
    town.confirms()
    town.closes(number)
    town.clock.advance(600)
    town.have(AINO, "crowst-crm")
    town.have(AINO, "crowst-tapahtumat")
    town.returns(AINO, "crowst-uutiset")
    town.sync(full=True)


def erased_while_a_system_fails(town: RightsTown) -> None:
    _known(town, "crowst-crm", "crowst-uutiset")
    town.fault("crowst-mailer", "500", "", 60)
    number = asked(town, Right.ERASURE)
    town.works()
    town.confirms()
    town.closes(number)


def erased_while_a_system_is_out_of_use(town: RightsTown) -> None:
    _known(town, "crowst-crm", "crowst-uutiset")
    town.disable("crowst-mailer", on=False)
    number = asked(town, Right.ERASURE)
    town.works()
    town.confirms()
    town.closes(number)


def erased_and_no_answer(town: RightsTown) -> None:
    _known(town, "crowst-crm", "crowst-uutiset")
    town.fault("crowst-mailer", "drop", "delete-permanent", 1)
    asked(town, Right.ERASURE)
    town.works()


def erased_with_a_double(town: RightsTown) -> None:
    address = _known(town)
    crm = town.crm["crowst-crm"]
    double = town.fresh_address(AINO)
    added = crm.add(double, **town.values(AINO, "crowst"))
    town.address[AINO] = address
    town.sync()
    town.clock.advance(60)
    town.opens(Right.ERASURE, AINO, address, ("crowst",), {})
    crm.merge(crm.id_of(address) or "", added)
    by_handler(town.world.deployment, 1, How.KNOWN_TO_HANDLER, NOTE, "cli:handler")
    town.sync(full=True)
    for _ in range(3):
        town.approves(1, "cli:handler")
        town.works()
        town.clock.advance(60)


def restricted_and_edited(town: RightsTown) -> None:
    address = _known(town, "crowst-crm", "crowst-uutiset")
    asked(town, Right.RESTRICTION)
    town.works()
    crm = town.crm["crowst-crm"]
    changes = {"company": town.value("crowst", "company"), "lifecycle": "customer"}
    crm.edit(crm.id_of(address) or "", **changes)
    town.clock.advance(60)
    town.sync(full=True)


def corrected_and_edited(town: RightsTown) -> None:
    address = _known(town, "crowst-crm", "crowst-uutiset")
    asked(town, Right.RECTIFICATION, last_name=town.value("crowst", "last_name"))
    town.works()
    town.clock.advance(3600)
    crm = town.crm["crowst-crm"]
    crm.edit(crm.id_of(address) or "", last_name=town.value("crowst", "last_name"))
    town.clock.advance(60)
    town.sync(full=True)


def objects_after_a_consent(town: RightsTown) -> None:
    address = _known(town)
    town.crm["crowst-crm"].subscribes(address, "1001")
    town.oracle.consents("crowst", address, "newsletter", town.clock.now())
    town.clock.advance(600)
    asked(town, Right.OBJECTION)
    town.sync(full=True)


def erased_at_one_of_two(town: RightsTown) -> None:
    town.have(AINO, "bangeri-crm")
    town.join(AINO, "crowst-crm")
    _known(town, "crowst-crm")
    asked(town, Right.ERASURE)
    town.works()


def erased_at_one_and_merged_at_the_other(town: RightsTown) -> None:
    town.have(AINO, "bangeri-crm")
    town.join(AINO, "crowst-crm")
    address = _known(town, "crowst-crm")
    crm = town.crm["bangeri-crm"]
    double = town.fresh_address(AINO)
    town.address[AINO] = address
    added = crm.add(double, **town.values(AINO, "bangeri"))
    town.sync()
    asked(town, Right.ERASURE)
    crm.merge(crm.id_of(address) or "", added)
    town.sync(full=True)
    town.works()


def erased_by_two_at_once(town: RightsTown) -> None:
    """One worker goes through the systems from each end: they meet."""
    town.have(AINO, "bangeri-crm")
    registered(town)
    asked(town, Right.ERASURE)
    asked(town, Right.ERASURE, "bangeri")
    town.works_at_once([1])


def erased_after_cancelling(town: RightsTown) -> None:
    registered(town)
    town.registers(AINO, COMING, ())
    town.hall.decide(AINO, HELD, "cancel")
    town.clock.advance(60)
    asked(town, Right.ERASURE, "bangeri", "crowst")
    town.works()


def erased_and_registered_anew(town: RightsTown) -> None:
    registered(town)
    number = asked(town, Right.ERASURE, "bangeri", "crowst")
    town.works()
    town.confirms()
    town.closes(number)
    town.clock.advance(600)
    town.registers(AINO, HELD, tuple(QUESTIONS))
    town.sync()
    town.watches(1.1)
    town.admits()
    town.sync()


def erased_save_what_a_ground_keeps(town: RightsTown) -> None:
    """The request names an address of before, which no tool holds any more."""
    before = registered(town)
    crm = town.crm["crowst-crm"]
    town.oracle.owns("crowst", town.fresh_address(AINO))
    crm.edit(crm.id_of(before) or "", email=town.of(AINO))
    town.sync(full=True)
    town.oracle.at_rest(town.shown())
    town.clock.advance(60)
    town.opens(Right.ERASURE, AINO, before, ("crowst",), {})
    by_handler(town.world.deployment, 1, How.KNOWN_TO_HANDLER, NOTE, "cli:handler")
    town.exempts(1, "crowst-mailer", ExemptionGround.ACCOUNTING, 20)
    for actor in ("cli:handler", "cli:second"):
        town.approves(1, actor)
    town.works()
    town.confirms()
    town.closes(1)


def erased_after_thinking_it_over(town: RightsTown) -> None:
    town.cools(3)
    _known(town)
    asked(town, Right.ERASURE)
    town.watches(1.1)
    town.watches(2.0)


def registered(town: RightsTown) -> str:
    """She is known to Crowst and registered to the joint webinar; answers her address."""
    town.have(AINO, "crowst-crm")
    town.registers(AINO, HELD, tuple(QUESTIONS))
    return _known(town, "crowst-crm", "crowst-uutiset")


def a_changed_log(town: RightsTown) -> None:
    _known(town)
    asked(town, Right.ACCESS)
    town.works()
    for how in ("edited", "removed", "truncated", "exchanged"):
        with town.world.deployment.database.connect() as connection:
            connection.begin()
            if tampered(connection, how, 2, town.heads) is None:
                raise Violation(f"I10: a row was {how}, and nobody sees it")
            connection.rollback()
