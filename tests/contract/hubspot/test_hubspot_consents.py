"""Writing wishes: what is refused at HubSpot stays refused, and prohibitions always go out."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from hub.api import Consent, Stance, Verdict
from hub.domain.landscape import Ground
from hub.testing.factories import no, write, yes
from hub.testing.sandbox import FaultKind
from plugins.hubspot.sandbox import SCOPES
from tests.contract.hubspot.conftest import EVENTS, NEWSLETTER, Account, consented, ref

AINO, BERTTA = "aino@kuviteltu.example", "bertta@kuviteltu.example"
PERSON, API = "EMAIL_PREFERENCES_PAGE", "API"


def written(account: Account) -> list[dict[str, Any]]:
    """The statuses that were sent."""
    return [
        one
        for call in account.calls("statuses/batch/write")
        for one in orjson.loads(call["body"])["inputs"]
    ]


@pytest.mark.parametrize("source", [PERSON, API])
def test_a_refusal_is_found_before_anything_is_sent(account: Account, source: str) -> None:
    aino = account.add(AINO)
    account.sandbox.person_sets(AINO, NEWSLETTER, "UNSUBSCRIBED", source)
    (result,) = consented(account.open(), write(ref(aino), consents=[yes(NEWSLETTER)]))
    assert (result.verdict, result.reason) == (Verdict.REFUSED, "unsubscribed")
    assert account.status(AINO) == "UNSUBSCRIBED"
    assert written(account) == []


@pytest.mark.parametrize("source", [PERSON, API])
def test_an_opt_out_of_everything_is_a_refusal_of_each(account: Account, source: str) -> None:
    aino = account.add(AINO)
    account.sandbox.opt_out_of_all(AINO, source)
    (result,) = consented(account.open(), write(ref(aino), consents=[yes(NEWSLETTER)]))
    assert (result.verdict, result.reason) == (Verdict.REFUSED, "unsubscribed-from-all")
    assert written(account) == []


@pytest.mark.parametrize(
    ("source", "code"), [(PERSON, "cannot-resubscribe"), (API, "unsubscribed")]
)
def test_a_refusal_between_our_reading_and_our_writing_stands(
    account: Account, monkeypatch: pytest.MonkeyPatch, source: str, code: str
) -> None:
    aino = account.add(AINO)
    held = account.sandbox.authenticate

    def meanwhile(call: Any) -> None:
        if call.template.endswith("batch/write") and account.status(AINO) == "NOT_SPECIFIED":
            account.sandbox.person_sets(AINO, NEWSLETTER, "UNSUBSCRIBED", source)
        held(call)

    monkeypatch.setattr(account.sandbox, "authenticate", meanwhile)
    (result,) = consented(account.open(), write(ref(aino), consents=[yes(NEWSLETTER)]))
    assert (result.verdict, result.reason) == (Verdict.REFUSED, code)
    assert account.status(AINO) == "UNSUBSCRIBED"


def test_the_address_is_the_one_that_the_contact_has_now(account: Account) -> None:
    aino = account.add(BERTTA)
    stale = ref(aino, AINO)
    (result,) = consented(account.open(), write(stale, consents=[no(NEWSLETTER)]))
    assert result.verdict is Verdict.OK
    assert (account.status(BERTTA), account.status(AINO)) == ("UNSUBSCRIBED", "NOT_SPECIFIED")


@pytest.mark.parametrize(
    ("ground", "basis"),
    [
        (Ground.CONSENT, "CONSENT_WITH_NOTICE"),
        (Ground.CUSTOMER, "LEGITIMATE_INTEREST_CLIENT"),
        (Ground.WORK_ROLE, "LEGITIMATE_INTEREST_OTHER"),
        (Ground.COMPANY_MAILBOX, "NON_GDPR"),
    ],
)
def test_hubspot_is_told_of_no_consent_that_nobody_gave(
    account: Account, ground: Ground, basis: str
) -> None:
    """The hub says with each YES on what it rests (`hub.delivery.plan`)."""
    aino = account.add(AINO)
    wish = Consent(NEWSLETTER, Stance.YES, evidence={"basis": ground.value})
    (result,) = consented(account.open(), write(ref(aino), consents=[wish]))
    assert result.verdict is Verdict.OK
    (sent,) = written(account)
    assert sent["legalBasis"] == basis
    assert (sent["legalBasisExplanation"] == "Consent recorded in the hub") is (
        ground is Ground.CONSENT
    )


def test_everything_at_once(account: Account) -> None:
    aino = account.add(AINO)
    (result,) = consented(account.open(), write(ref(aino), consents=[no("*")]))
    assert result.verdict is Verdict.OK
    (kept,) = account.sandbox.state()["unsubscribed_all"]
    assert kept["email"] == AINO
    assert result.record is not None
    assert [(c.topic, c.stance) for c in result.record.consents] == [("*", Stance.NO)]
    (found,) = account.open().fetch("contacts", [ref(aino)])
    assert found is not None
    assert ("*", Stance.NO) in {(c.topic, c.stance) for c in found.consents}


def test_a_business_unit_is_left_alone_by_another(account: Account) -> None:
    aino = account.add(AINO)
    connector = account.open(business_unit=7)
    consented(connector, write(ref(aino), consents=[no("*")]))
    (kept,) = account.sandbox.state()["unsubscribed_all"]
    assert (kept["email"], kept["unit"]) == (AINO, "7")


def test_of_no_and_yes_together_the_no_is_written(account: Account) -> None:
    aino = account.add(AINO)
    connector = account.open(topics=(NEWSLETTER, EVENTS))
    for consents in ([no(NEWSLETTER), yes(NEWSLETTER)], [yes(NEWSLETTER), no(NEWSLETTER)]):
        (result,) = consented(connector, write(ref(aino), consents=consents))
        assert result.verdict is Verdict.REFUSED
        assert account.status(AINO) == "UNSUBSCRIBED"
    (result,) = consented(connector, write(ref(aino), consents=[no("*"), yes(EVENTS)]))
    assert result.verdict is Verdict.REFUSED
    assert account.status(AINO, EVENTS) == "NOT_SPECIFIED"
    assert len(account.sandbox.state()["unsubscribed_all"]) == 1


def test_a_yes_carries_its_ground(account: Account) -> None:
    aino, bertta = account.add(AINO), account.add(BERTTA)
    told = Consent(
        NEWSLETTER,
        Stance.YES,
        account.clock.now(),
        "form",
        {"legal_basis": "LEGITIMATE_INTEREST_CLIENT", "explanation": "asiakas"},
    )
    connector = account.open(legal_basis_explanation="Suostumus")
    consented(
        connector,
        write(ref(aino), consents=[told]),
        write(ref(bertta), consents=[yes(NEWSLETTER)]),
    )
    grounds = [(one["legalBasis"], one["legalBasisExplanation"]) for one in written(account)]
    assert grounds == [
        ("LEGITIMATE_INTEREST_CLIENT", "asiakas"),
        ("CONSENT_WITH_NOTICE", "Suostumus"),
    ]


def test_what_stands_already_is_not_sent(account: Account) -> None:
    aino = account.add(AINO)
    account.sandbox.person_sets(AINO, NEWSLETTER, "SUBSCRIBED", "FORM_SUBMISSION")
    (result,) = consented(account.open(), write(ref(aino), consents=[yes(NEWSLETTER)]))
    assert result.verdict is Verdict.OK
    assert written(account) == []
    assert result.record is not None
    assert [c.act for c in result.record.consents] == ["form"]


@pytest.mark.parametrize(
    ("consent", "code"),
    [
        (Consent(NEWSLETTER, Stance.UNSTATED), "stance"),
        (Consent(NEWSLETTER, Stance.UNDELIVERABLE), "stance"),
        (Consent("*", Stance.YES), "topic"),
        (Consent("uutiskirje", Stance.NO), "topic"),
        (Consent("999", Stance.NO), "invalid-subscription"),
    ],
)
def test_what_cannot_be_written(account: Account, consent: Consent, code: str) -> None:
    aino = account.add(AINO)
    (result,) = consented(account.open(), write(ref(aino), consents=[consent]))
    assert (result.verdict, result.reason) == (Verdict.PERMANENT, code)


def test_archived_contacts_can_refuse_but_not_consent(account: Account) -> None:
    aino, bertta = account.add(AINO), account.add(BERTTA)
    for one in (aino, bertta):
        found = account.sandbox.account.find(one)
        assert found
        account.sandbox.account.archive(found, account.sandbox.ms())
    results = consented(
        account.open(),
        write(ref(aino), consents=[no(NEWSLETTER)]),
        write(ref(bertta), consents=[yes(NEWSLETTER)]),
    )
    assert [(one.verdict, one.reason) for one in results] == [
        (Verdict.OK, ""),
        (Verdict.PERMANENT, "archived"),
    ]
    assert (account.status(AINO), account.status(BERTTA)) == ("UNSUBSCRIBED", "NOT_SPECIFIED")


def test_a_contact_without_an_address(account: Account) -> None:
    account.sandbox.seed({"contacts": [{"id": "9", "properties": {"firstname": "Nimetön"}}]})
    (result,) = consented(account.open(), write(ref("9"), consents=[no(NEWSLETTER)]))
    assert (result.verdict, result.reason) == (Verdict.PERMANENT, "email-missing")


@pytest.mark.parametrize("topic", [NEWSLETTER, "*"])
def test_a_partial_failure_is_told_one_by_one(account: Account, topic: str) -> None:
    ids = account.people(60)
    account.fault(FaultKind.PARTIAL, "batch/(write|unsubscribe-all)$", rate=0.5)
    results = consented(account.open(), *(write(ref(one), consents=[no(topic)]) for one in ids))
    state = account.sandbox.state()
    done = {one["email"] for one in state["unsubscribed_all"]} | {
        email for email, held in state["statuses"].items() if NEWSLETTER in held
    }
    assert 0 < len(done) < 60
    for result in results:
        assert result.record is not None
        expected = Verdict.OK if result.record.ref.email in done else Verdict.RETRYABLE
        assert result.verdict is expected


@pytest.mark.parametrize("kind", [FaultKind.EMPTY, FaultKind.TORN, FaultKind.DROP_AFTER])
def test_no_answer_is_unknown(account: Account, kind: FaultKind) -> None:
    aino, bertta = account.add(AINO), account.add(BERTTA)
    account.fault(kind, "batch/(write|unsubscribe-all)$")
    results = consented(
        account.open(),
        write(ref(aino), consents=[no(NEWSLETTER)]),
        write(ref(bertta), consents=[no("*")]),
    )
    assert [one.verdict for one in results] == [Verdict.UNKNOWN] * 2


def test_a_right_that_ends_in_the_middle(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    aino, bertta = account.add(AINO), account.add(BERTTA)
    held = account.sandbox.authenticate

    def revoking(call: Any) -> None:
        if call.template.endswith("statuses/batch/write"):
            account.sandbox.tokens["sandbox-token"] = frozenset(SCOPES[:2])
        held(call)

    monkeypatch.setattr(account.sandbox, "authenticate", revoking)
    results = consented(
        account.open(),
        write(ref(aino), consents=[no("*")]),
        write(ref(bertta), consents=[no(NEWSLETTER)]),
    )
    assert [(one.verdict, one.reason) for one in results] == [
        (Verdict.OK, ""),
        (Verdict.RETRYABLE, "misconfigured"),
    ]
