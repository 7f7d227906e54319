"""The rights of data subjects: finding, exporting and correcting contacts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from hub.api import (
    Capability,
    Held,
    RecordState,
    Ref,
    Sought,
    Unavailable,
    Verdict,
)
from hub.testing.factories import write
from hub.testing.sandbox import FaultKind
from plugins.hubspot.connector import HUBSPOT
from plugins.hubspot.sandbox_account import Contact
from tests.contract.hubspot.conftest import (
    EVENTS,
    NEWSLETTER,
    Account,
    archive,
    create,
    merge,
    ref,
    update,
)

AINO, BERTTA, CECILIA = (f"{n}@kuviteltu.example" for n in ("aino", "bertta", "cecilia"))
PHONE = "+358401234567"


def located(account: Account, *, refs: Sequence[str] = (), **more: Any) -> list[Held]:
    sought = Sought(refs=[ref(one) for one in refs], **more)
    return sorted(account.open().locate([sought])[0], key=lambda one: one.ref.id)


def found(held: Sequence[Held]) -> list[tuple[str, str, bool]]:
    return [(one.ref.id, one.by, one.certain) for one in held]


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

    def test_a_further_address_that_batches_do_not_know(
        self, account: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        aino, bertta = account.add(AINO), account.add(BERTTA)
        merge(account, aino, bertta)
        held = account.sandbox.account.by_email

        def first_only(email: str) -> Contact | None:
            known = held(email)
            return known if known is not None and known.email == email else None

        monkeypatch.setattr(account.sandbox.account, "by_email", first_only)
        assert found(located(account, emails=[BERTTA])) == [(aino, "email", True)]

    def test_who_answers_is_not_searched_for(self, account: Account) -> None:
        account.add(AINO)
        located(account, emails=[AINO])
        assert account.calls("search") == []

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
            located(account, emails=[AINO], phones=[PHONE])

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
        account.open().restrict("contacts", [write(ref(aino))])
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
        assert [one["name"] for one in exported.values["lists"]] == ["Hub: restricted"]
        assert {one.detail.get("text") for one in exported.activities} == {"Keskustelu", None}

    def test_archived_ones_too_and_nobody_who_is_gone(self, account: Account) -> None:
        aino = account.add(AINO, city="Turku")
        archive(account, aino)
        (exported,) = account.open().export([ref("999"), ref(aino), ref("")])
        assert exported.values["archived"] is True
        assert exported.values["properties"]["city"] == "Turku"
        assert account.open().export([ref("999")]) == []
        assert account.open().export([]) == []

    def test_of_every_business_unit(self, account: Account) -> None:
        """What one unit is configured for is not all that is held."""
        aino = account.add(AINO)
        account.sandbox.opt_out_of_all(AINO, "API", unit="7")
        (exported,) = account.open(business_unit=7).export([ref(aino)])
        (asked,) = account.calls("statuses/batch/read")
        assert asked["query"] == {"channel": "EMAIL"}
        wide = {one["wideStatusType"]: one["status"] for one in exported.values["optOuts"]}
        assert wide == {"PORTAL_WIDE": "NOT_SPECIFIED", "BUSINESS_UNIT_WIDE": "UNSUBSCRIBED"}

    def test_in_the_order_asked_for(self, account: Account) -> None:
        aino, bertta, cecilia = account.add(AINO), account.add(BERTTA), account.add(CECILIA)
        merge(account, bertta, cecilia)
        archive(account, aino)
        exported = account.open().export([ref(aino), ref(cecilia), ref(bertta)])
        assert [one.ref.id for one in exported] == [aino, bertta]

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
