"""Every value judged by itself: each kind of mistake, at its place, in our own words."""

from __future__ import annotations

import pytest
from support.settings_world import Spoil


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "plugin: hubspot",
            "plugin: hubspot\n    §enabeld: true",
            'systems.crm: unknown key "enabeld"; expected one of plugin, owner, project, location, '
            'schedule, settings, rate, guard, streams, enabled. Did you mean "enabled"?',
        ),
        (
            "create: always",
            "create: §alwas",
            'systems.crm.streams.contacts.create: found "alwas"; expected one of always, '
            'permitted, never. Did you mean "always"?',
        ),
        (
            "{vendor: lifecyclestage, direction: read}",
            "{vendor: lifecyclestage, §directon: read}",
            'systems.crm.streams.contacts.fields.lifecycle: unknown key "directon"; expected '
            'one of vendor, direction, policy, clear. Did you mean "direction"?',
        ),
        (
            "topic: 1001, purpose: newsletter",
            "topic: 1001, §porpose: newsletter, purpose: newsletter",
            'systems.crm.streams.contacts.topics[0]: unknown key "porpose"; expected one of topic, '
            "purpose, controllers, channel, scope, direction, yes_counts, no_counts. "
            'Did you mean "purpose"?',
        ),
        (
            "mailboxes: [info]",
            "log: {§levle: info}",
            'hub.log: unknown key "levle"; expected one of format, level. Did you mean "level"?',
        ),
        (
            "projects:\n",
            "§project: {}\nprojects:\n",
            'unknown key "project"; expected one of hub, controllers, purposes, fields, projects, '
            'systems. Did you mean "projects"?',
        ),
        (
            "contact: contact@crowst.example",
            "contact: §crowst.example",
            'controllers.crowst.contact: found "crowst.example"; expected an e-mail address',
        ),
        (
            "{name: Crowst Oy, business_id: 2718808-2, contact: contact@crowst.example}",
            "{name: Crowst Oy, business_id: §2718808-3, contact: contact@crowst.example}",
            'controllers.crowst.business_id: found "2718808-3"; expected a Finnish business id '
            "whose check digit agrees",
        ),
        (
            "title: {fi: Profilointi, sv: Profilering, en: Profiling}",
            "§title: {fi: Profilointi, en: Profiling}",
            "purposes.profiling.title.sv: missing; expected the title in Swedish",
        ),
        (
            "title: Webinar\n",
            "title: §true\n",
            "projects.webinar.title: found true; expected a text. Put quotes around it to make "
            "it a text",
        ),
        (
            "starts: 2026-09-01",
            "starts: §1.9.2026",
            'projects.webinar.starts: found "1.9.2026"; expected a date such as 2026-09-01',
        ),
        (
            "starts: 2026-09-01",
            "starts: §20260901",
            'projects.webinar.starts: found "20260901"; expected a date such as 2026-09-01',
        ),
        (
            "retention: 24 months",
            "retention: §24 moons",
            'purposes.newsletter.retention: found "24 moons"; expected a duration such as 90s, '
            "5m, 24h, 7d, 2w or 24 months",
        ),
        (
            "default: 190/10s",
            "default: §190 per 10s",
            'systems.crm.rate.default: found "190 per 10s"; expected a rate such as 190/10s '
            "(calls / period)",
        ),
        (
            "default: 190/10s",
            "default: §{count: 190, seconds: 10}",
            "systems.crm.rate.default: found a mapping; expected a rate such as 190/10s "
            "(calls / period)",
        ),
        (
            "schedule: {every: 5m}",
            'schedule: {cron: §"0 6 * * 1-5"}',
            'systems.crm.schedule.cron: found "0 6 * * 1-5"; expected weekdays by name (mon, tue, '
            "wed, thu, fri, sat, sun): a number means another day to cron than to the scheduler",
        ),
        (
            "location: {country: FI}",
            "location: {country: §Finland}",
            'systems.mailer.location.country: found "Finland"; expected a country by its two '
            "capital letters (ISO 3166-1), such as FI or US",
        ),
        (
            "location: {country: FI}",
            "location: {country: §XX}",
            'systems.mailer.location.country: found "XX"; expected a country by its two '
            "capital letters (ISO 3166-1), such as FI or US",
        ),
        (
            "create: permitted",
            "create: permitted\n        §guard: {}",
            'systems.mailer.streams.members: unknown key "guard"; expected one of direction, '
            "create, full_every, scopes, fields, topics, grounds, activities",
        ),
        (
            "plugin: mailer",
            "plugin: mailer\n    guard: {change_share: §1.5}",
            'systems.mailer.guard.change_share: found "1.5"; expected a number of at most 1',
        ),
        (
            "plugin: mailer",
            "plugin: mailer\n    guard: {delete_share: §0}",
            'systems.mailer.guard.delete_share: found "0"; expected a number above 0',
        ),
        (
            "plugin: mailer",
            "plugin: mailer\n    guard: {floor: §many}",
            'systems.mailer.guard.floor: found "many"; expected a whole number',
        ),
        (
            "plugin: mailer",
            "plugin: mailer\n    enabled: §perhaps",
            'systems.mailer.enabled: found "perhaps"; expected true or false',
        ),
        (
            "scopes: [news, events]",
            "scopes: §{news: 1}",
            "systems.mailer.streams.members.scopes: found a mapping; expected a list, such as "
            "[one, two]",
        ),
        (
            "fields: {email: email_address, tags: tags}",
            "fields: §email",
            'systems.mailer.streams.members.fields: found "email"; expected a mapping (key: value)',
        ),
        (
            "grounds: [consent, customer]",
            "grounds: [consent, §costumer]",
            'purposes.newsletter.grounds[1]: found "costumer"; expected one of consent, customer, '
            'work-role, company-mailbox. Did you mean "customer"?',
        ),
        (
            "    controllers: [crowst, bangeri]\n    systems: [crm, mailer]",
            "    controllers: §[crowst]\n    systems: [crm, mailer]",
            "projects.webinar.controllers: found a list; expected at least 2",
        ),
        (
            "  crowst: {name",
            "  §Crowst Oy: {name: X, business_id: 1234567-1, contact: a@b.example}\n"
            "  crowst: {name",
            "controllers.Crowst Oy: an id that cannot be used; expected an id of lower-case "
            "letters a-z, digits, - and _",
        ),
    ],
)
def test_a_mistake_is_told_at_its_place(spoil: Spoil, old: str, new: str, message: str) -> None:
    messages = spoil(old, new)
    assert messages == [message]


def test_a_missing_key_points_at_the_mapping_that_lacks_it(spoil: Spoil) -> None:
    assert spoil("  mailer:\n    plugin: mailer\n", "  §mailer:\n") == [
        "systems.mailer.plugin: missing; expected the kind of connector: hubspot, mailer"
    ]
