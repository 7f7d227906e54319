"""The vendor's own client over campaigns, reports, archiving, deletion for good, tags, notes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from mailchimp_marketing import Client  # type: ignore[import-untyped]  # it ships no types
from mailchimp_marketing.api_client import ApiClientError  # type: ignore[import-untyped]  # it ships no types

from hub.api import Act, Ref, Sought, Verdict
from hub.testing.factories import write
from plugins.mailer.mailchimp import Mailchimp
from tests.contract.mailer.conftest import CONFIRMED, LIST, World

AINO, EINO = "aino@posti.example", "eino@posti.example"
SHOP = "https://crowst.example/syksy?utm=1"


@pytest.fixture
def aino(world: World) -> str:
    """Someone who opened and clicked what was sent to two. Her address's hash."""
    people = ({"email_address": one, "status": "subscribed"} for one in (AINO, EINO))
    world.seed(LIST, *people)
    world.send("c1", title="Syksy", subject="Tervetuloa")
    world.clock.advance(60)
    world.act(LIST, AINO, "open", campaign="c1", proxy=True)
    world.clock.advance(60)
    world.act(LIST, AINO, "click", campaign="c1", url=SHOP)
    return world.member(LIST, AINO).hash


def refused(call: Callable[[], Any]) -> tuple[int, str]:
    with pytest.raises(ApiClientError) as error:
        call()
    text = error.value.text
    found = json.loads(text) if isinstance(text, str) else text
    return error.value.status_code, found["title"]


def test_campaigns_and_their_reports(chimp: Client, world: World, aino: str) -> None:
    world.send("c2", CONFIRMED, to=[])
    listed = chimp.campaigns.list(list_id=LIST, status="sent")
    assert [one["settings"]["title"] for one in listed["campaigns"]] == ["Syksy"]
    reports = chimp.reports.get_all_campaign_reports(count=1)
    assert (reports["total_items"], len(reports["reports"])) == (2, 1)
    assert (
        chimp.reports.get_all_campaign_reports(since_send_time="2027-01-01T00:00:00Z")["reports"]
        == []
    )
    report = chimp.reports.get_campaign_report("c1")
    assert (report["emails_sent"], report["opens"]["opens_total"]) == (2, 1)
    assert report["opens"]["last_open"] == "2026-11-02T08:01:00+00:00"
    assert report["clicks"]["last_click"] == "2026-11-02T08:02:00+00:00"
    assert refused(lambda: chimp.reports.get_campaign_report("nosuch"))[0] == 404


def test_whom_a_campaign_went_to_and_what_they_did(chimp: Client, aino: str) -> None:
    sent = chimp.reports.get_campaign_recipients("c1")
    assert [one["email_address"] for one in sent["sent_to"]] == [AINO, EINO]
    assert "contact_id" not in sent["sent_to"][0]
    did = chimp.reports.get_email_activity_for_campaign("c1")["emails"]
    assert did[0]["email_id"] == aino
    assert [one["action"] for one in did[0]["activity"]] == ["open", "click"]
    assert did[0]["activity"][1]["url"] == SHOP
    since = "2026-11-02T08:01:00+00:00"
    late = chimp.reports.get_email_activity_for_campaign("c1", since=since, count=1)["emails"]
    assert [one["action"] for one in late[0]["activity"]] == ["click"]
    opened = chimp.reports.get_campaign_open_details("c1")
    assert [one["email_id"] for one in opened["members"]] == [aino]
    assert opened["members"][0]["opens"] == [
        {"timestamp": "2026-11-02T08:01:00+00:00", "is_proxy_open": True}
    ]


def test_the_feed_has_the_mails_too(chimp: Client, aino: str) -> None:
    feed = chimp.lists.get_list_member_activity_feed(LIST, aino)["activity"]
    assert [one["activity_type"] for one in feed] == ["click", "open", "sent"]
    assert feed[0]["link_clicked"] == SHOP
    assert {one["campaign_title"] for one in feed} == {"Syksy"}


def test_notes_events_goals_and_tags(chimp: Client, world: World) -> None:
    world.seed(
        LIST,
        {
            "email_address": AINO,
            "notes": ["Soitti"],
            "events": [{"name": "kävi"}],
            "tags": ["a"],
        },
    )
    member = world.member(LIST, AINO)
    assert chimp.lists.get_list_member_notes(LIST, member.hash)["notes"][0]["note"] == "Soitti"
    assert refused(lambda: chimp.lists.get_list_member_notes(LIST, member.contact_id))[0] == 404
    assert chimp.lists.get_list_member_events(LIST, member.contact_id)["events"] == [
        {"name": "kävi"}
    ]
    assert chimp.lists.getListMemberGoals(LIST, AINO)["goals"] == []
    change = {"tags": [{"name": f"webinar {n:02}", "status": "active"} for n in range(60)]}
    chimp.lists.update_list_member_tags(LIST, member.hash, change)
    shown = chimp.lists.get_list_member(LIST, member.hash)
    assert (shown["tags_count"], len(shown["tags"])) == (61, 50)
    whole = chimp.lists.get_list_member_tags(LIST, member.hash, count=100)
    assert (whole["total_items"], len(whole["tags"])) == (61, 61)
    long = {"tags": [{"name": "x" * 101, "status": "active"}]}
    assert refused(lambda: chimp.lists.update_list_member_tags(LIST, member.hash, long))[0] == 400


def test_archiving_and_bringing_back(
    chimp: Client, world: World, mailer: Mailchimp, aino: str
) -> None:
    """What it archives our connector reads as archived, and lifts; and the other way round."""
    chimp.lists.delete_list_member(LIST, aino)
    assert chimp.lists.get_list_member(LIST, aino)["status"] == "archived"
    assert refused(lambda: chimp.lists.delete_list_member(LIST, aino)) == (
        405,
        "Method Not Allowed",
    )
    ref = Ref("members", LIST, world.member(LIST, AINO).contact_id, AINO)
    assert [one.code for one in mailer.verify([ref], Act.RESTRICT)] == ["archived"]
    chimp.lists.update_list_member(LIST, aino, {"merge_fields": {"FNAME": "Aino"}})
    assert chimp.lists.get_list_member(LIST, aino)["status"] == "archived", "still put aside"
    chimp.lists.update_list_member(LIST, aino, {"status": "subscribed"})
    assert mailer.restrict("members", [write(ref)])[0].memo == "subscribed"
    assert chimp.lists.get_list_member(LIST, aino)["status"] == "archived"
    archived = chimp.lists.get_list_members_info(LIST, status="archived")
    assert [one["id"] for one in archived["members"]] == [aino]


def test_a_status_that_only_a_put_takes(chimp: Client, aino: str) -> None:
    body = {"email_address": AINO, "status_if_new": "transactional", "status": "transactional"}
    patch = {"status": "transactional"}
    assert refused(lambda: chimp.lists.update_list_member(LIST, aino, patch))[0] == 400
    assert chimp.lists.set_list_member(LIST, aino, body)["status"] == "transactional"


def test_permanent_deletion(chimp: Client, world: World, mailer: Mailchimp, aino: str) -> None:
    contact = world.member(LIST, AINO).contact_id
    assert refused(lambda: chimp.lists.delete_list_member_permanent(LIST, contact))[0] == 404
    chimp.lists.delete_list_member_permanent(LIST, aino)
    assert refused(lambda: chimp.lists.get_list_member(LIST, aino))[0] == 404
    assert refused(lambda: chimp.lists.delete_list_member_permanent(LIST, aino))[0] == 404
    ref = Ref("members", LIST, contact, AINO)
    assert mailer.locate([Sought(emails=[AINO], refs=[ref])]) == [[]]
    assert mailer.erase("members", [write(ref)])[0].verdict is Verdict.OK
    for status in ("subscribed", "pending"):
        again = {"email_address": AINO, "status": status}
        assert refused(lambda: chimp.lists.add_list_member(LIST, again)) == (  # noqa: B023 - called at once
            400,
            "Forgotten Email Not Subscribed",
        )
    rows = chimp.reports.get_campaign_recipients("c1")["sent_to"]
    assert [one["email_address"] for one in rows] == ["", EINO], "numbers are left, no person"
    world.act(LIST, AINO, "form-subscribe")
    back = chimp.lists.get_list_member(LIST, AINO)
    assert back["status"] == "subscribed"
    assert back["contact_id"] != contact, "a new record"
