"""Erasure: by id and never by address, and what reading back shows."""

from __future__ import annotations

import pytest

from hub.api import (
    Act,
    AuthFailed,
    BadAnswer,
    MissingScope,
    Ref,
    Result,
    Unavailable,
    Verdict,
)
from hub.testing.factories import write
from hub.testing.sandbox import Answer, FaultKind
from plugins.hubspot.connector import HUBSPOT, HubSpot
from plugins.hubspot.sandbox import SCOPES
from tests.contract.hubspot.conftest import (
    NEWSLETTER,
    Account,
    archive,
    create,
    merge,
    ref,
    sent,
)

AINO, BERTTA, CECILIA = (f"{n}@kuviteltu.example" for n in ("aino", "bertta", "cecilia"))


def erased(connector: HubSpot, *ids: str) -> list[Result]:
    writes = [write(ref(one)) for one in ids]
    results = connector.erase("contacts", writes)
    assert [one.key for one in results] == [one.key for one in writes]
    return list(results)


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

    @pytest.mark.parametrize(
        "kind",
        [FaultKind.DROP_AFTER, FaultKind.DROP, FaultKind.SERVER_ERROR, FaultKind.HTML],
    )
    def test_no_answer_is_unknown_and_may_be_sent_again(
        self, account: Account, kind: FaultKind
    ) -> None:
        aino = account.add(AINO)
        connector = account.open()
        account.fault(kind, "gdpr-delete", times=1)
        (result,) = erased(connector, aino)
        assert (result.verdict, result.reason) == (Verdict.UNKNOWN, "no-answer")
        assert len(account.calls("gdpr-delete")) == 1
        (shown,) = connector.verify([ref(aino)], Act.ERASE)
        assert shown.done is (kind is FaultKind.DROP_AFTER)
        (result,) = erased(connector, aino)
        assert result.verdict is Verdict.OK
        assert connector.verify([ref(aino)], Act.ERASE)[0].done

    def test_an_account_that_is_called_too_often(self, account: Account) -> None:
        aino = account.add(AINO)
        account.fault(FaultKind.TOO_MANY, "gdpr-delete", value=7200.0)
        (result,) = erased(account.open(), aino)
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
