"""Campaigns of the Mailchimp sandbox: to whom they went, and what those people did with them.

Acts (in a seed's `acts`, beside those of `sandbox_people`)::

    {"act": "send", "list", "campaign", "title", "subject", "type", "to": ["address"], "at"}
    {"act": "open" | "click", "list", "email", "campaign", "url", "at", "proxy"}

`send` goes to all subscribed members unless `to` names others; sending the same campaign again
adds to it, as a mailing that takes its time does. `campaign` is an id of the test's choice. `at`
is now unless given, and is kept as it is given: "eilen" makes a row that no contract allows.

Rows are joined with the members as they are now, as the vendor's are: a changed address shows in
old reports, and of someone who was deleted for good only numbers are left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from plugins.mailer.sandbox_audience import Audience, Member

ACTS = ("send", "open", "click")


@dataclass(slots=True)
class Campaign:
    """One campaign that was sent."""

    id: str
    audience: Audience
    title: str
    subject: str
    kind: str
    send_time: str
    sent: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # contact id -> actions

    def times(self, action: str) -> list[str]:
        """When the campaign was opened or clicked, in order."""
        return sorted(
            one["timestamp"] for did in self.sent.values() for one in did if one["action"] == action
        )

    def report(self) -> dict[str, Any]:
        """As the API tells of it as a whole."""
        opens, clicks = self.times("open"), self.times("click")
        return {
            "id": self.id,
            "campaign_title": self.title,
            "type": self.kind,
            "list_id": self.audience.id,
            "list_is_active": True,
            "list_name": self.audience.name,
            "subject_line": self.subject,
            "preview_text": "",
            "emails_sent": len(self.sent),
            "abuse_reports": 0,
            "unsubscribed": 0,
            "send_time": self.send_time,
            "opens": {"opens_total": len(opens), "last_open": opens[-1] if opens else ""},
            "clicks": {"clicks_total": len(clicks), "last_click": clicks[-1] if clicks else ""},
        }

    def overview(self) -> dict[str, Any]:
        """As the list of campaigns tells of it."""
        return {
            "id": self.id,
            "type": self.kind,
            "status": "sent",
            "emails_sent": len(self.sent),
            "send_time": self.send_time,
            "recipients": {"list_id": self.audience.id, "recipient_count": len(self.sent)},
            "settings": {"title": self.title, "subject_line": self.subject},
        }

    def person(self, contact: str) -> dict[str, Any]:
        """Whom a row is about; nobody, once deleted for good."""
        member = self.audience.members.get(contact)
        return {
            "campaign_id": self.id,
            "list_id": self.audience.id,
            "list_is_active": True,
            "contact_status": member.status if member else "",
            "email_id": member.hash if member else "",
            "email_address": member.email if member else "",
            "merge_fields": member.merge_fields if member else {},
            "vip": member.vip if member else False,
        }

    def state(self) -> dict[str, Any]:
        """For the control surface: nothing that tells of anyone deleted."""
        known = self.audience.members
        return {
            **self.overview(),
            "sent": [[c if c in known else "", did] for c, did in self.sent.items()],
        }


def campaign_act(
    campaigns: dict[str, Campaign], audience: Audience, given: Mapping[str, Any], now: str
) -> None:
    """Carry out one of `ACTS`. Raises KeyError for a campaign that there is not."""
    at = given.get("at", now)
    if given["act"] == "send":
        _send(campaigns, audience, given, at)
        return
    campaign = campaigns[given["campaign"]]
    member = audience.find(given["email"])
    did: dict[str, Any] = {"action": given["act"], "timestamp": at, "ip": "198.51.100.7"}
    if given["act"] == "click":
        did["url"] = given.get("url", "https://crowst.example/")
    did["proxy"] = bool(given.get("proxy", False))
    campaign.sent[member.contact_id].append(did)
    _feed(member, campaign, given["act"], at, did.get("url"))


def _send(
    campaigns: dict[str, Campaign], audience: Audience, given: Mapping[str, Any], at: str
) -> None:
    key = given["campaign"]
    title = given.get("title", key)
    made = Campaign(
        key, audience, title, given.get("subject", title), given.get("type", "regular"), at
    )
    campaign = campaigns.setdefault(key, made)
    if "to" in given:
        members = [audience.find(one) for one in given["to"]]
    else:
        members = [one for one in audience.members.values() if one.status == "subscribed"]
    for member in members:
        campaign.sent.setdefault(member.contact_id, [])
        _feed(member, campaign, "sent", at)


def _feed(member: Member, campaign: Campaign, what: str, at: str, url: str | None = None) -> None:
    entry = {
        "activity_type": what,
        "created_at_timestamp": at,
        "campaign_id": campaign.id,
        "campaign_title": campaign.title,
    }
    if url is not None:
        entry["link_clicked"] = url
    member.activity.append(entry)
