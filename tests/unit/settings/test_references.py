"""What must agree between the parts: each disagreement at the place that should change."""

from __future__ import annotations

import re
from datetime import date

import pytest
from support.settings_world import BASE, Load, Mistakes, Spoil

JOINT = """\
  shared:
    plugin: mailer
    project: webinar
    location: {country: FI}
    streams:
      members:
        scopes: [list]
        fields: {email: email_address}
        topics:
          - {topic: "*", purpose: newsletter}
"""
CRM_TOPIC = "- {topic: 1001, purpose: newsletter}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        # names that do not exist
        (
            "controllers: [crowst]\n    channel: none",
            "controllers: [§crowts]\n    channel: none",
            'purposes.profiling.controllers[0]: unknown controller "crowts"; expected one of '
            'crowst, bangeri. Did you mean "crowst"?',
        ),
        (
            "controllers: [crowst, bangeri]\n    channel: email",
            "controllers: [crowst, bangeri]\n    marketing: §false\n    channel: email",
            "purposes.newsletter.marketing: false for a purpose that sends something; expected "
            "channel: none, or leave marketing out: whoever objects is sent nothing",
        ),
        (
            "owner: bangeri",
            "owner: §bängeri",
            'systems.mailer.owner: unknown controller "bängeri"; expected one of crowst, bangeri. '
            'Did you mean "bangeri"?',
        ),
        (
            "owner: bangeri",
            "project: §webinar-autumn",
            'systems.mailer.project: unknown project "webinar-autumn"; expected webinar. '
            'Did you mean "webinar"?',
        ),
        (
            "systems: [crm, mailer]",
            "systems: [crm, mailer, §zoom]",
            'projects.webinar.systems[2]: unknown system "zoom"; expected one of crm, mailer',
        ),
        (
            "fields: [email, first_name]",
            "fields: [email, §firstname]",
            'projects.webinar.fields[1]: unknown hub field "firstname"; expected one of email, '
            'first_name, phone, lifecycle, tags. Did you mean "first_name"?',
        ),
        (
            "first_name: firstname",
            "§frist_name: firstname",
            'systems.crm.streams.contacts.fields: unknown hub field "frist_name"; expected one '
            'of email, first_name, phone, lifecycle, tags. Did you mean "first_name"?',
        ),
        (
            "order: [crm, mailer]",
            "order: [crm, §mailr]",
            'fields.phone.order[1]: unknown system "mailr"; expected one of crm, mailer. '
            'Did you mean "mailer"?',
        ),
        (
            CRM_TOPIC,
            "- {topic: 1001, purpose: §newsleter}",
            'systems.crm.streams.contacts.topics[0].purpose: unknown purpose "newsleter"; '
            'expected one of newsletter, profiling. Did you mean "newsletter"?',
        ),
        (
            CRM_TOPIC,
            "- {topic: 1001, purpose: newsletter, controllers: [crowst, §acme]}",
            'systems.crm.streams.contacts.topics[0].controllers[1]: unknown controller "acme"; '
            "expected one of crowst, bangeri",
        ),
        (
            "scope: news,",
            "scope: §newz,",
            'systems.mailer.streams.members.topics[0].scope: unknown scope "newz"; expected one '
            'of news, events. Did you mean "news"?',
        ),
        (
            "purpose: newsletter, field: lifecycle",
            "purpose: newsletter, field: §life_cycle",
            'systems.crm.streams.contacts.grounds[0].field: unknown hub field "life_cycle"; '
            "expected one of email, first_name, phone, lifecycle, tags. "
            'Did you mean "lifecycle"?',
        ),
        (
            "{system: mailer, field: tags, value: webinar}",
            "{system: §maler, field: tags, value: webinar}",
            'projects.webinar.members[0].system: unknown system "maler"; expected one of crm, '
            'mailer. Did you mean "mailer"?',
        ),
        # owners and projects
        (
            "owner: bangeri",
            "owner: bangeri\n    project: §webinar",
            "systems.mailer.project: a project beside an owner; expected one of the two",
        ),
        (
            "  mailer:\n    plugin: mailer\n    owner: bangeri",
            "  §mailer:\n    plugin: mailer",
            "systems.mailer.owner: missing; expected the owner (or project: of a joint system)",
        ),
        (
            "systems: [crm, mailer]",
            "systems: [crm, mailer, §crm]",
            "projects.webinar.systems[2]: the same name twice; expected each once",
        ),
        (
            "ends: 2026-12-31",
            "ends: §2026-08-31",
            "projects.webinar.ends: an end before the start (2026-09-01); expected a later day",
        ),
        (
            "{system: mailer, field: tags, value: webinar}",
            "{system: crm, field: §tags, value: webinar}",
            "projects.webinar.members[0].field: tags, which no stream of crm reads; expected a "
            "field of its mapping. Map tags in crm, or choose another field",
        ),
        (
            "{system: mailer, field: tags, value: webinar}",
            "{system: mailer, field: §email, value: webinar}",
            "projects.webinar.members[0].field: a field of kind email; expected a list or text",
        ),
        (
            "business_id: 3012129-2",
            "business_id: §2718808-2",
            "controllers.bangeri.business_id: the business id of crowst; expected one company "
            "per id",
        ),
        # place and time
        (
            "location: {country: FI}",
            "§location: {country: US}",
            "systems.mailer.location.transfer: missing; expected the basis on which data goes to "
            'US (GDPR Chapter V). Such as "EU-US Data Privacy Framework" or "standard contractual '
            'clauses"',
        ),
        (
            "schedule: {every: 5m}",
            'schedule: §{every: 5m, cron: "0 6 * * *"}',
            "systems.crm.schedule: every beside cron; expected one of the two",
        ),
        (
            "schedule: {every: 5m}",
            "§schedule: {}",
            "systems.crm.schedule: no time; expected every: 5m, or cron:",
        ),
        (
            "schedule: {every: 5m}",
            "schedule: {every: §5ms}",
            "systems.crm.schedule.every: less than a second; expected 1s or more",
        ),
        # the profile
        (
            "email: {kind: email}",
            "email: {kind: email, policy: §append}",
            "fields.email.policy: append for a field that is no list; expected kind: list",
        ),
        (
            "policy: source-order, order: [crm, mailer]",
            "order: §[crm, mailer]",
            "fields.phone.order: an order that nothing uses; expected policy: source-order",
        ),
        (
            "  phone: {kind: phone, policy: source-order, order: [crm, mailer]}",
            "  §phone: {kind: phone, policy: source-order}",
            "fields.phone.order: missing; expected the systems that source-order trusts, best "
            "first",
        ),
        # the mapping
        (
            "{email: email_address, tags: tags}",
            "{email: email_address, tags: §email_address}",
            "systems.mailer.streams.members.fields.tags: the vendor field that email has already "
            '("email_address"); expected one mapping per vendor field. The first is at ',
        ),
        (
            "    streams:\n      members:\n        create: permitted\n        "
            "scopes: [news, events]\n        fields: {email: email_address, tags: tags}",
            "    streams:\n      members:\n        create: permitted\n        "
            "scopes: [news, events]\n        §fields: {tags: tags}",
            "systems.mailer.streams.members.fields: no e-mail field in the mapping; expected the "
            "hub field email. Add email: and the vendor's name of it",
        ),
        (
            "email: email_address",
            "email: {vendor: email_address, direction: §write}",
            "systems.mailer.streams.members.fields.email.direction: write; expected an e-mail "
            "field that is read",
        ),
        (
            "first_name: firstname",
            "first_name: {vendor: firstname, policy: §source-order}",
            "systems.crm.streams.contacts.fields.first_name.policy: source-order without an "
            "order; expected order: in fields.first_name",
        ),
        (
            "create: permitted",
            "create: §permitted\n        direction: read",
            "systems.mailer.streams.members.create: create: permitted in a stream that is only "
            "read; expected create: never, or a direction that writes",
        ),
        # topics
        (
            '{scope: news, topic: "*", purpose: newsletter}',
            '§{topic: "*", purpose: newsletter}',
            "systems.mailer.streams.members.topics[0].scope: missing; expected one of news, events",
        ),
        (
            CRM_TOPIC,
            "- {topic: 1001, purpose: newsletter, scope: §x}",
            "systems.crm.streams.contacts.topics[0].scope: a scope in a stream that lists none; "
            "expected scopes: [ids]",
        ),
        (
            '{scope: news, topic: "*", purpose: newsletter}',
            '{scope: news, topic: "*", purpose: §profiling}',
            "systems.mailer.streams.members.topics[0].purpose: profiling, a purpose that bangeri "
            "does not have; expected a purpose of bangeri. Add bangeri to "
            "purposes.profiling.controllers, or choose another",
        ),
        (
            CRM_TOPIC,
            "- {topic: 1001, purpose: newsletter, controllers: §[bangeri]}",
            "systems.crm.streams.contacts.topics[0].controllers: bangeri, to whom the system does "
            "not belong; expected crowst, alone or beside others for a joint unsubscribe",
        ),
        (
            CRM_TOPIC,
            "- {topic: 1001, purpose: newsletter, controllers: [crowst, bangeri], "
            "yes_counts: §true}",
            "systems.crm.streams.contacts.topics[0].yes_counts: a YES that would count for "
            "bangeri too; expected yes_counts: false: a joint unsubscribe carries only NO",
        ),
        (
            CRM_TOPIC,
            "- {topic: 1001, purpose: newsletter, controllers: [crowst, bangeri], "
            "direction: §both}",
            "systems.crm.streams.contacts.topics[0].direction: both for a topic that binds bangeri "
            "too; expected read: what one company's person refuses is not written for the other",
        ),
        (
            CRM_TOPIC,
            "- {topic: 1001, purpose: newsletter}\n          - §{topic: 1001, purpose: profiling}",
            "systems.crm.streams.contacts.topics[1]: a second entry for the topic whose YES "
            "counts; expected one, with all its purposes. The first is at ",
        ),
        (
            CRM_TOPIC,
            "- {topic: 1001, purpose: §all, channel: sms}",
            "systems.crm.streams.contacts.topics[0].purpose: all, but no purpose of crowst has "
            "the channel sms; expected another channel, or a purpose",
        ),
        # grounds
        (
            "ground: customer,",
            "ground: §consent,",
            "systems.crm.streams.contacts.grounds[0].ground: consent; expected another ground: "
            "consent is an act, never a field's value",
        ),
        (
            "ground: customer, purpose: newsletter",
            "ground: work-role, purpose: §newsletter",
            "systems.crm.streams.contacts.grounds[0].purpose: newsletter, which does not allow "
            "the ground work-role; expected a purpose with work-role among its grounds",
        ),
        (
            "- {ground: customer, purpose: newsletter, field: lifecycle, basis: form}",
            "- §{ground: customer, purpose: newsletter, field: lifecycle}",
            "systems.crm.streams.contacts.grounds[0].basis: missing; expected where and since "
            "when the opt-out is offered at collection (section 200(3))",
        ),
        (
            "purpose: newsletter, field: lifecycle",
            "purpose: newsletter, field: §tags",
            "systems.crm.streams.contacts.grounds[0].field: tags, which the stream does not read; "
            "expected a hub field of its mapping",
        ),
    ],
)
def test_a_disagreement_is_told_at_its_place(
    spoil: Spoil, old: str, new: str, message: str
) -> None:
    messages = spoil(old, new)
    assert len(messages) == 1
    if message.endswith("at "):
        assert messages[0].startswith(message)
    else:
        assert messages == [message]


def test_a_field_cannot_go_where_its_stream_does_not(spoil: Spoil) -> None:
    old = "fields: {email: email_address, tags: tags}"
    new = (
        "direction: read\n"
        "        fields: {email: email_address, tags: {vendor: tags, direction: §both}}"
    )
    messages = spoil(
        "create: permitted\n        scopes: [news, events]\n        " + old,
        "scopes: [news, events]\n        " + new,
    )
    assert messages == [
        "systems.mailer.streams.members.fields.tags.direction: both in a stream whose direction "
        "is read; expected read"
    ]


def test_a_project_takes_only_systems_of_its_members(mistakes_of: Mistakes) -> None:
    third = "  acme: {name: Acme Oy, business_id: 1234567-1, contact: a@acme.example}\npurposes:\n"
    text = BASE.replace("purposes:\n", third, 1).replace(
        "[crowst, bangeri]\n    systems", "[crowst, acme]\n    systems"
    )
    (mistake,) = mistakes_of(text)
    assert mistake.path == "projects.webinar.systems[1]"
    assert mistake.found == "mailer, which belongs to bangeri"
    assert mistake.expected == "a system of crowst or acme"


def test_a_member_rule_needs_a_system_of_the_project(spoil: Spoil) -> None:
    assert spoil(
        "systems: [crm, mailer]\n    starts: 2026-09-01\n    ends: 2026-12-31\n"
        "    fields: [email, first_name]\n    members:\n      - {system: mailer",
        "systems: [crm]\n    starts: 2026-09-01\n    ends: 2026-12-31\n"
        "    fields: [email, first_name]\n    members:\n      - {system: §mailer",
    ) == [
        "projects.webinar.members[0].system: mailer, which is not a system of the project; "
        "expected crm"
    ]


def test_the_profile_needs_an_email_field(mistakes_of: Mistakes) -> None:
    found = mistakes_of(BASE.replace("email: {kind: email}", "email: {}"))
    assert ("fields.email", "a field of kind text") in [(m.path, m.found) for m in found]


def test_people_are_known_by_the_field_of_that_name(mistakes_of: Mistakes) -> None:
    """One of another name would be an address that identifies nobody, and that no block meets."""
    found = mistakes_of(BASE.replace("email: {kind: email}", "mail: {kind: email}"))
    assert ("fields", 'no field "email"') in [(m.path, m.found) for m in found]
    also = mistakes_of(
        BASE.replace("email: {kind: email}", "email: {kind: email}\n  work: {kind: email}").replace(
            "{email: email_address, tags: tags}", "{work: email_address, tags: tags}"
        )
    )
    assert [m.found for m in also] == ["no e-mail field in the mapping"]


def test_a_warning_where_first_names_have_another_name(load_text: Load) -> None:
    assert not any("first_name" in one for one in load_text(BASE).warnings)
    (told,) = load_text(BASE.replace("first_name", "etunimi")).warnings
    assert 'no field "first_name"' in told


@pytest.mark.parametrize("name", ["hub", "crossed"])
def test_a_name_that_the_hub_uses_itself(mistakes_of: Mistakes, name: str) -> None:
    found = mistakes_of(re.sub(r"\bmailer\b", name, BASE))
    assert (f"systems.{name}", "an id that the hub uses itself") in [
        (m.path, m.found) for m in found
    ]


def test_a_joint_system_must_be_named_by_its_project(mistakes_of: Mistakes) -> None:
    (mistake,) = mistakes_of(BASE + JOINT)
    assert mistake.path == "systems.shared.project"
    assert mistake.found == "a project that does not name shared among its systems"


def test_a_joint_system_belongs_to_all_controllers_of_its_project(load_text: Load) -> None:
    text = (BASE + JOINT).replace("systems: [crm, mailer]", "systems: [crm, mailer, shared]")
    settings = load_text(text, today=date(2026, 12, 31))
    shared = settings.landscape.systems["shared"]
    assert shared.joint
    assert shared.controllers == ("crowst", "bangeri")
    (topic,) = shared.streams[0].topics
    assert {effect.controller for effect in topic.effects} == {"crowst", "bangeri"}
    assert topic.yes_counts
    assert topic.direction.writes
    assert topic.scope == "list"
    assert settings.warnings == ()


def test_a_joint_system_of_an_ended_project_is_warned_about(load_text: Load) -> None:
    text = (BASE + JOINT).replace("systems: [crm, mailer]", "systems: [crm, mailer, shared]")
    (warning,) = load_text(text, today=date(2027, 1, 1)).warnings
    assert "shared is joint in webinar, which ended on 2026-12-31" in warning
    assert "enabled: false" in warning


def test_customers_of_a_joint_system_are_customers_of_nobody(mistakes_of: Mistakes) -> None:
    text = (BASE + JOINT).replace("systems: [crm, mailer]", "systems: [crm, mailer, shared]")
    text += (
        "        grounds: [{ground: customer, purpose: newsletter, field: email, basis: form}]\n"
    )
    (mistake,) = mistakes_of(text)
    assert mistake.found == "customer in a joint system"


def test_all_mistakes_come_together_in_the_order_of_the_file(mistakes_of: Mistakes) -> None:
    text = BASE
    for old, new in (
        ("create: always", "create: alwas"),
        ("owner: bangeri", "owner: nobody"),
        ("fields: [email, first_name]", "fields: [email, lastname]"),
        ("{topic: 1001, purpose: newsletter}", "{topic: 1001, purpose: nothing}"),
        ("default: 190/10s", "default: fast"),
        ("mailboxes: [info]", "mailboxs: [info]"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    mistakes = mistakes_of(text, {"MAILER_KEY": "x"})
    assert [m.path for m in mistakes] == [
        "hub",
        "projects.webinar.fields[1]",
        "systems.crm.settings.token",
        "systems.crm.rate.default",
        "systems.crm.streams.contacts.create",
        "systems.crm.streams.contacts.topics[0].purpose",
        "systems.mailer.owner",
    ]


def test_a_damaged_entry_is_not_blamed_for_what_was_cut_out_of_it(spoil: Spoil) -> None:
    """One misspelt kind, and not also every mapping and member rule that rests on the field."""
    assert len(spoil("email: {kind: email}", "email: {kind: §emial}")) == 1
    assert len(spoil("location: {country: US, transfer", "location: {country: §USA, transfer")) == 1
