"""What is collected, what follows from it, and members by registration, as YAML says it."""

from __future__ import annotations

import pytest
from support.settings_world import BASE, Load, Mistakes, Spoil

from hub.domain.landscape import ActivityMap, Attendance, MemberRule

SCOPES = "scopes: [news, events]\n"
HERE = "systems.mailer.streams.members.activities"
RULE = "{system: mailer, field: tags, value: webinar}"


def collecting(*lines: str) -> str:
    """What stands after the mailer's scopes, with these activities."""
    indent = " " * 8
    told = "".join(f"{indent}  {line}\n" for line in lines)
    return f"{SCOPES}{indent}activities:\n{told}"


def test_what_is_collected(load_text: Load) -> None:
    text = BASE.replace(
        SCOPES,
        collecting(
            "mail-sent:",
            "mail-opened: {needs: newsletter}",
            'attended: {field: tags, value: "{scope} {kind}"}',
            "absent: {field: tags, value: no-show}",
        ),
    )
    land = load_text(text).landscape
    members = land.systems["mailer"].stream("members")
    assert members.activities == (
        ActivityMap("mail-sent"),
        ActivityMap("mail-opened", needs="newsletter"),
        ActivityMap("attended", field="tags", value="{scope} {kind}"),
        ActivityMap("absent", field="tags", value="no-show"),
    )
    assert members.activities[2].added("news") == "news attended"
    assert land.attendances == (
        Attendance("tags", "news attended", "tags", "no-show"),
        Attendance("tags", "events attended", "tags", "no-show"),
    )


def test_nothing_is_collected_by_default(load_text: Load) -> None:
    land = load_text().landscape
    assert land.systems["mailer"].stream("members").activities == ()
    assert land.attendances == ()


def test_collecting_otherwise_is_told_by_the_signature_of_activities_alone(
    load_text: Load,
) -> None:
    def stream(*lines: str):  # type: ignore[no-untyped-def]  # a test's shorthand
        text = BASE.replace(SCOPES, collecting(*lines)) if lines else BASE
        return load_text(text).landscape.systems["mailer"].stream("members")

    told = [
        stream(),
        stream("mail-sent:"),
        stream("mail-sent: {needs: newsletter}"),
        stream("mail-sent: {field: tags, value: a}"),
        stream("mail-sent: {field: tags, value: b}"),
        stream("mail-sent:", "absent:"),
    ]
    assert len({one.collected for one in told}) == len(told)
    assert len({one.signature for one in told}) == 1
    assert stream("absent:", "mail-sent:").collected == told[-1].collected


def test_any_live_record_makes_a_member(load_text: Load) -> None:
    land = load_text(BASE.replace(RULE, "{system: mailer}")).landscape
    assert land.projects["webinar"].members == (MemberRule("mailer"),)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ["§atended: {}"],
            f'{HERE}: unknown kind of activity "atended"; expected one of mail-sent, mail-opened, '
            "mail-clicked, registered, cancelled, attended, absent, question, poll, communication. "
            'Did you mean "attended"?',
        ),
        (
            ["poll: {needs: §profling}"],
            f'{HERE}.poll.needs: unknown purpose "profling"; expected one of newsletter, '
            'profiling. Did you mean "profiling"?',
        ),
        (
            ["poll: {needs: §profiling}"],
            f"{HERE}.poll.needs: profiling, a purpose that bangeri does not have; expected a "
            "purpose of bangeri. Add bangeri to purposes.profiling.controllers, or choose another",
        ),
        (
            ["poll: {field: §tag, value: poll}"],
            f'{HERE}.poll.field: unknown hub field "tag"; expected one of email, first_name, '
            'phone, lifecycle, tags. Did you mean "tags"?',
        ),
        (
            ["poll: {field: §lifecycle, value: poll}"],
            f"{HERE}.poll.field: a field of kind text; expected a field of kind list",
        ),
        (
            ["poll: {value: §poll}"],
            f"{HERE}.poll.value: a value without a field; expected field: beside it",
        ),
        (
            ["§poll: {field: tags}"],
            f"{HERE}.poll.value: a field without a value; expected value: beside it",
        ),
        (
            ['poll: {field: tags, value: §"{scope} {webinar}"}'],
            f"{HERE}.poll.value: a placeholder that there is not; expected no others than "
            "{scope} and {kind}",
        ),
        (
            ['poll: {field: tags, value: §"{scope"}'],
            f"{HERE}.poll.value: a placeholder that there is not; expected no others than "
            "{scope} and {kind}",
        ),
        (
            ["poll: {§purpose: newsletter}"],
            f'{HERE}.poll: unknown key "purpose"; expected one of needs, field, value',
        ),
    ],
)
def test_a_mistake_is_told_at_its_place(spoil: Spoil, lines: list[str], message: str) -> None:
    assert spoil(SCOPES, collecting(*lines)) == [message]


def test_activities_belong_to_records_that_are_read(mistakes_of: Mistakes) -> None:
    text = BASE.replace("{email: email_address, tags: tags}", "{email: email_address}")
    text = text.replace(f"\n      - {RULE}", " []")
    text = text.replace(SCOPES, f"{collecting('poll:')}        direction: write\n")
    (mistake,) = mistakes_of(text)
    assert str(mistake).endswith(
        f"{HERE}: activities in a stream whose direction is write; expected a direction that "
        "reads: an activity belongs to a record that was read"
    )


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            "{system: mailer, value: §webinar}",
            "projects.webinar.members[0].value: a value without a field; expected field: beside it",
        ),
        (
            "§{system: mailer, field: tags}",
            "projects.webinar.members[0].value: a field without a value; expected value: beside it",
        ),
    ],
)
def test_a_member_rule_has_both_or_neither(spoil: Spoil, rule: str, message: str) -> None:
    assert spoil(RULE, rule) == [message]


def test_members_by_registration_need_records_that_are_read(mistakes_of: Mistakes) -> None:
    text = BASE.replace("{email: email_address, tags: tags}", "{email: email_address}")
    text = text.replace(RULE, "{system: mailer}")
    text = text.replace(SCOPES, f"{SCOPES}        direction: write\n")
    (mistake,) = mistakes_of(text)
    assert str(mistake).endswith(
        "projects.webinar.members[0].system: mailer, of which no stream is read; expected a system "
        "whose records the hub reads"
    )
