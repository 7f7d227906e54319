"""Rights of data subjects in Mailchimp: found, exported, corrected, deleted for good."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from hub.api import (
    EXISTS,
    Act,
    ActivityKind,
    AuthFailed,
    ConnectorError,
    Held,
    Locates,
    RecordState,
    Ref,
    Sought,
    Verdict,
)
from hub.testing.factories import write, yes
from hub.testing.sandbox import Answer, Fault, FaultKind
from plugins.mailer.mailchimp import Mailchimp
from tests.contract.mailer.conftest import CONFIRMED, LIST, PERMISSION, World

AINO, NEW = "aino@posti.example", "uusi@posti.example"
OTHER = "vanha-uutiskirje"


@pytest.fixture
def unlisted(world: World) -> str:
    """An audience of the account that is not configured."""
    audience = {"id": OTHER, "name": "Vanha", "merge_fields": [{"tag": "FNAME"}]}
    world.sandbox.seed({"lists": [audience]})
    return OTHER


def known(world: World, scope: str = LIST, email: str = AINO, **more: Any) -> Ref:
    world.seed(scope, {"email_address": email, "status": "subscribed", **more})
    return Ref("members", scope, world.member(scope, email).contact_id, email)


def places(held: Any) -> list[tuple[str, str, str]]:
    return [(one.ref.scope, one.by, one.state.value) for one in held]


def ended(results: Any) -> tuple[Verdict, str]:
    (result,) = results
    return result.verdict, result.reason


# finding


def located(connector: Locates, **sought: Any) -> Sequence[Held]:
    (held,) = connector.locate([Sought(**sought)])
    return held


@pytest.mark.parametrize(
    "status", ["subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived"]
)
def test_someone_is_found_in_every_audience_whatever_their_status(
    world: World, mailer: Mailchimp, unlisted: str, status: str
) -> None:
    refs = [known(world, scope, status=status) for scope in (LIST, CONFIRMED, unlisted)]
    held = located(mailer, emails=[AINO.upper()])
    state = RecordState.ARCHIVED if status == "archived" else RecordState.LIVE
    assert held == [Held(ref, "email", state) for ref in refs]


def test_a_linked_member_is_found_after_their_address_changed(
    world: World, mailer: Mailchimp, unlisted: str
) -> None:
    """And by the new address, where else that is known."""
    ref = known(world)
    known(world, unlisted, NEW)
    world.act(LIST, AINO, "profile", new_email=NEW)
    held = located(mailer, emails=[AINO], refs=[ref])
    assert places(held) == [(LIST, "link", "live"), (unlisted, "alias", "live")]
    assert held[0].ref == Ref("members", LIST, ref.id, NEW)


def test_each_is_told_once(world: World, mailer: Mailchimp) -> None:
    ref = known(world)
    twice = Ref("members", "", ref.id)
    held = located(mailer, emails=[AINO, AINO.title()], refs=[ref, twice, ref])
    assert places(held) == [(LIST, "link", "live")]
    assert located(mailer) == []
    stranger = Ref("contacts", "", ref.id)
    assert located(mailer, emails=["x@y.example"], phones=["+358"], refs=[stranger]) == []


def test_more_audiences_than_a_page(
    world: World, mailer: Mailchimp, monkeypatch: pytest.MonkeyPatch, unlisted: str
) -> None:
    monkeypatch.setattr("plugins.mailer.mailchimp_holding.PAGE", 2)
    known(world, unlisted)
    assert places(located(mailer, emails=[AINO])) == [(unlisted, "email", "live")]


@pytest.mark.parametrize("route", [r"/lists$", r"\{member\}$"])
def test_what_cannot_be_asked_is_an_error_and_no_shorter_list(
    world: World, mailer: Mailchimp, unlisted: str, route: str
) -> None:
    known(world)
    known(world, unlisted)
    world.sandbox.faults.append(Fault(FaultKind.FORBIDDEN_EMPTY, route=route))
    with pytest.raises(ConnectorError):
        located(mailer, emails=[AINO])
    world.sandbox.faults.clear()
    with pytest.raises(AuthFailed):
        located(world.open(key="wrong-us21"), emails=[AINO])


# exporting


def test_all_that_is_kept_with_a_member_is_exported(world: World, mailer: Mailchimp) -> None:
    event = {"name": "kävi", "occurred_at": "2026-10-01T08:00:00+00:00", "properties": {"a": "b"}}
    ref = known(
        world,
        merge_fields={"FNAME": "Aino", "AGE": 41.0},
        tags=[f"t{n:02}" for n in range(60)],
        marketing_permissions=[PERMISSION],
        notes=["Soitti tänään"],
        events=[event],
        ip_signup="198.51.100.7",
    )
    world.send("c1", title="Syksy")
    world.act(LIST, AINO, "click", campaign="c1", url="https://crowst.example/?a=b")
    world.act(LIST, AINO, "unsubscribe")
    (exported,) = mailer.export([ref, Ref("members", LIST, "c0ffee")])
    assert exported.ref == ref
    values = json.loads(json.dumps(exported.values))
    assert values["audience"] == {"id": LIST, "name": "Crowst: uutiset"}
    assert values["member"]["merge_fields"] == {"FNAME": "Aino", "LNAME": "", "AGE": 41.0}
    assert values["member"]["ip_signup"] == "198.51.100.7"
    assert [one["enabled"] for one in values["member"]["marketing_permissions"]] == [True, False]
    assert len(values["tags"]) == 60
    assert [note["note"] for note in values["notes"]] == ["Soitti tänään"]
    assert values["events"] == [event]
    assert [one["activity_type"] for one in values["activity"]] == ["unsubscribe", "click", "sent"]
    assert values["activity"][1]["link_clicked"].endswith("?a=b"), "their own, whole"
    mails = {one.id: one.kind for one in exported.activities}
    assert sorted(mails.values()) == [ActivityKind.MAIL_CLICKED, ActivityKind.MAIL_SENT]
    told = [one for page in mailer.activities("members", LIST, None) for one in page.activities]
    assert mails.keys() == {one.id for one in told}, "the same things have the same ids"


def test_an_export_that_is_cut_short_is_an_error(world: World, mailer: Mailchimp) -> None:
    ref = known(world)
    world.sandbox.faults.append(Fault(FaultKind.FORBIDDEN_EMPTY, route="/notes"))
    with pytest.raises(ConnectorError):
        mailer.export([ref])


# correcting


def test_fields_and_the_address_are_corrected_in_any_audience(
    world: World, mailer: Mailchimp, unlisted: str
) -> None:
    ref = known(world, unlisted, status="unsubscribed", merge_fields={"FNAME": "Anio"})
    fix = write(ref, {"FNAME": "Aino", "LNAME": "Mäkelä", "email_address": NEW})
    assert ended(mailer.rectify("members", [fix])) == (Verdict.OK, "")
    member = world.member(unlisted, NEW)
    assert (member.merge_fields, member.status) == ({"FNAME": "Aino"}, "unsubscribed")
    assert member.contact_id == ref.id


def test_an_audience_without_the_field_holds_no_wrong_value(
    world: World, mailer: Mailchimp, unlisted: str
) -> None:
    fix = write(known(world, unlisted), {"LNAME": "Mäkelä"})
    assert ended(mailer.rectify("members", [fix])) == (Verdict.OK, "not-held")


def test_correcting_asks_for_no_other_field_that_an_audience_requires(
    world: World, mailer: Mailchimp
) -> None:
    ref = known(world, CONFIRMED, merge_fields={"FNAME": "Anio"})
    fix = write(ref, {"FNAME": "Aino"})
    assert ended(mailer.write("members", [fix])) == (Verdict.PERMANENT, "required:LNAME")
    assert ended(mailer.rectify("members", [fix])) == (Verdict.OK, "")


def test_correcting_someone_who_is_restricted_leaves_them_so(
    world: World, mailer: Mailchimp
) -> None:
    ref = known(world, status="archived", merge_fields={"FNAME": "Anio"})
    assert ended(mailer.rectify("members", [write(ref, {"FNAME": "Aino"})])) == (Verdict.OK, "")
    assert world.member(LIST, AINO).status == "archived"


def test_corrections_that_cannot_be_made(world: World, mailer: Mailchimp) -> None:
    ref = known(world)
    known(world, LIST, NEW)
    cases: list[tuple[Ref, dict[str, Any], str]] = [
        (ref, {"email_address": NEW}, "address-taken"),
        (Ref("members", LIST, "c0ffee"), {"FNAME": "x"}, "gone"),
        (Ref("members", LIST, "", AINO), {"FNAME": "x"}, "no-id"),
    ]
    for one, fields, reason in cases:
        result = mailer.rectify("members", [write(one, fields)])
        assert ended(result) == (Verdict.PERMANENT, reason)


# deleting for good


def test_erasure_goes_by_contact_id_to_the_present_address(
    world: World, mailer: Mailchimp, unlisted: str
) -> None:
    refs = [known(world), known(world, unlisted)]
    neighbour = known(world, LIST, NEW)
    world.act(unlisted, AINO, "profile", new_email="muutti@posti.example")
    results = mailer.erase("members", [write(ref) for ref in refs])
    assert [(one.verdict, one.reason) for one in results] == [(Verdict.OK, "erased")] * 2
    assert [one.done for one in mailer.verify(refs, Act.ERASE)] == [True, True]
    assert {one.code for one in mailer.verify(refs, Act.ERASE)} == {"removed-from-api"}
    (left,) = mailer.verify([neighbour], Act.ERASE)
    assert (left.done, left.code) == (False, "subscribed")
    assert located(mailer, emails=[AINO], refs=refs) == []


def test_erasing_again_says_absent_and_sends_nothing(world: World, mailer: Mailchimp) -> None:
    ref = known(world)
    mailer.erase("members", [write(ref)])
    world.act(LIST, AINO, "form-subscribe")
    world.sandbox.journal.clear()
    assert ended(mailer.erase("members", [write(ref)])) == (Verdict.OK, "absent")
    assert not world.calls("POST")
    assert world.member(LIST, AINO).status == "subscribed", "who came back by their own act stays"


def test_erasure_by_address_alone_is_not_done(world: World, mailer: Mailchimp) -> None:
    known(world)
    unknown = write(Ref("members", LIST, "", AINO))
    assert ended(mailer.erase("members", [unknown])) == (Verdict.PERMANENT, "no-id")
    assert ended(mailer.erase("members", [write(scope=LIST)])) == (Verdict.PERMANENT, "no-id")
    assert world.member(LIST, AINO).status == "subscribed"


def test_an_address_that_moves_under_the_erasure_is_not_taken_for_absent(
    world: World, mailer: Mailchimp, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = known(world)
    real = world.sandbox._answer

    def moving(call: Any, endpoint: Any) -> Answer:
        if call.method == "POST":
            world.act(LIST, ref.id, "profile", new_email=NEW)
        return real(call, endpoint)

    monkeypatch.setattr(world.sandbox, "_answer", moving)
    assert ended(mailer.erase("members", [write(ref)])) == (Verdict.RETRYABLE, "moved")
    monkeypatch.undo()
    assert ended(mailer.erase("members", [write(ref)])) == (Verdict.OK, "erased")


def test_an_erasure_without_an_answer_is_unknown_and_not_repeated(
    world: World, mailer: Mailchimp
) -> None:
    ref = known(world)
    world.sandbox.faults.append(Fault(FaultKind.DROP_AFTER, method="POST"))
    assert ended(mailer.erase("members", [write(ref)])) == (Verdict.UNKNOWN, "no-answer")
    assert len(world.calls("POST")) == 1
    world.sandbox.faults.clear()
    assert ended(mailer.erase("members", [write(ref)])) == (Verdict.OK, "absent")


def test_a_member_that_cannot_be_read_is_not_erased(world: World, mailer: Mailchimp) -> None:
    ref = known(world)
    world.sandbox.faults.append(Fault(FaultKind.FORBIDDEN_EMPTY, method="GET"))
    assert ended(mailer.erase("members", [write(ref)])) == (Verdict.RETRYABLE, "unread")
    assert not world.calls("POST")
    world.sandbox.faults.clear()
    with pytest.raises(AuthFailed):
        world.open(key="wrong-us21").erase("members", [write(ref)])


def test_after_an_erasure_only_the_persons_own_form_brings_them_back(
    world: World, mailer: Mailchimp
) -> None:
    mailer.erase("members", [write(known(world))])
    again = write(fields={"email_address": AINO}, scope=LIST, consents=[yes("*")])
    result = mailer.write("members", [again])
    assert ended(result) == (Verdict.REFUSED, "forgotten")
    world.act(LIST, AINO, "form-subscribe")
    (record,) = (r for p in mailer.read("members", LIST, None) for r in p.records)
    assert (record.ref.email, record.consents[0].act) == (AINO, "form")
    assert ended(mailer.write("members", [again])) == (Verdict.PERMANENT, EXISTS)


def test_nothing_of_an_erased_person_is_left_in_the_account(
    world: World, mailer: Mailchimp
) -> None:
    ref = known(world, merge_fields={"FNAME": "Aino"}, notes=["Soitti"])
    world.send("c1")
    world.act(LIST, AINO, "open", campaign="c1")
    mailer.erase("members", [write(ref)])
    state = json.dumps(world.sandbox.state())
    for trace in (AINO, "Aino", "Soitti", ref.id):
        assert trace not in state
    reports = [page for page in mailer.activities("members", LIST, None) if page.activities]
    assert reports == [], "a report keeps numbers, and names nobody"
