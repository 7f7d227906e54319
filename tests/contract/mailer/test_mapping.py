"""What a member says, member by member."""

from __future__ import annotations

import timeit
from datetime import UTC, datetime
from typing import Any

import pytest

from hub.api import Consent, Stance
from plugins.mailer.mailchimp_mapping import Malformed, MemberMapper, is_form, member_body
from tests.contract.mailer.conftest import CONFIRMED, LIST, PERMISSION

SIGNED = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
FORM = {
    "source": "Hosted Signup Form",
    "ip_signup": "198.51.100.7",
    "timestamp_signup": "2026-09-01T08:00:00+00:00",
    "ip_opt": "198.51.100.7",
    "timestamp_opt": "2026-09-01T08:00:00+00:00",
}
MAPPER = MemberMapper(("email_address", "FNAME", "LNAME", "tags", "language"), [CONFIRMED])


def member(**more: Any) -> dict[str, Any]:
    return {
        "id": "c1",
        "contact_id": "c0ffee",
        "email_address": "aino@posti.example",
        "status": "subscribed",
        "last_changed": "2026-10-01T08:00:00+00:00",
        "source": "API - Generic",
        "merge_fields": {"FNAME": "Aino", "LNAME": ""},
        "tags": [{"id": 1, "name": "VIP"}],
        "tags_count": 1,
        "language": "fi",
        "marketing_permissions": [],
        **more,
    }


def whole(scope: str = LIST, **more: Any) -> Consent:
    consent = MAPPER.record(scope, member(**more)).consents[0]
    assert consent.topic == "*"
    return consent


@pytest.mark.parametrize(
    ("status", "stance"),
    [
        ("unsubscribed", Stance.NO),
        ("pending", Stance.PENDING),
        ("cleaned", Stance.UNDELIVERABLE),
        ("transactional", Stance.UNSTATED),
        ("archived", Stance.UNSTATED),
    ],
)
def test_what_a_status_says(status: str, stance: Stance) -> None:
    found = whole(status=status, **FORM)
    assert found.stance is stance
    assert found.act is None


def test_a_form_is_an_act_at_the_time_it_was_sent() -> None:
    found = whole(**FORM)
    assert (found.stance, found.act, found.at) == (Stance.YES, "form", SIGNED)
    assert found.evidence["source"] == "Hosted Signup Form"
    assert found.evidence["ip_signup"] == "198.51.100.7"


def test_a_confirmation_is_an_act_at_the_time_of_the_click() -> None:
    clicked = {**FORM, "timestamp_opt": "2026-09-01T09:30:00+00:00"}
    found = whole(CONFIRMED, **clicked)
    assert (found.act, found.at) == ("double-opt-in", datetime(2026, 9, 1, 9, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    "source", ["API - Generic", "List Import from File", "Admin Add", "Typeform"]
)
def test_api_import_and_staff_show_no_act_whatever_their_times_say(source: str) -> None:
    later = {**FORM, "source": source, "timestamp_opt": "2026-09-01T09:30:00+00:00"}
    for scope in (LIST, CONFIRMED):
        found = whole(scope, **later)
        assert (found.stance, found.act) == (Stance.YES, None)


@pytest.mark.parametrize("scope", [LIST, CONFIRMED])
def test_a_resubscription_by_a_tool_gives_no_newer_act(scope: str) -> None:
    """The form was sent in September; in October a plugin set "subscribed" again."""
    again = {**FORM, "ip_opt": "192.0.2.80", "timestamp_opt": "2026-10-01T08:00:00+00:00"}
    found = whole(scope, **again)
    assert (found.act, found.at) == ("form", SIGNED)


def test_a_form_without_its_time_shows_no_act() -> None:
    assert whole(**{**FORM, "timestamp_signup": ""}).act is None


@pytest.mark.parametrize("status", ["subscribed", "unsubscribed", "cleaned", "archived"])
def test_who_came_by_a_form_made_the_record_by_an_act(status: str) -> None:
    """Whatever became of it, and whoever subscribed them once more since."""
    later = {**FORM, "timestamp_opt": "2026-10-01T08:00:00+00:00"}
    for more in (FORM, later):
        made = MAPPER.record(LIST, member(status=status, **more))
        assert (made.act, made.acted_at) == ("form", SIGNED)


def test_a_confirmation_without_the_time_of_its_form_is_the_time_of_the_act() -> None:
    made = MAPPER.record(CONFIRMED, member(**{**FORM, "timestamp_signup": ""}))
    assert (made.act, made.acted_at) == ("form", SIGNED)


@pytest.mark.parametrize(
    "more",
    [
        {"status": "pending"},  # anybody can type an address into a form
        {"source": "API - Generic"},
        {"source": "List Import from File"},
        {"timestamp_signup": ""},
        {"timestamp_signup": "", "status": "unsubscribed"},
    ],
    ids=["not-confirmed", "api", "import", "no-time", "no-time-and-gone"],
)
def test_no_act_made_the_record_where_none_is_shown(more: dict[str, str]) -> None:
    made = MAPPER.record(LIST, member(**{**FORM, **more}))
    assert (made.act, made.acted_at) == (None, None)


def test_an_old_refusal_stays_as_it_was_when_something_else_changes() -> None:
    before = whole(status="unsubscribed", unsubscribe_reason="No longer interested")
    after = whole(
        status="unsubscribed",
        unsubscribe_reason="No longer interested",
        last_changed="2026-10-20T08:00:00+00:00",
        merge_fields={"FNAME": "Eino"},
    )
    assert before == after
    assert before.at is None, "last_changed is not when the person refused"


def test_ticked_and_unticked_permissions() -> None:
    boxes = [
        {"marketing_permission_id": PERMISSION, "text": "Sähköposti", "enabled": True},
        {"marketing_permission_id": "aa00bb", "text": "Puhelin", "enabled": False},
    ]
    _, ticked, unticked = MAPPER.record(LIST, member(**FORM, marketing_permissions=boxes)).consents
    assert (ticked.topic, ticked.stance, ticked.act) == (PERMISSION, Stance.YES, None)
    assert ticked.evidence["wording"] == "Sähköposti"
    assert unticked == Consent("aa00bb", Stance.UNSTATED), "an unticked box is no refusal"


def test_a_permission_is_the_forms_answer_while_nothing_changed_since() -> None:
    boxes = [{"marketing_permission_id": PERMISSION, "text": "Sähköposti", "enabled": True}]
    fresh = member(**FORM, marketing_permissions=boxes, last_changed="2026-09-01T08:00:01+00:00")
    ticked = MAPPER.record(LIST, fresh).consents[1]
    assert (ticked.act, ticked.at) == ("form", SIGNED)


def test_fields() -> None:
    record = MAPPER.record(LIST, member())
    assert record.fields == {
        "email_address": "aino@posti.example",
        "FNAME": "Aino",
        "LNAME": None,
        "language": "fi",
        "tags": ("VIP",),
    }
    assert record.ref.id == "c0ffee"
    assert record.version == "2026-10-01T08:00:00Z"


def test_a_list_of_tags_that_was_cut_short_is_not_read() -> None:
    assert "tags" not in MAPPER.record(LIST, member(tags_count=60)).fields


@pytest.mark.parametrize(
    "broken",
    [
        {"email_address": 17},
        {"contact_id": ""},
        {"status": "sleeping"},
        {"last_changed": None},
        {"timestamp_opt": "yesterday"},
        {"merge_fields": {"FNAME": {"addr1": "x"}}},
        {"merge_fields": "x"},
        {"marketing_permissions": [{"text": "x"}]},
        {"tags": [{}]},
    ],
)
def test_what_is_outside_the_contract_is_malformed_and_says_nothing_of_the_person(
    broken: dict[str, Any],
) -> None:
    with pytest.raises(Malformed) as error:
        MAPPER.record(LIST, member(**broken))
    assert "posti" not in str(error.value)


def test_a_missing_part_is_malformed() -> None:
    for part in ("contact_id", "email_address", "status", "last_changed"):
        less = member()
        del less[part]
        with pytest.raises(Malformed, match=part):
            MAPPER.record(LIST, less)


def test_forms_are_known_by_their_whole_name() -> None:
    assert is_form("Embed Form")
    assert not is_form("Typeform")


def test_a_body_holds_only_what_is_written() -> None:
    fields = {"email_address": "a@posti.example", "FNAME": None, "tags": ("VIP",), "language": "sv"}
    assert member_body(fields) == {
        "email_address": "a@posti.example",
        "merge_fields": {"FNAME": ""},
        "language": "sv",
    }
    with pytest.raises(Malformed):
        member_body({"FNAME": ("two", "values")})
    with pytest.raises(Malformed):
        member_body({"email_address": None})


def test_mapping_is_quick() -> None:
    """Under 10 µs on an idle machine; the bound leaves room for a busy one."""
    one = member(**FORM)
    best = min(timeit.repeat(lambda: MAPPER.record(LIST, one), number=2000, repeat=5)) / 2000
    assert best < 40e-6, f"{best * 1e6:.1f} µs a member"
