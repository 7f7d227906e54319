"""`hub rights`, from the first letter to the proof."""

from __future__ import annotations

import csv
import json
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from support.commands import Commands, members, over, subscription, varied
from support.daemon_process import JSON_LOG, daemon
from support.rights_commands import (
    BINDER,
    asked,
    commands_in,
    confirm_all,
    events,
    other_person,
    planned,
    shown,
    somebody,
)

from hub.sandbox_world import SandboxWorld, sandboxes


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxWorld]:
    with sandboxes(people=40, seed=5, home=tmp_path_factory.mktemp("rights")) as made:
        yield made


@pytest.fixture(scope="module")
def hub(world: SandboxWorld, tmp_path_factory: pytest.TempPathFactory) -> Commands:
    return commands_in(world, tmp_path_factory.mktemp("config"))


def test_an_erasure_goes_from_the_letter_to_the_proof(hub: Commands, world: SandboxWorld) -> None:
    who = somebody(world, 16)
    number = asked(hub, "erasure", who, "--name", "Väinö Kivi")
    assert shown(hub, number)["state"] == "identity_pending"
    again = hub.ok("rights", "open", "erasure", "--email", who.upper(), "--controller", "crowst")
    assert "already" in again.out
    assert hub("rights", "approve", number, "--yes").code == 1  # nobody knows who asks
    hub.ok("rights", "identify", number, "--how", "known-to-handler", "--note", "soitettu")
    plan = shown(hub, number)
    assert plan["state"] == "planned"
    steps = {step["system"] for step in plan["plan"]["steps"]}
    assert {"crowst-crm", "crowst-mailer", "paper-forms"} <= steps
    text = hub.ok("rights", "show", number).out
    assert plan["plan_hash"] in text
    assert who not in text
    assert "Kivi" not in text
    assert "a tool without an interface" in hub("rights", "dry-run", number).out
    no = hub("rights", "approve", number, typed="n\n")
    assert (no.code, shown(hub, number)["state"]) == (3, "planned")
    assert hub("rights", "approve", number, "--plan", "0" * 12, "--yes").code == 3
    assert hub("rights", "approve", number, "--json").code == 2  # nothing can be asked
    hub.ok("rights", "approve", number, "--plan", plan["plan_hash"][:10], "--yes")
    waiting = shown(hub, number)
    assert waiting["state"] == "awaiting_external"
    (paper,) = [one for one in waiting["tasks"] if one["system"] == "paper-forms"]
    assert (paper["state"], paper["reason"]) == ("awaiting_external", "manual-system")
    assert str(paper["id"]) in paper["mend"]
    told = hub.ok("rights", "instructions", str(paper["id"])).out
    assert "Mappi on hyllyssä B." in told
    assert "Tilintarkastus Oy" in told
    assert who not in told
    assert len(hub.ok("rights", "link", str(paper["id"]), "--json").json["token"]) >= 32
    assert hub("rights", "notified", number, "--how", "email", "--text", "Valmis.").code == 1
    confirm_all(hub, number)
    done = shown(hub, number)
    assert done["state"] == "notifying"
    assert {one["state"] for one in done["tasks"]} == {"confirmed", "verified", "not_held"}
    assert "Aino Virta" not in hub.ok("rights", "show", number).out
    assert "Aino Virta: Tehty." in hub.ok("rights", "show", number, "--casefile").out
    hub.ok("rights", "notified", number, "--how", "email", "--text", "Tietosi on poistettu.")
    closed = shown(hub, number)
    assert (closed["state"], closed["open"]) == ("closed", False)
    assert closed["watch_at"]
    assert events(hub, number)[-2:] == ["request-notified", "request-closed"]
    view = hub("person", who, "--controller", "crowst")
    assert who not in view.out
    hub.ok("audit", "verify")


def test_the_case_file_is_shown_only_when_asked_for_and_the_look_is_logged(
    hub: Commands, world: SandboxWorld
) -> None:
    who = somebody(world, 1)
    number = asked(hub, "access", who, "--name", "Väinö Kivi", "--language", "sv")
    assert who not in hub.ok("rights", "list").out
    assert who not in hub.ok("rights", "show", number, "--json").out
    assert "request-viewed" not in events(hub, number)
    text = hub.ok("rights", "show", number, "--casefile").out
    assert who in text
    assert "Väinö Kivi" in text
    assert "request-viewed" in events(hub, number)
    assert max(map(len, text.splitlines())) <= 100


def test_an_objection_takes_effect_at_once_and_needs_nobodys_identity(
    hub: Commands, world: SandboxWorld
) -> None:
    who = next(
        address
        for address in (somebody(world, nth) for nth in range(2, 9))
        if subscription(world, "crowst-crm", address, "1001") == "SUBSCRIBED"
    )
    opened = hub.ok("rights", "open", "objection", "--email", who, "--controller", "crowst")
    assert "no check is needed" in opened.out
    assert subscription(world, "crowst-crm", who, "1001") == "UNSUBSCRIBED"
    listed = members(world, "crowst-mailer", "crowst-uutiset", "subscribed")
    assert who not in {one["email_address"] for one in listed}
    number = str(max(one["id"] for one in hub.ok("rights", "list", "--json").json))
    tasks = {one["system"]: one["state"] for one in shown(hub, number)["tasks"]}
    assert tasks["crowst-crm"] == tasks["crowst-mailer"] == "verified"
    assert tasks["paper-forms"] == "awaiting_external"


def test_an_access_request_ends_in_a_file_that_only_its_owner_reads(
    hub: Commands, world: SandboxWorld, tmp_path: Path
) -> None:
    who = somebody(world, 9)
    number = planned(hub, "access", who)
    nothing = hub("rights", "package", number, "--into", str(tmp_path / "nothing.json"))
    assert (nothing.code, (tmp_path / "nothing.json").exists()) == (1, False)
    hub.ok("rights", "approve", number, "--yes")
    early = hub("rights", "package", number, "--into", str(tmp_path / "early.json"))
    assert early.code == 3
    confirm_all(hub, number)
    into = tmp_path / "answer.json"
    assert hub.ok("rights", "package", number, "--into", str(into), "--json").json["complete"]
    answer = json.loads(into.read_text())
    (own,) = answer["hub"]
    assert own["profile"]["email"]["value"] == who
    assert answer["systems"]["paper-forms"]["statement"] == "Tehty."
    assert stat.S_IMODE(into.stat().st_mode) == 0o600
    assert hub("rights", "package", number, "--into", str(into)).code == 1  # nothing is overwritten


def test_portability_is_json_and_tables(hub: Commands, world: SandboxWorld, tmp_path: Path) -> None:
    who = somebody(world, 10)
    number = planned(hub, "portability", who)
    hub.ok("rights", "approve", number, "--yes")
    confirm_all(hub, number)
    into = tmp_path / "answer"
    hub.ok("rights", "package", number, "--into", str(into))
    with (into / "profile.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["field"]: row["value"] for row in csv.DictReader(file)}
    assert rows["email"] == who
    assert {"package.json", "profile.csv", "permissions.csv"} <= {
        one.name for one in into.iterdir()
    }
    assert {stat.S_IMODE(one.stat().st_mode) for one in into.iterdir()} == {0o600}


def test_an_exemption_needs_a_ground_an_end_and_two_people(
    hub: Commands, world: SandboxWorld
) -> None:
    number = planned(hub, "erasure", somebody(world, 11))
    what = ("--system", "paper-forms", "--category", "billing", "--reason", "lasku 2025")
    endless = hub("rights", "exempt", number, *what, "--ground", "accounting")
    assert endless.code == 2
    assert "--until" in endless.err
    until = ("--ground", "accounting", "--until", "2032-01-01")
    before = shown(hub, number)["plan_hash"]
    hub.ok("rights", "exempt", number, *what, *until)
    plan = shown(hub, number)
    assert plan["plan_hash"] != before
    assert "a second person approves too" in hub.ok("rights", "show", number).out
    first = hub.ok("rights", "approve", number, "--yes")
    assert "a second person" in first.out
    twice = hub("rights", "approve", number, "--yes")
    assert (twice.code, shown(hub, number)["state"]) == (1, "planned")
    assert "somebody else" in twice.err
    other_person(hub).ok("rights", "approve", number, "--yes")
    states = {(one["system"], one["part"]): one["state"] for one in shown(hub, number)["tasks"]}
    assert states["paper-forms", "records"] == "exempt"
    assert states["paper-forms", "remainder"] == "awaiting_external"
    confirm_all(hub, number)
    hub.ok("rights", "notified", number, "--how", "letter", "--text", "Poistettu osin.")
    assert shown(hub, number)["state"] == "closed_with_exceptions"


def test_identity_by_code_message_and_doubt(
    hub: Commands, world: SandboxWorld, tmp_path: Path
) -> None:
    who = somebody(world, 12)
    number = asked(hub, "rectification", who, "--set", "first_name=Väinö")
    code = hub.ok("rights", "code", number, "--json").json["code"]
    assert shown(hub, number)["deadline"]["paused"]
    wrong = hub("rights", "code", number, "--answer", "ZZZZZZZZ")
    assert wrong.code == 3
    assert code not in wrong.out
    hub.ok("rights", "code", number, "--answer", code.lower())
    assert shown(hub, number)["state"] == "planned"
    hub.ok("rights", "doubt", number, "--reason", "viesti tuli toisesta osoitteesta")
    assert shown(hub, number)["state"] == "identity_pending"
    mail = tmp_path / "letter.eml"
    mail.write_text(f"From: {who}\nSubject: Oikaisu\n\nHei\n")
    unsigned = hub("rights", "identify", number, "--message", str(mail))
    assert unsigned.code == 3
    assert "hub rights code" in unsigned.out
    both = hub("rights", "identify", number, "--message", str(mail), "--how", "mandate")
    assert both.code == 2


def test_holding_extending_refusing_withdrawing(hub: Commands, world: SandboxWorld) -> None:
    number = planned(hub, "restriction", somebody(world, 13))
    before = shown(hub, number)["deadline"]
    hub.ok("rights", "hold", number, "--reason", "kysymys juristille")
    assert "hub rights release" in hub.ok("rights", "show", number).out
    held = hub("rights", "approve", number, "--yes")
    assert held.code == 1
    assert "on hold" in held.err
    hub.ok("rights", "release", number)
    hub.ok("rights", "extend", number, "--reason", "complex", "--text", "Monta järjestelmää.")
    after = shown(hub, number)["deadline"]
    assert after["extended"]
    assert after["answer_by"] > before["answer_by"]
    assert hub("rights", "extend", number, "--reason", "number").code == 1  # once
    unfit = hub("rights", "refuse", number, "--ground", "accounting", "--reason", "x")
    assert unfit.code == 1
    hub.ok("rights", "refuse", number, "--ground", "unfounded", "--reason", "pila")
    assert shown(hub, number)["state"] == "notifying"
    assert "Data Protection Ombudsman" in " ".join(hub.ok("rights", "show", number).out.split())
    assert hub("rights", "extend", number, "--reason", "number", "--text", "x").code == 1
    hub.ok("rights", "notified", number, "--how", "letter", "--text", "Perustelut ja valitus.")
    assert shown(hub, number)["state"] == "refused"
    other = planned(hub, "access", somebody(world, 13))
    hub.ok("rights", "withdraw", other)
    assert shown(hub, other)["state"] == "withdrawn"
    states = {one["id"]: one["state"] for one in hub.ok("rights", "list", "--all", "--json").json}
    assert states[int(number)] == "refused"


def test_a_restriction_is_lifted_once_the_person_was_told(
    hub: Commands, world: SandboxWorld
) -> None:
    number = planned(hub, "restriction", somebody(world, 17))
    told = ("--how", "letter", "--text", "Rajoitus päättyy.")
    assert hub("rights", "lift", number, *told).code == 1  # it restricts nothing yet
    hub.ok("rights", "approve", number, "--yes")
    confirm_all(hub, number)
    hub.ok("rights", "notified", number, "--how", "letter", "--text", "Rajoitettu.")
    assert shown(hub, number)["state"] == "closed"
    hub.ok("rights", "lift", number, *told)
    lifted = {
        one["system"]: (one["act"], one["state"])
        for one in shown(hub, number)["tasks"]
        if one["part"] == "lift"
    }
    assert lifted["paper-forms"] == ("lift", "awaiting_external")
    assert "restriction-lifted" in events(hub, number)


def test_the_scope_grows_only_when_the_person_says_so(hub: Commands, world: SandboxWorld) -> None:
    number = planned(hub, "erasure", somebody(world, 14))
    systems = {step["system"] for step in shown(hub, number)["plan"]["steps"]}
    assert "bangeri-crm" not in systems
    assert hub("rights", "scope", number, "--controller", "nobody").code == 1
    hub.ok("rights", "scope", number, "--controller", "bangeri")
    found = shown(hub, number)
    assert found["also"] == ["bangeri"]
    assert "bangeri-crm" in {step["system"] for step in found["plan"]["steps"]}


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("access", "--email", "ei-osoite", "--controller", "crowst"), "email"),
        (("access", "--email", "a@b.example", "--controller", "acme"), "controllers"),
        (("rectification", "--email", "a@b.example", "--controller", "crowst"), "corrections"),
        (
            ("rectification", "--email", "a@b.example", "--controller", "crowst", "--set", "x"),
            "--set",
        ),
        (
            (
                "access",
                "--email",
                "a@b.example",
                "--controller",
                "crowst",
                "--received",
                "2999-01-01",
            ),
            "received_at",
        ),
        (("seppuku", "--email", "a@b.example", "--controller", "crowst"), "seppuku"),
    ],
)
def test_what_cannot_be_right_is_named(hub: Commands, words: Sequence[str], named: str) -> None:
    before = len(hub.ok("rights", "list", "--all", "--json").json)
    ended = hub("rights", "open", *words)
    assert ended.code == 2
    assert named in ended.err
    assert len(hub.ok("rights", "list", "--all", "--json").json) == before


def test_what_is_not_there_is_said(hub: Commands) -> None:
    for words in (("show", "999"), ("approve", "999", "--yes"), ("instructions", "999")):
        ended = hub("rights", *words)
        assert ended.code == 1
        assert "there is no" in ended.err


def test_a_manual_system_is_checked_and_never_synced(hub: Commands) -> None:
    found = {one["about"]: one for one in hub.ok("check", "--json").json["findings"]}
    assert "Tilintarkastus Oy" in found["system paper-forms"]["found"]
    told = hub("sync", "paper-forms")
    assert told.code == 2
    assert "never synced" in told.err
    systems = {one["system"] for one in hub.ok("run", "--once", "--json").json["systems"]}
    assert "crowst-crm" in systems
    assert "paper-forms" not in systems
    assert "manual" in {one["kind"] for one in hub.ok("connectors", "--json").json["connectors"]}


def test_two_persons_of_one_company_need_a_second_approver(
    hub: Commands, world: SandboxWorld
) -> None:
    number = planned(hub, "access", somebody(world, 0), "--also", somebody(world, 2))
    assert shown(hub, number)["plan"]["weak"] == ["several-persons", "unproven-address"]
    assert not hub.ok("rights", "approve", number, "--yes", "--json").json["started"]
    assert other_person(hub).ok("rights", "approve", number, "--yes", "--json").json["started"]


def test_where_a_daemon_runs_it_does_the_work(
    small: Callable[..., SandboxWorld], tmp_path: Path
) -> None:
    world = small(people=20, seed=5)
    config = varied(tmp_path / "config", ("systems:\n  crowst-crm:", BINDER), JSON_LOG)
    hub = over(world, config)
    hub.ok("keys", "confirm-kept")
    hub.ok("sync")
    who = next(
        one["email_address"]
        for one in members(world, "crowst-mailer", "crowst-uutiset", "subscribed")
        if subscription(world, "crowst-crm", one["email_address"], "1001") == "SUBSCRIBED"
    )
    with daemon(config, hub.environ) as running:
        running.until(lambda line: line["event"] == "engine.started")
        opened = hub.ok("rights", "open", "objection", "--email", who, "--controller", "crowst")
        assert "The daemon is running" in opened.err
        assert subscription(world, "crowst-crm", who, "1001") == "UNSUBSCRIBED"
        assert shown(hub, "1")["state"] == "awaiting_external"
        confirm_all(hub, "1")
        assert shown(hub, "1")["state"] == "notifying"
        hub.ok("rights", "notified", "1", "--how", "email", "--text", "Kielto on kirjattu.")
    assert not any(line.get("system") == "paper-forms" for line in running.lines)
