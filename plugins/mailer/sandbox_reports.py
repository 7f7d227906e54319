"""The routes of the Mailchimp sandbox that are about campaigns and their reports."""

from __future__ import annotations

from typing import Any

from hub.testing.sandbox import Answer, Call, Refusal, route
from plugins.mailer.sandbox_account import Account, page, partial
from plugins.mailer.sandbox_audience import invalid, iso
from plugins.mailer.sandbox_campaigns import Campaign

REPORT = "/3.0/reports/{campaign}"


class ReportRoutes(Account):
    """Campaigns that were sent, and what came of them."""

    @route("GET", "/3.0/campaigns")
    def campaigns_sent(self, call: Call) -> Answer:
        """The campaigns, of one audience if asked."""
        rows = [
            campaign.overview()
            for campaign in self._sent_between(call)
            if call.query.get("list_id") in (None, campaign.audience.id)
            and call.query.get("status", "sent") == "sent"
        ]
        return partial(call, {"campaigns": page(call, rows), "total_items": len(rows)})

    @route("GET", "/3.0/reports")
    def reports(self, call: Call) -> Answer:
        """The reports of all campaigns of the account."""
        rows = [campaign.report() for campaign in self._sent_between(call)]
        return partial(call, {"reports": page(call, rows), "total_items": len(rows)})

    @route("GET", REPORT)
    def report(self, call: Call) -> Answer:
        """One report."""
        return partial(call, self._campaign(call).report())

    @route("GET", REPORT + "/sent-to")
    def sent_to(self, call: Call) -> Answer:
        """Who was sent it. There is no time and no filter."""
        campaign = self._campaign(call)
        rows: list[dict[str, Any]] = []
        for contact, did in campaign.sent.items():
            opens = sorted(one["timestamp"] for one in did if one["action"] == "open")
            row = {
                **campaign.person(contact),
                "status": "sent",
                "open_count": len(opens),
                "last_open": opens[-1] if opens else "",
                "absplit_group": "",
                "gmt_offset": 0,
            }
            del row["contact_status"]
            rows.append(row)
        body = {"sent_to": page(call, rows), "campaign_id": campaign.id, "total_items": len(rows)}
        return partial(call, body)

    @route("GET", REPORT + "/email-activity")
    def email_activity(self, call: Call) -> Answer:
        """Everyone who was sent it, with their opens and clicks; those without any are rows too,
        also where `since` leaves nothing of them."""
        campaign, since = self._campaign(call), self._since(call)
        rows: list[dict[str, Any]] = []
        for contact, did in campaign.sent.items():
            row = campaign.person(contact)
            for absent in ("contact_status", "merge_fields", "vip"):
                del row[absent]
            row["activity"] = [
                {name: value for name, value in one.items() if name != "proxy"}
                for one in did
                if one["timestamp"] > since
            ]
            rows.append(row)
        body = {"emails": page(call, rows), "campaign_id": campaign.id, "total_items": len(rows)}
        return partial(call, body)

    @route("GET", REPORT + "/open-details")
    def open_details(self, call: Call) -> Answer:
        """Those who opened it, with the times."""
        campaign, since = self._campaign(call), self._since(call)
        rows: list[dict[str, Any]] = []
        for contact, did in campaign.sent.items():
            opens = [
                {"timestamp": one["timestamp"], "is_proxy_open": one["proxy"]}
                for one in did
                if one["action"] == "open" and one["timestamp"] > since
            ]
            if opens:
                row = campaign.person(contact)
                rows.append({**row, "opens_count": len(opens), "opens": opens})
        body = {
            "members": page(call, rows),
            "campaign_id": campaign.id,
            "total_opens": sum(row["opens_count"] for row in rows),
            "total_items": len(rows),
        }
        return partial(call, body)

    def _campaign(self, call: Call) -> Campaign:
        campaign = self.campaigns.get(call.path["campaign"])
        if campaign is None:
            raise Refusal(self.not_found(call))
        return campaign

    def _since(self, call: Call) -> str:
        try:
            return iso(call.query.get("since"))
        except ValueError as error:
            raise invalid("since", "Not a time in ISO 8601.") from error

    def _sent_between(self, call: Call) -> list[Campaign]:
        try:
            since, before = (
                iso(call.query.get(f"{edge}_send_time")) for edge in ("since", "before")
            )
        except ValueError as error:
            raise invalid("since_send_time", "Not a time in ISO 8601.") from error
        return [
            campaign
            for campaign in self.campaigns.values()
            if campaign.send_time > since and (not before or campaign.send_time < before)
        ]
