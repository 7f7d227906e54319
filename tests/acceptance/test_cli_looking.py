"""Commands that only look: person, explain, runs, review, check, db, keys, connectors."""

from __future__ import annotations

import pytest
from support.commands import Commands, contact

from hub.sandbox_world import SandboxWorld
from hub.testing.people import make_world
from hub.testing.world import Human, Mess


def somebody(*traits: Mess, without: frozenset[Mess] = frozenset()) -> Human:
    """One of the invented people with those traits."""
    world = make_world(150, 3)
    return next(
        one
        for one in world.people
        if one.mess >= set(traits) and not one.mess & without and one.last_name
    )


MEMBER = somebody(Mess.BOTH_COMPANIES, Mess.LIVE_MEMBER, Mess.LETTERS)


def test_person_shows_each_controllers_view_with_provenance(looking: Commands) -> None:
    views = looking.ok("person", MEMBER.email, "--json").json
    assert {one["controller"] for one in views} == {"crowst", "bangeri"}
    for view in views:
        person = view["person"]
        values = {one["field"]: one for one in person["profile"]}
        assert values["last_name"]["value"] == MEMBER.last_name
        assert values["last_name"]["source"] in {
            "crowst-crm",
            "bangeri-crm",
            "crowst-mailer",
            "bangeri-mailer",
        }
        assert values["last_name"]["origins"]
        assert [one["purpose"] for one in person["standings"]] == [
            "newsletter",
            "events",
            "profiling",
        ]
        assert person["held"]
        assert any(one["project"] == "webinaari-syksy-2026" for one in person["projects"])


def test_person_reads_well_at_a_hundred_columns(looking: Commands) -> None:
    shown = looking.ok("person", MEMBER.email)
    assert MEMBER.last_name in shown.out
    assert "Bängeri Oy" in shown.out
    assert "Permission to market" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 100
    assert shown.err == ""


def test_what_was_disclosed_is_what_the_tool_was_given(
    looking: Commands, synced_world: SandboxWorld
) -> None:
    views = looking.ok("person", MEMBER.email, "--json").json
    disclosed = [one for view in views for one in view["person"]["disclosed"]]
    assert disclosed, "the hub wrote nothing about somebody whom two companies know"
    assert all(one["fields"] or one["purposes"] for one in disclosed)
    assert contact(synced_world, "crowst-crm", MEMBER.email) is not None


def test_an_earlier_address_finds_the_person(looking: Commands) -> None:
    world = make_world(150, 3)
    moved = [one for one in world.people if one.old_email]
    views = [looking("person", one.old_email, "--json") for one in moved]
    assert any(view.code == 0 for view in views)


@pytest.mark.parametrize("command", [("person",), ("explain", "--email")])
def test_an_unknown_person_is_a_clear_answer(looking: Commands, command: tuple[str, ...]) -> None:
    ended = looking(*command, "nobody@nowhere.example")
    assert ended.code == 1
    assert "nobody with that address is known to Crowst Oy or Bängeri Oy" in ended.err
    assert ended.out == ""


@pytest.mark.parametrize("command", [("person",), ("explain", "--email")])
def test_what_is_no_address_is_a_usage_error(looking: Commands, command: tuple[str, ...]) -> None:
    ended = looking(*command, "huuhaa")
    assert ended.code == 2
    assert "not an e-mail address" in ended.err


def test_explain_gives_rule_and_reason_for_every_place(looking: Commands) -> None:
    (answer,) = looking.ok(
        "explain", "--email", MEMBER.email, "--controller", "crowst", "--json"
    ).json
    places = {(one["system"], one["scope"]) for one in answer["places"]}
    assert places == {
        ("crowst-crm", ""),
        ("crowst-mailer", "crowst-uutiset"),
        ("crowst-mailer", "crowst-tapahtumat"),
        ("joint-webinar", "91000000001"),
        ("joint-webinar", "91000000002"),
    }
    fields = {one["what"]: one for one in answer["places"][0]["fields"]}
    assert fields["email"]["rule"] == "own"
    crossing = {one["project"]: one for one in answer["crossings"]}
    live = {one["what"]: one for one in crossing["webinaari-syksy-2026"]["fields"]}
    assert live["last_name"]["state"] == "crosses"
    if "phone" in live:
        assert live["phone"]["rule"] == "field-not-in-project"
    ended = crossing["messut-kevat-2025"]["fields"]
    assert {one["rule"] for one in ended} <= {"project-ended", "list", "own"}


def test_explain_tells_why_nothing_crosses_for_who_is_no_member(looking: Commands) -> None:
    members = frozenset({Mess.LIVE_MEMBER, Mess.ENDED_MEMBER, Mess.REGISTERED})
    one = somebody(Mess.ONE_COMPANY, without=members)
    (answer,) = looking.ok("explain", "--email", one.email, "--field", "last_name", "--json").json
    rules = {field["rule"] for cross in answer["crossings"] for field in cross["fields"]}
    assert rules == {"not-a-member", "project-ended"}


def test_explain_knows_its_words(looking: Commands) -> None:
    for option, word, known in (
        ("--system", "crowst-cmr", "crowst-crm"),
        ("--field", "shoe_size", "first_name"),
        ("--controller", "acme", "bangeri"),
    ):
        ended = looking("explain", "--email", MEMBER.email, option, word)
        assert ended.code == 2
        assert known in ended.err


def test_explain_reads_well(looking: Commands) -> None:
    shown = looking.ok("explain", "--email", MEMBER.email, "--system", "crowst-crm").out
    assert "the controller's own data" in shown
    assert max(map(len, shown.splitlines())) <= 100


def test_runs_reviews_and_quarantine_are_listed(looking: Commands) -> None:
    runs = looking.ok("runs", "--json").json
    assert {one["system"] for one in runs} == {
        "crowst-crm",
        "bangeri-crm",
        "crowst-mailer",
        "joint-webinar",
        "bangeri-mailer",
    }
    assert looking.ok("runs", "crowst-crm", "-n", "2", "--json").json[0]["system"] == "crowst-crm"
    assert "crowst-crm" in looking.ok("runs").out
    looking.ok("quarantine")
    assert isinstance(looking.ok("quarantine", "list", "--json").json, list)
    looking.ok("review")


def test_a_question_is_shown_with_what_is_needed_to_answer_it(looking: Commands) -> None:
    questions = looking.ok("review", "--json").json
    identity = next(one for one in questions if one["kind"] == "identity")
    shown = looking.ok("review", "show", str(identity["id"]))
    assert "the record" in shown.out
    assert f"hub review decide {identity['id']} --link PERSON" in shown.out
    told = looking.ok("review", "show", str(identity["id"]), "--json").json
    assert told["record"]
    assert told["answers"] == ["link", "new", "merge", "ignore"]
    assert looking("review", "show", "999").code == 1
    both = looking("review", "decide", str(identity["id"]), "--new", "--ignore")
    assert both.code == 2


def test_check_is_content_and_the_stores_are_described(looking: Commands) -> None:
    told = looking.ok("check", "--json").json
    assert told["ok"]
    assert {"system crowst-crm", "system bangeri-mailer"} <= {
        one["about"] for one in told["findings"]
    }
    holds = looking.ok("db", "status", "--json").json
    assert holds["current"]
    assert holds["holds"]["persons of crowst"] > 50
    keys = looking.ok("keys", "status", "--json").json
    assert keys["version"] == 1
    assert keys["keys_by_kind"]["person"] > 100


def test_with_json_nothing_else_stands_on_standard_output(looking: Commands) -> None:
    for words in (("check",), ("runs",), ("review",), ("connectors",), ("db", "status")):
        assert looking.ok(*words, "--json").json is not None


def test_a_dry_run_over_what_is_in_step_forecasts_nothing(
    looking: Commands, synced_world: SandboxWorld
) -> None:
    before = synced_world.calls()
    told = looking.ok("sync", "--dry-run", "--full", "--json").json
    assert {
        one["system"]: one["creates"] + one["updates"] for one in told.values()
    } == dict.fromkeys(synced_world.urls, 0)
    after = synced_world.calls()
    assert {name: n for name, (_, n) in after.items()} == {
        name: n for name, (_, n) in before.items()
    }
