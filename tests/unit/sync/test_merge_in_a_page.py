"""A merge at the vendor, met in the same page as news of the record that was merged away."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from support.accounts import Crm, open_accounts
from support.world import small_world

from hub.store import ledger, people, progress
from hub.sync.land import land


def test_a_refusal_of_the_merged_one_in_the_same_page_is_kept(tmp_path: Path) -> None:
    """The loser's refusal is read first, then the winner with the loser as its alias."""
    with small_world(tmp_path) as world:
        open_accounts(world)
        crm = Crm(world, "crowst")
        winner = crm.add("aino@firma.example", first_name="Aino", last_name="Laine")
        loser = crm.add("aino.laine@firma.example", first_name="Aino", last_name="Laine")
        world.run("crowst-crm")
        opened = world.deployment.systems["crowst-crm"]
        stream = opened.system.stream("contacts")
        world.clock.advance(60)
        crm.withdraws("aino.laine@firma.example", "1001")
        crm.edit(loser, first_name="Aino Maria")
        (refusing,) = [
            r
            for p in opened.connector.read("contacts", "", None)
            for r in p.records
            if r.ref.id == loser
        ]
        crm.merge(winner, loser)
        merged = [
            r for p in opened.connector.read("contacts", "", None) for r in p.records if r.aliases
        ]
        with world.deployment.database.begin() as connection:
            epoch = progress.take(connection, "crowst-crm", "test", world.clock.now())
        land(world.deployment, opened, epoch, stream, "", [refusing, *merged])
        with world.deployment.database.connect() as connection:
            standing = set(
                connection.scalars(
                    sa.select(people.person.c.id).where(people.person.c.merged_into.is_(None))
                )
            )
            owners = set(
                connection.scalars(
                    sa.select(ledger.event.c.person_id).where(ledger.event.c.kind == "withdrawal")
                )
            )
            identified = set(connection.scalars(sa.select(people.identifier.c.person_id)))
        assert len(standing) == 1
        assert owners == standing
        assert identified <= standing
