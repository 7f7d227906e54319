"""What was sent and never settled: read back, merged, and only then repeated."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from support.accounts import Crm, List, open_accounts
from support.kills import Killed, Killer
from support.world import World, small_world

from hub.store import subjects
from hub.store.deliveries import delivery
from hub.store.people import find
from hub.testing.sandbox import Fault, FaultKind
from hub.testing.world import LIVE_PROJECT

AINO = "aino@posti.example"


def origins(world: World, controller: str, field: str) -> frozenset[str]:
    """Whose value the hub takes a field of Aino's person to be."""
    deployment = world.deployment
    with deployment.database.connect() as connection:
        digest = deployment.identities.email(controller, AINO)
        (hit,) = find(connection, controller, "email", [digest]).values()
        assert hit.person_id is not None
        loaded = subjects.load(connection, deployment.vault, deployment.identities, [hit.person_id])
    return loaded[hit.person_id].profile[field].origins


def killed_after(folder: Path, system: str, **more: Any) -> None:
    """A process that dies as soon as that system has received a write."""
    killer = Killer()
    step = killer.step

    def fatal(name: str) -> None:
        step(name)
        if name.endswith(f" to {system}"):
            killer.dead = True
            raise Killed(name)

    killer.step = fatal  # type: ignore[method-assign]  # dies by place, not by number
    with small_world(folder, transports=killer.transport, **more) as world:
        killer.watch(world.deployment.database, "hub")
        with suppress(Killed):
            world.sync()
    assert killer.dead


class TestAfterACrash:
    def test_the_next_run_settles_what_was_sent(self, tmp_path: Path) -> None:
        with small_world(tmp_path) as world:
            open_accounts(world)
            crm = Crm(world, "crowst")
            crm.add(AINO, first_name="Aino", lifecycle="customer")
            more = {"sandboxes": world.sandboxes, "clock": world.clock}
        killed_after(tmp_path, "crowst-mailer", **more)
        with small_world(tmp_path, **more) as again:
            again.run("crowst-mailer")
            with again.deployment.database.connect() as connection:
                states = set(connection.scalars(sa.select(delivery.c.state)))
            assert states == {"done"}
            assert again.writes()["crowst-mailer"] == 2  # one for each audience

    def test_a_merge_of_persons_in_between_does_not_lose_the_key(self, tmp_path: Path) -> None:
        """The payload is sealed under the key of the person that no longer is one."""
        with small_world(tmp_path) as world:
            open_accounts(world)
            crm = Crm(world, "crowst")
            kept = crm.add("kept@posti.example", first_name="Aino")
            merged = crm.add(AINO, first_name="Aino")
            world.sync()
            crm.edit(merged, lifecycle="customer")
            world.clock.advance(30)
            more = {"sandboxes": world.sandboxes, "clock": world.clock}
        killed_after(tmp_path, "crowst-mailer", **more)
        crm.merge(kept, merged)
        more["clock"].advance(30)
        with small_world(tmp_path, **more) as again:
            for name in ("crowst-crm", "crowst-mailer"):
                assert again.run(name).state == "done"
            assert again.sync()

    def test_an_edit_in_between_is_merged_and_not_overwritten(self, tmp_path: Path) -> None:
        """The write is lost on its way, staff changes the field, the hub comes back: by then
        both changed, and the newer value wins."""
        with small_world(tmp_path) as world:
            open_accounts(world)
            crm, mailer = Crm(world, "crowst"), List(world, "crowst-uutiset")
            crm.add(AINO, first_name="Aino", company="Vanha", lifecycle="customer")
            assert world.sync()
            world.clock.advance(30)
            crm.edit(crm.id_of(AINO) or "", company="Kirjoitettu")
            world.run("crowst-crm")
            world.sandbox("crowst-mailer").faults.append(
                Fault(FaultKind.DROP, method="PATCH", times=8)
            )
            world.sandbox("crowst-mailer").faults.append(
                Fault(FaultKind.SERVER_ERROR, method="GET", route="{member}")
            )
            world.run("crowst-mailer")
            world.sandbox("crowst-mailer").faults.clear()
            world.clock.advance(4000)
            mailer.edit(AINO, company="Toimittajan")
            world.clock.advance(4000)
            assert world.sync()
            assert mailer.member(AINO).merge_fields["COMPANY"] == "Toimittajan"
            assert crm.value(AINO, "company") == "Toimittajan"


class TestReadingBackOurOwn:
    """A value read back equal to what we wrote gains no origin (DESIGN section 2)."""

    def test_an_ordinary_write(self, world: World) -> None:
        crowst, bangeri = Crm(world, "crowst"), Crm(world, "bangeri")
        crowst.add(AINO, first_name="Aino", company="Crowst-tieto", projects=LIVE_PROJECT)
        bangeri.add(AINO, first_name="Aino")
        assert world.sync()
        world.clock.advance(60)
        crowst.edit(crowst.id_of(AINO) or "", company="Crowst-uusi")
        assert world.sync(full=True)
        assert bangeri.value(AINO, "company") == "Crowst-uusi"
        assert world.sync(full=True)
        assert origins(world, "bangeri", "company") == {"crowst"}

    def test_a_create_whose_wishes_were_not_settled(self, world: World) -> None:
        """Made with Crowst's values, its consents failed: no stranger's record."""
        crowst, bangeri = Crm(world, "crowst"), Crm(world, "bangeri")
        crowst.add(AINO, first_name="Aino", company="Crowst-tieto", projects=LIVE_PROJECT)
        bangeri.subscribes(AINO, "2001")
        List(world, "bangeri-uutiset").add(AINO, "unsubscribed")
        world.sandbox("bangeri-crm").faults.append(
            Fault(FaultKind.SERVER_ERROR, route="statuses/batch/write", times=1)
        )
        world.run("bangeri-mailer")
        world.run("crowst-crm")
        world.run("bangeri-crm")
        assert world.sync()
        assert bangeri.value(AINO, "company") == "Crowst-tieto"
        assert origins(world, "bangeri", "company") == {"crowst"}

    def test_half_of_an_update(self, world: World) -> None:
        """Fields arrive, tags do not: the fields that did are ours when they are read."""
        crowst, mailer = Crm(world, "crowst"), List(world, "bangeri-uutiset")
        crowst.add(AINO, first_name="Aino", projects=LIVE_PROJECT)
        Crm(world, "bangeri").add(AINO, first_name="Aino", lifecycle="customer")
        assert world.sync()
        assert mailer.member(AINO) is not None
        world.clock.advance(30)
        mailer.tag(AINO, "vanha", on=True)
        assert world.sync()
        crowst.edit(crowst.id_of(AINO) or "", company="Crowst-tieto")
        world.clock.advance(30)
        world.run("crowst-crm")
        _force_tags(world, "bangeri", ("uusi", "vanha"))
        world.sandbox("bangeri-mailer").faults.append(
            Fault(FaultKind.SERVER_ERROR, method="POST", route="tags")
        )
        world.run("bangeri-mailer")
        assert mailer.member(AINO).merge_fields["COMPANY"] == "Crowst-tieto"
        world.clock.advance(4000)
        world.run("bangeri-mailer")
        world.sandbox("bangeri-mailer").faults.clear()
        world.clock.advance(4000)
        assert world.sync()
        assert origins(world, "bangeri", "company") == {"crowst"}


def _force_tags(world: World, controller: str, tags: tuple[str, ...]) -> None:
    """Bängeri's profile has tags that the mailer lacks, and a delivery is ready for it."""
    from hub.delivery.fanout import fan_out
    from hub.domain.profile import Value

    deployment = world.deployment
    with deployment.database.begin() as connection:
        digest = deployment.identities.email(controller, AINO)
        (hit,) = find(connection, controller, "email", [digest]).values()
        assert hit.person_id is not None
        loaded = subjects.load(connection, deployment.vault, deployment.identities, [hit.person_id])
        subject = loaded[hit.person_id]
        subject.profile["tags"] = Value(
            tags, "bangeri-mailer", deployment.now(), frozenset({controller})
        )
        subject.changed = True
        subjects.save(connection, [subject], deployment.now())
        fan_out(connection, deployment, [subject], deployment.now())
