"""What the companies' tools hold of whom, in no vendor's words: to be compared as a whole.

A contact or member is its values by hub field, and its stances by topic. What is empty is left out.
"""

from __future__ import annotations

from typing import Any

from hub.testing.world import CRM
from support.accounts import AUDIENCES, CONTACT_FIELDS, MEMBER_FIELDS, TOPICS, Crm, List

Held = dict[str, Any]
"""Of one address: hub field or purpose -> value or stance."""

_TAGGED = "webinar "
_OWN = ("createdate", "lastmodifieddate")


def crm_holds(world: Any, controller: str) -> dict[str, Held]:
    """A CRM's live contacts by address. Every property that the vendor did not make itself is
    there."""
    crm = Crm(world, controller)
    names = {vendor: name for name, vendor in CONTACT_FIELDS.items()}
    found: dict[str, Held] = {}
    for contact in crm.box.account.contacts.values():
        if contact.archived is not None:
            continue
        held = {
            names.get(vendor, vendor): _value(vendor, value)
            for vendor, value in contact.properties.items()
            if value and vendor not in _OWN and not vendor.startswith("hs_") and vendor != "email"
        }
        for topic, purpose in TOPICS[controller].items():
            status = crm.status(contact.email, topic)
            if status != "NOT_SPECIFIED":
                held[purpose] = {"SUBSCRIBED": "yes", "UNSUBSCRIBED": "no"}[status]
        found[contact.email] = held
    return found


def audience_holds(world: Any, audience: str) -> dict[str, Held]:
    """An audience's members by address, archived ones left out."""
    names = {vendor: name for name, vendor in MEMBER_FIELDS.items()}
    found: dict[str, Held] = {}
    for member in List(world, audience).audience.members.values():
        if member.status == "archived":
            continue
        held = {names[tag]: value for tag, value in member.merge_fields.items() if value}
        tags = sorted(member.tags.values())
        webinars = [tag.removeprefix(_TAGGED) for tag in tags if tag.startswith(_TAGGED)]
        others = [tag for tag in tags if not tag.startswith(_TAGGED)]
        more = {"language": member.language, "webinars": webinars, "tags": others}
        held |= {name: value for name, value in more.items() if value}
        found[member.email] = {**held, "status": member.status}
    return found


def everything(world: Any) -> dict[str, dict[str, Held]]:
    """All of it: by CRM and audience."""
    crms = {system: crm_holds(world, controller) for controller, system in CRM.items()}
    return crms | {audience: audience_holds(world, audience) for audience in AUDIENCES}


def _value(vendor: str, value: str) -> Any:
    if vendor.startswith("hub_"):
        return [one.strip() for one in value.split(";") if one.strip()]
    return value
