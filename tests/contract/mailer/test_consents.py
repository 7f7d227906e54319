"""The lane of permissions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from hub.api import Consent, Ref, Stance, Verdict
from hub.testing.factories import no, write, yes
from hub.testing.sandbox import Answer, Fault, FaultKind
from plugins.mailer.mailchimp import Mailchimp
from tests.contract.mailer.conftest import CONFIRMED, LIST, PERMISSION, World

AINO = "aino@posti.example"


def known(world: World, status: str, scope: str = LIST, **more: Any) -> Ref:
    world.seed(scope, {"email_address": AINO, "status": status, **more})
    return Ref("members", scope, world.member(scope, AINO).contact_id, AINO)


def sent(mailer: Mailchimp, ref: Ref, *consents: Consent) -> tuple[Verdict, str]:
    intent = write(ref, consents=consents)
    (result,) = mailer.write_consents("members", [intent])
    assert result.key == intent.key
    return result.verdict, result.reason


def patches(world: World) -> Sequence[Any]:
    return [json.loads(call["body"]) for call in world.calls("PATCH")]


@pytest.mark.parametrize(
    ("scope", "before", "after"),
    [
        (LIST, "transactional", "subscribed"),
        (LIST, "pending", "subscribed"),
        (CONFIRMED, "transactional", "pending"),
    ],
)
def test_a_yes(world: World, mailer: Mailchimp, scope: str, before: str, after: str) -> None:
    ref = known(world, before, scope)
    assert sent(mailer, ref, yes("*")) == (Verdict.OK, "")
    assert world.member(scope, AINO).status == after


@pytest.mark.parametrize(
    ("scope", "status"), [(LIST, "subscribed"), (CONFIRMED, "subscribed"), (CONFIRMED, "pending")]
)
def test_a_yes_that_is_there_already_writes_nothing(
    world: World, mailer: Mailchimp, scope: str, status: str
) -> None:
    assert sent(mailer, known(world, status, scope), yes("*")) == (Verdict.OK, "")
    assert not patches(world)


@pytest.mark.parametrize("consent", [yes("*"), yes(PERMISSION), Consent("*", Stance.PENDING)])
@pytest.mark.parametrize(
    ("status", "verdict"), [("unsubscribed", Verdict.REFUSED), ("cleaned", Verdict.PERMANENT)]
)
def test_a_refusal_and_a_bounce_are_left_alone_and_told_apart(
    world: World, mailer: Mailchimp, status: str, verdict: Verdict, consent: Consent
) -> None:
    """Also one that the vendor itself would let through: set by staff, no compliance state. Only
    a refusal is the person's."""
    ref = known(world, status, compliance="")
    assert sent(mailer, ref, consent) == (verdict, status)
    assert not patches(world)


def test_an_archived_member_is_neither_brought_back_nor_taken_for_a_refusal(
    world: World, mailer: Mailchimp
) -> None:
    assert sent(mailer, known(world, "archived"), yes("*")) == (Verdict.PERMANENT, "archived")
    assert world.member(LIST, AINO).status == "archived"


def test_a_refusal_that_comes_between_reading_and_writing(
    world: World, mailer: Mailchimp, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = known(world, "transactional")
    real = world.sandbox._answer

    def leaving(call: Any, endpoint: Any) -> Answer:
        answer = real(call, endpoint)
        if call.method == "GET":
            world.act(LIST, AINO, "unsubscribe")
        return answer

    monkeypatch.setattr(world.sandbox, "_answer", leaving)
    assert sent(mailer, ref, yes("*")) == (Verdict.REFUSED, "compliance-state")
    assert world.member(LIST, AINO).status == "unsubscribed"


@pytest.mark.parametrize(
    "before", ["subscribed", "pending", "transactional", "unsubscribed", "archived", "cleaned"]
)
def test_a_no_is_always_an_unsubscription(world: World, mailer: Mailchimp, before: str) -> None:
    assert sent(mailer, known(world, before), no("*")) == (Verdict.OK, "")
    assert world.member(LIST, AINO).status == "unsubscribed"
    assert not world.calls("GET"), "a NO asks nothing first"


def test_permissions_are_ticked_and_unticked(world: World, mailer: Mailchimp) -> None:
    ref = known(world, "subscribed", marketing_permissions=["aa00bb"])
    assert sent(mailer, ref, yes(PERMISSION), no("aa00bb")) == (Verdict.OK, "")
    assert world.member(LIST, AINO).ticked == {PERMISSION}
    assert world.member(LIST, AINO).status == "subscribed", "a box is not the whole"


def test_a_permission_that_is_not_there_is_permanent(world: World, mailer: Mailchimp) -> None:
    assert sent(mailer, known(world, "subscribed"), yes("nosuch")) == (
        Verdict.PERMANENT,
        "field:marketing_permissions",
    )


def test_the_nos_of_a_refused_write_are_carried_out(world: World, mailer: Mailchimp) -> None:
    ref = known(world, "unsubscribed", marketing_permissions=["aa00bb"])
    assert sent(mailer, ref, yes(PERMISSION), no("aa00bb")) == (Verdict.REFUSED, "unsubscribed")
    assert world.member(LIST, AINO).ticked == set()


def test_what_cannot_be_said_to_mailchimp(world: World, mailer: Mailchimp) -> None:
    ref = known(world, "subscribed")
    bounce = Consent("*", Stance.UNDELIVERABLE)
    assert sent(mailer, ref, bounce) == (Verdict.PERMANENT, "stance-not-writable")
    assert not patches(world)


def test_nobody_there_is_permanent(world: World, mailer: Mailchimp) -> None:
    nobody = Ref("members", LIST, "c0ffee", AINO)
    assert sent(mailer, nobody, yes("*")) == (Verdict.PERMANENT, "gone")
    assert sent(mailer, nobody, no("*")) == (Verdict.PERMANENT, "gone")
    assert sent(mailer, Ref("members", LIST, ""), no("*")) == (Verdict.PERMANENT, "no-id")


def test_a_reading_that_fails_leaves_the_yes_unsent(world: World, mailer: Mailchimp) -> None:
    ref = known(world, "transactional")
    world.sandbox.faults.append(Fault(FaultKind.SERVER_ERROR, method="GET"))
    assert sent(mailer, ref, yes("*")) == (Verdict.RETRYABLE, "unread")
    assert not patches(world)


def test_a_yes_is_not_repeated_after_an_uncertain_answer(world: World, mailer: Mailchimp) -> None:
    ref = known(world, "transactional")
    world.sandbox.faults.append(Fault(FaultKind.DROP_AFTER, method="PATCH", times=1))
    verdict, _ = sent(mailer, ref, yes("*"))
    assert verdict is Verdict.UNKNOWN
    assert len(patches(world)) == 1


def test_a_no_is_repeated_until_it_is_certain(world: World, mailer: Mailchimp) -> None:
    ref = known(world, "subscribed")
    world.sandbox.faults.append(Fault(FaultKind.DROP_AFTER, method="PATCH", times=1))
    assert sent(mailer, ref, no("*")) == (Verdict.OK, "")
    assert len(patches(world)) == 2


def test_what_staff_resubscribed_gives_no_act_when_it_is_read(
    world: World, mailer: Mailchimp
) -> None:
    """The complaint of the shop plugin that resubscribed everybody: a stale "subscribed" is read
    as what it is, without an act that would count after the refusal."""
    world.act(LIST, AINO, "form-subscribe")
    (before,) = mailer.fetch("members", [Ref("members", LIST, "", AINO)])
    world.clock.advance(86_400)
    world.act(LIST, AINO, "staff-unsubscribe")
    refused = world.clock.now()
    world.clock.advance(86_400)
    world.sandbox.audiences[LIST].set_status(
        world.member(LIST, AINO), "subscribed", world.clock.now().isoformat()
    )
    (after,) = mailer.fetch("members", [Ref("members", LIST, "", AINO)])
    assert before is not None
    assert after is not None
    assert after.consents[0].stance is Stance.YES
    assert after.consents[0].at is not None
    assert after.consents[0].at < refused
    assert after.consents[0].at == before.consents[0].at
