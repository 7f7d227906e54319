"""The sandbox world in the vendors' words: the sandboxes take it, and the connectors read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from hub.api import Connector, ConnectorType, Context, Record, Stance
from hub.connect.host import Host
from hub.connect.http import HttpClient
from hub.testing.clock import ManualClock
from hub.testing.inprocess import InProcess
from hub.testing.people import Mess, World, make_world, seeds
from hub.testing.sandbox import Sandbox
from hub.testing.world import CRM, MAILER, NEWSLETTER, SYSTEMS
from plugins.hubspot.sandbox import HubSpotSandbox
from plugins.mailer.sandbox import MailchimpSandbox

CONFIG = Path(__file__).parents[3] / "config" / "sandbox.yaml"


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(400, seed=3)


@pytest.fixture(scope="module")
def configured() -> dict[str, Any]:
    systems: dict[str, Any] = yaml.safe_load(CONFIG.read_text())["systems"]
    return systems


def seeded(world: World, system: str, clock: ManualClock) -> Sandbox:
    sandbox = (HubSpotSandbox if system in CRM.values() else MailchimpSandbox)(now=clock.now)
    sandbox.seed(seeds(world)[system])
    return sandbox


@contextmanager
def opened(world: World, system: str, configured: dict[str, Any]) -> Iterator[Connector]:
    """A connector over the seeded sandbox, set up as `config/sandbox.yaml` says."""
    clock = ManualClock()
    given = configured[system]
    ((stream, mapped),) = given["streams"].items()
    kind: ConnectorType = Host.load(clock=clock).type(given["plugin"])
    settings: BaseModel = kind.settings.model_validate(
        {**given["settings"], "base_url": "http://localhost"}
    )
    fields = [one["vendor"] if isinstance(one, dict) else one for one in mapped["fields"].values()]
    with HttpClient(
        system,
        kind.base_url(settings),
        kind.auth(settings),
        limits=kind.limits,
        concurrency=1,
        transport=InProcess(seeded(world, system, clock), clock),
        clock=clock,
    ) as http:
        yield kind.open(
            Context(
                system=system,
                settings=settings,
                http=http,
                fields={stream: fields},
                scopes={stream: mapped.get("scopes", [""])},
                topics={stream: sorted({topic["topic"] for topic in mapped["topics"]})},
                now=clock.now,
            )
        )


def records(connector: Connector, stream: str, scope: str) -> list[Record]:
    pages = list(connector.read(stream, scope, None))
    assert not [row for page in pages for row in page.rejected]
    return [record for page in pages for record in page.records]


def test_there_is_a_seed_for_each_configured_system(
    world: World, configured: dict[str, Any]
) -> None:
    assert set(seeds(world)) == set(configured) == set(SYSTEMS)


@pytest.mark.parametrize("system", SYSTEMS)
def test_nothing_stands_in_the_way_of_a_seeded_system(
    system: str, world: World, configured: dict[str, Any]
) -> None:
    with opened(world, system, configured) as connector:
        assert list(connector.check()) == []


@pytest.mark.parametrize("company", CRM)
def test_a_connector_reads_every_contact(
    company: str, world: World, configured: dict[str, Any]
) -> None:
    entries = {entry.email: entry for entry in world.placements[CRM[company]]}
    with opened(world, CRM[company], configured) as connector:
        read = records(connector, "contacts", "")
    assert {record.fields["email"] for record in read} == set(entries)
    acts = Counter[str | None]()
    for record in read:
        entry = entries[str(record.fields["email"])]
        assert (record.fields["lastname"] or "") == entry.last_name.strip()  # HubSpot trims
        assert (record.fields["phone"] or "") == entry.phone
        assert (record.fields["hub_projects"] or "") == "; ".join(entry.projects)
        stated = {one.topic: one for one in record.consents}
        wish = entry.statuses.get(NEWSLETTER[company])
        if wish:
            read_wish = stated[NEWSLETTER[company]]
            assert read_wish.stance is wish[0]
            assert read_wish.at == wish[1]
            if wish[0] is Stance.YES:
                assert read_wish.act == wish[2]
                acts[wish[2]] += 1
    assert min(acts["form"], acts[None]) > 5


@pytest.mark.parametrize("company", MAILER)
def test_a_connector_reads_every_member(
    company: str, world: World, configured: dict[str, Any]
) -> None:
    stances = Counter[Stance]()
    acts = Counter[str | None]()
    with opened(world, MAILER[company], configured) as connector:
        for scope in configured[MAILER[company]]["streams"]["members"]["scopes"]:
            entries = {e.email: e for e in world.placements[MAILER[company]] if e.scope == scope}
            read = records(connector, "members", scope)
            assert {record.fields["email_address"] for record in read} == set(entries)
            for record in read:
                entry = entries[str(record.fields["email_address"])]
                assert record.fields["tags"] == tuple(sorted(entry.tags))
                assert (record.fields["FNAME"] or "") == entry.first_name
                (wish,) = record.consents
                stance, at, act = entry.statuses["*"]
                assert wish.stance is (Stance.UNDELIVERABLE if entry.bounced else stance)
                stances[wish.stance] += 1
                if wish.stance is Stance.YES:
                    assert (wish.act, wish.at) == (act, at)
                    acts[wish.act] += 1
    assert set(stances) >= {Stance.YES, Stance.NO, Stance.UNDELIVERABLE, Stance.UNSTATED}
    assert min(acts["form"], acts[None]) > 5


def test_the_configured_tags_are_those_of_the_members(world: World) -> None:
    text = CONFIG.read_text()
    assert world.mess()[Mess.LIVE_MEMBER]
    for entries in world.placements.values():
        for entry in entries:
            assert all(project in text for project in entry.projects)
