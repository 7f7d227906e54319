"""What a right configuration means."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from support.settings_world import BASE, Load

from hub.api import Rate
from hub.domain.landscape import (
    CreatePolicy,
    Direction,
    Effect,
    FieldKind,
    FieldMap,
    Ground,
    GroundRule,
    Guard,
    MemberRule,
    Policy,
    Schedule,
    TopicMap,
)
from hub.settings import Log


def test_the_whole_of_it(load_text: Load) -> None:
    settings = load_text()
    land = settings.landscape
    assert land.controllers["bangeri"].name == "Bängeri Oy"
    assert land.mailboxes == {"info"}
    assert land.clock_tolerance == timedelta(minutes=5)
    newsletter = land.purposes["newsletter"]
    assert newsletter.grounds == {Ground.CONSENT, Ground.CUSTOMER}
    assert newsletter.controllers == {"crowst", "bangeri"}
    assert newsletter.title["sv"] == "Nyhetsbrev"
    assert newsletter.retention == timedelta(days=730, hours=12)
    assert land.purposes["profiling"].retention is None
    assert land.purposes["profiling"].marketing  # where nothing says otherwise
    assert land.fields["first_name"].kind is FieldKind.TEXT
    assert land.fields["phone"].policy is Policy.SOURCE_ORDER
    assert land.fields["phone"].order == ("crm", "mailer")
    webinar = land.projects["webinar"]
    assert (webinar.starts, webinar.ends) == (date(2026, 9, 1), date(2026, 12, 31))
    assert webinar.fields == {"email", "first_name"}
    assert webinar.members == (MemberRule("mailer", "tags", "webinar"),)
    crm = land.systems["crm"]
    assert crm.controllers == ("crowst",)
    assert crm.schedule == Schedule(every=timedelta(minutes=5))
    assert crm.guard == Guard()
    contacts = crm.stream("contacts")
    assert contacts.scopes == ("",)
    assert contacts.create is CreatePolicy.ALWAYS
    assert contacts.full_every == timedelta(days=7)
    assert contacts.fields == (
        FieldMap("email", "email"),
        FieldMap("first_name", "firstname"),
        FieldMap("lifecycle", "lifecyclestage", Direction.READ),
    )
    assert contacts.topics == (TopicMap("1001", "", (Effect("crowst", "newsletter"),)),)
    assert contacts.grounds == (
        GroundRule(Ground.CUSTOMER, "newsletter", "lifecycle", frozenset(), "form"),
    )
    members = land.systems["mailer"].stream("members")
    assert members.scopes == ("news", "events")
    assert members.topics_of("news") == (TopicMap("*", "news", (Effect("bangeri", "newsletter"),)),)
    assert members.topics_of("events") == ()
    assert settings.rates["crm"] == {"": Rate(190, 10.0), "search": Rate(5, 1.0)}
    assert settings.rates["mailer"] == {}
    assert settings.log == Log("pretty", "info")


def test_a_stream_lends_its_direction_to_what_says_none(load_text: Load) -> None:
    text = BASE.replace("create: always", "direction: read")
    contacts = load_text(text).landscape.systems["crm"].streams[0]
    assert {one.direction for one in contacts.fields} == {Direction.READ}
    assert {one.direction for one in contacts.topics} == {Direction.READ}
    assert contacts.create is CreatePolicy.NEVER


def test_all_is_every_purpose_of_the_channel(load_text: Load) -> None:
    text = BASE.replace(
        "{topic: 1001, purpose: newsletter}",
        '{topic: "*", purpose: all, direction: read, yes_counts: false}',
    )
    (topic,) = load_text(text).landscape.systems["crm"].streams[0].topics
    assert topic.effects == (Effect("crowst", "newsletter"),)  # profiling sends nothing
    assert not topic.yes_counts
    assert topic.no_counts


def test_several_purposes(load_text: Load) -> None:
    text = BASE.replace(
        "{topic: 1001, purpose: newsletter}", "{topic: 1001, purpose: [newsletter, profiling]}"
    )
    (topic,) = load_text(text).landscape.systems["crm"].streams[0].topics
    assert topic.effects == (Effect("crowst", "newsletter"), Effect("crowst", "profiling"))


def test_a_joint_unsubscribe_binds_both_by_its_no_alone(load_text: Load) -> None:
    text = BASE.replace(
        "- {topic: 1001, purpose: newsletter}",
        "- {topic: 1001, purpose: newsletter}\n"
        "          - {topic: 1001, purpose: newsletter, controllers: [crowst, bangeri]}",
    )
    own, joint = load_text(text).landscape.systems["crm"].streams[0].topics
    assert own.yes_counts
    assert own.direction is Direction.BOTH
    assert joint.effects == (Effect("crowst", "newsletter"), Effect("bangeri", "newsletter"))
    assert not joint.yes_counts
    assert joint.no_counts
    assert joint.direction is Direction.READ


def test_the_only_scope_is_understood(load_text: Load) -> None:
    text = BASE.replace("scopes: [news, events]", "scopes: [77]").replace("scope: news, ", "")
    members = load_text(text).landscape.systems["mailer"].streams[0]
    assert members.scopes == ("77",)
    assert members.topics[0].scope == "77"


def test_cron_guard_and_log(load_text: Load) -> None:
    text = BASE.replace("{every: 5m}", '{cron: "*/10 7-20 * * MON-FRI"}')
    text = text.replace(
        "    plugin: mailer\n", "    plugin: mailer\n    guard: {change_share: 1, floor: 7}\n"
    )
    text = text.replace(
        "mailboxes: [info]",
        "mailboxes: [Info, MYYNTI]\n  log: {format: json, level: debug}\n  clock_tolerance: 90s",
    )
    settings = load_text(text)
    assert settings.landscape.systems["crm"].schedule == Schedule(cron="*/10 7-20 * * mon-fri")
    assert settings.landscape.systems["mailer"].guard == Guard(change_share=1.0, floor=7)
    assert settings.log == Log("json", "debug")
    assert settings.landscape.clock_tolerance == timedelta(seconds=90)
    assert settings.landscape.mailboxes == {"info", "myynti"}


def test_what_is_left_empty_takes_its_default(load_text: Load) -> None:
    text = BASE.replace("    ends: 2026-12-31\n", "    ends:\n")
    text = text.replace("    rate: {default: 190/10s, search: 5/1s}\n", "    rate:\n")
    text = text.replace("  mailboxes: [info]\n", "  mailboxes:\n")
    settings = load_text(text)
    assert settings.landscape.projects["webinar"].ends is None
    assert settings.rates["crm"] == {}
    assert settings.landscape.mailboxes == frozenset()


def test_settings_cannot_be_changed(load_text: Load) -> None:
    settings = load_text()
    with pytest.raises(AttributeError):
        settings.database = "sqlite:///other.db"  # type: ignore[misc]  # what the test is about
