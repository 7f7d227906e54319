"""Commands that act: sync, dry runs, reviews, quarantine, a company's no, a broken system."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from support.commands import (
    Commands,
    contact,
    hubspot,
    mailchimp,
    members,
    over,
    subscription,
    varied,
)

from hub.sandbox_world import SandboxWorld

Small = Callable[..., SandboxWorld]


@pytest.fixture
def world(small: Small) -> SandboxWorld:
    return small(people=30)


@pytest.fixture
def hub(world: SandboxWorld) -> Commands:
    """`hub` over a world that nobody has synced."""
    commands = over(world)
    commands.ok("keys", "confirm-kept")
    return commands


def writes(world: SandboxWorld) -> dict[str, int]:
    return {name: n for name, (_, n) in world.calls().items()}


def rows(world: SandboxWorld, database: str, table: str) -> int:
    with sqlite3.connect(world.folder / database) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_nothing_is_written_before_the_master_key_is_kept_elsewhere(world: SandboxWorld) -> None:
    hub = over(world)
    ended = hub("sync")
    assert ended.code == 2
    assert "hub keys confirm-kept" in ended.err
    assert hub("run", "--once").code == 2
    assert sum(writes(world).values()) == 0
    assert hub("keys", "status").code == 1
    check = hub("check")
    assert check.code == 1
    assert "hub keys confirm-kept" in check.out


def test_a_dry_run_writes_nothing_anywhere_and_foretells_the_sync(
    hub: Commands, world: SandboxWorld
) -> None:
    keys = rows(world, "keys.db", "data_key")
    told = hub.ok("sync", "--dry-run", "--json").json
    assert sum(writes(world).values()) == 0
    assert rows(world, "hub.db", "person") == 0
    assert rows(world, "hub.db", "cursor") == 0
    assert rows(world, "keys.db", "data_key") <= keys + 3  # the look-ups' own
    expected = {name: one["creates"] for name, one in told.items()}
    assert sum(expected.values()) > 0
    assert any(one["blocked"] for one in told.values())
    for one in told.values():
        for blocked in one["blocked"]:
            assert blocked["rule"]
            assert blocked["examples"]
    before = {name: len(world.control(name, "state").get("contacts", ())) for name in expected}
    hub.ok("sync")
    for name in ("crowst-crm", "bangeri-crm"):
        after = len(world.control(name, "state")["contacts"])
        assert after - before[name] == expected[name], name


def test_a_second_sync_writes_nothing(hub: Commands, world: SandboxWorld) -> None:
    first = hub.ok("sync", "--json").json
    assert first["quiet"]
    before = writes(world)
    assert sum(before.values()) > 0
    hub.ok("sync")
    hub.ok("sync", "--full")
    assert writes(world) == before


def test_a_dry_run_shows_what_an_edit_and_a_withdrawal_would_do(
    hub: Commands, world: SandboxWorld
) -> None:
    hub.ok("sync")
    subscribed = members(world, "crowst-mailer", "crowst-uutiset", "subscribed")
    who = next(
        one
        for one in subscribed
        if subscription(world, "crowst-crm", one["email_address"], "1001") == "SUBSCRIBED"
    )
    mailchimp(
        world,
        "crowst-mailer",
        "PATCH",
        f"/lists/crowst-uutiset/members/{who['id']}",
        {"status": "unsubscribed"},
    )
    others = (one["email_address"] for one in subscribed if one["id"] != who["id"])
    # the mailer may know an older address, or hold somebody whom the CRM does not
    person = next(filter(None, (contact(world, "crowst-crm", other) for other in others)))
    hubspot(
        world,
        "crowst-crm",
        "PATCH",
        f"/crm/objects/2026-09/contacts/{person['id']}",
        {"properties": {"jobtitle": "Ylijäämäpäällikkö"}},
    )
    told = hub.ok("sync", "--dry-run", "--json").json
    assert told["crowst-crm"]["refuses"] == {"newsletter": 1}
    assert told["crowst-mailer"]["fields"].get("job_title", 0) >= 1
    shown = hub.ok("sync", "--dry-run").out
    assert "1 withdrawal" in shown
    assert "nothing was written" in shown
    assert max(map(len, shown.splitlines())) <= 100
    assert subscription(world, "crowst-crm", who["email_address"], "1001") == "SUBSCRIBED"
    hub.ok("sync")
    assert subscription(world, "crowst-crm", who["email_address"], "1001") == "UNSUBSCRIBED"


def test_a_wrong_token_is_named_with_its_place_and_the_others_run_on(
    world: SandboxWorld, tmp_path: Path
) -> None:
    config = varied(tmp_path, ("token: sandbox-crowst-crm", "token: wrong"))
    hub = over(world, config)
    hub.ok("keys", "confirm-kept")
    check = hub("check", "--json")
    assert check.code == 1
    (bad,) = [one for one in check.json["findings"] if one["state"] == "problem"]
    assert bad["about"] == "system crowst-crm"
    assert "token" in bad["found"]
    assert bad["mend"]
    assert "varied.yaml:" in bad["place"]
    ended = hub("sync", "--json")
    assert ended.code == 1
    states = {one["system"]: one["state"] for one in ended.json["systems"]}
    assert states.pop("crowst-crm") == "failed"
    assert set(states.values()) == {"done"}
    told = hub("sync")
    assert "crowst-crm" in told.err
    assert "Traceback" not in told.err + told.out


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ("plugin: hubspot\n    owner: crowst", "plugin: hubspott\n    owner: crowst", "hubspott"),
        (
            "lifecycle: {vendor: lifecyclestage,",
            "lifecycle: {vendor: lifecyclestg,",
            "lifecyclestg",
        ),
        ('{topic: "1002", purpose: events}', '{topic: "1099", purpose: events}', "1099"),
        ("scopes: [bangeri-uutiset]", "scopes: [bangeri-uutisia]", "bangeri-uutisia"),
    ],
)
def test_what_a_configuration_names_wrongly_is_found_at_its_line(
    world: SandboxWorld, tmp_path: Path, old: str, new: str, wrong: str
) -> None:
    changes = [(old, new)]
    if "bangeri-uutis" in old:
        changes.append(("{scope: bangeri-uutiset,", "{scope: bangeri-uutisia,"))
    config = varied(tmp_path, *changes)
    text = config.read_text(encoding="utf-8").splitlines()
    ended = over(world, config)("check", "--json")
    assert ended.code == 1
    (problem, *_) = [
        one
        for one in ended.json["findings"]
        if one["state"] == "problem" and one["about"].startswith("system")
    ]
    assert wrong in problem["found"]
    assert problem["mend"]
    line = int(problem["place"].split(":")[1])
    assert wrong in "\n".join(text[line - 1 : line + 1])


def test_a_system_that_answers_html_is_named(hub: Commands, world: SandboxWorld) -> None:
    world.control("bangeri-crm", "faults", "POST", {"kind": "html"})
    ended = hub("check")
    assert ended.code == 1
    assert "bangeri-crm" in ended.out
    assert "Traceback" not in ended.out + ended.err
    ended = hub("sync", "--json")
    assert ended.code == 1
    states = {one["system"]: one["state"] for one in ended.json["systems"]}
    assert states["bangeri-crm"] == "failed"
    assert states["crowst-crm"] == "done"


def test_a_run_that_would_change_too_much_stops_and_asks(
    world: SandboxWorld, tmp_path: Path
) -> None:
    config = varied(
        tmp_path,
        (
            "{change_share: 1.0, delete_share: 0.5, floor: 500,",
            "{change_share: 0.05, delete_share: 0.5, floor: 0,",
        ),
    )
    hub = over(world, config)
    hub.ok("keys", "confirm-kept")
    assert hub("sync", "--dry-run").code == 3
    ended = hub("sync", "--json")
    assert ended.code == 3
    assert any(one["state"] == "stopped" for one in ended.json["systems"])
    for _ in range(4):
        storms = [one for one in hub.ok("review", "--json").json if one["kind"] == "storm"]
        for one in storms:
            assert hub("review", "decide", str(one["id"]), "--link", "1").code == 1
            hub.ok("review", "decide", str(one["id"]), "--approve")
        if hub("sync").code == 0:
            break
    else:
        raise AssertionError("approved changes did not go out")


def test_a_malformed_row_waits_in_quarantine_until_it_is_mended(
    hub: Commands, world: SandboxWorld
) -> None:
    made = hubspot(
        world,
        "crowst-crm",
        "POST",
        "/crm/objects/2026-09/contacts",
        {"properties": {"email": "outi.ojala@yritys.example", "firstname": "Outi"}},
    )
    state = world.control("crowst-crm", "state")["contacts"][made["id"]]
    world.control(
        "crowst-crm",
        "seed",
        "POST",
        {
            "contacts": [
                {"id": "900001", "properties": {"email": "ei mikään osoite", "firstname": "Erkki"}}
            ]
        },
    )
    assert state
    ended = hub("sync", "--json")
    assert ended.code == 0
    (row,) = hub.ok("quarantine", "list", "crowst-crm", "--json").json
    assert row["external_id"] == "900001"
    assert "raw" not in row
    number = str(row["id"])
    assert "Erkki" in hub.ok("quarantine", "show", number).out
    again = hub("quarantine", "retry", number)
    assert again.code == 1
    assert "still cannot land" in again.err
    hubspot(
        world,
        "crowst-crm",
        "PATCH",
        "/crm/objects/2026-09/contacts/900001",
        {"properties": {"email": "erkki.esimerkki@yritys.example"}},
    )
    (row,) = hub.ok("quarantine", "list", "--json").json
    hub.ok("quarantine", "retry", str(row["id"]))
    assert hub.ok("quarantine", "list", "--json").json == []
    assert "Erkki" in hub.ok("person", "erkki.esimerkki@yritys.example").out


def test_a_quarantined_row_is_discarded_with_its_key(hub: Commands, world: SandboxWorld) -> None:
    world.control(
        "crowst-crm",
        "seed",
        "POST",
        {"contacts": [{"id": "900002", "properties": {"email": "ei@"}}]},
    )
    hub("sync", "crowst-crm")
    (row,) = hub.ok("quarantine", "--json").json
    keys = rows(world, "keys.db", "data_key")
    hub.ok("quarantine", "discard", str(row["id"]))
    assert hub.ok("quarantine", "--json").json == []
    assert rows(world, "keys.db", "data_key") == keys - 1
    assert hub("quarantine", "discard", str(row["id"])).code == 1


def test_a_whole_companys_no_reaches_its_people_everywhere(
    hub: Commands, world: SandboxWorld
) -> None:
    hub.ok("sync")
    subscribed = members(world, "crowst-mailer", "crowst-uutiset", "subscribed")
    allowed = {}
    for one in subscribed:
        domain = one["email_address"].lower().rpartition("@")[2]
        allowed.setdefault(domain, one["email_address"])
    domain, address = next(
        (domain, address)
        for domain, address in allowed.items()
        if _ground(hub, address) == "consent"
    )
    told = hub.ok("prohibit", domain.upper(), "--controller", "crowst", "--json").json
    assert told["new"]
    assert told["persons"] >= 1
    assert not hub.ok("prohibit", domain, "--controller", "crowst", "--json").json["new"]
    standing = hub.ok("person", address, "--controller", "crowst", "--json").json
    rules = {
        one["purpose"]: one["permission"]["rule"] for one in standing[0]["person"]["standings"]
    }
    assert rules["newsletter"] == "prohibited"
    hub.ok("sync")
    still = [
        one["email_address"]
        for one in members(world, "crowst-mailer", "crowst-uutiset", "subscribed")
        if one["email_address"].lower().endswith(f"@{domain}")
    ]
    assert still == []
    assert hub("prohibit", "not a domain", "--controller", "crowst").code == 2
    assert hub("prohibit", "yritys.example", "--controller", "acme").code == 2


def _ground(hub: Commands, address: str) -> str:
    views = hub.ok("person", address, "--controller", "crowst", "--json").json
    person = views[0]["person"] or {"standings": []}
    return next(
        (
            one["permission"]["rule"]
            for one in person["standings"]
            if one["purpose"] == "newsletter"
        ),
        "",
    )


def test_an_identity_question_is_answered_and_its_record_lands(small: Small) -> None:
    world = small(people=150, seed=3)
    hub = over(world)
    hub.ok("keys", "confirm-kept")
    hub.ok("sync")
    question = next(one for one in hub.ok("review", "--json").json if one["kind"] == "identity")
    number = str(question["id"])
    told = hub.ok("review", "decide", number, "--new", "--json").json
    assert told["decision"] == "new"
    assert question["id"] not in [one["id"] for one in hub.ok("review", "--json").json]
    assert hub("review", "decide", number, "--new").code == 1
    assert number in hub.ok("review", "--all").out


def test_the_master_key_is_rotated_and_the_hub_goes_on_with_the_new_one(
    hub: Commands, world: SandboxWorld, tmp_path: Path
) -> None:
    hub.ok("sync")
    new = tmp_path / "new.key"
    hub.ok("keys", "rotate", "--to", str(new))
    old = hub("person", "someone@yritys.example")
    assert old.code == 2
    assert "master key" in old.err
    turned = Commands(hub.config, {**hub.environ, "HUB_MASTER_KEY": new.read_text("ascii")})
    assert turned.ok("keys", "confirm-kept", "--json").json["version"] == 2
    turned.ok("sync")
    assert turned.ok("check").code == 0
