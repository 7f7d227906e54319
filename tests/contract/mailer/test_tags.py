"""Tags as fields: all of them, or those with a beginning in common."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.vendor import by_email

from hub.api import Ref, Verdict
from hub.testing.factories import write
from plugins.mailer.mailchimp import Mailchimp
from plugins.mailer.mailchimp_tags import TagFields, tag_changes
from tests.contract.mailer.conftest import LIST, World

AINO = "aino@posti.example"
WEBINAR = "tags:webinar "
FIELDS = ("email_address", "FNAME", "tags", WEBINAR, "tags:webinar vip ")


@pytest.fixture
def mailer(world: World) -> Mailchimp:
    return world.open(fields=FIELDS)


def known(world: World, *tags: str) -> Ref:
    world.seed(LIST, {"email_address": AINO, "status": "subscribed", "tags": tags})
    return Ref("members", LIST, world.member(LIST, AINO).contact_id, AINO)


def sent(mailer: Mailchimp, ref: Ref | None, **fields: Any) -> Any:
    given = {name.replace("_", ":webinar ", 1): value for name, value in fields.items()}
    if ref is None:
        given["email_address"] = AINO
    (result,) = mailer.write("members", [write(ref, given, scope=LIST)])
    return result


def tags_of(world: World) -> set[str]:
    return set(world.member(LIST, AINO).tags.values())


def test_tags_are_read_by_their_beginning(world: World, mailer: Mailchimp) -> None:
    known(
        world, "VIP", "webinar syksy attended", "Webinar kevät absent", "webinar vip a", "webinar"
    )
    record = by_email(mailer.read("members", LIST, None))[AINO]
    assert record.fields["tags"] == ("VIP", "webinar")
    assert record.fields[WEBINAR] == ("kevät absent", "syksy attended")
    assert record.fields["tags:webinar vip "] == ("a",), "the longest prefix counts"


def test_a_list_that_was_cut_short_says_nothing(mailer: Mailchimp) -> None:
    tags = [{"name": "webinar a"}]
    assert TagFields(FIELDS).read({"tags": tags, "tags_count": 51}) == {}
    assert TagFields(("FNAME",)).read({"tags": tags, "tags_count": 1}) == {}


def test_a_tag_field_is_brought_to_its_list_and_leaves_the_others(
    world: World, mailer: Mailchimp
) -> None:
    ref = known(world, "VIP", "webinar vanha", "webinar sama", "webinar vip a")
    result = sent(mailer, ref, tags_=("sama", "uusi attended"))
    assert result.verdict is Verdict.OK
    assert result.record.fields[WEBINAR] == ("sama", "uusi attended")
    assert tags_of(world) == {"VIP", "webinar sama", "webinar uusi attended", "webinar vip a"}
    (call,) = world.calls("POST", ending="/tags")
    assert [one["name"] for one in json.loads(call["body"])["tags"]] == [
        "webinar uusi attended",
        "webinar vanha",
    ]


def test_plain_tags_neither_remove_nor_add_those_of_another_field(
    world: World, mailer: Mailchimp
) -> None:
    ref = known(world, "VIP", "webinar syksy")
    assert sent(mailer, ref, tags=("uusi", "webinar väärä")).verdict is Verdict.OK
    assert tags_of(world) == {"uusi", "webinar syksy"}
    assert sent(mailer, ref, tags=None).verdict is Verdict.OK
    assert tags_of(world) == {"webinar syksy"}
    assert sent(mailer, ref, tags=("VIP",), tags_=None).verdict is Verdict.OK
    assert tags_of(world) == {"VIP"}


def test_the_same_again_writes_nothing(world: World, mailer: Mailchimp) -> None:
    ref = known(world, "VIP", "webinar Syksy")
    sent(mailer, ref, tags_=("syksy",), tags=("vip",))
    assert not world.calls("POST", ending="/tags")


def test_a_new_member_comes_with_both(world: World, mailer: Mailchimp) -> None:
    assert sent(mailer, None, tags=("VIP",), tags_=("syksy attended",)).verdict is Verdict.OK
    assert tags_of(world) == {"VIP", "webinar syksy attended"}


def test_what_was_not_read_is_not_written(world: World, mailer: Mailchimp) -> None:
    """Fifty-one tags: the member shows fifty, so the whole list is asked for first."""
    ref = known(world, "VIP", *(f"webinar {n:02}" for n in range(60)))
    assert sent(mailer, ref, tags_=tuple(f"{n:02}" for n in range(61))).verdict is Verdict.OK
    (call,) = world.calls("POST", ending="/tags")
    assert [one["name"] for one in json.loads(call["body"])["tags"]] == ["webinar 60"]


@pytest.mark.parametrize("value", ["x" * 93, " ", 7, ("a", "")])
def test_a_tag_that_mailchimp_would_not_take_is_permanent(
    world: World, mailer: Mailchimp, value: Any
) -> None:
    ref = known(world)
    values = value if isinstance(value, tuple) else (value,)
    result = sent(mailer, ref, tags_=values)
    assert (result.verdict, result.reason) == (Verdict.PERMANENT, "field-shape")
    assert sent(mailer, ref, tags_=("x" * 92,)).verdict is Verdict.OK, "a hundred are taken"


@pytest.mark.parametrize(
    ("field", "right"),
    [
        (WEBINAR, True),
        ("tags:w", True),
        ("tags:", False),
        ("tags: ", False),
        ("tags: w", False),
        ("tags:" + "x" * 100, False),
    ],
)
def test_check_knows_tag_fields(world: World, field: str, right: bool) -> None:
    mailer = world.open(fields=("email_address", field))
    assert [problem.code for problem in mailer.check()] == ([] if right else ["field"])
    assert list(mailer.prepare()) == [], "a tag field is no merge field"


def test_tag_changes() -> None:
    assert tag_changes(["A"], ["a"]) == []
    assert tag_changes([], []) == []
