"""What `hub check` says of an account, and what is made in it before the first write."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from hub.api import Misconfigured, UnknownField
from hub.testing.sandbox import FaultKind
from plugins.hubspot.connector import ACTS, Settings
from plugins.hubspot.sandbox import SCOPES
from tests.contract.hubspot.conftest import EVENTS, NEWSLETTER, Account

UNTESTABLE = {"crm.schemas.contacts.read", "crm.schemas.contacts.write", "sales-email-read"}
"""Scopes whose lack only shows when something is made, or in answers that say less."""


class TestCheck:
    def test_all_is_well(self, account: Account) -> None:
        assert list(account.open(topics=(NEWSLETTER, EVENTS, "*")).check()) == []

    @pytest.mark.parametrize("missing", sorted(set(SCOPES) - UNTESTABLE))
    def test_a_missing_scope_is_named(self, account: Account, missing: str) -> None:
        account.sandbox.tokens["less"] = frozenset(SCOPES) - {missing}
        if missing in ("communication_preferences.read", "communication_preferences.write"):
            # `read_write` stands in for both
            assert list(account.open(token="less").check()) == []
            account.sandbox.tokens["less"] -= {"communication_preferences.read_write"}
        problems = account.open(token="less").check()
        if "read_write" in missing or missing == "communication_preferences.write":
            # nothing that the connector calls needs them
            assert [one.code for one in problems] == []
            return
        assert [one.code for one in problems] == ["scope"]
        assert missing in problems[0].message
        assert "crowst-crm" in problems[0].message

    def test_writing_scopes_are_not_asked_for_where_nothing_is_written(
        self, account: Account
    ) -> None:
        account.sandbox.tokens["reader"] = frozenset(
            ["crm.objects.contacts.read", "communication_preferences.read"]
        )
        problems = account.open(token="reader", topics=(), written=()).check()
        assert not [one for one in problems if one.fatal]

    def test_what_only_the_rights_need_stops_no_sync(self, account: Account) -> None:
        account.sandbox.tokens["less"] = frozenset(SCOPES) - {"crm.lists.write"}
        (problem,) = account.open(token="less").check()
        assert (problem.fatal, "crm.lists.write" in problem.message) == (False, True)
        assert account.sandbox.account.lists == {}

    def test_unknown_fields(self, account: Account) -> None:
        connector = account.open(
            fields=("email", "firstnam", "hub_projects", "createdate", "Väärä"),
            written=("email", "hub_projects", "createdate", "Väärä"),
        )
        problems = connector.check()
        assert {one.code for one in problems} == {"field"}
        named = " ".join(one.message for one in problems)
        assert all(name in named for name in ("'firstnam'", "'createdate'", "'Väärä'"))
        assert "hub_projects" not in named, "it can be made"

    def test_unknown_subscription_types(self, account: Account) -> None:
        (problem,) = account.open(topics=(NEWSLETTER, "999")).check()
        assert problem.code == "topic"
        assert "999" in problem.message
        assert "101 (Uutiskirje)" in problem.mend

    def test_html_and_silence_are_problems_and_not_exceptions(self, account: Account) -> None:
        account.fault(FaultKind.HTML)
        (problem,) = account.open().check()
        assert problem.fatal
        account.sandbox.faults.clear()
        account.fault(FaultKind.SERVER_ERROR)
        (problem,) = account.open().check()
        assert not problem.fatal


class TestPrepare:
    def test_only_what_is_written_is_made(self, account: Account) -> None:
        connector = account.open(
            fields=("email", "hub_projects", "vain_luettu"), written=("email", "hub_projects")
        )
        made = list(connector.prepare())
        assert made == ["property group hub", "property hub_projects"]
        assert "vain_luettu" not in account.sandbox.account.fields
        assert list(connector.prepare()) == []

    def test_two_processes_at_once(self, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
        first, second = (account.open(fields=("email", "hub_projects")) for _ in range(2))
        known = second._api.properties()
        first.prepare()
        monkeypatch.setattr(second._api, "properties", lambda: known)
        monkeypatch.setattr(second._api, "groups", set)
        second.prepare()
        assert "hub_projects" in account.sandbox.account.fields

    def test_a_name_that_hubspot_does_not_take(self, account: Account) -> None:
        with pytest.raises(UnknownField, match="Väärä"):
            account.open(fields=("email", "Väärä")).prepare()

    def test_a_missing_right(self, account: Account) -> None:
        account.sandbox.tokens["less"] = frozenset(SCOPES) - {"crm.schemas.contacts.write"}
        with pytest.raises(Misconfigured, match=r"crm\.schemas\.contacts\.write"):
            account.open(token="less", fields=("email", "hub_projects")).prepare()


class TestSettings:
    def test_the_token_is_not_shown(self) -> None:
        settings = Settings.model_validate({"token": "pat-eu1-secret"})
        assert "pat-eu1-secret" not in f"{settings!r} {settings}"
        assert settings.acts == ACTS

    @pytest.mark.parametrize("wrong", [{"legal_basis": "BECAUSE"}, {"overlap": -1}, {"tokn": "x"}])
    def test_wrong_ones(self, wrong: dict[str, object]) -> None:
        with pytest.raises(ValidationError):
            Settings.model_validate({"token": "x", **wrong})

    def test_topics_have_titles(self, account: Account) -> None:
        assert account.open().topics("contacts", "") == {
            NEWSLETTER: "Uutiskirje",
            EVENTS: "Tapahtumat",
            "*": "All e-mail",
        }
