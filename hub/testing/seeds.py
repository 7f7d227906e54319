"""The sandbox world in the words of each vendor: what `POST /_control/seed` takes.

Plain values only: the sandboxes live in the plugins, which this package does not know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from hub.api import WHOLE_SCOPE, Stance
from hub.testing.doings import campaigns, talks, zoom
from hub.testing.world import (
    CRM,
    EVENTS,
    EVENTS_AUDIENCE,
    MAILER,
    NEWS_AUDIENCE,
    NEWSLETTER,
    WEBINAR,
    Entry,
    World,
    collecting_later,
)

TOKENS = {company: f"sandbox-{system}" for company, system in CRM.items()}
"""HubSpot tokens by company."""
API_KEYS = {company: f"sandbox-{system}-us1" for company, system in MAILER.items()}
"""Mailchimp keys by company."""

HUBSPOT_SCOPES = (
    "crm.objects.contacts.read",
    "crm.objects.contacts.write",
    "crm.schemas.contacts.read",
    "crm.schemas.contacts.write",
    "crm.lists.read",
    "crm.lists.write",
    "communication_preferences.read",
    "communication_preferences.write",
    "communication_preferences.read_write",
    "communication_preferences.statuses.batch.read",
    "communication_preferences.statuses.batch.write",
    "sales-email-read",
)

FIRST_CONTACT = 100_001
"""HubSpot's id of the first contact."""
LIST_PROPERTIES = ("hub_projects", "hub_webinars")
"""The properties of contacts that are the hub's own."""
MERGE_FIELDS = ("FNAME", "LNAME", "PHONE", "TITLE", "COMPANY")

_TITLES = {
    **{NEWSLETTER[company]: "Uutiskirje" for company in CRM},
    **{EVENTS[company]: "Tapahtumakutsut" for company in CRM},
}
_AUDIENCES = {
    "crowst-uutiset": "Crowstin uutiskirje",
    "crowst-tapahtumat": "Crowstin tapahtumat",
    "bangeri-uutiset": "Bängerin uutiskirje",
}

HUBSPOT_FORM, HUBSPOT_STAFF = "FORM", "CRM_UI"
HUBSPOT_PERSON = "SUBSCRIPTION_PREFERENCES_PAGE"
"""`source` of a status: the person's form, a user's own tick, the person's preferences page."""
MAILCHIMP_FORM, MAILCHIMP_IMPORT = "Hosted Signup Form", "List Import from CSV"

_HUBSPOT_STATUS = {
    Stance.YES: "SUBSCRIBED",
    Stance.NO: "UNSUBSCRIBED",
    Stance.UNSTATED: "NOT_SPECIFIED",
}
_MAILCHIMP_STATUS = {
    Stance.YES: "subscribed",
    Stance.NO: "unsubscribed",
    Stance.PENDING: "pending",
    Stance.UNSTATED: "transactional",
}


def seeds(world: World) -> Mapping[str, Any]:
    """What to seed each system's sandbox with, by the system's name in `config/sandbox.yaml`."""
    made: dict[str, Any] = {}
    with collecting_later():
        for company, system in CRM.items():
            made[system] = hubspot(company, world.placements[system])
        for company, system in MAILER.items():
            made[system] = mailchimp(company, world.placements[system], world.until)
        made[WEBINAR] = zoom(world.placements[WEBINAR], world.until)
    return made


def hubspot(company: str, entries: Sequence[Entry]) -> dict[str, Any]:
    """An account with its subscription types, contacts, oldest first, and talks with them."""
    ordered = sorted(entries, key=_created)
    contacts = [(str(FIRST_CONTACT + number), entry) for number, entry in enumerate(ordered)]
    return {
        "tokens": {TOKENS[company]: list(HUBSPOT_SCOPES)},
        "definitions": [
            {"id": topic, "name": _TITLES[topic]}
            for topic in (NEWSLETTER[company], EVENTS[company])
        ],
        "properties": [
            {"name": name, "type": "string", "fieldType": "text"} for name in LIST_PROPERTIES
        ],
        "contacts": [{"id": id_, **_contact(entry)} for id_, entry in contacts],
        "engagements": list(talks(contacts)),
    }


def mailchimp(company: str, entries: Sequence[Entry], until: datetime) -> dict[str, Any]:
    """An account with its audiences, their members, oldest first, and a newsletter to each."""
    members: dict[str, list[Entry]] = {NEWS_AUDIENCE[company]: []}
    if company in EVENTS_AUDIENCE:
        members[EVENTS_AUDIENCE[company]] = []
    for entry in sorted(entries, key=_updated):
        members[entry.scope].append(entry)
    return {
        "api_keys": [API_KEYS[company]],
        "lists": [
            {
                "id": audience,
                "name": _AUDIENCES[audience],
                "double_optin": False,  # as config/sandbox.yaml has it
                "merge_fields": [
                    {"tag": tag, "type": "text", "required": False} for tag in MERGE_FIELDS
                ],
                "marketing_permissions": [],
                "members": [_member(entry) for entry in held],
            }
            for audience, held in members.items()
        ],
        "acts": [act for one, held in members.items() for act in campaigns(one, held, until)],
    }


def _created(entry: Entry) -> datetime:
    return entry.created_at


def _updated(entry: Entry) -> datetime:
    return entry.updated_at


def _contact(entry: Entry) -> dict[str, Any]:
    properties = {
        "email": entry.email,
        "firstname": entry.first_name,
        "lastname": entry.last_name,
        "phone": entry.phone,
        "jobtitle": entry.title,
        "company": entry.employer,
        "lifecyclestage": entry.lifecycle,
        "hub_projects": "; ".join(entry.projects),
    }
    statuses = {}
    for topic, (stance, at, act) in entry.statuses.items():
        source = HUBSPOT_FORM if act else HUBSPOT_STAFF
        statuses[topic] = {
            "status": _HUBSPOT_STATUS[stance],
            "source": HUBSPOT_PERSON if stance is Stance.NO else source,
            "timestamp": _iso(at or entry.updated_at),
        }
        if act:
            statuses[topic]["legalBasis"] = "CONSENT_WITH_NOTICE"
    return {
        "properties": {name: value for name, value in properties.items() if value},
        "statuses": statuses,
        "created": _iso(entry.created_at),
        "modified": _iso(entry.updated_at),
    }


def _member(entry: Entry) -> dict[str, Any]:
    stance, at, act = entry.statuses[WHOLE_SCOPE]
    values = (entry.first_name, entry.last_name, entry.phone, entry.title, entry.employer)
    made: dict[str, Any] = {
        "email_address": entry.email,
        "status": "cleaned" if entry.bounced else _MAILCHIMP_STATUS[stance],
        "merge_fields": dict(zip(MERGE_FIELDS, values, strict=True)),
        "tags": list(entry.tags),
        "language": entry.language,
        "source": MAILCHIMP_FORM if act else MAILCHIMP_IMPORT,
        "last_changed": _iso(entry.updated_at),
    }
    if act and at:
        ip = f"192.0.2.{entry.human % 254 + 1}"  # a range for documentation, RFC 5737
        when = _iso(at)
        made |= {
            "ip_signup": ip,
            "timestamp_signup": when,
            "ip_opt": ip,
            "timestamp_opt": when,
        }
    elif stance is Stance.YES and at:
        made["timestamp_opt"] = _iso(at)
    if stance is Stance.NO and not entry.bounced:
        made["compliance"] = "unsubscribed"
    return made


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
