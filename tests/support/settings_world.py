"""A small configuration that is right, and a way to spoil it at one place."""

from __future__ import annotations

from collections.abc import Callable

from hub.settings import Mistake, Settings

BASE = """\
hub:
  mailboxes: [info]
controllers:
  crowst: {name: Crowst Oy, business_id: 2718808-2, contact: contact@crowst.example}
  bangeri: {name: Bängeri Oy, business_id: 3012129-2, contact: genz@bangeri.example}
purposes:
  newsletter:
    controllers: [crowst, bangeri]
    channel: email
    grounds: [consent, customer]
    title: {fi: Uutiskirje, sv: Nyhetsbrev, en: Newsletter}
    retention: 24 months
  profiling:
    controllers: [crowst]
    channel: none
    grounds: [consent]
    title: {fi: Profilointi, sv: Profilering, en: Profiling}
fields:
  email: {kind: email}
  first_name:
  phone: {kind: phone, policy: source-order, order: [crm, mailer]}
  lifecycle: {}
  tags: {kind: list, policy: append}
projects:
  webinar:
    title: Webinar
    controllers: [crowst, bangeri]
    systems: [crm, mailer]
    starts: 2026-09-01
    ends: 2026-12-31
    fields: [email, first_name]
    members:
      - {system: mailer, field: tags, value: webinar}
systems:
  crm:
    plugin: hubspot
    owner: crowst
    location: {country: US, transfer: EU-US Data Privacy Framework}
    schedule: {every: 5m}
    settings: {token: "${CRM_TOKEN}"}
    rate: {default: 190/10s, search: 5/1s}
    streams:
      contacts:
        create: always
        fields:
          email: email
          first_name: firstname
          lifecycle: {vendor: lifecyclestage, direction: read}
        topics:
          - {topic: 1001, purpose: newsletter}
        grounds:
          - {ground: customer, purpose: newsletter, field: lifecycle, basis: form}
  mailer:
    plugin: mailer
    owner: bangeri
    location: {country: FI}
    settings: {api_key: "${MAILER_KEY}"}
    streams:
      members:
        create: permitted
        scopes: [news, events]
        fields: {email: email_address, tags: tags}
        topics:
          - {scope: news, topic: "*", purpose: newsletter}
"""

ENVIRON = {"CRM_TOKEN": "canary-crm-token", "MAILER_KEY": "canary-mailer-key"}

Load = Callable[..., Settings]
Mistakes = Callable[..., tuple[Mistake, ...]]
Spoil = Callable[..., list[str]]


def spoiled(old: str, new: str, base: str = BASE) -> tuple[str, list[tuple[int, int]]]:
    """The base with one passage replaced, and the line and column of each § in the new one."""
    assert base.count(old) == 1, f"{old!r} is {base.count(old)} times in the base"
    text = base.replace(old, new)
    places: list[tuple[int, int]] = []
    while "§" in text:
        at = text.index("§")
        places.append((text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)))
        text = text[:at] + text[at + 1 :]
    return text, places
