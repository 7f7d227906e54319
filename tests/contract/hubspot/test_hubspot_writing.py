"""Writing contacts: one outcome per input, whatever HubSpot answers, and nobody overwritten."""

from __future__ import annotations

from typing import Any

import pytest

from hub.api import EXISTS, AuthFailed, MissingScope, Stance, Verdict
from hub.testing.factories import no, yes
from hub.testing.sandbox import Answer, FaultKind
from plugins.hubspot.sandbox import SCOPES
from tests.contract.hubspot.conftest import (
    EVENTS,
    NEWSLETTER,
    Account,
    create,
    pages,
    records,
    ref,
    sent,
    update,
)

AINO, BERTTA, CECILIA = (f"{n}@kuviteltu.example" for n in ("aino", "bertta", "cecilia"))


def verdicts(results: Any) -> list[tuple[Verdict, str]]:
    return [(one.verdict, one.reason) for one in results]


class TestPartialFailure:
    def test_a_207_is_read_input_by_input(self, account: Account) -> None:
        """airbyte#74725: a 207 counted as success."""
        account.fault(FaultKind.PARTIAL, "upsert", rate=0.5)
        writes = [create(f"henkilo{n}@kuviteltu.example") for n in range(60)]
        results = sent(account.open(), *writes)
        there = {c.email for c in account.sandbox.account.contacts.values()}
        assert 0 < len(there) < 60
        for write, result in zip(writes, results, strict=True):
            expected = Verdict.OK if write.fields["email"] in there else Verdict.RETRYABLE
            assert result.verdict is expected

    @pytest.mark.parametrize("multi_status", [False, True])
    def test_bad_inputs_are_found_and_the_rest_land(
        self, account: Account, multi_status: bool
    ) -> None:
        account.sandbox.multi_status = multi_status
        account.sandbox.account.required = ["lastname"]
        writes = [create(f"henkilo{n}@kuviteltu.example", lastname="Virtanen") for n in range(40)]
        writes[7] = create("henkilo7@kuviteltu.example")
        writes[31] = create("ei osoite", lastname="Virtanen")
        results = sent(account.open(), *writes)
        assert results[7].reason == "required-fields-missing"
        assert results[31].reason == "invalid-email"
        bad = {7, 31}
        for n, result in enumerate(results):
            assert result.verdict is (Verdict.PERMANENT if n in bad else Verdict.OK)
        assert len(account.sandbox.account.contacts) == 38

    def test_an_unknown_property_stops_only_those_that_have_it(self, account: Account) -> None:
        ids = account.people(50)
        writes = [update(one, city="Turku") for one in ids]
        writes[3] = update(ids[3], poistettu="x")
        writes[40] = update(ids[40], poistettu="y", city="Turku")
        results = sent(account.open(), *writes)
        wrong = [n for n, one in enumerate(results) if one.verdict is not Verdict.OK]
        assert wrong == [3, 40]
        assert {results[n].reason for n in wrong} == {"property-doesnt-exist"}
        assert len(account.calls("batch/update")) == 2

    @pytest.mark.parametrize("multi_status", [False, True])
    def test_an_address_taken_by_another_contact(
        self, account: Account, multi_status: bool
    ) -> None:
        account.sandbox.multi_status = multi_status
        aino, bertta = account.add(AINO), account.add(BERTTA)
        results = sent(account.open(), update(aino, email=BERTTA), update(bertta, city="Turku"))
        assert verdicts(results) == [(Verdict.PERMANENT, "conflict"), (Verdict.OK, "")]
        found = account.sandbox.account.find(aino)
        assert found
        assert found.email == AINO

    def test_a_contact_that_is_gone(self, account: Account) -> None:
        aino = account.add(AINO)
        results = sent(account.open(), update("999", city="Turku"), update(aino, city="Turku"))
        assert verdicts(results) == [(Verdict.PERMANENT, "not-found"), (Verdict.OK, "")]

    def test_one_record_twice_in_a_batch(self, account: Account) -> None:
        aino = account.add(AINO)
        results = sent(account.open(), update(aino, city="Turku"), update(aino, city="Oulu"))
        assert verdicts(results) == [(Verdict.OK, "")] * 2
        found = account.sandbox.account.find(aino)
        assert found
        assert found.properties["city"] == "Oulu"


class TestNoAnswer:
    @pytest.mark.parametrize("kind", [FaultKind.EMPTY, FaultKind.TORN, FaultKind.DROP_AFTER])
    def test_is_unknown(self, account: Account, kind: FaultKind) -> None:
        aino = account.add(AINO)
        account.fault(kind, "batch/(update|upsert)")
        results = sent(account.open(), update(aino, city="Turku"), create(BERTTA))
        assert [one.verdict for one in results] == [Verdict.UNKNOWN] * 2
        assert account.sandbox.account.by_email(BERTTA), "it was carried out"

    def test_a_2xx_that_names_nobody_is_unknown(
        self, account: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        aino, bertta = account.add(AINO), account.add(BERTTA)
        whole = account.sandbox.batch_answer

        def forgetful(results: list[Any], errors: Any = (), *, status: int = 200) -> Answer:
            kept = [one for one in results if one.get("id") != bertta]
            return whole(kept, errors, status=status)

        connector = account.open()
        connector.prepare()
        monkeypatch.setattr(account.sandbox, "batch_answer", forgetful)
        results = sent(connector, update(aino, city="Turku"), update(bertta, city="Turku"))
        assert verdicts(results) == [(Verdict.OK, ""), (Verdict.UNKNOWN, "not-named")]

    def test_results_without_trace_ids_are_known_by_their_id(
        self, account: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        aino = account.add(AINO)
        whole = account.sandbox.batch_answer

        def untraced(results: list[Any], errors: Any = (), *, status: int = 200) -> Answer:
            for one in results:
                one.pop("objectWriteTraceId", None)
            return whole(results[::-1], errors, status=status)

        monkeypatch.setattr(account.sandbox, "batch_answer", untraced)
        results = sent(
            account.open(), create(BERTTA, city="Oulu"), update(aino, city="Turku"), create(CECILIA)
        )
        assert [one.verdict for one in results] == [Verdict.OK] * 3
        emails = [one.record and one.record.ref.email for one in results]
        assert emails == [BERTTA, AINO, CECILIA]

    def test_what_is_known_is_kept_when_the_token_is_revoked(
        self, account: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        aino = account.add(AINO)
        connector = account.open()
        connector.prepare()
        original = account.sandbox.authenticate

        def revoking(call: Any) -> None:
            if call.template.endswith("batch/read"):
                account.sandbox.tokens.clear()
            original(call)

        monkeypatch.setattr(account.sandbox, "authenticate", revoking)
        results = sent(connector, update(aino, city="Turku"), create(BERTTA))
        assert verdicts(results) == [(Verdict.OK, ""), (Verdict.RETRYABLE, "misconfigured")]

    def test_a_refused_token_is_the_fate_of_all(self, account: Account) -> None:
        connector = account.open()
        aino = account.add(AINO)
        connector.fetch("contacts", [ref(aino)])
        account.sandbox.tokens.clear()
        with pytest.raises(AuthFailed):
            sent(connector, update(aino, city="Turku"))

    def test_a_missing_scope_is_named(self, account: Account) -> None:
        account.sandbox.tokens["reader"] = frozenset(SCOPES) - {"crm.objects.contacts.write"}
        aino = account.add(AINO)
        with pytest.raises(MissingScope, match=r"crm\.objects\.contacts\.write"):
            sent(account.open(token="reader"), update(aino, city="Turku"))


class TestCreates:
    def test_somebody_who_is_there_is_answered_and_left(self, account: Account) -> None:
        aino = account.add(AINO, city="Vantaa")
        account.sandbox.person_sets(AINO, NEWSLETTER, "UNSUBSCRIBED", "EMAIL_PREFERENCES_PAGE")
        results = sent(account.open(), create(f" {AINO.upper()}", city="Turku"), create(BERTTA))
        assert verdicts(results) == [(Verdict.PERMANENT, EXISTS), (Verdict.OK, "")]
        assert results[0].record is not None
        assert results[0].record.fields["city"] == "Vantaa"
        assert [one.stance for one in results[0].record.consents] == [Stance.NO]
        assert records(pages(account.open()))[aino].fields["city"] == "Vantaa"

    def test_somebody_who_is_there_under_a_merged_address(self, account: Account) -> None:
        aino, bertta = account.add(AINO, city="Vantaa"), account.add(BERTTA)
        held = account.sandbox.account
        winner, loser = held.find(aino), held.find(bertta)
        assert winner
        assert loser
        held.merge(winner, loser, account.sandbox.ms())
        (result,) = sent(account.open(), create(BERTTA, city="Turku"))
        assert (result.verdict, result.reason) == (Verdict.PERMANENT, EXISTS)
        assert result.record is not None
        assert result.record.ref.id == aino

    def test_one_address_twice_in_a_batch(self, account: Account) -> None:
        results = sent(account.open(), create(AINO, city="Turku"), create(AINO, city="Oulu"))
        assert verdicts(results) == [(Verdict.OK, ""), (Verdict.PERMANENT, EXISTS)]
        found = account.sandbox.account.by_email(AINO)
        assert found
        assert found.properties["city"] == "Turku"

    def test_somebody_who_is_made_while_we_look(
        self, account: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        held = account.sandbox.authenticate

        def meanwhile(call: Any) -> None:
            if call.template.endswith("batch/upsert"):
                account.add(AINO, jobtitle="Myyjä")
            held(call)

        monkeypatch.setattr(account.sandbox, "authenticate", meanwhile)
        (result,) = sent(account.open(), create(AINO, city="Turku"))
        assert (result.verdict, result.reason) == (Verdict.OK, "made-meanwhile")
        assert len(account.sandbox.account.contacts) == 1

    def test_without_an_address(self, account: Account) -> None:
        results = sent(account.open(), create(""), create(AINO))
        assert verdicts(results) == [(Verdict.PERMANENT, "email-missing"), (Verdict.OK, "")]

    def test_an_archived_namesake_is_left_archived(self, account: Account) -> None:
        old = account.add(AINO)
        found = account.sandbox.account.find(old)
        assert found
        account.sandbox.account.archive(found, account.sandbox.ms())
        (result,) = sent(account.open(), create(AINO))
        assert result.verdict is Verdict.OK
        assert result.record is not None
        assert result.record.ref.id != old

    def test_initial_wishes_are_written(self, account: Account) -> None:
        at = account.clock.now()
        consents = [yes(NEWSLETTER, at), no(EVENTS, at)]
        (result,) = sent(account.open(topics=(NEWSLETTER, EVENTS)), create(AINO, consents=consents))
        assert result.verdict is Verdict.OK
        assert (account.status(AINO), account.status(AINO, EVENTS)) == (
            "SUBSCRIBED",
            "UNSUBSCRIBED",
        )
        assert result.record is not None
        assert {c.topic: c.stance for c in result.record.consents} == {
            NEWSLETTER: Stance.YES,
            EVENTS: Stance.NO,
        }

    def test_a_refusal_kept_from_before_the_contact_stands(self, account: Account) -> None:
        """HubSpot keeps statuses by address: a deleted contact's refusal meets the new one."""
        account.sandbox.person_sets(AINO, NEWSLETTER, "UNSUBSCRIBED", "EMAIL_PREFERENCES_PAGE")
        (result,) = sent(account.open(), create(AINO, consents=[yes(NEWSLETTER)]))
        assert verdicts([result]) == [(Verdict.OK, "consents-unsubscribed")]
        assert account.status(AINO) == "UNSUBSCRIBED"
        assert result.record is not None
        assert [one.stance for one in result.record.consents] == [Stance.NO]

    @pytest.mark.parametrize("route", ["statuses/batch/read", "statuses/batch/write"])
    def test_a_contact_without_its_refusal_is_not_settled(
        self, account: Account, route: str
    ) -> None:
        account.fault(FaultKind.SERVER_ERROR, route)
        consents = [no(NEWSLETTER), yes(EVENTS)]
        (result,) = sent(account.open(), create(AINO, consents=consents))
        assert result.verdict is Verdict.UNKNOWN
        assert account.sandbox.account.by_email(AINO)


class TestValues:
    @pytest.mark.parametrize(
        "value",
        [("verkko", "messut"), ("yksi",), ("a;b", "c\\d", ";"), ("å ä ö", "2026 syksy")],
    )
    def test_a_list_in_a_text_property_reads_back_equal(
        self, account: Account, value: tuple[str, ...]
    ) -> None:
        aino = account.add(AINO)
        (result,) = sent(account.open(), update(aino, jobtitle=value))
        assert result.record is not None
        assert result.record.fields["jobtitle"] == value
        assert records(pages(account.open()))[aino].fields["jobtitle"] == value

    def test_a_list_in_a_checkbox_property(self, account: Account) -> None:
        account.sandbox.seed(
            {
                "properties": [
                    {
                        "name": "aiheet",
                        "type": "enumeration",
                        "fieldType": "checkbox",
                        "options": ["verkko", "messut"],
                    }
                ]
            }
        )
        aino, bertta = account.add(AINO), account.add(BERTTA)
        connector = account.open(fields=("email", "aiheet"))
        results = sent(
            connector,
            update(aino, aiheet=["messut", "verkko"]),
            update(bertta, aiheet=["tuntematon"]),
            update("7", aiheet=["a;b"]),
        )
        assert verdicts(results) == [
            (Verdict.OK, ""),
            (Verdict.PERMANENT, "invalid-option"),
            (Verdict.PERMANENT, "list-item"),
        ]
        found = account.sandbox.account.find(aino)
        assert found
        assert found.properties["aiheet"] == "messut;verkko"
        assert records(pages(connector))[aino].fields["aiheet"] == ("messut", "verkko")

    def test_what_is_returned_is_what_hubspot_made_of_it(self, account: Account) -> None:
        (result,) = sent(account.open(), create(" Aino@Kuviteltu.example", city=" Turku "))
        assert result.record is not None
        assert result.record.fields["email"] == AINO
        assert result.record.fields["city"] == "Turku"

    def test_an_update_never_sends_a_status(self, account: Account) -> None:
        aino = account.add(AINO)
        account.sandbox.person_sets(AINO, NEWSLETTER, "UNSUBSCRIBED", "EMAIL_PREFERENCES_PAGE")
        from dataclasses import replace

        write = replace(update(aino, city="Turku"), consents=(yes(NEWSLETTER),))
        (result,) = sent(account.open(), write)
        assert result.verdict is Verdict.OK
        assert account.status(AINO) == "UNSUBSCRIBED"
        assert not [one for one in account.sandbox.journal if "preferences" in one["route"]]
