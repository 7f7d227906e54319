"""Restriction (Art. 18) in Mailchimp: archived with the former status remembered, and lifted."""

from __future__ import annotations

from typing import Any

import pytest
from support.vendor import by_email

from hub.api import (
    WHOLE_SCOPE,
    Act,
    Consent,
    RecordState,
    Ref,
    Result,
    Stance,
    Verdict,
    Write,
)
from hub.testing.factories import write
from hub.testing.sandbox import Answer, Fault, FaultKind
from plugins.mailer.mailchimp import Mailchimp
from tests.contract.mailer.conftest import CONFIRMED, LIST, PERMISSION, World

AINO = "aino@posti.example"


def known(world: World, scope: str = LIST, **more: Any) -> Ref:
    world.seed(scope, {"email_address": AINO, "status": "subscribed", **more})
    return Ref("members", scope, world.member(scope, AINO).contact_id, AINO)


def restrict(mailer: Mailchimp, ref: Ref, memo: str = "") -> Result:
    (result,) = mailer.restrict("members", [Write("k", ref, ref.scope, {}, memo=memo)])
    return result


def lift(mailer: Mailchimp, ref: Ref, memo: str) -> tuple[Verdict, str]:
    (result,) = mailer.lift("members", [Write("k", ref, ref.scope, {}, memo=memo)])
    return result.verdict, result.reason


def shown(mailer: Mailchimp, ref: Ref, act: Act) -> tuple[bool, str]:
    (found,) = mailer.verify([ref], act)
    assert found.ref == ref
    return found.done, found.code


@pytest.mark.parametrize("status", ["subscribed", "unsubscribed", "transactional"])
def test_restricted_and_brought_back(world: World, mailer: Mailchimp, status: str) -> None:
    ref = known(world, status=status, tags=["VIP"], marketing_permissions=[PERMISSION])
    result = restrict(mailer, ref)
    assert (result.verdict, result.reason, result.memo) == (Verdict.OK, "archived", status)
    assert result.record is not None
    assert result.record.state is RecordState.ARCHIVED
    member = world.member(LIST, AINO)
    assert (member.status, member.tags) == ("archived", {"vip": "VIP"})
    assert shown(mailer, ref, Act.RESTRICT) == (True, "archived")
    assert shown(mailer, ref, Act.LIFT) == (False, "archived")
    assert lift(mailer, ref, status) == (Verdict.OK, "")
    assert world.member(LIST, AINO).status == status
    assert world.member(LIST, AINO).ticked == {PERMISSION}
    assert shown(mailer, ref, Act.LIFT) == (True, status)
    assert shown(mailer, ref, Act.RESTRICT)[0] is (status == "unsubscribed")


@pytest.mark.parametrize("status", ["cleaned", "pending"])
def test_whom_mailchimp_archives_not_is_sent_nothing_anyway(
    world: World, mailer: Mailchimp, status: str
) -> None:
    ref = known(world, CONFIRMED, status=status)
    result = restrict(mailer, ref)
    assert (result.verdict, result.reason, result.memo) == (Verdict.OK, "nothing-sent", status)
    assert shown(mailer, ref, Act.RESTRICT) == (True, status)
    assert lift(mailer, ref, status) == (Verdict.OK, "not-archived")
    assert world.member(CONFIRMED, AINO).status == status
    if status == "pending":
        world.act(CONFIRMED, AINO, "confirm")
        assert shown(mailer, ref, Act.RESTRICT) == (False, "subscribed"), "it must be seen"


def test_a_status_that_changes_under_the_restriction(
    world: World, mailer: Mailchimp, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = known(world)
    real = world.sandbox._answer

    def bouncing(call: Any, endpoint: Any) -> Answer:
        if call.method == "DELETE":
            world.act(LIST, AINO, "bounce")
        return real(call, endpoint)

    monkeypatch.setattr(world.sandbox, "_answer", bouncing)
    assert restrict(mailer, ref).reason == "not-allowed"
    monkeypatch.undo()
    assert restrict(mailer, ref).reason == "nothing-sent"


def test_it_reads_neither_as_a_withdrawal_nor_as_a_deletion(
    world: World, mailer: Mailchimp
) -> None:
    world.act(LIST, AINO, "form-subscribe")
    before = by_email(mailer.read("members", LIST, None))[AINO]
    cursor = list(mailer.read("members", LIST, None))[-1].cursor
    world.clock.advance(3600)
    restrict(mailer, before.ref)
    for pages in (mailer.read("members", LIST, cursor), mailer.read("members", LIST, None)):
        record = by_email(pages)[AINO]
        assert record.state is RecordState.ARCHIVED
        assert record.consents[0].stance is Stance.UNSTATED
    (fetched,) = mailer.fetch("members", [before.ref])
    assert fetched is not None
    assert fetched.state is RecordState.ARCHIVED


@pytest.mark.parametrize("scope", [LIST, CONFIRMED])
def test_the_evidence_of_a_subscription_outlives_a_restriction(
    world: World, mailer: Mailchimp, scope: str
) -> None:
    """A subscription by API is marked as if the person had opted in just then."""
    world.act(scope, AINO, "form-subscribe")
    world.clock.advance(600)
    world.act(scope, AINO, "confirm")
    before = by_email(mailer.read("members", scope, None))[AINO]
    world.clock.advance(86400)
    memo = restrict(mailer, before.ref).memo
    world.clock.advance(86400)
    assert lift(mailer, before.ref, memo) == (Verdict.OK, "")
    after = by_email(mailer.read("members", scope, None))[AINO]
    assert after.consents == before.consents
    assert before.consents[0].act


def test_whoever_had_been_archived_before_stays_so(world: World, mailer: Mailchimp) -> None:
    ref = known(world, status="archived")
    result = restrict(mailer, ref)
    assert (result.verdict, result.reason) == (Verdict.OK, "already-archived")
    assert result.memo == "archived"
    assert not world.calls("DELETE")
    assert lift(mailer, ref, "archived") == (Verdict.PERMANENT, "was-archived")
    assert world.member(LIST, AINO).status == "archived", "nobody is subscribed who was not"


@pytest.mark.parametrize("kind", [FaultKind.DROP_AFTER, FaultKind.SERVER_ERROR, FaultKind.HTML])
def test_a_restriction_tried_twice_keeps_the_first_memo(
    world: World, mailer: Mailchimp, kind: FaultKind
) -> None:
    ref = known(world)
    world.sandbox.faults.append(Fault(kind, method="DELETE"))
    first = restrict(mailer, ref)
    assert first.memo == "subscribed"
    world.sandbox.faults.clear()
    again = restrict(mailer, ref, first.memo)
    assert (again.verdict, again.memo) == (Verdict.OK, "subscribed")


def test_what_verify_tells_before_is_a_memo(world: World, mailer: Mailchimp) -> None:
    """For whoever may be killed between the act and the keeping of its answer."""
    ref = known(world)
    _, code = shown(mailer, ref, Act.RESTRICT)
    restrict(mailer, ref, code)
    assert restrict(mailer, ref, code).memo == "subscribed"


def test_what_was_archived_without_an_answer_is_seen_at_once(
    world: World, mailer: Mailchimp
) -> None:
    ref = known(world)
    world.sandbox.faults.append(Fault(FaultKind.DROP_AFTER, method="DELETE"))
    result = restrict(mailer, ref)
    assert (result.verdict, result.memo) == (Verdict.OK, "subscribed")


def test_what_cannot_be_read_is_not_restricted(world: World, mailer: Mailchimp) -> None:
    ref = known(world)
    world.sandbox.faults.append(Fault(FaultKind.FORBIDDEN_EMPTY, method="GET"))
    assert restrict(mailer, ref).verdict is Verdict.RETRYABLE
    assert lift(mailer, ref, "subscribed") == (Verdict.RETRYABLE, "unread")
    assert not world.calls("DELETE")


def test_nobody_there(world: World, mailer: Mailchimp) -> None:
    nobody = Ref("members", LIST, "c0ffee")
    assert (restrict(mailer, nobody).verdict, restrict(mailer, nobody).reason) == (
        Verdict.OK,
        "absent",
    )
    assert shown(mailer, nobody, Act.RESTRICT) == (True, "removed-from-api")
    assert lift(mailer, nobody, "subscribed") == (Verdict.PERMANENT, "gone")
    assert shown(mailer, nobody, Act.LIFT) == (False, "removed-from-api")
    assert restrict(mailer, Ref("members", LIST, "", AINO)).reason == "no-id"


def test_a_refusal_that_came_meanwhile_stands(world: World, mailer: Mailchimp) -> None:
    ref = known(world)
    restrict(mailer, ref)
    world.act(LIST, AINO, "unsubscribe")
    assert shown(mailer, ref, Act.RESTRICT) == (True, "unsubscribed"), "nothing is sent"
    assert lift(mailer, ref, "subscribed") == (Verdict.REFUSED, "unsubscribed")
    assert world.member(LIST, AINO).status == "unsubscribed"
    assert not world.calls("PATCH")


def test_a_refusal_that_the_hub_knows_of_stands(world: World, mailer: Mailchimp) -> None:
    ref = known(world, status="archived")
    refused = [Consent(WHOLE_SCOPE, Stance.NO)]
    intent = Write("k", ref, ref.scope, {}, refused, memo="subscribed")
    (result,) = mailer.lift("members", [intent])
    assert (result.verdict, result.reason) == (Verdict.OK, "")
    assert world.member(LIST, AINO).status == "unsubscribed"
    assert shown(mailer, ref, Act.LIFT) == (True, "unsubscribed")


@pytest.mark.parametrize(
    ("state", "memo"),
    [("unsubscribed", "subscribed"), ("cleaned", "subscribed"), ("cleaned", "pending")],
)
def test_a_refusal_that_only_mailchimp_knows_stands(
    world: World, mailer: Mailchimp, state: str, memo: str
) -> None:
    """Archived, and in a compliance state for all that."""
    ref = known(world, status="archived", compliance=state)
    assert lift(mailer, ref, memo) == (Verdict.REFUSED, "compliance-state")
    assert world.member(LIST, AINO).status == "archived"


def test_a_refusal_that_comes_between_reading_and_writing(
    world: World, mailer: Mailchimp, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = known(world, status="archived")
    real = world.sandbox._answer

    def leaving(call: Any, endpoint: Any) -> Answer:
        answer = real(call, endpoint)
        if call.method == "GET":
            world.act(LIST, AINO, "unsubscribe")
        return answer

    monkeypatch.setattr(world.sandbox, "_answer", leaving)
    assert lift(mailer, ref, "subscribed") == (Verdict.REFUSED, "compliance-state")
    assert world.member(LIST, AINO).status == "unsubscribed"


def test_whoever_came_back_by_their_own_form_needs_no_lifting(
    world: World, mailer: Mailchimp
) -> None:
    ref = known(world)
    restrict(mailer, ref)
    world.act(LIST, AINO, "form-subscribe")
    assert shown(mailer, ref, Act.RESTRICT) == (False, "subscribed"), "it must be seen"
    assert lift(mailer, ref, "subscribed") == (Verdict.OK, "not-archived")
    assert not world.calls("PATCH")


@pytest.mark.parametrize("memo", ["", "vip", "Subscribed"])
def test_a_memo_that_says_nothing_subscribes_nobody(
    world: World, mailer: Mailchimp, memo: str
) -> None:
    ref = known(world, status="archived")
    assert lift(mailer, ref, memo) == (Verdict.PERMANENT, "no-memo")
    assert world.member(LIST, AINO).status == "archived"


def test_a_lifting_without_an_answer_is_not_repeated_by_itself(
    world: World, mailer: Mailchimp
) -> None:
    ref = known(world, status="archived")
    world.sandbox.faults.append(Fault(FaultKind.DROP_AFTER, method="PATCH"))
    assert lift(mailer, ref, "subscribed") == (Verdict.UNKNOWN, "no-answer")
    assert len(world.calls("PATCH")) == 1
    world.act(LIST, AINO, "unsubscribe")
    world.sandbox.faults.clear()
    assert lift(mailer, ref, "subscribed") == (Verdict.REFUSED, "unsubscribed")


def test_many_at_once_get_one_result_each(world: World, mailer: Mailchimp) -> None:
    people = [f"h{n}@posti.example" for n in range(30)]
    world.seed(LIST, *({"email_address": one, "status": "subscribed"} for one in people))
    refs = [Ref("members", LIST, world.member(LIST, one).contact_id) for one in people]
    batch = [write(ref) for ref in (*refs, Ref("members", LIST, "c0ffee"))]
    results = mailer.restrict("members", batch)
    assert [one.key for one in results] == [one.key for one in batch]
    assert [one.memo for one in results] == ["subscribed"] * 30 + [""]
