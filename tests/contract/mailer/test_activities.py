"""What members were sent, opened and clicked."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

import pytest

from hub.api import Activity, ActivityKind, ActivityPage, BadAnswer
from hub.testing.factories import START
from plugins.mailer.mailchimp import Mailchimp
from plugins.mailer.mailchimp_campaigns import bare_link
from tests.contract.mailer.conftest import CONFIRMED, LIST, World

AINO, EINO = "aino@posti.example", "eino@posti.example"
SENT, OPENED, CLICKED = (
    ActivityKind.MAIL_SENT,
    ActivityKind.MAIL_OPENED,
    ActivityKind.MAIL_CLICKED,
)
SHOP = "https://crowst.example/syksy"


def told(mailer: Mailchimp, cursor: str | None = None) -> list[ActivityPage]:
    pages = list(islice(mailer.activities("members", LIST, cursor), 1000))
    assert len(pages) < 1000
    return pages


def all_of(pages: list[ActivityPage]) -> dict[str, Activity]:
    return {one.id: one for page in pages for one in page.activities}


def kinds(pages: list[ActivityPage]) -> list[ActivityKind]:
    return sorted(one.kind for one in all_of(pages).values())


@pytest.fixture
def two(world: World) -> tuple[str, str]:
    """Two members; their contact ids."""
    world.seed(LIST, {"email_address": AINO}, {"email_address": EINO})
    return world.member(LIST, AINO).contact_id, world.member(LIST, EINO).contact_id


def test_a_campaign_its_opens_and_its_clicks(
    world: World, mailer: Mailchimp, two: tuple[str, str]
) -> None:
    world.send("c1", title="Syksy", subject="Tervetuloa syksyyn")
    world.clock.advance(60)
    world.act(LIST, AINO, "open", campaign="c1")
    world.act(LIST, AINO, "click", campaign="c1", url=f"{SHOP}?email={AINO}#{AINO}")
    found = sorted(all_of(told(mailer)).values(), key=lambda one: (one.kind, one.ref.id == two[1]))
    assert [(one.kind, one.ref.id) for one in found] == [
        (CLICKED, two[0]),
        (OPENED, two[0]),
        (SENT, two[0]),
        (SENT, two[1]),
    ]
    clicked, opened, sent, _ = found
    assert (sent.at, (opened.at - START).total_seconds()) == (START, 60)
    assert clicked.about == "Syksy"
    assert clicked.detail == {"link": SHOP, "subject": "Tervetuloa syksyyn"}
    for one in found:
        assert (one.ref.stream, one.ref.scope) == ("members", LIST)
        assert AINO not in repr(one)
        assert world.member(LIST, AINO).hash not in repr(one)


def test_addresses_and_places_are_not_asked_for(
    world: World, mailer: Mailchimp, two: tuple[str, str]
) -> None:
    world.send("c1")
    world.act(LIST, AINO, "open", campaign="c1")
    told(mailer)
    asked = " ".join(call["query"]["fields"] for call in world.calls("GET"))
    assert "email_id" in asked
    for absent in ("email_address", "ip", "merge_fields"):
        assert absent not in asked.split("."), asked
        assert f".{absent}," not in f"{asked},"


def test_a_quiet_run_is_one_call(world: World, mailer: Mailchimp, two: tuple[str, str]) -> None:
    for n in range(30):
        world.send(f"c{n}")
        world.act(LIST, AINO, "open", campaign=f"c{n}")
    cursor = told(mailer)[-1].cursor
    world.clock.advance(2 * 3600)
    cursor = told(mailer, cursor)[-1].cursor
    world.clock.advance(1800)
    world.sandbox.journal.clear()
    assert told(mailer, cursor) == [], "nor does it move the cursor"
    assert [call["route"] for call in world.calls()] == ["/3.0/reports"]


def test_only_campaigns_with_something_new_are_read(
    world: World, mailer: Mailchimp, two: tuple[str, str]
) -> None:
    for n in range(5):
        world.send(f"c{n}")
    cursor = told(mailer)[-1].cursor
    world.clock.advance(30 * 86400)
    world.act(LIST, EINO, "open", campaign="c3")
    world.sandbox.journal.clear()
    found = all_of(told(mailer, cursor))
    assert [(one.kind, one.ref.id) for one in found.values()] == [(OPENED, two[1])]
    assert [call["path"].get("campaign") for call in world.calls(ending="}/email-activity")] == [
        "c3"
    ]
    assert not world.calls(ending="/sent-to")


def test_a_late_report_is_caught_by_the_overlap(
    world: World, mailer: Mailchimp, two: tuple[str, str]
) -> None:
    world.send("c1")
    world.clock.advance(86400)
    cursor = told(mailer)[-1].cursor
    world.clock.advance(600)
    lag = world.clock.now().replace(minute=0).strftime("%Y-%m-%dT%H:%M:%S+00:00")
    world.act(LIST, AINO, "open", campaign="c1", at=lag)
    assert kinds(told(mailer, cursor)) == [OPENED], "it happened before the cursor's time"


def test_a_mailing_that_goes_on_is_read_again_while_it_grows(
    world: World, mailer: Mailchimp, two: tuple[str, str]
) -> None:
    world.send("c1", to=[AINO])
    cursor = told(mailer)[-1].cursor
    world.clock.advance(86400)
    world.send("c1", to=[EINO])
    pages = told(mailer, cursor)
    assert {one.ref.id for one in all_of(pages).values()} == set(two)
    world.clock.advance(86400)
    world.sandbox.journal.clear()
    told(mailer, pages[-1].cursor)
    assert not world.calls(ending="/sent-to"), "it has not grown"


def test_kinds_that_are_not_collected_are_not_fetched(world: World, two: tuple[str, str]) -> None:
    world.send("c1")
    world.act(LIST, AINO, "open", campaign="c1")
    world.act(LIST, AINO, "click", campaign="c1")
    for wanted, routes in (
        ([SENT], {"/sent-to"}),
        ([OPENED], {"/open-details"}),
        ([CLICKED], {"/email-activity"}),
        ([SENT, OPENED, CLICKED], {"/sent-to", "/email-activity"}),
        ([], set()),
    ):
        world.sandbox.journal.clear()
        assert kinds(told(world.open(activities=wanted))) == sorted(
            [*wanted, *([SENT] if SENT in wanted else [])]
        )
        read = {call["route"].partition("{campaign}")[2] for call in world.calls()}
        assert {one for one in read if one.startswith("/")} == routes
    assert not world.sandbox.journal, "nothing collected, nothing called"


def test_a_kind_that_is_collected_from_now_on_is_read_from_the_beginning(
    world: World, two: tuple[str, str]
) -> None:
    world.send("c1")
    world.act(LIST, AINO, "click", campaign="c1")
    cursor = None
    for _ in range(2):
        cursor = told(world.open(activities=[SENT]), cursor)[-1].cursor
        world.clock.advance(30 * 86400)
    assert CLICKED in kinds(told(world.open(), cursor))


def test_a_pass_that_told_something_is_over_at_its_last_page(
    world: World, mailer: Mailchimp, two: tuple[str, str]
) -> None:
    """The next one begins with the first campaign again, also within the overlap."""
    world.send("c1")
    world.send("c2")
    cursor = told(mailer)[-1].cursor
    world.clock.advance(60)
    world.act(LIST, AINO, "open", campaign="c2")
    cursor = told(mailer, cursor)[-1].cursor
    world.clock.advance(60)
    world.act(LIST, EINO, "open", campaign="c1")
    assert two[1] in {one.ref.id for one in all_of(told(mailer, cursor)).values()}


def test_whoever_was_deleted_for_good_is_not_told_of(
    world: World, mailer: Mailchimp, two: tuple[str, str]
) -> None:
    world.send("c1")
    world.act(LIST, AINO, "open", campaign="c1")
    world.act(LIST, AINO, "delete")
    pages = told(mailer)
    assert {one.ref.id for one in all_of(pages).values()} == {two[1]}
    assert not any(page.rejected for page in pages)


def test_a_changed_address_and_an_archive_keep_the_contact(
    world: World, mailer: Mailchimp, two: tuple[str, str]
) -> None:
    world.send("c1")
    first = all_of(told(mailer))
    world.act(LIST, AINO, "profile", new_email="uusi@posti.example")
    world.act(LIST, EINO, "archive")
    assert all_of(told(world.open())) == first


def test_other_audiences_are_left_out(
    world: World, mailer: Mailchimp, two: tuple[str, str]
) -> None:
    """Also where the same person is in both."""
    world.seed(CONFIRMED, {"email_address": AINO})
    world.send("c1", CONFIRMED)
    assert all_of(told(mailer)) == {}


def test_what_reports_do_not_date_is_not_told_as_sent(
    world: World, mailer: Mailchimp, two: tuple[str, str]
) -> None:
    world.send("c1", type="automation")
    world.act(LIST, AINO, "open", campaign="c1")
    assert kinds(told(mailer)) == [OPENED]


@pytest.mark.parametrize("page", [3, 1000])
def test_many_people_over_many_pages(
    world: World, mailer: Mailchimp, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    """By a listing of the audience, not one by one; and every cursor goes on."""
    monkeypatch.setattr("plugins.mailer.mailchimp_activities.PAGE", page)
    monkeypatch.setattr("plugins.mailer.mailchimp_activities.ANCHORS", 1)
    people = [f"h{n}@posti.example" for n in range(60 if page > 60 else 8)]
    world.seed(LIST, *({"email_address": one} for one in people))
    world.act(LIST, people[0], "archive")
    world.send("c1", to=people)
    world.send("c2", to=people)
    for one in people:
        world.act(LIST, one, "click", campaign="c1", url=SHOP)
    pages = told(mailer)
    whole = all_of(pages)
    assert len(whole) == 3 * len(people)
    if page > 60:
        singles = [call for call in world.calls() if call["route"].endswith("{member}")]
        assert not singles
    for n, one in enumerate(pages):
        assert all_of([*pages[: n + 1], *told(world.open(), one.cursor)]) == whole


def test_a_row_that_cannot_be_understood_is_rejected(
    world: World, mailer: Mailchimp, two: tuple[str, str]
) -> None:
    world.send("c1")
    world.act(LIST, AINO, "open", campaign="c1", at="eilen")
    world.act(LIST, AINO, "open", campaign="c1")
    pages = told(mailer)
    assert kinds(pages) == [OPENED, SENT, SENT]
    (rejected,) = [row for page in pages for row in page.rejected]
    assert rejected.id == "c1"
    assert "@" not in rejected.reason
    assert json.loads(rejected.raw)["activity"]["timestamp"] == "eilen"


def test_a_campaign_without_its_time_is_rejected(
    world: World, mailer: Mailchimp, two: tuple[str, str]
) -> None:
    world.send("c1", at="eilen")
    world.send("c2")
    pages = told(mailer)
    assert [row.id for page in pages for row in page.rejected] == ["c1"]
    assert kinds(pages) == [SENT, SENT]


def test_a_cursor_of_another_make_is_an_error(mailer: Mailchimp) -> None:
    for strange in ("{", "[]", '{"x": 1}'):
        with pytest.raises(BadAnswer):
            told(mailer, strange)


@pytest.mark.parametrize(
    ("link", "bare"),
    [
        ("https://crowst.example/a/b?mc_eid=1#x", "https://crowst.example/a/b"),
        ("http://aino:x@crowst.example:8080", "http://crowst.example:8080"),
        ("mailto:aino@posti.example", ""),
        ("https://[", ""),
        ("", ""),
    ],
)
def test_a_link_tells_the_page_and_not_the_person(link: str, bare: Any) -> None:
    assert bare_link(link) == bare
