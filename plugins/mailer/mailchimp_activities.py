"""What members were sent, opened and clicked, read from the reports of the campaigns.

One call lists all reports with the time of each campaign's last open and last click, so a run in
which nothing happened costs that one call, however many members there are. Of a campaign with
something new, `email-activity` tells since a time (`open-details` where no clicks are collected:
what is not wanted is not fetched); whom it was sent to is read once, and again while the number
grows. A person's address is never asked for, nor where they were.

Reports name people by the hash of their address. It is turned into contact ids by one call a
person, or by one listing of the audience where a page names many. Someone who is not found was
deleted for good since: of them reports keep numbers only, and so there is nobody to tell of.

The mails of automations and feeds go out one by one over years and reports do not say when: their
opens and clicks are told, that they were sent is not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hub.api import Activity, ActivityKind, ActivityPage, BadAnswer, ConnectorError, Rejected
from plugins.mailer.mailchimp_campaigns import (
    DID,
    DONE,
    GROWS,
    SENT,
    Campaign,
    Place,
    activity,
)
from plugins.mailer.mailchimp_client import MEMBERS, Client, member_call
from plugins.mailer.mailchimp_reading import ANCHORS, PAGE
from plugins.mailer.mailchimp_values import Malformed, stamp, utc

REPORTS = "/3.0/reports"
REPORT = REPORTS + "/{campaign}"

KINDS = frozenset({ActivityKind.MAIL_SENT, ActivityKind.MAIL_OPENED, ActivityKind.MAIL_CLICKED})

OVERLAP = timedelta(hours=1)
"""How much is read again: reports lag behind what happened by minutes."""

MANY = 50
"""From how many people on a listing of the audience is cheaper than asking for each."""

_REPORT_FIELDS = ",".join(
    f"reports.{name}"
    for name in (
        "id",
        "list_id",
        "type",
        "campaign_title",
        "subject_line",
        "emails_sent",
        "send_time",
        "opens.opens_total",
        "opens.last_open",
        "clicks.clicks_total",
        "clicks.last_click",
    )
)


_STRANGE = (Malformed, KeyError, TypeError, AttributeError, ValueError)
"""What a row of another shape than its contract raises."""


class ActivityReader:
    """Reads the activities of one audience."""

    def __init__(
        self,
        client: Client,
        scope: str,
        kinds: frozenset[ActivityKind],
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._scope = scope
        self._kinds = kinds & KINDS
        self._now = now
        self._contacts: dict[str, str] = {}  # address hash -> contact id; "" for nobody
        self._listed = False

    def pages(self, cursor: str | None) -> Iterator[ActivityPage]:
        """As `ReadsActivities.activities`."""
        if not self._kinds:
            return
        place = Place.of(cursor, sorted(self._kinds))
        campaigns, rejected = self._campaigns()
        resumed = place.began is not None
        if place.began is None:
            place.began = stamp(self._now())
        if rejected:
            yield ActivityPage((), rejected, place.cursor())
        told = bool(rejected)
        for campaign in campaigns:
            if campaign.key < place.campaign:
                continue
            place.enter(campaign.key)
            while place.part != DONE:
                if not self._due(campaign, place):
                    place.next_part()
                    continue
                activities, rejected = self._page(campaign, place)
                if activities or rejected:
                    told = True
                    yield ActivityPage(activities, rejected, place.cursor())
        # a quiet pass does not move the cursor each time, only when the overlap has grown stale
        since = None if place.since is None else utc(place.since)
        if told or since is None or utc(place.began) - since > OVERLAP or resumed:
            yield ActivityPage((), (), place.ended(campaigns).cursor())

    def _campaigns(self) -> tuple[Sequence[Campaign], Sequence[Rejected]]:
        """The audience's campaigns in the order in which they were sent."""
        campaigns: dict[str, Campaign] = {}
        rejected: list[Rejected] = []
        query: dict[str, str | int] = {"fields": _REPORT_FIELDS, "count": PAGE}
        while True:
            offset = int(query.get("offset", 0))
            body = self._client.get(REPORTS, {}, query) or {}
            rows = _rows(body, "reports", REPORTS)
            for row in rows:
                try:
                    if row["list_id"] == self._scope:
                        campaign = Campaign.of(row)
                        campaigns[campaign.id] = campaign
                except _STRANGE:
                    rejected.append(_rejected(row, "a report has another shape than its contract"))
            if len(rows) < PAGE:
                return sorted(campaigns.values(), key=lambda one: one.key), rejected
            query["offset"] = offset + len(rows) - ANCHORS

    def _due(self, campaign: Campaign, place: Place) -> bool:
        """Whether the part that the place is at may hold something that was not read."""
        since = utc(place.since) if place.since else None
        if place.part == SENT:
            if ActivityKind.MAIL_SENT not in self._kinds or not campaign.sent_at_once:
                return False
            young = since is None or campaign.at >= since - GROWS
            return young and place.sent.get(campaign.id) != campaign.emails
        return any(
            at is not None and (since is None or at >= since - OVERLAP)
            for kind, at in campaign.last.items()
            if kind in self._kinds
        )

    def _page(
        self, campaign: Campaign, place: Place
    ) -> tuple[Sequence[Activity], Sequence[Rejected]]:
        """Read a page of the part that the place is at, and move the place behind it."""
        rows, size = self._rows(campaign, place)
        known = self._resolve([row for row, _ in rows])
        activities: dict[str, Activity] = {}
        rejected: list[Rejected] = []
        for row, actions in rows:
            contact = known.get(str(row.get("email_id")), "")
            for action in actions:
                try:
                    made = activity(self._scope, contact, campaign.id, action, campaign)
                except _STRANGE:
                    bad = {"id": campaign.id, "email_id": row.get("email_id"), "activity": action}
                    rejected.append(_rejected(bad, "an activity lacks its time or its kind"))
                    continue
                if made is not None and made.kind in self._kinds and contact:
                    activities[made.id] = made
        if size >= PAGE:
            # what is deleted meanwhile moves the rest up, so pages share some rows
            place.offset += size - ANCHORS
        else:
            if place.part == SENT:
                place.sent[campaign.id] = campaign.emails
            place.next_part()
        return list(activities.values()), rejected

    def _rows(
        self, campaign: Campaign, place: Place
    ) -> tuple[Sequence[tuple[Mapping[str, Any], Sequence[Any]]], int]:
        """Rows of a page that tell of something, with what they tell; and the page's size."""
        route, name, fields = REPORT + "/sent-to", "sent_to", ["email_id", "status"]
        if place.part == DID:
            route, name = REPORT + "/email-activity", "emails"
            fields = ["email_id", "activity.action", "activity.timestamp", "activity.url"]
            if ActivityKind.MAIL_CLICKED not in self._kinds:
                route, name = REPORT + "/open-details", "members"
                fields = ["email_id", "opens.timestamp"]
        query: dict[str, str | int] = {
            "fields": ",".join(f"{name}.{one}" for one in fields),
            "count": PAGE,
            "offset": place.offset,
        }
        if place.part == DID and place.since is not None:
            query["since"] = stamp(utc(place.since) - OVERLAP)
        body = self._client.get(route, {"campaign": campaign.id}, query)
        if body is None:
            return (), 0  # the campaign was deleted since it was listed
        found: list[tuple[Mapping[str, Any], Sequence[Any]]] = []
        rows = _rows(body, name, route)
        for row in rows:
            if not isinstance(row, dict):
                found.append(({}, [row]))
            elif place.part == SENT:
                found.append((row, [{"action": "sent", "status": row.get("status")}]))
            elif name == "members":
                opens = row.get("opens") or ()
                found.append(
                    (
                        row,
                        [
                            {**one, "action": "open"} if isinstance(one, dict) else one
                            for one in opens
                        ],
                    )
                )
            else:
                found.append((row, row.get("activity") or ()))
        return [(row, actions) for row, actions in found if actions], len(rows)

    def _resolve(self, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, str]:
        """The contact ids of the people whom the rows name, by the hash of their address."""
        wanted = {str(row.get("email_id")) for row in rows if row.get("email_id")}
        missing = sorted(wanted - self._contacts.keys())
        if len(missing) > MANY and not self._listed:
            self._list()
            missing = sorted(wanted - self._contacts.keys())
        query = {"fields": "contact_id"}
        calls = [member_call("GET", self._scope, one, query=query) for one in missing]
        for hashed, found in zip(missing, self._client.get_many(calls), strict=True):
            if isinstance(found, ConnectorError):
                raise found
            self._contacts[hashed] = str(found.get("contact_id") or "") if found else ""
        return self._contacts

    def _list(self) -> None:
        """Learn the whole audience. Who slips through between two pages is asked for singly."""
        for status in ("", "archived"):
            offset, size = 0, PAGE
            while size == PAGE:
                query: dict[str, str | int] = {
                    "fields": "members.id,members.contact_id",
                    "count": PAGE,
                    "offset": offset,
                }
                if status:
                    query["status"] = status
                body = self._client.get(MEMBERS, {"list": self._scope}, query) or {}
                rows = body.get("members") or ()
                for row in rows:
                    self._contacts[str(row.get("id"))] = str(row.get("contact_id") or "")
                size = len(rows)
                offset += size
        self._listed = True


def _rows(body: Mapping[str, Any], name: str, route: str) -> Sequence[Any]:
    rows = body.get(name)
    if not isinstance(rows, list):
        raise BadAnswer(f"{route} answered without {name}")
    return rows


def _rejected(row: Any, reason: str) -> Rejected:
    campaign = row.get("id") if isinstance(row, dict) else None
    return Rejected(campaign if isinstance(campaign, str) else "", reason, json.dumps(row))
