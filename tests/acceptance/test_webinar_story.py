"""A joint webinar from its announcement to the end of the project, told once.

Both companies' tools end up with exactly what the project allows: every field and every stance of
both CRMs and of all three audiences is compared, while the project lives and after its end. Why it
is so is asked of the command, `hub explain … --json`, as a user would.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.accounts import Crm, List, Webinar, open_accounts
from support.commands import Commands, inside
from support.holdings import Held, everything
from support.world import World, small_world

from hub.store import activities
from hub.sync.finding import find
from hub.testing.world import ASKS, ASKS_BOTH, COMING, CRM, HELD, LIVE_PROJECT, MAILER, WEBINAR

AINO, BERTTA, EETU, OONA = (f"{n}@posti.example" for n in ("aino", "bertta", "eetu", "oona"))
SAARA, KAISA, VEIKKO, ULLA = (f"{n}@posti.example" for n in ("saara", "kaisa", "veikko", "ulla"))
KAISA_AT_WORK = "kaisa@kosken-kone.example"
TO_CROWST, TO_BANGERI = ASKS["crowst"], ASKS["bangeri"]
CAME, STAYED_AWAY = [f"{HELD} attended"], [f"{HELD} absent"]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The five systems, empty."""
    with small_world(tmp_path, migrated=True) as made:
        open_accounts(made)
        yield made


@pytest.fixture
def hub(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """The commands over that world, at its time."""
    return inside(tmp_path, world.clock, monkeypatch)


def synced(world: World) -> None:
    """A minute later everything is in step, and one more sync writes nothing."""
    world.clock.advance(60)
    assert world.sync()
    before = world.writes()
    assert world.sync(full=True)
    assert world.writes() == before


def until(world: World, moment: datetime) -> None:
    world.clock.advance((moment - world.clock.now()).total_seconds())


# the story


def announce(world: World) -> None:
    """What each company knows before anybody registers."""
    crowst, bangeri = Crm(world, "crowst"), Crm(world, "bangeri")
    crowst.add(
        AINO,
        first_name="Aino",
        last_name="Aalto",
        phone="+358401111111",
        company="Aallon Laskenta Oy",
        job_title="Johtaja",
        lifecycle="customer",
    )
    List(world, "crowst-uutiset").subscribes(AINO, first_name="Aino")
    bangeri.add(BERTTA, first_name="Bertta", last_name="Berg", company="Bergin Puutarha Oy")
    crowst.add(SAARA, first_name="Saara", last_name="Salo", job_title="Kirjanpitäjä")
    crowst.withdraws(SAARA, "1001")
    crowst.add(KAISA, first_name="Kaisa", last_name="Koski", company="Kosken Kone Oy")
    bangeri.add(KAISA_AT_WORK, first_name="Kaisa", last_name="Koski", job_title="Ostaja")
    crowst.add(VEIKKO, first_name="Veikko", last_name="Vuori", company="Vuoren Vene Oy")


def people_register(world: World) -> None:
    """Known to Crowst, to Bängeri, to neither (Eetu, Oona), to both under two addresses (Kaisa);
    with and without consent, Saara after a refusal. Veikko does not."""
    webinar = Webinar(world, HELD)
    webinar.registers(AINO, [TO_BANGERI, ASKS_BOTH], "Aino Aalto", org="Aallon Laskenta Oy")
    webinar.registers(BERTTA, [], "Bertta Berg", job_title="Puutarhuri")
    webinar.registers(EETU, [TO_CROWST], "Eetu Eskola", org="Eskolan Sähkö Oy")
    webinar.registers(OONA, [], "Oona Ora")
    webinar.registers(SAARA, [TO_CROWST, TO_BANGERI], "Saara Salo")
    webinar.registers(KAISA_AT_WORK, [], "Kaisa Koski")


def webinar_is_held(world: World) -> None:
    """Aino and Eetu come, ask and answer; Bertta, Saara and Kaisa do not come."""
    until(world, datetime(2026, 11, 20, 13, tzinfo=UTC))
    Webinar(world, HELD).is_held(
        [AINO, EETU],
        qa=[{"email": AINO, "question": "Saako kalvot jälkikäteen?"}],
        polls=[
            {"email": AINO, "question": "Toimiala?", "answer": "Laskenta"},
            {"email": EETU, "question": "Toimiala?", "answer": "Sähkö"},
        ],
    )


Holdings = dict[str, dict[str, Held]]

_AINO = {"first_name": "Aino", "last_name": "Aalto", "job_title": "Johtaja"}
_AINO |= {"company": "Aallon Laskenta Oy"}
_BERTTA = {"first_name": "Bertta", "last_name": "Berg", "company": "Bergin Puutarha Oy"}
_EETU = {"first_name": "Eetu", "last_name": "Eskola", "company": "Eskolan Sähkö Oy"}
_SAARA = {"first_name": "Saara", "last_name": "Salo", "job_title": "Kirjanpitäjä"}
_KAISA = {"first_name": "Kaisa", "last_name": "Koski"}
_OONA = {"first_name": "Oona", "last_name": "Ora"}
_VEIKKO = {"first_name": "Veikko", "last_name": "Vuori", "company": "Vuoren Vene Oy"}
_PHONE = {"phone": "+358401111111"}  # the project does not list it: never at Bängeri

REGISTERED: Holdings = {
    "crowst-crm": {
        AINO: {**_AINO, **_PHONE, "lifecycle": "customer", "newsletter": "yes", "events": "yes"},
        BERTTA: {**_BERTTA, "job_title": "Puutarhuri"},
        EETU: {**_EETU, "newsletter": "yes"},
        OONA: _OONA,
        # HubSpot takes a refusal made there back for nobody but the person, at its own form
        SAARA: {**_SAARA, "newsletter": "no"},
        KAISA: {**_KAISA, "company": "Kosken Kone Oy"},
        KAISA_AT_WORK: {**_KAISA, "job_title": "Ostaja"},
        VEIKKO: _VEIKKO,
    },
    "bangeri-crm": {
        AINO: {**_AINO, "newsletter": "yes"},
        BERTTA: {**_BERTTA, "job_title": "Puutarhuri"},
        EETU: _EETU,
        OONA: _OONA,
        SAARA: {**_SAARA, "newsletter": "yes"},
        KAISA_AT_WORK: {**_KAISA, "job_title": "Ostaja"},
    },
    "crowst-uutiset": {
        AINO: {**_AINO, **_PHONE, "status": "subscribed"},
        EETU: {**_EETU, "status": "subscribed"},
        SAARA: {**_SAARA, "status": "subscribed"},
    },
    "crowst-tapahtumat": {AINO: {**_AINO, **_PHONE, "status": "subscribed"}},
    "bangeri-uutiset": {
        AINO: {**_AINO, "status": "subscribed"},
        SAARA: {**_SAARA, "status": "subscribed"},
    },
}
ATTENDANCE = {
    AINO: CAME,
    EETU: CAME,
    BERTTA: STAYED_AWAY,
    SAARA: STAYED_AWAY,
    KAISA_AT_WORK: STAYED_AWAY,
}


def with_attendance(before: Holdings) -> Holdings:
    """The property in the CRMs and the tags in the mailers, and nothing else."""
    after = deepcopy(before)
    for held in after.values():
        for who, values in held.items():
            if who in ATTENDANCE:
                values["webinars"] = ATTENDANCE[who]
    return after


def with_values(before: Holdings, *changes: tuple[str, str, Held]) -> Holdings:
    """The same with some values of some records changed."""
    after = deepcopy(before)
    for place, who, values in changes:
        after[place][who] |= values
    return after


# what the hub tells

Told = dict[str, Any]
"""A part of the JSON that the command prints."""


def explained(hub: Commands, email: str) -> dict[str, Told]:
    """What `hub explain` tells of an address, by controller; of nobody it tells that."""
    ended = hub("explain", "--email", email, "--json")
    assert ended.code == (0 if ended.json else 1), ended
    return {one["controller"]: one for one in ended.json}


def reasons(told: Told, system: str) -> dict[str, tuple[str, str]]:
    """Field or topic -> state and rule, in the one place of that system."""
    (place,) = [one for one in told["places"] if one["system"] == system]
    return {one["what"]: (one["state"], one["rule"]) for one in answers(place)}


def answers(place: Told) -> list[Told]:
    """What is told of each field and topic of a place."""
    return [*place["fields"], *place["topics"]]


def crossings(told: Told, project: str = LIVE_PROJECT) -> dict[str, str]:
    """Field -> by what rule it may or may not be known to the partner."""
    (answer,) = [one for one in told["crossings"] if one["project"] == project]
    return {one["what"]: one["rule"] for one in answer["fields"]}


def kinds(world: World, email: str, controller: str) -> list[str]:
    """Kinds of the activities that are kept of a person, by name."""
    with world.deployment.database.connect() as connection:
        found = find(connection, world.deployment, email, [controller])
        stored = [
            row
            for one in found
            if one.subject is not None
            for row in activities.of_person(connection, one.subject.id)
        ]
    keys = world.deployment.vault.open_keys({row.key_id for row in stored})
    return sorted(row.open(keys[row.key_id]).kind for row in stored)


def everybody_is_explained(world: World, hub: Commands) -> None:
    """Every field and topic that the configuration maps, in every place of every system of
    everyone's, has its answer and its reason."""
    landscape = world.deployment.landscape
    for email in (AINO, BERTTA, EETU, OONA, SAARA, KAISA, KAISA_AT_WORK, VEIKKO):
        told = explained(hub, email)
        assert told, email
        for controller, answer in told.items():
            mapped = {
                (system.id, stream.name, scope): [
                    *(one.hub for one in stream.fields),
                    *(f"topic {one.topic}" for one in stream.topics_of(scope)),
                ]
                for system in landscape.systems_of_controller[controller]
                for stream in system.streams
                for scope in stream.scopes
            }
            assert {system for system, _, _ in mapped} == {
                CRM[controller],
                MAILER[controller],
                WEBINAR,
            }
            assert {
                (one["system"], one["stream"], one["scope"]): [
                    each["what"] for each in answers(one)
                ]
                for one in answer["places"]
            } == mapped
            for place in answer["places"]:
                assert place["note"]
                for one in answers(place):
                    assert one["state"] in STATES, one
                    assert len(one["reason"].split()) > 1, one


STATES = {"write", "in step", "blocked", "unknown", "read only", "held", "no record"}
OWN, THROUGH = ("in step", "own"), ("in step", "joint-project")
ENDED = ("blocked", "project-ended")
READ_ONLY, UNKNOWN = ("read only", ""), ("unknown", "")

AINO_AT_BANGERI: dict[str, Any] = {
    "email": OWN,  # told by Aino herself, at the form of both
    "first_name": OWN,
    "last_name": OWN,
    "company": OWN,
    "job_title": THROUGH,  # only Crowst knew it
    "phone": UNKNOWN,
    "lifecycle": UNKNOWN,
    "projects": UNKNOWN,
    "webinars": OWN,
    "topic 2001": ("in step", "permitted"),
    "topic 2002": ("blocked", "no-ground"),
    "topic *": READ_ONLY,
}
AINO_AT_CROWST: dict[str, Any] = {
    "email": "own",
    "first_name": "own",
    "last_name": "own",
    "company": "own",
    "job_title": "joint-project",
    "phone": "field-not-in-project",
    "lifecycle": "field-not-in-project",
    "webinars": "list",
}


def test_a_webinar_from_its_announcement_to_the_end_of_the_project(
    world: World, hub: Commands
) -> None:
    announce(world)
    synced(world)
    people_register(world)
    synced(world)
    assert everything(world) == REGISTERED
    for controller in ("crowst", "bangeri"):
        assert kinds(world, OONA, controller) == ["registered"]

    # Oona cancels: no withdrawal, no deletion
    Webinar(world, HELD).cancels(OONA)
    synced(world)
    assert everything(world) == REGISTERED
    assert kinds(world, OONA, "crowst") == ["cancelled", "registered"]

    # within the hour of its end everybody's tools know who came
    webinar_is_held(world)
    synced(world)
    attended = with_attendance(REGISTERED)
    assert everything(world) == attended
    for controller in ("crowst", "bangeri"):  # profiling is permitted by Aino alone
        known = ["attended", "poll", "question", "registered"]
        assert kinds(world, AINO, controller) == known
        assert kinds(world, EETU, controller) == ["attended", "registered"]
        assert kinds(world, BERTTA, controller) == ["absent", "registered"]
    assert reasons(explained(hub, AINO)["bangeri"], "bangeri-crm") == AINO_AT_BANGERI
    assert crossings(explained(hub, AINO)["crowst"]) == AINO_AT_CROWST
    assert set(explained(hub, VEIKKO)) == {"crowst"}
    assert set(crossings(explained(hub, VEIKKO)["crowst"]).values()) == {"not-a-member"}
    everybody_is_explained(world, hub)

    # a refusal is a refusal of marketing: what was served and done is untouched by it
    List(world, "bangeri-uutiset").act(AINO, "unsubscribe")
    synced(world)
    refused = with_values(
        attended,
        ("bangeri-uutiset", AINO, {"status": "unsubscribed"}),
        ("bangeri-crm", AINO, {"newsletter": "no"}),
    )
    assert everything(world) == refused
    assert reasons(explained(hub, AINO)["bangeri"], "bangeri-crm") == {
        **AINO_AT_BANGERI,
        "topic 2001": ("in step", "refusal"),
    }
    Webinar(world, COMING).registers(AINO, [], "Aino Aalto", org="Aallon Laskenta Oy")
    synced(world)
    assert everything(world) == refused
    for controller in ("crowst", "bangeri"):
        assert kinds(world, AINO, controller) == [*known, "registered"]

    # the project ends; what crossed stays, and nothing new crosses
    until(world, datetime(2027, 7, 1, 9, tzinfo=UTC))
    synced(world)
    assert everything(world) == refused
    coming = Webinar(world, COMING)
    coming.registers(ULLA, [TO_CROWST, TO_BANGERI, ASKS_BOTH], "Ulla Uusi")
    coming.registers(VEIKKO, [TO_CROWST, TO_BANGERI], "Veikko Vuori")
    coming.registers(BERTTA, [TO_CROWST, TO_BANGERI], "Bertta Toinen", org="Toinen Oy")
    coming.cancels(AINO)
    crowst, bangeri = Crm(world, "crowst"), Crm(world, "bangeri")
    crowst.edit(crowst.id_of(AINO) or "", company="Aallon Uusi Oy", job_title="Toimitusjohtaja")
    crowst.edit(crowst.id_of(EETU) or "", job_title="Asentaja")
    bangeri.edit(bangeri.id_of(BERTTA) or "", company="Bergin Kukka Oy")
    synced(world)
    news = {"company": "Aallon Uusi Oy", "job_title": "Toimitusjohtaja"}
    after = with_values(
        refused,
        ("crowst-crm", AINO, news),
        ("crowst-uutiset", AINO, news),
        ("crowst-tapahtumat", AINO, news),
        ("crowst-crm", EETU, {"job_title": "Asentaja"}),
        ("crowst-uutiset", EETU, {"job_title": "Asentaja"}),
        ("bangeri-crm", BERTTA, {"company": "Bergin Kukka Oy"}),
    )
    assert everything(world) == after
    assert explained(hub, ULLA) == {}
    assert set(explained(hub, VEIKKO)) == {"crowst"}
    for controller in ("crowst", "bangeri"):
        assert kinds(world, AINO, controller) == [*known, "registered"]
        assert kinds(world, BERTTA, controller) == ["absent", "registered"]

    # and the hub says why, field by field
    told = explained(hub, AINO)
    assert reasons(told["bangeri"], "bangeri-crm") == {
        **AINO_AT_BANGERI,
        "job_title": ENDED,  # there since then; a newer one may not come
        "topic 2001": ("in step", "refusal"),
    }
    assert crossings(told["crowst"]) == {
        **dict.fromkeys(AINO_AT_CROWST, "project-ended"),
        **dict.fromkeys(("email", "first_name", "last_name"), "own"),
        "webinars": "list",
    }
    for answer in told.values():
        notes = [one["note"] for one in answer["places"] if one["system"] == WEBINAR]
        assert len(notes) == 2
        assert all("is not live" in note for note in notes)
    everybody_is_explained(world, hub)
