"""Creates and updates, with every trap on the way."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hub.api import EXISTS, AuthFailed, RecordState, Ref, Stance, Verdict, Write
from hub.testing.factories import no, write, yes
from hub.testing.sandbox import Answer, Fault, FaultKind
from plugins.mailer.mailchimp import Mailchimp
from tests.contract.mailer.conftest import CONFIRMED, LIST, PERMISSION, World

AINO = "aino@posti.example"


def create(email: str = AINO, scope: str = LIST, consents: Any = (), **fields: Any) -> Write:
    return write(fields={"email_address": email, **fields}, scope=scope, consents=consents)


def known(world: World, email: str = AINO, scope: str = LIST, **more: Any) -> Ref:
    """Someone who is there already."""
    world.seed(scope, {"email_address": email, "status": "subscribed", **more})
    return Ref("members", scope, world.member(scope, email).contact_id, email)


def sent(mailer: Mailchimp, *writes: Write) -> list[tuple[Verdict, str]]:
    results = mailer.write("members", writes)
    assert [result.key for result in results] == [one.key for one in writes]
    return [(result.verdict, result.reason) for result in results]


@pytest.mark.parametrize(
    ("scope", "consents", "status"),
    [
        (LIST, [yes("*")], "subscribed"),
        (CONFIRMED, [yes("*")], "pending"),
        (LIST, [no("*")], "unsubscribed"),
        (LIST, [], "transactional"),
        (LIST, [yes(PERMISSION)], "transactional"),
    ],
)
def test_the_first_status(
    world: World, mailer: Mailchimp, scope: str, consents: Any, status: str
) -> None:
    intent = create(scope=scope, consents=consents, LNAME="Mäkelä")
    assert sent(mailer, intent) == [(Verdict.OK, "")]
    assert world.member(scope, AINO).status == status


def test_plain_creates_are_one_batch_and_one_reading_back(world: World, mailer: Mailchimp) -> None:
    batch = [create(f"h{n}@posti.example", FNAME=str(n)) for n in range(500)]
    results = mailer.write("members", batch)
    assert {result.verdict for result in results} == {Verdict.OK}
    assert [(c["method"], c["route"].split("}")[-1]) for c in world.calls()] == [
        ("GET", "/members"),  # are any of them archived?
        ("POST", ""),
        ("GET", "/members"),  # their contact ids
    ]
    for n, result in enumerate(results):
        assert result.record is not None
        assert result.record.fields["FNAME"] == str(n)
        assert result.record.ref.id == world.member(LIST, f"h{n}@posti.example").contact_id


def test_tags_and_permissions_come_with_the_member(world: World, mailer: Mailchimp) -> None:
    intent = create(consents=[yes("*"), yes(PERMISSION)], tags=("VIP", "syksy"))
    (result,) = mailer.write("members", [intent])
    assert result.verdict is Verdict.OK
    assert result.record is not None
    assert result.record.fields["tags"] == ("VIP", "syksy")
    stances = {consent.topic: consent.stance for consent in result.record.consents}
    assert stances[PERMISSION] is Stance.YES
    assert world.member(LIST, AINO).ticked == {PERMISSION}


@pytest.mark.parametrize("fields", [{}, {"tags": ("VIP",)}], ids=["batch", "single"])
def test_a_create_leaves_alone_whoever_is_there(
    world: World, mailer: Mailchimp, fields: dict[str, Any]
) -> None:
    ref = known(world, status="unsubscribed", merge_fields={"FNAME": "Aino"})
    intent = create(FNAME="Eino", consents=[yes("*")], **fields)
    (result,) = mailer.write("members", [intent])
    assert (result.verdict, result.reason) == (Verdict.PERMANENT, EXISTS)
    assert result.record is not None
    assert result.record.ref.id == ref.id
    member = world.member(LIST, AINO)
    assert (member.status, member.merge_fields, member.tags) == (
        "unsubscribed",
        {"FNAME": "Aino"},
        {},
    )


def test_a_create_does_not_bring_an_archived_member_back(world: World, mailer: Mailchimp) -> None:
    known(world)
    world.act(LIST, AINO, "archive")
    (result,) = mailer.write("members", [create(consents=[yes("*")])])
    assert (result.verdict, result.reason) == (Verdict.PERMANENT, EXISTS)
    assert result.record is not None
    assert result.record.state is RecordState.ARCHIVED
    assert world.member(LIST, AINO).status == "archived"


def test_many_archived_members_are_not_paged_through_for_one_create(
    world: World, mailer: Mailchimp
) -> None:
    members = [{"email_address": f"a{n}@posti.example", "status": "archived"} for n in range(1001)]
    world.seed(LIST, *members)
    assert sent(mailer, create("a7@posti.example"), create()) == [
        (Verdict.PERMANENT, EXISTS),
        (Verdict.OK, ""),
    ]


def test_whoever_was_deleted_for_good_is_refused(world: World, mailer: Mailchimp) -> None:
    known(world)
    known(world, "vip@posti.example")
    world.act(LIST, AINO, "delete")
    world.act(LIST, "vip@posti.example", "delete")
    asked = create(consents=[yes("*")])
    assert sent(mailer, asked, create("vip@posti.example", tags=("VIP",))) == [
        (Verdict.REFUSED, "forgotten"),
        (Verdict.REFUSED, "forgotten"),
    ]


def test_each_input_of_a_200_with_errors_gets_its_verdict(world: World, mailer: Mailchimp) -> None:
    known(world)
    batch = [
        create("uusi@posti.example", CONFIRMED, LNAME="Uusi"),
        create("nimeton@posti.example", CONFIRMED),
        create("rikki@posti.invalid", CONFIRMED, LNAME="x"),
        create("ei-osoite", CONFIRMED, LNAME="x"),
        create("lista@posti.example", CONFIRMED, LNAME=("a", "b")),
        create(AINO),
        create(AINO.upper()),
    ]
    assert sent(mailer, *batch) == [
        (Verdict.OK, ""),
        (Verdict.PERMANENT, "required:LNAME"),
        (Verdict.PERMANENT, "invalid-address"),
        (Verdict.PERMANENT, "invalid-address"),
        (Verdict.PERMANENT, "field-shape"),
        (Verdict.PERMANENT, EXISTS),
        (Verdict.PERMANENT, EXISTS),
    ]


def test_partial_failures_are_retryable(world: World, mailer: Mailchimp) -> None:
    world.sandbox.faults.append(Fault(FaultKind.PARTIAL, times=1))
    assert sent(mailer, create(), create("b@posti.example")) == [
        (Verdict.RETRYABLE, "try-again"),
        (Verdict.OK, ""),
    ]


def test_an_input_that_the_answer_does_not_name_is_unknown(
    world: World, mailer: Mailchimp, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = world.sandbox._answer

    def forgetful(call: Any, endpoint: Any) -> Answer:
        answer = real(call, endpoint)
        if call.method == "POST":
            del answer.body["new_members"][0]
        return answer

    monkeypatch.setattr(world.sandbox, "_answer", forgetful)
    assert sent(mailer, create(), create("b@posti.example")) == [
        (Verdict.UNKNOWN, "not-named"),
        (Verdict.OK, ""),
    ]


def test_one_member_against_the_schema_does_not_spoil_the_batch(
    world: World, mailer: Mailchimp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vendor refuses the whole call for one of them: it is found by halving."""
    real = world.sandbox._answer

    def strict(call: Any, endpoint: Any) -> Answer:
        if call.method == "POST" and b"b3@posti.example" in call.body:
            return world.sandbox.problem(400, "Invalid Resource", "Schema describes string")
        return real(call, endpoint)

    monkeypatch.setattr(world.sandbox, "_answer", strict)
    verdicts = [
        verdict for verdict, _ in sent(mailer, *(create(f"b{n}@posti.example") for n in range(8)))
    ]
    assert verdicts == [Verdict.PERMANENT if n == 3 else Verdict.OK for n in range(8)]


def test_an_empty_success_is_unknown(world: World, mailer: Mailchimp) -> None:
    ref = known(world)
    world.sandbox.faults.append(Fault(FaultKind.EMPTY, method="PATCH"))
    world.sandbox.faults.append(Fault(FaultKind.EMPTY, method="POST"))
    results = sent(mailer, write(ref, {"FNAME": "Eino"}), create("b@posti.example"))
    assert [verdict for verdict, _ in results] == [Verdict.UNKNOWN, Verdict.UNKNOWN]


def test_an_update_goes_by_contact_id_and_carries_no_status(
    world: World, mailer: Mailchimp
) -> None:
    ref = known(world, merge_fields={"FNAME": "Aino", "LNAME": "Mäkelä"}, status="unsubscribed")
    assert sent(mailer, write(ref, {"FNAME": "Eino", "LNAME": None})) == [(Verdict.OK, "")]
    (call,) = world.calls("PATCH")
    assert call["path"]["member"] == ref.id
    assert json.loads(call["body"]) == {"merge_fields": {"FNAME": "Eino", "LNAME": ""}}
    member = world.member(LIST, AINO)
    assert (member.status, member.merge_fields["LNAME"]) == ("unsubscribed", "")


def test_a_changed_address_keeps_the_contact(world: World, mailer: Mailchimp) -> None:
    ref = known(world)
    known(world, "varattu@posti.example")
    (result,) = mailer.write("members", [write(ref, {"email_address": "uusi@posti.example"})])
    assert result.record is not None
    assert result.record.ref == Ref("members", LIST, ref.id, "uusi@posti.example")
    assert sent(mailer, write(ref, {"email_address": "varattu@posti.example"})) == [
        (Verdict.PERMANENT, "address-taken")
    ]


def test_tags_become_the_full_list_that_is_written(world: World, mailer: Mailchimp) -> None:
    ref = known(world, tags=["VIP", "vanha"])
    (result,) = mailer.write("members", [write(ref, {"tags": ("vip", "uusi")})])
    assert result.verdict is Verdict.OK
    assert result.record is not None
    assert result.record.fields["tags"] == ("VIP", "uusi")
    (call,) = world.calls("POST", ending="/tags")
    assert json.loads(call["body"])["tags"] == [
        {"name": "uusi", "status": "active"},
        {"name": "vanha", "status": "inactive"},
    ]
    assert not world.calls("PATCH"), "nothing but tags was written"


def test_a_write_without_tags_removes_none(world: World, mailer: Mailchimp) -> None:
    ref = known(world, tags=["VIP"])
    sent(mailer, write(ref, {"FNAME": "Eino"}))
    sent(mailer, write(ref, {"FNAME": "Eino", "tags": ("VIP",)}))
    assert world.member(LIST, AINO).tags == {"vip": "VIP"}
    assert not world.calls("POST", ending="/tags")
    sent(mailer, write(ref, {"tags": None}))
    assert world.member(LIST, AINO).tags == {}


def test_tags_that_fail_after_the_fields_are_written_must_be_read_back(
    world: World, mailer: Mailchimp
) -> None:
    ref = known(world)
    world.sandbox.faults.append(Fault(FaultKind.FORBIDDEN_EMPTY, method="POST"))
    assert sent(mailer, write(ref, {"FNAME": "Eino", "tags": ("VIP",)})) == [
        (Verdict.UNKNOWN, "tags:throttled")
    ]
    assert sent(mailer, write(ref, {"tags": ("VIP",)})) == [(Verdict.RETRYABLE, "throttled")]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"LNAME": None}, "required:LNAME"),
        ({"email_address": "rikki@posti.invalid"}, "invalid-address"),
        ({"email_address": None}, "field-shape"),
        ({"tags": "VIP"}, "field-shape"),
    ],
)
def test_what_can_never_be_written(
    world: World, mailer: Mailchimp, fields: dict[str, Any], reason: str
) -> None:
    ref = known(world, scope=CONFIRMED, merge_fields={"LNAME": "Mäkelä"})
    assert sent(mailer, write(ref, fields)) == [(Verdict.PERMANENT, reason)]


def test_no_id_and_no_address_is_permanent(mailer: Mailchimp) -> None:
    assert sent(mailer, write(Ref("members", LIST, ""), {"FNAME": "x"})) == [
        (Verdict.PERMANENT, "no-id")
    ]


def test_by_address_where_the_id_is_not_known(world: World, mailer: Mailchimp) -> None:
    ref = known(world)
    unknown = Ref("members", LIST, "", AINO.upper())
    assert sent(mailer, write(unknown, {"FNAME": "Eino"})) == [(Verdict.OK, "")]
    (found,) = mailer.fetch("members", [unknown])
    assert found is not None
    assert found.ref.id == ref.id


def test_the_throttle_without_a_body_is_retryable(world: World, mailer: Mailchimp) -> None:
    ref = known(world)
    world.sandbox.faults.append(Fault(FaultKind.FORBIDDEN_EMPTY))
    batch = [write(ref, {"FNAME": "Eino"}), create("b@posti.example")]
    assert {verdict for verdict, _ in sent(mailer, *batch)} == {Verdict.RETRYABLE}


def test_a_refused_key_is_raised_for_the_whole_batch(world: World) -> None:
    ref = known(world)
    with pytest.raises(AuthFailed):
        world.open(key="wrong-us21").write(
            "members", [write(ref, {"FNAME": "x"}), create("b@c.example")]
        )


def test_an_unknown_audience_is_permanent(mailer: Mailchimp) -> None:
    assert sent(mailer, create(scope="olematon")) == [(Verdict.PERMANENT, "no-such-audience")]
