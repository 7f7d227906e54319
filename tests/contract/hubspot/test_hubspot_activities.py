"""Activities: calls, mails, meetings, messages and notes, each told of everybody it was with."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hub.api import Activity, ActivityKind, ActivityPage, Misconfigured, Unavailable
from hub.testing.sandbox import FaultKind
from plugins.hubspot.connector import HubSpot
from plugins.hubspot.plaintext import plain
from plugins.hubspot.sandbox import SCOPES
from tests.contract.hubspot.conftest import Account

AINO, BERTTA = "aino@kuviteltu.example", "bertta@kuviteltu.example"
ASKED = (ActivityKind.COMMUNICATION,)


def told(connector: HubSpot, cursor: str | None = None) -> list[ActivityPage]:
    return list(connector.activities("contacts", "", cursor))


def activities(pages: list[ActivityPage]) -> dict[str, Activity]:
    return {one.id: one for page in pages for one in page.activities}


class TestWhatIsTold:
    def test_each_type_in_its_words(self, account: Account) -> None:
        aino = account.add(AINO)
        engage = account.sandbox.engage
        at = {"hs_timestamp": "2026-10-05T09:30:00Z"}
        call = engage(
            "calls",
            [aino],
            {
                "hs_call_title": "Tarjous",
                "hs_call_body": "<p>Soitti <b>takaisin</b>.</p><p>Innokas&nbsp;&amp; valmis</p>",
                "hs_call_direction": "INBOUND",
                **at,
            },
        )
        mail = engage(
            "emails",
            [aino],
            {
                "hs_email_subject": "Vastaus",
                "hs_email_text": "Hei <Aino>, a < b",
                "hs_email_direction": "EMAIL",
            },
        )
        page_ = engage("emails", [aino], {"hs_email_html": "<div>Vain <i>sivu</i></div>"})
        note = engage("notes", [aino], {"hs_note_body": "<p>Muista <br>vuosi</p>"})
        meeting = engage("meetings", [aino], {"hs_meeting_title": "Tapaaminen"})
        message = engage(
            "communications",
            [aino],
            {"hs_communication_channel_type": "WHATS_APP", "hs_communication_body": "Moi"},
        )
        found = activities(told(account.open(activities=ASKED)))
        assert {one.kind for one in found.values()} == {ActivityKind.COMMUNICATION}
        assert {one.ref.id for one in found.values()} == {aino}
        heard = found[f"calls/{call}/{aino}"]
        assert (heard.at, heard.about) == (datetime(2026, 10, 5, 9, 30, tzinfo=UTC), "Tarjous")
        assert heard.detail == {
            "type": "call",
            "direction": "in",
            "text": "Soitti takaisin.\n\nInnokas & valmis",
        }
        assert found[f"emails/{mail}/{aino}"].about == "Vastaus"
        assert found[f"emails/{mail}/{aino}"].detail == {
            "type": "email",
            "direction": "out",
            "text": "Hei <Aino>, a < b",
        }
        assert found[f"emails/{page_}/{aino}"].detail["text"] == "Vain sivu"
        assert found[f"notes/{note}/{aino}"].detail == {"type": "note", "text": "Muista\nvuosi"}
        assert found[f"meetings/{meeting}/{aino}"].about == "Tapaaminen"
        assert found[f"communications/{message}/{aino}"].detail == {
            "type": "message",
            "channel": "whats_app",
            "text": "Moi",
        }

    def test_one_for_each_contact_of_an_engagement(self, account: Account) -> None:
        account.sandbox.associations_page = 2
        ids = account.people(5)
        call = account.sandbox.engage("calls", ids, {})
        account.sandbox.engage("calls", [], {}, others=["77"])
        found = activities(told(account.open(activities=ASKED)))
        assert set(found) == {f"calls/{call}/{one}" for one in ids}

    def test_only_when_it_is_asked_for(self, account: Account) -> None:
        account.sandbox.engage("calls", [account.add(AINO)], {})
        assert told(account.open()) == []
        assert told(account.open(activities=[ActivityKind.MAIL_SENT])) == []
        assert account.sandbox.journal == []

    def test_tasks_are_no_communication(self, account: Account) -> None:
        account.sandbox.engage("tasks", [account.add(AINO)], {"hs_task_subject": "Soita"})
        assert activities(told(account.open(activities=ASKED))) == {}

    def test_archived_ones_and_those_of_archived_contacts_are_not_told(
        self, account: Account
    ) -> None:
        aino, bertta = account.add(AINO), account.add(BERTTA)
        account.sandbox.seed(
            {"engagements": [{"type": "notes", "contacts": [aino], "archived": 1}]}
        )
        account.sandbox.engage("notes", [bertta], {})
        gone = account.sandbox.account.find(bertta)
        assert gone
        account.sandbox.account.archive(gone, account.sandbox.ms())
        assert activities(told(account.open(activities=ASKED))) == {}

    def test_of_merged_contacts_the_survivor(self, account: Account) -> None:
        aino, bertta = account.add(AINO), account.add(BERTTA)
        note = account.sandbox.engage("notes", [aino, bertta], {})
        held = account.sandbox.account
        winner, loser = held.find(aino), held.find(bertta)
        assert winner
        assert loser
        held.merge(winner, loser, account.sandbox.ms())
        assert set(activities(told(account.open(activities=ASKED)))) == {f"notes/{note}/{aino}"}

    def test_what_cannot_be_understood_is_put_aside(self, account: Account) -> None:
        aino = account.add(AINO)
        account.sandbox.engage("calls", [aino], {"hs_call_title": 17})
        account.sandbox.engage("calls", [aino], {"hs_timestamp": "eilen"})
        good = account.sandbox.engage("calls", [aino], {})
        pages = told(account.open(activities=ASKED))
        assert set(activities(pages)) == {f"calls/{good}/{aino}"}
        refused = [one for page in pages for one in page.rejected]
        assert [one.reason.partition(":")[0] for one in refused] == ["property", "time"]
        assert all(one.id for one in refused)

    def test_mails_without_the_right_to_their_content(self, account: Account) -> None:
        account.sandbox.tokens["limited"] = frozenset(SCOPES) - {"sales-email-read"}
        aino = account.add(AINO)
        mail = account.sandbox.engage("emails", [aino], {"hs_email_subject": "Salainen"})
        connector = account.open(token="limited", activities=ASKED)
        found = activities(told(connector))[f"emails/{mail}/{aino}"]
        assert (found.about, found.detail) == ("", {"type": "email"})


class TestWhereItGoesOn:
    def test_what_is_new_since_the_cursor(self, account: Account) -> None:
        aino = account.add(AINO)
        account.sandbox.engage("calls", [aino], {})
        account.sandbox.engage("notes", [aino], {})
        cursor = told(account.open(activities=ASKED))[-1].cursor
        account.clock.advance(3600)
        assert told(account.open(activities=ASKED, overlap=0), cursor)[-1].cursor == cursor
        new = account.sandbox.engage("notes", [aino], {})
        pages = told(account.open(activities=ASKED, overlap=0), cursor)
        assert f"notes/{new}/{aino}" in activities(pages)
        account.clock.advance(3600)
        newer = account.sandbox.engage("notes", [aino], {})
        after = account.clock.now()
        account.clock.advance(3600)
        found = activities(told(account.open(activities=ASKED, overlap=0), pages[-1].cursor))
        assert found[f"notes/{newer}/{aino}"].at == after
        assert len(found) < 4

    def test_an_overlap_shows_what_search_did_not(self, account: Account) -> None:
        aino = account.add(AINO)
        old = account.sandbox.engage("calls", [aino], {})
        account.clock.advance(20)
        late = account.sandbox.engage("calls", [aino], {}, modified=account.sandbox.ms() - 15_000)
        account.fault(FaultKind.SEARCH_LAG, value=18.0)
        first = told(account.open(activities=ASKED))
        assert set(activities(first)) == {f"calls/{old}/{aino}"}
        account.sandbox.faults.clear()
        again = told(account.open(activities=ASKED), first[-1].cursor)
        assert f"calls/{late}/{aino}" in activities(again)

    @pytest.mark.parametrize("together", [True, False])
    def test_past_the_end_of_search(self, account: Account, together: bool) -> None:
        """No page depends on an offset, whether they share a moment or not."""
        account.sandbox.window = 300
        aino = account.add(AINO)
        for _ in range(450):
            account.sandbox.engage("notes", [aino], {})
            if not together:
                account.clock.advance(1)
        found = activities(told(account.open(activities=ASKED)))
        assert len(found) == 450

    def test_from_the_middle(self, account: Account) -> None:
        aino = account.add(AINO)
        for type_ in ("calls", "meetings", "notes"):
            for _ in range(250):
                account.sandbox.engage(type_, [aino], {})
                account.clock.advance(1)
        pages = told(account.open(activities=ASKED))
        for n in (0, 1, 3):
            before = activities(pages[: n + 1])
            rest = activities(told(account.open(activities=ASKED), pages[n].cursor))
            assert len(before | rest) == 750

    def test_a_cursor_of_something_else(self, account: Account) -> None:
        for cursor in ('{"calls":{"x":1}}', "[]", '"x"', "kaikki"):
            with pytest.raises(Misconfigured):
                told(account.open(activities=ASKED), cursor)

    def test_an_association_that_cannot_be_read_is_no_absence(
        self, account: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        account.sandbox.engage("calls", [account.add(AINO)], {})
        whole = account.sandbox.item_error
        monkeypatch.setattr(
            account.sandbox, "item_error", lambda _, *rest: whole("INTERNAL_ERROR", *rest)
        )
        monkeypatch.setattr(account.sandbox, "_targets", lambda *_: [])
        with pytest.raises(Unavailable):
            told(account.open(activities=ASKED))


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("pelkkää tekstiä", "pelkkää tekstiä"),
        ("<p>yksi</p><p>kaksi</p>", "yksi\n\nkaksi"),
        ("a<br/>b<br>c", "a\nb\nc"),
        ("<ul><li>x</li><li>y</li></ul>", "x\n\ny"),
        ("<style>p{}</style>jäi<script>1</script>", "jäi"),
        ("&lt;b&gt; &auml;", "<b> ä"),
        ("<p>auki", "auki"),
    ],
)
def test_html_as_text(html: str, text: str) -> None:
    assert plain(html) == text
