"""Reading members that move while they are read."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from support.vendor import by_email

from hub.api import BadAnswer, Misconfigured, Page, RateLimited, RecordState, Stance
from hub.testing.clock import ManualClock
from hub.testing.sandbox import Fault, FaultKind
from plugins.mailer import mailchimp_reading
from plugins.mailer.mailchimp_mapping import iso_version
from tests.contract.mailer.conftest import LIST, World


def people(world: World, count: int, *, apart: float) -> list[str]:
    emails = [f"henkilo{n:04}@posti.example" for n in range(count)]
    for email in emails:
        world.seed(LIST, {"email_address": email, "status": "transactional"})
        world.clock.advance(apart)
    return emails


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of 20, so that a few hundred members are many pages."""
    monkeypatch.setattr(mailchimp_reading, "PAGE", 20)


def naive(world: World, disturb: Iterator[None]) -> set[str]:
    """How not to do it: pages by offset alone."""
    seen: set[str] = set()
    offset = 0
    while True:
        rows = world.sandbox.audiences[LIST].changed("", "", "")[offset : offset + 20]
        if not rows:
            return seen
        seen |= {row.email for row in rows}
        offset += 20
        next(disturb, None)


def edits(world: World, emails: list[str], seed: int, *, apart: float) -> Iterator[None]:
    """Between any two pages some members change."""
    chance = random.Random(seed)
    while True:
        for email in chance.sample(emails, 3):
            world.clock.advance(apart)
            world.act(LIST, email, "staff-edit", merge_fields={"FNAME": str(chance.random())})
        yield


@pytest.mark.parametrize("apart", [2.0, 0.0], ids=["spread", "same-second"])
@pytest.mark.parametrize("seed", range(5))
def test_nobody_is_skipped_while_members_move(world: World, seed: int, apart: float) -> None:
    emails = people(world, 200, apart=apart)
    disturb = edits(world, emails, seed, apart=apart)
    seen: set[str | None] = set()
    for pages, page in enumerate(world.open().read("members", LIST, None)):
        seen |= {record.ref.email for record in page.records}
        if pages < 9:
            next(disturb)
        assert page.complete is (set(emails) <= seen and page.complete)
    assert seen == set(emails)


def test_offsets_alone_would_skip(world: World) -> None:
    """What the test above guards against does happen in this sandbox."""
    emails = people(world, 200, apart=0.0)
    assert naive(world, edits(world, emails, 1, apart=0.0)) != set(emails)


def test_a_whole_page_that_moves_away_is_stepped_back_over(world: World) -> None:
    emails = people(world, 100, apart=0.0)  # one second: only offsets tell them apart
    reader = world.open().read("members", LIST, None)
    seen: set[str | None] = set()
    while len(seen) < 60:
        seen |= {record.ref.email for record in next(reader).records}
    for email in sorted(str(one) for one in seen):
        world.act(LIST, email, "delete")
    for page in reader:
        seen |= {record.ref.email for record in page.records}
    assert seen == set(emails)


def test_archived_members_are_told_and_not_taken_for_gone(world: World) -> None:
    people(world, 3, apart=1)
    world.act(LIST, "henkilo0001@posti.example", "archive")
    records = by_email(world.open().read("members", LIST, None))
    archived = records["henkilo0001@posti.example"]
    assert len(records) == 3
    assert archived.state is RecordState.ARCHIVED
    assert archived.consents[0].stance is Stance.UNSTATED


def test_who_is_archived_between_the_two_listings_is_in_the_enumeration(world: World) -> None:
    emails = people(world, 60, apart=1)
    world.act(LIST, emails[0], "archive")
    reader = world.open().read("members", LIST, None)
    pages = [next(reader)]  # the archived ones are read by now
    assert {record.ref.email for record in pages[0].records} == {emails[0]}
    world.clock.advance(60)
    world.act(LIST, emails[-1], "archive")
    pages += list(reader)
    assert set(by_email(pages)) == set(emails)
    assert pages[-1].complete


def test_changes_are_read_by_the_vendors_time_and_not_by_ours(world: World) -> None:
    emails = people(world, 5, apart=1)
    mailer = world.open()
    cursor = list(mailer.read("members", LIST, None))[-1].cursor
    vendors = ManualClock(world.clock.now())
    world.clock.advance(10_000)  # our clock runs far ahead of the vendor's
    world.sandbox.now = vendors.now
    vendors.advance(120)
    world.act(LIST, emails[2], "unsubscribe")
    changes = by_email(mailer.read("members", LIST, cursor))
    assert changes[emails[2]].consents[0].stance is Stance.NO


def test_nothing_new_costs_two_calls_and_keeps_the_cursor(world: World) -> None:
    people(world, 100, apart=1)
    world.clock.advance(600)
    world.act(LIST, "henkilo0000@posti.example", "unsubscribe")
    mailer = world.open()
    cursor = list(mailer.read("members", LIST, None))[-1].cursor
    world.sandbox.journal.clear()
    pages = list(mailer.read("members", LIST, cursor))
    assert len(world.calls("GET")) == 2
    assert {page.cursor for page in pages} <= {cursor}
    assert not any(page.complete for page in pages)


def test_only_what_the_mapping_uses_is_asked_for(world: World) -> None:
    world.seed(LIST, {"email_address": "a@posti.example", "merge_fields": {"LNAME": "Salainen"}})
    list(world.open(fields=("email_address", "FNAME")).read("members", LIST, None))
    for entry in world.calls("GET", ending="/members"):
        assert "LNAME" not in entry["query"]["fields"]
        assert "location" not in entry["query"]["fields"]


def test_a_contact_without_an_address_is_a_record(world: World) -> None:
    world.seed(LIST, {"email_address": "", "status": "transactional"})
    (record,) = by_email(world.open().read("members", LIST, None)).values()
    assert record.ref.email is None
    assert record.fields["email_address"] is None


def test_an_unknown_audience_is_said_without_reading(world: World) -> None:
    with pytest.raises(Misconfigured, match="no audience"):
        list(world.open().read("members", "olematon", None))


def test_a_cursor_that_is_not_ours(world: World) -> None:
    with pytest.raises(BadAnswer, match="cursor"):
        list(world.open().read("members", LIST, '{"after": 7}'))


def test_403_without_a_body_is_the_throttle(world: World) -> None:
    world.sandbox.faults.append(Fault(FaultKind.FORBIDDEN_EMPTY))
    with pytest.raises(RateLimited):
        list(world.open().read("members", LIST, None))


def test_a_read_taken_up_by_another_process_ends_complete(world: World) -> None:
    emails = people(world, 90, apart=0.0)
    seen: set[str | None] = set()
    cursor: str | None = None
    page: Page | None = None
    while page is None or not page.complete:
        page = next(world.open().read("members", LIST, cursor))
        seen |= {record.ref.email for record in page.records}
        cursor = page.cursor
    assert seen == set(emails)


def test_versions_sort_as_text() -> None:
    assert iso_version("2026-11-02T08:00:00+00:00") == "2026-11-02T08:00:00Z"
    assert iso_version("2026-11-02T10:00:00+02:00") == "2026-11-02T08:00:00Z"
