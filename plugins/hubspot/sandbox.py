"""A stateful stand-in of one HubSpot account: `HubSpotSandbox`.

Serves the dated paths (2026-09) and v3/v4 from one state, so that the vendor's own client, which
speaks v3, can vouch for what the hub's connector, which speaks 2026-09, reads and writes. Seeds
are described at `HubSpotSandbox.seed`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, replace
from math import ceil
from typing import Any

from hub.testing.sandbox import Answer, Call, Refusal, route
from plugins.hubspot.sandbox_account import Account, Contact, Status, iso, millis
from plugins.hubspot.sandbox_consent import ConsentRoutes
from plugins.hubspot.sandbox_engagements import EngagementRoutes
from plugins.hubspot.sandbox_lists import ListRoutes
from plugins.hubspot.sandbox_properties import (
    PropertyRoutes,
    definition,
    standard,
    standard_groups,
)

TOKEN = "sandbox-token"  # noqa: S105 - opens nothing but this sandbox
"""The token of a fresh account; it has every scope."""

SCOPES = (
    "crm.objects.contacts.read",
    "crm.objects.contacts.write",
    "crm.schemas.contacts.read",
    "crm.schemas.contacts.write",
    "communication_preferences.read",
    "communication_preferences.read_write",
    "communication_preferences.write",
    "communication_preferences.statuses.batch.read",
    "communication_preferences.statuses.batch.write",
    "crm.lists.read",
    "crm.lists.write",
    "sales-email-read",
)
TEN_SECONDS = (190, 10_000)
SEARCHES = (5, 1_000)


def needed_scopes(method: str, template: str) -> tuple[str, ...]:
    """The scopes of which a token needs one, by HubSpot's published contracts."""
    if template.startswith("/crm/properties/") or template.startswith("/crm/v3/properties/"):
        if method == "GET":
            return ("crm.schemas.contacts.read", "crm.objects.contacts.read")
        return ("crm.schemas.contacts.write",)
    if "/statuses/batch/" in template:
        reads = template.endswith("/read")
        return (f"communication_preferences.statuses.batch.{'read' if reads else 'write'}",)
    if template.startswith("/communication-preferences/"):
        kind = "read" if method == "GET" else "write"
        return (f"communication_preferences.{kind}", "communication_preferences.read_write")
    if template.startswith("/crm/v3/lists"):
        return ("crm.lists.read" if method == "GET" else "crm.lists.write",)
    if template.startswith("/crm/"):
        reads = method == "GET" or template.endswith(("/search", "/batch/read"))
        return (f"crm.objects.contacts.{'read' if reads else 'write'}",)
    return ()


class HubSpotSandbox(EngagementRoutes, ConsentRoutes, PropertyRoutes, ListRoutes):
    """One HubSpot account. Beside the attributes of `HubSpotBase`:

    `limited` whether the rate limits hold: 190 calls in ten seconds, five searches in one.
    """

    title = "HubSpot"
    limited = False

    def clear(self) -> None:
        self.account = Account()
        self.account.fields = standard()
        self.account.groups = standard_groups()
        self.tokens = {TOKEN: frozenset(SCOPES)}
        self._calls: deque[int] = deque()
        self._searches: deque[int] = deque()

    def seed(self, data: Any) -> None:
        """Add to the account, past every rule of the API:

        `contacts`     [{properties, id?, archived?, created?, modified?, merged?, statuses:
                       {subscription: {status, source, timestamp?, legalBasis?}},
                       unsubscribed_all: {source, timestamp?} or true}]
        `engagements`  [{type: "calls", properties, contacts: [ids], others?: [ids], modified?,
                       archived?}]
        `definitions`  subscription types [{id, name, …}]
        `properties`   [{name, type?, fieldType?, options?}]
        `required`     names of properties that the account requires
        `tokens`       {token: [scopes]}, in place of the token of a fresh account
        `settings`     attributes of the sandbox by name, such as {"lag": 3, "limited": true}
        """
        for token, scopes in data.get("tokens", {}).items():
            self.tokens.pop(TOKEN, None)
            self.tokens[token] = frozenset(scopes)
        for name, value in data.get("settings", {}).items():
            setattr(self, name, type(getattr(self, name))(value))
        for one in data.get("definitions", ()):
            self.account.definitions[str(one["id"])] = self._definition(one)
        for one in data.get("properties", ()):
            self.account.fields[one["name"]] = definition(
                one["name"],
                type=one.get("type", "string"),
                field_type=one.get("fieldType", "text"),
                options=tuple(one.get("options", ())),
                custom=True,
            )
        self.account.required += data.get("required", [])
        for one in data.get("contacts", ()):
            self._seed_contact(one)

        for one in data.get("engagements", ()):
            id_ = self.engage(
                one["type"],
                one.get("contacts", ()),
                one.get("properties", {}),
                others=one.get("others", ()),
                modified=one.get("modified"),
            )
            if one.get("archived"):
                self.account.engagements[one["type"]][int(id_)].archived = self.ms()

    def _seed_contact(self, one: Mapping[str, Any]) -> Contact:
        at = self._when(one.get("modified"))
        given = one.get("properties", {})
        contact = self.account.create(given, at, id=int(one["id"]) if one.get("id") else None)
        contact.created = self._when(one.get("created", at))
        for loser in one.get("merged", ()):
            contact.merged.append(str(loser))
            self.account.merged[int(loser)] = contact.id
        held = self.account.statuses.setdefault(contact.email, {}) if contact.email else {}
        for subscription, status in one.get("statuses", {}).items():
            held[str(subscription)] = Status(
                status["status"],
                status.get("source", "API"),
                self._when(status.get("timestamp")),
                status.get("legalBasis"),
                status.get("legalBasisExplanation"),
            )
        if everything := one.get("unsubscribed_all"):
            known = everything if isinstance(everything, dict) else {}
            self.account.opted_out[contact.email, ""] = Status(
                "UNSUBSCRIBED", known.get("source", "API"), self._when(known.get("timestamp"))
            )
            contact.properties["hs_email_optout"] = "true"
        if one.get("archived"):
            self.account.archive(contact, at)
        return contact

    def state(self) -> Any:
        account = self.account
        return {
            "contacts": {str(c.id): self._whole(c) for c in account.contacts.values()},
            "merged": {str(loser): str(winner) for loser, winner in account.merged.items()},
            "statuses": {
                email: {
                    id_: asdict(status) | {"at": iso(status.at)} for id_, status in held.items()
                }
                for email, held in account.statuses.items()
            },
            "unsubscribed_all": [
                {"email": email, "unit": unit, "source": status.source, "at": iso(status.at)}
                for (email, unit), status in account.opted_out.items()
            ],
            "definitions": account.definitions,
            "properties": account.fields,
            "groups": account.groups,
            "required": account.required,
            "engagements": {
                f"{type_}/{id_}": asdict(one)
                for type_, held in account.engagements.items()
                for id_, one in held.items()
            },
            "lists": {
                one["name"]: sorted(str(id_) for id_ in one["members"])
                for one in account.lists.values()
            },
            "blocklist": sorted(account.blocklist),
            "purging": [one for one in account.purging if millis(one["due"]) > self.ms()],
        }

    # acts at the vendor's own screen, for tests

    def contact(self, email: str) -> dict[str, Any] | None:
        """The live contact with that address, as in `state`."""
        found = self.account.by_email(email)
        return None if found is None else self._whole(found)

    def edit(self, id_: str, changes: Mapping[str, Any]) -> None:
        """Someone edits a contact, past every rule."""
        found = self.account.find(id_)
        assert found is not None
        self.account.update(found, dict(changes), self.ms())

    def restore(self, id_: str) -> None:
        """Someone brings an archived contact back."""
        found = self.account.find(id_)
        assert found is not None
        self.account.restore(found, self.ms())

    # what every call goes through

    def authenticate(self, call: Call) -> None:
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        scopes = self.tokens.get(token)
        if scheme.lower() != "bearer" or scopes is None:
            raise self.refuse(
                401, "INVALID_AUTHENTICATION", "Authentication credentials not found or not valid"
            )
        needed = needed_scopes(call.method, call.template)
        if needed and not scopes.intersection(needed):
            raise self.refuse(
                403,
                "MISSING_SCOPES",
                "This app hasn't been granted all required scopes to make this call",
                code="MISSING_SCOPES",
                context={"requiredGranularScopes": list(needed)},
            )

    def limit(self, call: Call) -> None:
        if not self.limited:
            return
        now = self.ms()
        buckets = [(self._calls, TEN_SECONDS, "TEN_SECONDLY_ROLLING")]
        if call.template.endswith("/search"):
            buckets.append((self._searches, SEARCHES, "SECONDLY"))
        for calls, (most, window), policy in buckets:
            while calls and calls[0] <= now - window:
                calls.popleft()
            if len(calls) >= most:
                refused = self.too_many(call, (calls[0] + window - now) / 1000)
                body = {**refused.body, "errorType": "RATE_LIMIT", "policyName": policy}
                raise Refusal(replace(refused, body=body))
        for calls, _, _ in buckets:
            calls.append(now)

    def too_many(self, call: Call, seconds: float) -> Answer:
        answer = self.error(429, "RATE_LIMITS", "You have reached your limit")
        return replace(answer, headers={"Retry-After": str(ceil(max(seconds, 0)))})

    def handle(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        answer = super().handle(method, path, query, headers, body)
        if path.startswith("/_control/"):
            return answer
        most, window = TEN_SECONDS
        shown = {
            "X-HubSpot-RateLimit-Max": str(most),
            "X-HubSpot-RateLimit-Remaining": str(max(most - len(self._calls), 0)),
            "X-HubSpot-RateLimit-Interval-Milliseconds": str(window),
        }
        return replace(answer, headers={**shown, **answer.headers})

    @route("GET", "/account-info/v3/details")
    def account_details(self, call: Call) -> Answer:
        return Answer(
            200,
            {
                "portalId": 26_000_001,
                "accountType": "SANDBOX",
                "timeZone": "Europe/Helsinki",
                "companyCurrency": "EUR",
                "additionalCurrencies": [],
                "utcOffset": "+02:00",
                "utcOffsetMilliseconds": 7_200_000,
                "uiDomain": "app-eu1.hubspot.example",
                "dataHostingLocation": "eu1",
            },
        )

    # shapes

    def _definition(self, one: Mapping[str, Any]) -> dict[str, Any]:
        at = iso(self.ms())
        return {
            "id": str(one["id"]),
            "name": one["name"],
            "description": one.get("description", ""),
            "purpose": one.get("purpose", "Marketing"),
            "communicationMethod": one.get("communicationMethod", "Email"),
            "isActive": one.get("isActive", True),
            "isDefault": one.get("isDefault", False),
            "isInternal": one.get("isInternal", False),
            "businessUnitId": int(one.get("businessUnitId", 0)),
            "subscriptionTranslations": [],
            "createdAt": at,
            "updatedAt": at,
        }

    def _whole(self, contact: Contact) -> dict[str, Any]:
        known = dict.fromkeys([*contact.properties, "hs_object_id", "lastmodifieddate"])
        if contact.merged:
            known |= dict.fromkeys(["hs_merged_object_ids"])
        if contact.emails:
            known |= dict.fromkeys(["hs_additional_emails"])
        return contact.row(list(known))

    def _when(self, given: Any) -> int:
        return self.ms() if given is None else millis(given)
