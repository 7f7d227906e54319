"""Reading: nothing is skipped at a cursor, at equal times, at the end of search, or behind it."""

from __future__ import annotations

import json

import pytest

from hub.api import BadAnswer, Misconfigured, RecordState, Stance
from hub.store.documents import stated
from hub.testing.sandbox import FaultKind
from plugins.hubspot.mapping import BOUNCED
from plugins.hubspot.sandbox import HubSpotSandbox
from plugins.hubspot.sandbox_account import iso
from tests.contract.hubspot.conftest import (
    EVENTS,
    FIELDS,
    NEWSLETTER,
    Account,
    pages,
    records,
    ref,
)

AINO = "aino@kuviteltu.example"


class TestWhatChanged:
    @pytest.mark.parametrize("together", [True, False])
    def test_more_than_search_ends_at(self, account: Account, together: bool) -> None:
        """airbyte#85918, dlt#2269: many changed in one moment, more than a search shows."""
        account.sandbox.window = 250
        ids = account.people(900)
        end = pages(account.open())[-1].cursor
        account.clock.advance(3600)
        for n, one in enumerate(ids):
            if not together and n % 7 == 0:
                account.clock.advance(0.001)
            account.sandbox.edit(one, {"city": "Turku"})
        found = pages(account.open(), end)
        changed = records(found)
        assert set(changed) == set(ids)
        assert all(record.fields["city"] == "Turku" for record in changed.values())
        versions = [record.version for page in found for record in page.records]
        assert versions == sorted(versions), "the oldest change comes first"
        assert max(len(page.records) for page in found) <= 200
        assert len(account.calls("/search")) < 30

    def test_a_row_that_moves_while_we_read_hides_no_other(self, account: Account) -> None:
        ids = account.people(450)
        end = pages(account.open())[-1].cursor
        account.clock.advance(3600)
        for one in ids:
            account.clock.advance(0.01)
            account.sandbox.edit(one, {"city": "Turku"})
        reader = account.open().read("contacts", "", end)
        seen = records([next(reader)])
        account.clock.advance(60)
        for one in ids[:100]:
            account.sandbox.edit(one, {"city": "Oulu"})
        last = list(reader)
        seen |= records(last)
        assert set(seen) == set(ids)
        again = records(pages(account.open(), last[-1].cursor))
        assert {one for one, r in again.items() if r.fields["city"] == "Oulu"} == set(ids[:100])

    def test_what_search_does_not_show_yet_is_read_later(self, account: Account) -> None:
        account.add(AINO)
        end = pages(account.open())[-1].cursor
        account.clock.advance(3600)
        late = account.add("myohassa@kuviteltu.example")
        account.clock.advance(20)
        prompt = account.add("ajoissa@kuviteltu.example")
        # search shows the later one first
        account.sandbox.account.archive(account.sandbox.account.contacts[int(late)], 0)
        first = pages(account.open(), end)
        assert prompt in records(first)
        account.sandbox.account.restore(
            account.sandbox.account.contacts[int(late)], account.sandbox.ms() - 20_000
        )
        assert late in records(pages(account.open(), first[-1].cursor))

    def test_a_lagging_search_loses_nothing(self, account: Account) -> None:
        connector = account.open()
        account.add(AINO)
        cursor = pages(connector)[-1].cursor
        account.fault(FaultKind.SEARCH_LAG, value=300.0)
        seen: set[str] = set()
        ids: list[str] = []
        for n in range(10):
            account.clock.advance(70)
            ids.append(account.add(f"uusi{n}@kuviteltu.example"))
            found = pages(connector, cursor)
            seen |= set(records(found))
            cursor = found[-1].cursor if found else cursor
        account.clock.advance(300)
        seen |= set(records(pages(connector, cursor)))
        assert set(ids) <= seen

    def test_the_cursor_is_never_our_clock(self, account: Account) -> None:
        account.add(AINO)
        told = account.sandbox.ms()
        account.clock.advance(7200)
        (full, *_) = reversed(pages(account.open()))
        assert json.loads(full.cursor) == {"since": told}
        (again,) = pages(account.open(), full.cursor)
        assert json.loads(again.cursor) == {"since": told}

    def test_nothing_new_costs_one_search(self, account: Account) -> None:
        account.add(AINO)
        connector = account.open(overlap=0, topics=())
        end = pages(connector)[-1].cursor
        account.sandbox.journal.clear()
        pages(connector, end)
        assert [one["route"] for one in account.sandbox.journal] == [
            "/crm/objects/2026-09/contacts/search"
        ]

    def test_an_opt_out_of_everything_is_a_change(self, account: Account) -> None:
        aino = account.add(AINO)
        end = pages(account.open())[-1].cursor
        account.clock.advance(3600)
        account.sandbox.opt_out_of_all(AINO, "EMAIL_PREFERENCES_PAGE")
        (said,) = [c for c in records(pages(account.open(), end))[aino].consents if c.topic == "*"]
        assert said.stance is Stance.NO
        assert said.at == account.clock.now()

    def test_a_changed_status_alone_is_seen_by_the_next_enumeration(self, account: Account) -> None:
        aino = account.add(AINO)
        account.clock.advance(1)
        account.add("ensin@kuviteltu.example")
        connector = account.open(overlap=0)
        end = pages(connector)[-1].cursor
        account.clock.advance(3600)
        account.sandbox.person_sets(AINO, NEWSLETTER, "UNSUBSCRIBED", "EMAIL_PREFERENCES_PAGE")
        account.add("toinen@kuviteltu.example")
        assert aino not in records(pages(connector, end)), "HubSpot has no changed-since for it"
        assert set(records(pages(account.open(), end))) >= {aino}, "within the overlap it is read"
        (said,) = records(pages(connector))[aino].consents
        assert said.stance is Stance.NO


class TestEverything:
    def test_live_then_archived_and_only_then_complete(self, account: Account) -> None:
        ids = account.people(150)
        for one in ids[:120]:
            found = account.sandbox.account.find(one)
            assert found
            account.sandbox.account.archive(found, account.sandbox.ms())
        read = pages(account.open())
        states = [record.state for page in read for record in page.records]
        assert states == [RecordState.LIVE] * 30 + [RecordState.ARCHIVED] * 120
        assert [page.complete for page in read] == [False] * (len(read) - 1) + [True]

    def test_archived_after_an_edit_is_newer_than_live(self, account: Account) -> None:
        aino = account.add(AINO)
        live = records(pages(account.open()))[aino]
        account.clock.advance(60)
        found = account.sandbox.account.find(aino)
        assert found
        account.sandbox.account.archive(found, account.sandbox.ms())
        assert records(pages(account.open()))[aino].version > live.version

    def test_an_address_freed_by_archiving_belongs_to_the_new_contact(
        self, account: Account
    ) -> None:
        old = account.add(AINO)
        found = account.sandbox.account.find(old)
        assert found
        account.sandbox.account.archive(found, account.sandbox.ms())
        new = account.add(AINO)
        account.sandbox.person_sets(AINO, NEWSLETTER, "SUBSCRIBED", "FORM_SUBMISSION")
        read = records(pages(account.open()))
        assert set(read) == {old, new}
        assert read[old].consents == ()
        (answer,) = account.open().fetch("contacts", [ref("", AINO)])
        assert answer is not None
        assert answer.ref.id == new

    def test_only_mapped_fields_are_kept(self, account: Account) -> None:
        aino = account.add(AINO, phone="+358401234567")
        assert set(records(pages(account.open()))[aino].fields) == set(FIELDS)

    @pytest.mark.parametrize(
        "spoilt",
        [
            {"email": 17},
            {"email": AINO, "lastmodifieddate": "yesterday"},
            {"email": AINO, "city": ["Turku"]},
        ],
    )
    def test_a_malformed_row_is_rejected(self, account: Account, spoilt: dict[str, object]) -> None:
        ids = account.people(3)
        account.sandbox.seed({"contacts": [{"id": "777", "properties": spoilt}]})
        read = pages(account.open())
        assert set(records(read)) == set(ids)
        (row,) = [row for page in read for row in page.rejected]
        assert row.id == "777"
        assert AINO not in row.reason
        assert json.loads(row.raw)["id"] == "777"

    def test_statuses_are_not_asked_for_where_nothing_maps_them(self, account: Account) -> None:
        account.add(AINO)
        pages(account.open(topics=()))
        assert not [one for one in account.sandbox.journal if "preferences" in one["route"]]

    def test_times_of_other_notations(self) -> None:
        def version(given: str) -> str:
            sandbox = HubSpotSandbox()
            sandbox.seed({"contacts": [{"properties": {"lastmodifieddate": given}}]})
            (contact,) = sandbox.account.contacts.values()
            from plugins.hubspot.mapping import Mapper

            return Mapper((), (), bounce=None).record(contact.row(["lastmodifieddate"])).version

        assert version("2026-11-02T10:15:00Z") == "2026-11-02T10:15:00.000Z"
        assert version("2026-11-02T12:15:00.1+02:00") == "2026-11-02T10:15:00.100Z"


class TestWishes:
    @pytest.mark.parametrize(
        ("source", "act"),
        [
            ("FORM_SUBMISSION", "form"),
            ("EMAIL_PREFERENCES_PAGE", "preferences-page"),
            ("API", None),
            ("IMPORT", None),
            ("CRM_UI", None),
            ("SOMETHING_NEW", None),
        ],
    )
    def test_only_an_act_of_the_person_is_one(
        self, account: Account, source: str, act: str | None
    ) -> None:
        aino = account.add(AINO)
        account.sandbox.person_sets(AINO, NEWSLETTER, "SUBSCRIBED", source)
        (said,) = records(pages(account.open()))[aino].consents
        assert (said.topic, said.stance, said.act) == (NEWSLETTER, Stance.YES, act)
        assert said.at == account.clock.now()
        assert said.evidence["source"] == source

    def test_of_each_mapped_topic_and_no_other(self, account: Account) -> None:
        aino = account.add(AINO)
        account.sandbox.person_sets(AINO, NEWSLETTER, "SUBSCRIBED", "FORM_SUBMISSION")
        account.sandbox.opt_out_of_all(AINO, "EMAIL_PREFERENCES_PAGE")
        account.sandbox.edit(aino, {"hs_email_hard_bounce_reason_enum": "UNKNOWN_USER"})
        said = records(pages(account.open(topics=(EVENTS,))))[aino].consents
        assert [(one.topic, one.stance) for one in said] == [
            (EVENTS, Stance.UNSTATED),
            ("*", Stance.NO),
            (BOUNCED, Stance.UNDELIVERABLE),
        ]

    def test_an_opt_out_of_one_whose_address_bounces_is_no_less_told(
        self, account: Account
    ) -> None:
        """The hub keeps one wish for each topic: a bounce must not stand in a refusal's place."""
        aino = account.add(AINO)
        account.sandbox.edit(aino, {"hs_email_hard_bounce_reason_enum": "UNKNOWN_USER"})
        connector = account.open(topics=(NEWSLETTER, "*"))
        before = stated(records(pages(connector))[aino].consents)
        account.sandbox.opt_out_of_all(AINO, "EMAIL_PREFERENCES_PAGE")
        after = stated(records(pages(connector))[aino].consents)
        assert before.get("*", ("unstated",))[0] != after["*"][0] == "no"

    def test_a_business_unit_is_asked_for(self, account: Account) -> None:
        aino = account.add(AINO)
        account.sandbox.opt_out_of_all(AINO, "EMAIL_PREFERENCES_PAGE", unit="7")
        assert "*" not in {c.topic for c in records(pages(account.open()))[aino].consents}
        said = records(pages(account.open(business_unit=7)))[aino].consents
        assert [c.evidence for c in said if c.topic == "*"] == [{"kind": "BUSINESS_UNIT_WIDE"}]


class TestFailure:
    @pytest.mark.parametrize("kind", [FaultKind.TORN, FaultKind.EMPTY])
    @pytest.mark.parametrize("route", ["/search$", "contacts$", "statuses/batch/read$"])
    def test_a_spoilt_page_is_asked_for_again(
        self, account: Account, kind: FaultKind, route: str
    ) -> None:
        ids = account.people(120)
        account.fault(kind, route, times=1)
        assert set(records(pages(account.open()))) == set(ids)

    def test_pages_that_stay_spoilt_end_the_read(self, account: Account) -> None:
        account.people(3)
        account.fault(FaultKind.TORN, "contacts$")
        with pytest.raises(BadAnswer):
            pages(account.open())

    @pytest.mark.parametrize("cursor", ["", "nonsense", "[]", "{}", '{"since":"x"}', "17"])
    def test_a_cursor_that_is_not_ours(self, account: Account, cursor: str) -> None:
        with pytest.raises(Misconfigured, match="cursor"):
            pages(account.open(), cursor)

    def test_fetching_merged_contacts_by_either_id(self, account: Account) -> None:
        one, other, third = (account.add(f"{n}@kuviteltu.example") for n in range(3))
        held = account.sandbox.account
        for winner, loser in ((one, other), (third, one)):
            into, away = held.find(winner), held.find(loser)
            assert into
            assert away
            held.merge(into, away, account.sandbox.ms())
        answers = account.open().fetch("contacts", [ref(one), ref(other), ref(third), ref("x")])
        assert [a and a.ref.id for a in answers] == [third, third, third, None]
        assert held.find(other) is held.find(third)


def test_versions_sort_as_text() -> None:
    times = [0, 999, 1_000, 1_700_000_000_123, 1_700_000_000_124]
    assert [iso(time) for time in times] == sorted(iso(time) for time in times)
