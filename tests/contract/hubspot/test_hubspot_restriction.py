"""Restriction: a property and a list, that read neither as a withdrawal nor as a deletion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from hub.api import (
    Act,
    Misconfigured,
    MissingScope,
    RecordState,
    Result,
    Stance,
    Verdict,
    Verification,
)
from hub.testing.factories import write
from hub.testing.sandbox import FaultKind
from plugins.hubspot.connector import HUBSPOT, HubSpot
from plugins.hubspot.sandbox import SCOPES
from tests.contract.hubspot.conftest import NEWSLETTER, Account, pages, records, ref

AINO, BERTTA, CECILIA = (f"{n}@kuviteltu.example" for n in ("aino", "bertta", "cecilia"))
LIST = "Hub: restricted"


def restricted(connector: HubSpot, *ids: str) -> list[Result]:
    writes = [write(ref(one)) for one in ids]
    results = connector.restrict("contacts", writes)
    assert [one.key for one in results] == [one.key for one in writes]
    return list(results)


def lifted(connector: HubSpot, memo: str, *ids: str) -> list[Result]:
    writes = [replace(write(ref(one)), memo=memo) for one in ids]
    results = connector.lift("contacts", writes)
    assert [one.key for one in results] == [one.key for one in writes]
    return list(results)


def codes(shown: Sequence[Verification]) -> list[tuple[bool, str]]:
    return [(one.done, one.code) for one in shown]


def marked(account: Account, id_: str) -> str | None:
    held = account.sandbox.account.find(id_)
    assert held
    value = held.properties.get("hub_restricted")
    return None if value is None else str(value)


class TestRestrict:
    def test_marks_and_lists(self, account: Account) -> None:
        aino, bertta = account.add(AINO), account.add(BERTTA)
        connector = account.open()
        assert codes(connector.verify([ref(aino)], Act.RESTRICT)) == [(False, "not-restricted")]
        (result,) = restricted(connector, aino)
        assert (result.verdict, result.reason, result.memo) == (Verdict.OK, "", "list:1")
        assert (marked(account, aino), marked(account, bertta)) == ("true", None)
        assert account.sandbox.on_list(LIST) == {aino}
        assert codes(connector.verify([ref(aino), ref(bertta)], Act.RESTRICT)) == [
            (True, "restricted"),
            (False, "not-restricted"),
        ]

    def test_what_it_needs_is_made_once_and_only_then(self, account: Account) -> None:
        ids = account.people(2)
        connector = account.open()
        connector.prepare()
        assert "hub_restricted" not in account.sandbox.account.fields
        for one in ids:
            restricted(connector, one)
            restricted(account.open(), one)
        made = account.sandbox.account.fields["hub_restricted"]
        assert (made["type"], made["fieldType"], made["groupName"]) == (
            "bool",
            "booleancheckbox",
            "hub",
        )
        assert len(account.calls("/crm/v3/lists")) == 1
        assert len(account.sandbox.account.lists) == 1

    def test_reads_neither_as_a_withdrawal_nor_as_a_deletion(self, account: Account) -> None:
        aino = account.add(AINO, city="Turku")
        account.sandbox.person_sets(AINO, NEWSLETTER, "SUBSCRIBED", "FORM")
        connector = account.open()
        before = records(pages(connector))[aino]
        restricted(connector, aino)
        after = records(pages(connector))[aino]
        assert after.state is RecordState.LIVE
        assert (after.fields, after.consents) == (before.fields, before.consents)
        assert after.consents[0].stance is Stance.YES

    def test_one_verdict_for_each(self, account: Account) -> None:
        aino, cecilia = account.add(AINO), account.add(CECILIA)
        gone = account.sandbox.account.find(cecilia)
        assert gone
        account.sandbox.account.archive(gone, account.sandbox.ms())
        results = restricted(account.open(), aino, "999", cecilia, "", aino)
        assert [(one.verdict, one.reason, bool(one.memo)) for one in results] == [
            (Verdict.OK, "", True),
            (Verdict.PERMANENT, "not-found", False),
            (Verdict.PERMANENT, "archived", False),
            (Verdict.PERMANENT, "id-missing", False),
            (Verdict.OK, "", True),
        ]
        assert codes(account.open().verify([ref("999"), ref(cecilia)], Act.RESTRICT)) == [
            (True, "absent"),
            (False, "not-restricted"),
        ]

    def test_a_merged_one_is_the_survivor(self, account: Account) -> None:
        aino, bertta = account.add(AINO), account.add(BERTTA)
        one, other = account.sandbox.account.find(aino), account.sandbox.account.find(bertta)
        assert one
        assert other
        account.sandbox.account.merge(one, other, account.sandbox.ms())
        connector = account.open()
        assert codes(connector.verify([ref(bertta)], Act.RESTRICT)) == [(False, "not-restricted")]
        restricted(connector, bertta)
        assert account.sandbox.on_list(LIST) == {aino}
        assert codes(connector.verify([ref(bertta)], Act.RESTRICT)) == [(True, "restricted")]

    def test_many(self, account: Account) -> None:
        ids = account.people(230)
        assert {one.verdict for one in restricted(account.open(), *ids)} == {Verdict.OK}
        assert account.sandbox.on_list(LIST) == set(ids)

    def test_the_list_of_another_name(self, account: Account) -> None:
        aino = account.add(AINO)
        restricted(account.open(restricted_list="Ei lähetyksiä"), aino)
        assert account.sandbox.on_list("Ei lähetyksiä") == {aino}

    def test_somebody_takes_it_away(self, account: Account) -> None:
        aino = account.add(AINO)
        connector = account.open()
        restricted(connector, aino)
        account.sandbox.account.lists["1"]["members"].clear()
        assert codes(connector.verify([ref(aino)], Act.RESTRICT)) == [(False, "not-on-list")]
        restricted(connector, aino)
        account.sandbox.edit(aino, {"hub_restricted": "false"})
        assert codes(connector.verify([ref(aino)], Act.RESTRICT)) == [(False, "not-restricted")]


class TestWhatGoesWrong:
    @pytest.mark.parametrize("scope", ["crm.lists.read", "crm.lists.write"])
    def test_without_the_right_to_lists_it_says_so_and_can_be_repeated(
        self, account: Account, scope: str
    ) -> None:
        account.sandbox.tokens["less"] = frozenset(SCOPES) - {scope}
        aino = account.add(AINO)
        with pytest.raises(MissingScope, match=scope.replace(".", r"\.")):
            restricted(account.open(token="less"), aino)
        assert marked(account, aino) == "true", "as much as can be is stopped at once"
        (result,) = restricted(account.open(), aino)
        assert (result.verdict, result.memo) == (Verdict.OK, "list:1")

    def test_an_active_list_of_that_name(self, account: Account) -> None:
        account.sandbox.account.lists["5"] = {
            "listId": "5",
            "name": LIST,
            "objectTypeId": "0-1",
            "processingType": "DYNAMIC",
            "members": {},
        }
        with pytest.raises(Misconfigured, match="active"):
            restricted(account.open(), account.add(AINO))

    @pytest.mark.parametrize("route", ["memberships/add", "batch/update"])
    @pytest.mark.parametrize(
        "kind", [FaultKind.SERVER_ERROR, FaultKind.DROP_AFTER, FaultKind.EMPTY, FaultKind.TOO_MANY]
    )
    def test_an_outage_is_not_a_restriction(
        self, account: Account, route: str, kind: FaultKind
    ) -> None:
        aino = account.add(AINO)
        restricted(account.open(), account.add(BERTTA))
        account.fault(kind, route, value=7200.0)
        (result,) = restricted(account.open(), aino)
        assert result.verdict in (Verdict.RETRYABLE, Verdict.UNKNOWN)
        account.sandbox.faults.clear()
        (result,) = restricted(account.open(), aino)
        assert result.verdict is Verdict.OK
        assert codes(account.open().verify([ref(aino)], Act.RESTRICT)) == [(True, "restricted")]

    def test_single_inputs_that_fail(self, account: Account) -> None:
        account.sandbox.multi_status = True
        ids = account.people(40)
        account.fault(FaultKind.PARTIAL, "batch/update", rate=0.5)
        results = restricted(account.open(), *ids)
        done = {one for one, r in zip(ids, results, strict=True) if r.verdict is Verdict.OK}
        assert 0 < len(done) < 40
        assert {r.verdict for r in results} == {Verdict.OK, Verdict.RETRYABLE}
        assert account.sandbox.on_list(LIST) == done

    def test_a_list_that_somebody_else_makes_meanwhile(
        self, account: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        aino = account.add(AINO)
        held = account.sandbox._by_name
        asked: list[str] = []

        def at_first_unknown(name: str) -> str | None:
            asked.append(name)
            return None if len(asked) == 1 else held(name)

        account.sandbox.account.lists["9"] = {
            "listId": "9",
            "listVersion": 1,
            "name": LIST,
            "objectTypeId": "0-1",
            "processingType": "MANUAL",
            "members": {},
        }
        monkeypatch.setattr(account.sandbox, "_by_name", at_first_unknown)
        (result,) = restricted(account.open(), aino)
        assert (result.verdict, result.memo) == (Verdict.OK, "list:9")


class TestLift:
    def test_ends_it(self, account: Account) -> None:
        aino, bertta = account.add(AINO), account.add(BERTTA)
        connector = account.open()
        (memo, *_) = {one.memo for one in restricted(connector, aino, bertta)}
        (result,) = lifted(account.open(), memo, aino)
        assert result.verdict is Verdict.OK
        assert account.sandbox.on_list(LIST) == {bertta}
        assert (marked(account, aino), marked(account, bertta)) == (None, "true")
        assert codes(connector.verify([ref(aino), ref(bertta)], Act.LIFT)) == [
            (True, "lifted"),
            (False, "still-restricted"),
        ]

    def test_after_the_list_was_renamed(self, account: Account) -> None:
        aino = account.add(AINO)
        (result,) = restricted(account.open(), aino)
        lifted(account.open(restricted_list="Toinen"), result.memo, aino)
        assert account.sandbox.on_list(LIST) == set()

    def test_without_a_memo(self, account: Account) -> None:
        aino = account.add(AINO)
        restricted(account.open(), aino)
        lifted(account.open(), "", aino)
        assert account.sandbox.on_list(LIST) == set()
        assert marked(account, aino) is None

    def test_a_refusal_made_meanwhile_stands(self, account: Account) -> None:
        aino = account.add(AINO)
        account.sandbox.person_sets(AINO, NEWSLETTER, "SUBSCRIBED", "FORM")
        (result,) = restricted(account.open(), aino)
        account.sandbox.person_sets(AINO, NEWSLETTER, "UNSUBSCRIBED", "EMAIL_PREFERENCES_PAGE")
        lifted(account.open(), result.memo, aino)
        assert account.status(AINO) == "UNSUBSCRIBED"

    def test_who_is_gone_and_who_never_was(self, account: Account) -> None:
        aino = account.add(AINO)
        assert lifted(account.open(), "", aino)[0].verdict is Verdict.OK
        assert account.sandbox.account.lists == {}
        assert "hub_restricted" not in account.sandbox.account.fields
        (result,) = restricted(account.open(), aino)
        (gone,) = lifted(account.open(), result.memo, "999")
        assert (gone.verdict, gone.reason) == (Verdict.OK, "absent")
        assert codes(account.open().verify([ref("999")], Act.LIFT)) == [(True, "absent")]

    def test_an_outage_leaves_it_to_be_repeated(self, account: Account) -> None:
        aino = account.add(AINO)
        (result,) = restricted(account.open(), aino)
        account.fault(FaultKind.SERVER_ERROR, "memberships/remove")
        (result,) = lifted(account.open(), result.memo, aino)
        assert result.verdict in (Verdict.RETRYABLE, Verdict.UNKNOWN)
        assert codes(account.open().verify([ref(aino)], Act.LIFT)) == [(False, "still-restricted")]


def test_what_no_call_stops_is_told(account: Account) -> None:
    (residual,) = [one for one in HUBSPOT.residuals if one.act is Act.RESTRICT]
    assert residual.code == "workflows"
    assert all("hub_restricted" in text for text in residual.instructions.values())
