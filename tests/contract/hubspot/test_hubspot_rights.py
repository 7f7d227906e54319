"""The rights of data subjects: finding, exporting, correcting and erasing contacts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from hub.api import (
    Act,
    AuthFailed,
    BadAnswer,
    Capability,
    Held,
    MissingScope,
    RecordState,
    Ref,
    Result,
    Sought,
    Unavailable,
    Verdict,
)
from hub.testing.factories import write
from hub.testing.sandbox import Answer, FaultKind
from plugins.hubspot.connector import HUBSPOT, HubSpot
from plugins.hubspot.sandbox import SCOPES
from tests.contract.hubspot.conftest import EVENTS, NEWSLETTER, Account, create, ref, sent, update

AINO, BERTTA, CECILIA = (f"{n}@kuviteltu.example" for n in ("aino", "bertta", "cecilia"))
PHONE = "+358401234567"


def located(account: Account, *, refs: Sequence[str] = (), **more: Any) -> list[Held]:
    sought = Sought(refs=[ref(one) for one in refs], **more)
    return sorted(account.open().locate(sought), key=lambda one: one.ref.id)


def found(held: Sequence[Held]) -> list[tuple[str, str, bool]]:
    return [(one.ref.id, one.by, one.certain) for one in held]


def erased(connector: HubSpot, *ids: str) -> list[Result]:
    writes = [write(ref(one)) for one in ids]
    results = connector.erase("contacts", writes)
    assert [one.key for one in results] == [one.key for one in writes]
    return list(results)


def archive(account: Account, id_: str) -> None:
    gone = account.sandbox.account.find(id_)
    assert gone
    account.sandbox.account.archive(gone, account.sandbox.ms())


def merge(account: Account, winner: str, loser: str) -> None:
    one, other = account.sandbox.account.find(winner), account.sandbox.account.find(loser)
    assert one
    assert other
    account.sandbox.account.merge(one, other, account.sandbox.ms())


def test_every_right_is_declared() -> None:
    rights = ("LOCATE", "EXPORT", "RECTIFY", "ERASE", "RESTRICT", "READ_ACTIVITIES")
    assert HUBSPOT.capabilities >= {Capability[one] for one in rights}
    for one in HUBSPOT.residuals:
        assert set(one.instructions) == {"fi", "sv", "en"}
        assert all(one.instructions.values())


class TestLocate:
    def test_by_link_and_by_address(self, account: Account) -> None:
        aino, bertta = account.add(AINO), account.add(BERTTA)
        account.add(CECILIA)
        held = located(account, refs=[aino], emails=[AINO, BERTTA.upper()])
        assert found(held) == [(aino, "link", True), (bertta, "email", True)]
        assert held[0].ref == Ref("contacts", "", aino, AINO)

    def test_nobody(self, account: Account) -> None:
        account.add(AINO)
        assert located(account, refs=["999"], emails=[BERTTA], phones=[PHONE]) == []
        account.sandbox.journal.clear()
        assert located(account) == []
        assert account.sandbox.journal == [], "nothing sought, nothing asked"

    @pytest.mark.parametrize("makes_new", [False, True])
    def test_one_that_was_merged_into_another(self, account: Account, makes_new: bool) -> None:
        account.sandbox.merge_makes_new = makes_new
        aino, bertta = account.add(AINO), account.add(BERTTA)
        if makes_new:
            body = f'{{"primaryObjectId":"{aino}","objectIdToMerge":"{bertta}"}}'.encode()
            bearer = {"authorization": "Bearer sandbox-token"}
            account.sandbox.handle("POST", "/crm/objects/2026-09/contacts/merge", "", bearer, body)
        else:
            merge(account, aino, bertta)
        (by_id,) = located(account, refs=[bertta])
        (by_address,) = located(account, emails=[BERTTA])
        assert (by_id.by, by_address.by) == ("alias", "email")
        assert by_id.ref == by_address.ref
        assert by_id.ref.email == AINO

    def test_archived_ones_by_everything(self, account: Account) -> None:
        aino, bertta, other = account.add(AINO), account.add(BERTTA), account.add(CECILIA)
        merge(account, aino, bertta)
        for one in (aino, other):
            archive(account, one)
        again = account.add(AINO)
        for sought, by in (
            ({"refs": [aino]}, "link"),
            ({"refs": [bertta]}, "alias"),
            ({"emails": [BERTTA]}, "email"),
        ):
            (held,) = located(account, **sought)  # type: ignore[arg-type]  # by keyword
            assert (held.ref.id, held.by, held.state) == (aino, by, RecordState.ARCHIVED)
        both = located(account, emails=[AINO])
        assert [(one.ref.id, one.state) for one in both] == [
            (aino, RecordState.ARCHIVED),
            (again, RecordState.LIVE),
        ]

    def test_archived_ones_on_every_page(self, account: Account) -> None:
        ids = account.people(230)
        for one in ids:
            archive(account, one)
        (held,) = located(account, emails=["henkilo00229@kuviteltu.example"])
        assert held.ref.id == ids[-1]

    @pytest.mark.parametrize(
        ("written", "same"),
        [
            ("+358 40 123 4567", True),
            ("00358401234567", True),
            ("040 123 4567", True),
            ("(040) 1234567", True),
            ("+46 40 123 4567", False),
            ("050 123 4567", False),
            ("4567", False),
        ],
    )
    def test_a_telephone_number_is_a_weak_match(
        self, account: Account, written: str, same: bool
    ) -> None:
        aino = account.add(AINO, phone=written)
        bertta = account.add(BERTTA, mobilephone=written)
        archive(account, bertta)
        expected = [(aino, "phone", False), (bertta, "phone", False)] if same else []
        assert found(located(account, phones=[PHONE])) == expected

    def test_the_surest_way_counts(self, account: Account) -> None:
        aino = account.add(AINO, phone=PHONE)
        assert found(located(account, emails=[AINO], phones=[PHONE])) == [(aino, "email", True)]
        held = located(account, refs=[aino], emails=[AINO], phones=[PHONE])
        assert found(held) == [(aino, "link", True)]

    def test_many_of_one_telephone_number(self, account: Account) -> None:
        for n in range(450):
            account.add(f"vaihde{n}@kuviteltu.example", phone=PHONE)
        assert len(located(account, phones=[PHONE])) == 450

    def test_search_may_lag_and_break_nothing(self, account: Account) -> None:
        account.sandbox.lag = 60.0
        aino = account.add(AINO, phone=PHONE)
        assert found(located(account, emails=[AINO])) == [(aino, "email", True)]
        assert found(located(account, refs=[aino])) == [(aino, "link", True)]

    @pytest.mark.parametrize("route", ["batch/read", "contacts$", "search"])
    def test_what_may_be_incomplete_is_an_error(self, account: Account, route: str) -> None:
        account.add(AINO)
        account.fault(FaultKind.SERVER_ERROR, route)
        with pytest.raises(Unavailable):
            located(account, emails=[AINO])

    def test_an_input_that_failed_is_no_absence(
        self, account: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = account.sandbox.item_error
        monkeypatch.setattr(
            account.sandbox, "item_error", lambda _, *rest: whole("INTERNAL_ERROR", *rest)
        )
        with pytest.raises(Unavailable):
            located(account, emails=[AINO])


class TestExport:
    def test_everything_that_is_held(self, account: Account) -> None:
        account.sandbox.seed({"properties": [{"name": "vapaa_kentta"}]})
        aino = account.add(AINO, phone=PHONE, vapaa_kentta="Ei kartoitettu", city="Turku")
        bertta = account.add(BERTTA)
        merge(account, aino, bertta)
        account.sandbox.person_sets(AINO, NEWSLETTER, "SUBSCRIBED", "FORM_SUBMISSION")
        account.sandbox.person_sets(BERTTA, EVENTS, "UNSUBSCRIBED", "EMAIL_PREFERENCES_PAGE")
        account.sandbox.opt_out_of_all(BERTTA, "API", unit="")
        call = account.sandbox.engage("calls", [aino], {"hs_call_body": "<p>Keskustelu</p>"})
        task = account.sandbox.engage("tasks", [bertta], {"hs_task_subject": "Soita hänelle"})
        (exported,) = account.open(fields=("email",)).export([ref(aino), ref(bertta)])
        assert exported.ref == Ref("contacts", "", aino, AINO)
        properties = exported.values["properties"]
        assert properties["vapaa_kentta"] == "Ei kartoitettu"
        assert properties["phone"] == PHONE
        assert properties["hs_additional_emails"] == BERTTA
        assert "website" not in properties, "it has no value"
        said = {
            (one["subscriberIdString"], one["subscriptionName"]): one["status"]
            for one in exported.values["subscriptions"]
        }
        assert said == {
            (AINO, "Uutiskirje"): "SUBSCRIBED",
            (AINO, "Tapahtumat"): "NOT_SPECIFIED",
            (BERTTA, "Uutiskirje"): "NOT_SPECIFIED",
            (BERTTA, "Tapahtumat"): "UNSUBSCRIBED",
        }
        assert [
            (one["subscriberIdString"], one["status"]) for one in exported.values["optOuts"]
        ] == [
            (AINO, "NOT_SPECIFIED"),
            (BERTTA, "UNSUBSCRIBED"),
        ]
        assert {one.id for one in exported.activities} == {
            f"calls/{call}/{aino}",
            f"tasks/{task}/{aino}",
        }
        assert {one.detail.get("text") for one in exported.activities} == {"Keskustelu", None}

    def test_archived_ones_too_and_nobody_who_is_gone(self, account: Account) -> None:
        aino = account.add(AINO, city="Turku")
        archive(account, aino)
        (exported,) = account.open().export([ref("999"), ref(aino), ref("")])
        assert exported.values["archived"] is True
        assert exported.values["properties"]["city"] == "Turku"
        assert account.open().export([ref("999")]) == []
        assert account.open().export([]) == []

    def test_one_without_an_address(self, account: Account) -> None:
        aino = account.add("", city="Turku")
        (exported,) = account.open().export([ref(aino)])
        assert exported.values["subscriptions"] == []

    def test_an_engagement_that_cannot_be_understood_is_not_left_out(
        self, account: Account
    ) -> None:
        aino = account.add(AINO)
        account.sandbox.engage("notes", [aino], {"hs_timestamp": "eilen", "hs_note_body": "Hei"})
        (exported,) = account.open().export([ref(aino)])
        (odd,) = exported.values["engagements"]
        assert (odd["type"], odd["properties"]["hs_note_body"]) == ("notes", "Hei")


class TestRectify:
    def test_fields_that_are_not_mapped_and_the_address(self, account: Account) -> None:
        aino = account.add(AINO, lastname="Virtane")
        writes = [update(aino, lastname="Virtanen", email=BERTTA, jobtitle=None)]
        (result,) = account.open(fields=("email",)).rectify("contacts", writes)
        assert result.verdict is Verdict.OK
        held = account.sandbox.account.find(aino)
        assert held
        assert (held.email, held.properties["lastname"]) == (BERTTA, "Virtanen")

    def test_one_verdict_for_each(self, account: Account) -> None:
        aino, bertta, cecilia = account.add(AINO), account.add(BERTTA), account.add(CECILIA)
        archive(account, cecilia)
        results = account.open().rectify(
            "contacts",
            [
                update(aino, city="Turku"),
                update("999", city="Turku"),
                update(cecilia, city="Turku"),
                update(bertta, email=AINO),
                create("uusi@kuviteltu.example"),
                update(bertta, ei_ole="x"),
            ],
        )
        assert [(one.verdict, one.reason) for one in results] == [
            (Verdict.OK, ""),
            (Verdict.PERMANENT, "not-found"),
            (Verdict.PERMANENT, "archived"),
            (Verdict.PERMANENT, "conflict"),
            (Verdict.PERMANENT, "id-missing"),
            (Verdict.PERMANENT, "property-doesnt-exist"),
        ]
        assert account.sandbox.account.by_email("uusi@kuviteltu.example") is None


class TestErase:
    def test_by_id_and_read_back(self, account: Account) -> None:
        aino = account.add(AINO)
        account.sandbox.person_sets(AINO, NEWSLETTER, "SUBSCRIBED", "FORM")
        connector = account.open()
        (before,) = connector.verify([ref(aino)], Act.ERASE)
        assert (before.done, before.code) == (False, "present")
        (result,) = erased(connector, aino)
        assert (result.verdict, result.reason) == (Verdict.OK, "accepted")
        (after,) = connector.verify([ref(aino)], Act.ERASE)
        assert (after.ref, after.done, after.code) == (ref(aino), True, "removed-from-api")
        assert [one["id"] for one in account.sandbox.state()["purging"]] == [aino]
        assert AINO not in str(account.sandbox.state()["contacts"])

    def test_who_is_not_there(self, account: Account) -> None:
        aino = account.add(AINO)
        results = erased(account.open(), aino, "999", aino, "")
        assert [(one.verdict, one.reason) for one in results] == [
            (Verdict.OK, "accepted"),
            (Verdict.OK, "absent"),
            (Verdict.OK, "accepted"),
            (Verdict.PERMANENT, "id-missing"),
        ]
        assert len(account.calls("gdpr-delete")) == 2
        (again,) = erased(account.open(), aino)
        assert (again.verdict, again.reason) == (Verdict.OK, "absent")

    def test_never_by_address(self, account: Account) -> None:
        """The trap: an address that is not found is put on a blocklist, for good."""
        aino = account.add(AINO)
        connector = account.open()
        connector.erase(
            "contacts",
            [
                write(Ref("contacts", "", "", BERTTA)),
                write(Ref("contacts", "", BERTTA, BERTTA)),
                write(Ref("contacts", "", aino, AINO)),
                write(Ref("contacts", "", "999", CECILIA)),
                write(None, {"email": CECILIA}),
            ],
        )
        erased(connector, aino)
        sent_bodies = [one["body"] for one in account.calls("gdpr-delete")]
        assert len(sent_bodies) == 3
        assert not [one for one in sent_bodies if "idProperty" in one or "@" in one]
        assert account.sandbox.account.blocklist == set()
        results = sent(connector, create(AINO), create(BERTTA), create(CECILIA))
        assert [one.verdict for one in results] == [Verdict.OK] * 3

    def test_what_the_trap_would_do(self, account: Account) -> None:
        bearer = {"authorization": "Bearer sandbox-token"}
        body = f'{{"objectId":"{BERTTA}","idProperty":"email"}}'.encode()
        account.sandbox.handle(
            "POST", "/crm/objects/2026-09/contacts/gdpr-delete", "", bearer, body
        )
        (result,) = sent(account.open(), create(BERTTA))
        assert (result.verdict, result.reason) == (Verdict.PERMANENT, "blocklisted")

    @pytest.mark.parametrize("finds", [True, False])
    def test_an_archived_one(self, account: Account, finds: bool) -> None:
        """Where HubSpot does not find it, that is not taken for an absence."""
        account.sandbox.purge_archived = finds
        aino = account.add(AINO)
        archive(account, aino)
        connector = account.open()
        (before,) = connector.verify([ref(aino)], Act.ERASE)
        assert (before.done, before.code) == (False, "archived")
        (result,) = erased(connector, aino)
        expected = (Verdict.OK, "accepted") if finds else (Verdict.PERMANENT, "archived")
        assert (result.verdict, result.reason) == expected
        assert connector.verify([ref(aino)], Act.ERASE)[0].done is finds

    def test_a_merged_one_takes_the_survivor(self, account: Account) -> None:
        aino, bertta = account.add(AINO), account.add(BERTTA)
        merge(account, aino, bertta)
        connector = account.open()
        assert [one.done for one in connector.verify([ref(bertta)], Act.ERASE)] == [False]
        erased(connector, bertta)
        assert [one.done for one in connector.verify([ref(aino), ref(bertta)], Act.ERASE)] == [
            True,
            True,
        ]

    @pytest.mark.parametrize("kind", [FaultKind.DROP_AFTER, FaultKind.DROP])
    def test_no_answer_is_asked_again_and_does_no_harm(
        self, account: Account, kind: FaultKind
    ) -> None:
        aino = account.add(AINO)
        account.fault(kind, "gdpr-delete", times=1)
        (result,) = erased(account.open(), aino)
        assert result.verdict is Verdict.OK
        account.sandbox.faults.clear()
        bertta = account.add(BERTTA)
        account.fault(kind, "gdpr-delete")
        (result,) = erased(account.open(), bertta)
        assert result.verdict in (Verdict.UNKNOWN, Verdict.RETRYABLE)

    def test_a_server_that_fails(self, account: Account) -> None:
        ids = account.people(3)
        account.fault(FaultKind.SERVER_ERROR, "gdpr-delete")
        results = erased(account.open(), *ids)
        assert {one.verdict for one in results} <= {Verdict.RETRYABLE, Verdict.UNKNOWN}
        account.sandbox.faults.clear()
        account.fault(FaultKind.TOO_MANY, "gdpr-delete", value=7200.0)
        (result,) = erased(account.open(), ids[0])
        assert (result.verdict, result.retry_after) == (Verdict.RETRYABLE, 7200.0)

    def test_an_absence_that_cannot_be_looked_at_is_not_settled(self, account: Account) -> None:
        account.fault(FaultKind.SERVER_ERROR, r"\{id\}")
        (result,) = erased(account.open(), "999")
        assert result.verdict is Verdict.RETRYABLE

    def test_a_refused_token(self, account: Account) -> None:
        aino = account.add(AINO)
        account.sandbox.tokens["reader"] = frozenset(SCOPES) - {"crm.objects.contacts.write"}
        with pytest.raises(MissingScope):
            erased(account.open(token="reader"), aino)
        with pytest.raises(AuthFailed):
            erased(account.open(token="wrong"), aino)
        assert account.sandbox.account.find(aino)

    def test_what_others_keep(self, account: Account) -> None:
        """The residual: an activity of a company's, or of somebody else's, stays there."""
        aino, bertta = account.add(AINO), account.add(BERTTA)
        alone = account.sandbox.engage("notes", [aino], {})
        company = account.sandbox.engage("notes", [aino], {}, others=["77"])
        shared = account.sandbox.engage("calls", [aino, bertta], {})
        erased(account.open(), aino)
        kept = account.sandbox.state()["engagements"]
        assert set(kept) == {f"notes/{company}", f"calls/{shared}"}
        assert f"notes/{alone}" not in kept
        assert aino not in str([one["contacts"] for one in kept.values()])
        assert "engagements" in {one.code for one in HUBSPOT.residuals if one.act is Act.ERASE}

    @pytest.mark.parametrize("kind", [FaultKind.SERVER_ERROR, FaultKind.HTML, FaultKind.DROP])
    def test_reading_back_that_fails_shows_nothing(self, account: Account, kind: FaultKind) -> None:
        account.fault(kind, r"\{id\}")
        with pytest.raises((Unavailable, BadAnswer)):
            account.open().verify([ref("999")], Act.ERASE)

    def test_somebody_elses_404_shows_nothing(
        self, account: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(account.sandbox, "not_found", lambda _: Answer(404, ["no route"]))
        with pytest.raises(BadAnswer):
            account.open().verify([ref("999")], Act.ERASE)
