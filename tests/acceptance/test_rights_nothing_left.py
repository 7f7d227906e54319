"""Of somebody who was erased nothing is found outside the case file, and after its retention
nothing at all: a whole life in the hub, then what the hub has stored is searched as bytes.

What is searched: every file below the hub's folder (the databases with their write-ahead logs, the
key store, whatever else lies there), and what commands and the daemon have said and logged. On
PostgreSQL, instead of the application's and the engine's files: every row of every table as the
server gives it out; and after `VACUUM (FULL, ANALYZE)`, which docs/rights.md asks the operator for,
every file of that database in the server's data directory, catalogs and statistics included.

What is not: the master key's file, which holds nothing of anybody; the stand-ins' memory, which is
the vendors'; and PostgreSQL's write-ahead log (pg_wal) and its archives. They keep older images of
pages until the server has used them up, for no one database alone, and no statement empties them:
like backups they end by their own retention.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support.commands import contact, hubspot, mailchimp, members, over
from support.daemon_process import daemon
from support.postgres import Postgres
from support.remains import files_with, hashes, lines_with, phones, written
from support.rights_office import Office, office, rights_config, until

from hub.domain.rights import Right
from hub.opening import now, open_hub
from hub.rights import decide, matches, watch
from hub.sandbox_world import SandboxWorld
from hub.settings import load
from hub.store import people, requests
from hub.store.activities import Stored, activity
from hub.store.deliveries import OPEN, delivery
from hub.store.links import link
from hub.store.questions import quarantine, review
from hub.testing.world import ASKS, ASKS_BOTH, COMING
from hub.vault.database import read_only
from hub.vault.keystore import data_key

Small = Callable[..., SandboxWorld]

FIRST, LAST = "Aurinkaliina", "Vesipurontäus"
EMAIL = "aurinkaliina.vesipurontaus@kuutamolahti.example"
SECOND = "a.vesipurontaus@vanhaposti.example"
MALFORMED = "aurinkaliina(at)kuutamolahti.example"
PHONE = 314159
TITLE = "Kuutamokapteenitar"
CALLED = "Soitto Vesipurontäuksen tilauksesta"
ASKED = "Milloin kuutamoristeily taas lähtee?"
ID, SAME, ODD, NAMELESS = "770031415926", "770131415927", "770231415928", "770331415929"
PROJECT = "webinaari-syksy-2026"
BYSTANDER = "sivullinen.henkilo@muualla.example"


@dataclass
class Life:
    """Somebody's life in the hub until they ask to be erased."""

    desk: Office
    postgres: Postgres | None = None
    told: list[str] = field(default_factory=list)  # what commands have logged and said
    ids: set[str] = field(default_factory=set)  # vendors' ids and handles

    @property
    def world(self) -> SandboxWorld:
        return self.desk.sandboxes

    def sync(self) -> None:
        hub = over(self.world, self.desk.config)
        for words in (("sync", "--verbose"), ("sync", "--full", "--verbose")):
            ended = hub(*words)
            self.told += [ended.out, ended.err]
        self._note()

    def _note(self) -> None:
        """Remember every id under which a tool knows them; those long enough to be nobody's."""
        for system in ("crowst-crm", "bangeri-crm"):
            for id_, one in self.world.control(system, "state")["contacts"].items():
                if {LAST, EMAIL, SECOND} & set(map(str, one["properties"].values())):
                    self.ids.add(id_)
        for audiences in self._audiences():
            for held in audiences.values():
                for one in held["members"]:
                    if one["email_address"] in (EMAIL, SECOND):
                        self.ids |= {one["id"], one["contact_id"], one.get("unique_email_id", "")}
        for webinar in self.world.control("joint-webinar", "state")["webinars"]:
            for one in webinar["registrants"]:
                if one["email"] == EMAIL:
                    self.ids.add(one["id"])
        self.ids = {one for one in self.ids if len(one) >= 9}

    def _audiences(self) -> list[dict[str, Any]]:
        mailers = ("crowst-mailer", "bangeri-mailer")
        return [self.world.control(one, "state")["lists"] for one in mailers]

    @property
    def wanted(self) -> dict[bytes, str]:
        """Everything that tells of them."""
        return {
            **written(FIRST, LAST, EMAIL, SECOND, MALFORMED, TITLE, CALLED, ASKED, *self.ids),
            **hashes(EMAIL, SECOND),
            **phones(PHONE),
        }

    def left(self) -> list[str]:
        """Where something of them still stands."""
        return self.holding(self.wanted)

    def holding(self, wanted: dict[bytes, str]) -> list[str]:
        """Which files and tables hold which of the wanted."""
        found = files_with(self.world.folder, wanted)
        return found + (self.postgres.rows_with(wanted) if self.postgres else [])

    def left_after_vacuum(self, *more: dict[bytes, str]) -> list[str]:
        """The same, in the server's files too."""
        every = {way: text for wanted in (self.wanted, *more) for way, text in wanted.items()}
        found = self.holding(every)
        if self.postgres:
            self.postgres.vacuum()
            found += self.postgres.files_with(every)
        return found


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def life(request: pytest.FixtureRequest, small: Small, tmp_path: Path) -> Iterator[Life]:
    url = None if request.param == "sqlite" else request.getfixturevalue("pg_url")
    world = small(people=8)
    with office(world, rights_config(tmp_path, url)) as desk:
        yield Life(desk, Postgres(url) if url else None)


def person(id_: str, email: str, **more: str) -> dict[str, Any]:
    yes = {
        "status": "SUBSCRIBED",
        "source": "FORM",
        "legalBasis": "CONSENT_WITH_NOTICE",
        "timestamp": "2026-10-01T09:00:00+00:00",
    }
    properties = {
        "email": email,
        "firstname": FIRST,
        "lastname": LAST,
        "phone": f"048 0{str(PHONE)[:2]} {str(PHONE)[2:]}",
        **more,
    }
    held = {name: value for name, value in properties.items() if value}
    return {"id": id_, "properties": held, "statuses": {"1001": yes} if email else {}}


def lives(life: Life) -> None:
    """Known to one company, crossed to the other, merged, changed, called, asked about, registered
    to a webinar of both and heard there, and with something on its way when the request comes."""
    world = life.world
    crm = "crowst-crm"
    world.control(
        crm,
        "seed",
        "POST",
        {
            "contacts": [
                person(ID, EMAIL, hub_projects=PROJECT),
                person(SAME, SECOND),
                {
                    "id": "990000000001",
                    "properties": {"email": BYSTANDER, "firstname": "Sivullinen"},
                },
            ],
            "engagements": [
                {
                    "type": "calls",
                    "properties": {"hs_timestamp": "2026-10-02T09:00:00Z", "hs_call_title": CALLED},
                    "contacts": [ID],
                }
            ],
        },
    )
    life.sync()
    assert contact(world, "bangeri-crm", EMAIL), "crossed by the project"
    registers_and_asks(life)
    # one that cannot land, one without an address, one that may be somebody else
    other = {
        "email_address": EMAIL,
        "status": "subscribed",
        "merge_fields": {"FNAME": "Eriniminen", "LNAME": LAST},
    }
    audience = {"id": "crowst-tapahtumat", "members": [other]}
    world.control("crowst-mailer", "seed", "POST", {"lists": [audience]})
    world.control(crm, "seed", "POST", {"contacts": [person(ODD, MALFORMED), person(NAMELESS, "")]})
    life.sync()
    hubspot(
        world, crm, "POST", "/crm/v3/objects/contacts/merge",
        {"primaryObjectId": ID, "objectIdToMerge": SAME},
    )  # fmt: skip
    life.sync()
    (member,) = [
        one
        for one in members(world, "crowst-mailer", "crowst-uutiset", "subscribed")
        if one["email_address"] == EMAIL
    ]
    mailchimp(
        world, "crowst-mailer", "PATCH", f"/lists/crowst-uutiset/members/{member['id']}",
        {"merge_fields": {"TITLE": "Perämies"}},
    )  # fmt: skip
    hubspot(
        world, crm, "PATCH", f"/crm/v3/objects/contacts/{ID}", {"properties": {"jobtitle": TITLE}}
    )
    for system in ("crowst-mailer", "bangeri-crm"):
        world.control(system, "faults", "POST", {"kind": "500"})
    life.sync()  # the new title stays on its way
    for system in ("crowst-mailer", "bangeri-crm"):
        world.control(system, "faults", "DELETE")


def registers_and_asks(life: Life) -> None:
    """They agree to everything at the form of the joint webinar, come, ask and answer a poll."""
    yes = dict.fromkeys((*ASKS.values(), ASKS_BOTH), "Kyllä")
    form = {"first_name": FIRST, "last_name": LAST, "answers": yes}
    later = now() + timedelta(minutes=1)  # than the consent to profiling, which a poll needs
    said = [{"email": EMAIL, "question": ASKED, "answer": TITLE, "at": f"{later:%FT%TZ}"}]
    for act in (
        {"act": "register", "email": EMAIL, **form},
        {"act": "hold", "attended": [EMAIL], "qa": said, "polls": said},
    ):
        body = {"acts": [{"webinar": COMING, **act}]}
        life.world.control("joint-webinar", "seed", "POST", body)
        life.sync()
    assert registrations(life.world) == 1


def registrations(world: SandboxWorld) -> int:
    held = world.control("joint-webinar", "state")["webinars"]
    return sum(one["email"] == EMAIL for webinar in held for one in webinar["registrants"])


def kinds(desk: Office, key_ids: list[int]) -> set[str]:
    """Kinds of the activities that are kept under those keys."""
    keys = desk.deployment.vault.open_keys(key_ids)
    with read_only(desk.deployment.database).connect() as connection:
        columns = (*(activity.c[name] for name in Stored._fields),)
        rows = connection.execute(sa.select(*columns).where(activity.c.key_id.in_(key_ids)))
        return {(one := Stored(*row)).open(keys[one.key_id]).kind for row in rows}


def count(desk: Office, table: sa.Table, *where: Any) -> int:
    with read_only(desk.deployment.database).connect() as connection:
        query = sa.select(sa.func.count()).select_from(table).where(*where)
        return connection.scalar(query) or 0


def wrapped(desk: Office, key_ids: list[int]) -> list[bytes]:
    """The keys as they stand in the key store."""
    keys = sa.create_engine(desk.hub.settings.keys)
    try:
        with keys.connect() as connection:
            return list(
                connection.scalars(sa.select(data_key.c.wrapped).where(data_key.c.id.in_(key_ids)))
            )
    finally:
        keys.dispose()


def test_of_an_erased_person_nothing_is_left(life: Life) -> None:
    desk = life.desk
    lives(life)
    assert {ID, NAMELESS} <= life.ids
    # what is there beforehand, so that its absence afterwards says something
    assert ID in "\n".join(life.left()), "the search finds what is there"
    assert count(desk, quarantine, quarantine.c.external_id == ODD)
    assert count(desk, activity)
    assert count(desk, review)
    assert count(desk, delivery, delivery.c.state.in_(OPEN)), "something is on its way"

    number = desk.open(
        Right.ERASURE,
        EMAIL,
        "crowst",
        "bangeri",
        name=f"{FIRST} {LAST}",
        phone="+358480314159",
        also_known_as=[SECOND],
        message=f"Poistakaa tietoni. {FIRST} {LAST}",
    )
    desk.identify(number)
    decide.note(desk.deployment, number, f"{FIRST} soitti numerosta 0480{PHONE}", desk.who)
    plan = requests.persons_of(desk.row(number))
    with read_only(desk.deployment.database).connect() as connection:
        query = sa.select(people.person.c.key_id).where(people.person.c.id.in_(plan))
        key_ids = list(connection.scalars(query))
    person_keys = wrapped(desk, key_ids)
    assert {"registered", "attended", "question", "poll"} <= kinds(desk, key_ids)
    assert len(person_keys) == len(plan) >= 2
    desk.approve(number)
    desk.ask(desk.deployment.landscape.systems)
    with daemon(desk.config, desk.sandboxes.environ({})) as running:
        running.until(lambda line: line["event"] == "engine.started")

        def judged() -> bool:
            """Done, once a handler said that what was found by telephone only is hers."""
            for (system, _), task in desk.tasks(number).items():
                if task.reason == "weak-match":
                    desk.ask([matches.judge(desk.deployment, task.id, desk.second, same=True)])
                    assert system == "crowst-crm"
            if desk.row(number).state == "planned":  # another person of the hub's is her too
                assert desk.row(number).reason == "plan-grew"
                desk.approve(number)
                desk.ask(desk.deployment.landscape.systems)
            return desk.proved(number)

        until(judged, 60, lambda: desk.states(number))
        desk.finish(number)
        life.sync()
        assert life.left() == [], "while the daemon runs"
        assert running.stop() == 0
        assert lines_with([*running.lines, *running.other], life.wanted) == []
    assert lines_with(life.told, life.wanted) == []
    gone = dict.fromkeys(person_keys, "a destroyed key")
    assert life.left_after_vacuum(gone) == []
    assert registrations(life.world) == 0
    assert not contact(life.world, "crowst-crm", EMAIL)
    # others are as they were, and the case file is there for who has to prove it
    assert count(desk, link, link.c.system == "crowst-crm") > 1
    assert FIRST in desk.case(number).name

    # the retention of the case file ends
    row = desk.row(number)
    (case_key,) = wrapped(desk, [row.key_id])
    sealed = {case_key: "the case file's key", bytes(row.casefile): "the case file"}
    sealed |= {
        bytes(one.receipt): "a receipt" for one in desk.tasks(number).values() if one.receipt
    }
    assert life.holding(sealed), "kept until then"
    if life.postgres:
        assert life.postgres.files_with(sealed), "the search of the server's files finds it"
    later = now() + desk.deployment.landscape.rights.keep + timedelta(days=1)
    settings = load(desk.config, desk.sandboxes.environ({}))
    with open_hub(settings, clock=lambda: later) as hub:
        watch.archive(hub.deployment)
        assert hub.deployment.vault.open_keys([row.key_id]) == {}
    assert desk.row(number).state == "archived"
    assert life.left_after_vacuum(sealed) == []
