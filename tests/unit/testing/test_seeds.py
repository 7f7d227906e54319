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

from hub.api import (
    ActivityKind,
    Connector,
    ConnectorType,
    Context,
    ReadsActivities,
    Record,
    RecordState,
    Stance,
)
from hub.connect.host import Host
from hub.connect.http import HttpClient
from hub.testing.clock import ManualClock
from hub.testing.inprocess import InProcess
from hub.testing.people import Mess, World, make_world, seeds
from hub.testing.sandbox import Sandbox
from hub.testing.world import CRM, HELD, MAILER, NEWSLETTER, SYSTEMS, WEBINAR
from plugins.hubspot.sandbox import HubSpotSandbox
from plugins.mailer.sandbox import MailchimpSandbox
from plugins.webinar.sandbox import ZoomSandbox

CONFIG = Path(__file__).parents[3] / "config" / "sandbox.yaml"
BOXES: dict[str, type[Sandbox]] = {
    "crm": HubSpotSandbox,
    "mailer": MailchimpSandbox,
    "webinar": ZoomSandbox,
}


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(400, seed=3)


@pytest.fixture(scope="module")
def configured() -> dict[str, Any]:
    systems: dict[str, Any] = yaml.safe_load(CONFIG.read_text())["systems"]
    return systems


def seeded(world: World, system: str, clock: ManualClock) -> Sandbox:
    sandbox = BOXES[system.partition("-")[2]](now=clock.now)
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
        token=kind.token(settings) if kind.token else None,
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
                activities={stream: frozenset(map(ActivityKind, mapped["activities"]))},
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
                assert record.fields["tags:webinar "] == ()
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


def test_a_connector_reads_every_registrant(world: World, configured: dict[str, Any]) -> None:
    with opened(world, WEBINAR, configured) as connector:
        for scope in configured[WEBINAR]["streams"]["registrants"]["scopes"]:
            entries = {e.email: e for e in world.placements[WEBINAR] if e.scope == scope}
            read = records(connector, "registrants", scope)
            assert {record.fields["email"] for record in read} == set(entries)
            for record in read:
                entry = entries[str(record.fields["email"])]
                denied = entry.standing == "denied"
                assert record.state is (RecordState.ARCHIVED if denied else RecordState.LIVE)
                assert {one.topic: one.stance for one in record.consents} == {
                    title: wish[0] for title, wish in entry.statuses.items()
                }
                assert all(one.at == entry.created_at for one in record.consents if one.act)


def test_a_connector_reads_what_people_did(world: World, configured: dict[str, Any]) -> None:
    told = Counter[ActivityKind]()
    for system, given in configured.items():
        ((stream, mapped),) = given["streams"].items()
        with opened(world, system, configured) as connector:
            assert isinstance(connector, ReadsActivities)
            for scope in mapped.get("scopes", [""]):
                for page in connector.activities(stream, scope, None):
                    assert not page.rejected
                    told.update(one.kind for one in page.activities)
    assert set(told) == set(ActivityKind), "of every kind something happened"
    entries = world.placements[WEBINAR]
    assert told[ActivityKind.REGISTERED] == len(entries)
    assert told[ActivityKind.ATTENDED] == sum(entry.came for entry in entries)
    held = [one for one in entries if one.scope == HELD and one.standing == "approved"]
    assert told[ActivityKind.ABSENT] == sum(not one.came for one in held)
    assert told[ActivityKind.QUESTION] == sum(bool(one.asked) for one in entries)
    assert told[ActivityKind.POLL] == sum(bool(one.polled) for one in entries)


def test_the_configured_tags_are_those_of_the_members(world: World) -> None:
    text = CONFIG.read_text()
    assert world.mess()[Mess.LIVE_MEMBER]
    for entries in world.placements.values():
        for entry in entries:
            assert all(project in text for project in entry.projects)
