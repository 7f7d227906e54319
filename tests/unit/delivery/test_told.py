"""A delivery names what its vendor received or may have received, over all of its tries."""

from __future__ import annotations

import sqlalchemy as sa
from support.accounts import Crm
from support.world import World

from hub.store.deliveries import delivery
from hub.testing.sandbox import Fault, FaultKind

AINO = "aino@posti.example"
MAILER = "crowst-mailer"


def after_a_second_try_for_less(world: World, fault: FaultKind) -> str:
    """The fields named by a delivery whose first tries, of two fields, met the fault, and whose
    last writes one: staff took the other change back meanwhile."""
    crm = Crm(world, "crowst")
    crm.add(AINO, first_name="Aino", company="Ennen", lifecycle="customer")
    assert world.sync()
    world.clock.advance(30)
    crm.edit(crm.id_of(AINO) or "", company="Hetken", job_title="Johtaja")
    world.run("crowst-crm")
    world.sandbox(MAILER).faults.append(Fault(fault, method="PATCH", times=20))
    world.run(MAILER)
    world.sandbox(MAILER).faults.clear()
    world.clock.advance(30)
    crm.edit(crm.id_of(AINO) or "", company="Ennen")
    world.run("crowst-crm")
    world.clock.advance(4000)
    assert world.sync()
    with world.deployment.database.connect() as connection:
        rows = connection.execute(
            sa.select(delivery).where(delivery.c.system == MAILER, delivery.c.tries > 1)
        ).all()
    (fields,) = {row.fields for row in rows if row.state == "done"}
    return str(fields)


def test_what_may_have_arrived_stays_named(world: World) -> None:
    named = after_a_second_try_for_less(world, FaultKind.DROP)
    assert set(named.split()) == {"company", "job_title"}


def test_what_the_vendor_did_not_do_is_not_named(world: World) -> None:
    named = after_a_second_try_for_less(world, FaultKind.TOO_MANY)
    assert set(named.split()) == {"job_title"}
