"""Communication preferences in the sandbox: statuses by address, opt-out of everything."""

from __future__ import annotations

from typing import Any

from hub.testing.sandbox import Answer, Call, FaultKind, route
from plugins.hubspot.sandbox_account import Status, fold, iso
from plugins.hubspot.sandbox_base import HubSpotBase, legacy_preferences, preferences

STATUSES = ("SUBSCRIBED", "UNSUBSCRIBED", "NOT_SPECIFIED")
LEGAL_BASES = (
    "CONSENT_WITH_NOTICE",
    "LEGITIMATE_INTEREST_CLIENT",
    "LEGITIMATE_INTEREST_OTHER",
    "LEGITIMATE_INTEREST_PQL",
    "NON_GDPR",
    "PERFORMANCE_OF_CONTRACT",
    "PROCESS_AND_STORE",
)
BY_API = "API"
NOT_SET = Status("NOT_SPECIFIED", "NONE", 0)


class ConsentRoutes(HubSpotBase):
    """`/communication-preferences/2026-09…`, `…/v4…` and `…/v3…`."""

    # definitions

    @preferences("GET", "/definitions")
    def list_definitions(self, call: Call) -> Answer:
        unit = call.query.get("businessUnitId")
        found = [
            one
            for one in self.account.definitions.values()
            if unit is None or str(one.get("businessUnitId", "0")) == unit
        ]
        return self.batch_answer(found)

    @route("GET", "/communication-preferences/v3/definitions")
    def list_definitions_legacy(self, call: Call) -> Answer:
        found = list(self.account.definitions.values())
        return Answer(200, {"subscriptionDefinitions": found})

    # one address

    @preferences("GET", "/statuses/{email}")
    def get_statuses(self, call: Call) -> Answer:
        return self.batch_answer(self._statuses(call.path["email"]))

    @preferences("POST", "/statuses/{email}")
    def set_status(self, call: Call) -> Answer:
        given = {**self.body(call), "subscriberIdString": call.path["email"]}
        fault = self._fault(given)
        if fault:
            raise self.refuse(400, "VALIDATION_ERROR", fault[1], code=fault[0])
        return self.batch_answer([self._write(given)])

    @preferences("GET", "/statuses/{email}/unsubscribe-all")
    def get_opt_out(self, call: Call) -> Answer:
        return self.batch_answer(self._wide(call.path["email"], self._unit(call)))

    @preferences("POST", "/statuses/{email}/unsubscribe-all")
    def opt_out(self, call: Call) -> Answer:
        self.opt_out_of_all(call.path["email"], BY_API, unit=self._unit(call))
        return self.batch_answer(self._statuses(call.path["email"]))

    # batches

    @preferences("POST", "/statuses/batch/read")
    def batch_read_statuses(self, call: Call) -> Answer:
        return self.batch_answer(
            [
                {"subscriberIdString": email, "statuses": self._statuses(email)}
                for email in self.inputs(call, str)
            ]
        )

    @preferences("POST", "/statuses/batch/unsubscribe-all/read")
    def batch_read_opt_outs(self, call: Call) -> Answer:
        unit = self._unit(call)
        return self.batch_answer(
            [
                {"subscriberIdString": email, "wideStatuses": self._wide(email, unit)}
                for email in self.inputs(call, str)
            ]
        )

    @preferences("POST", "/statuses/batch/write")
    def batch_write_statuses(self, call: Call) -> Answer:
        results, errors = [], []
        for given in self.inputs(call):
            context = {
                "subscriberIdString": [str(given.get("subscriberIdString"))],
                "subscriptionId": [str(given.get("subscriptionId"))],
            }
            fault = self._fault(given)
            if fault:
                errors.append(self.item_error("VALIDATION_ERROR", fault[1], context, code=fault[0]))
            elif self.failing(FaultKind.PARTIAL, call):
                errors.append(self.item_error("INTERNAL_ERROR", "internal error", context))
            else:
                results.append(self._write(given))
        return self.batch_answer(results, errors)

    @preferences("POST", "/statuses/batch/unsubscribe-all")
    def batch_opt_out(self, call: Call) -> Answer:
        unit = self._unit(call)
        results, errors = [], []
        for email in self.inputs(call, str):
            if self.failing(FaultKind.PARTIAL, call):
                context = {"subscriberIdString": [email]}
                errors.append(self.item_error("INTERNAL_ERROR", "internal error", context))
                continue
            self.opt_out_of_all(email, BY_API, unit=unit)
            results.append({"subscriberIdString": email, "statuses": self._statuses(email)})
        return self.batch_answer(results, errors)

    # as v3 has it

    @legacy_preferences("GET", "/status/email/{email}")
    def get_email_status(self, call: Call) -> Answer:
        email = call.path["email"]
        wide = self.account.opted_out.get((fold(email), ""))
        held = self.account.statuses.get(fold(email), {})
        shown = []
        for id_, one in self.account.definitions.items():
            status = held.get(id_, NOT_SET)
            shown.append(self._legacy(one, status, subscribed=wide is None, wide=wide is not None))
        return Answer(200, {"recipient": email, "subscriptionStatuses": shown})

    @legacy_preferences("POST", "/subscribe")
    def subscribe(self, call: Call) -> Answer:
        return self._legacy_write(call, "SUBSCRIBED")

    @legacy_preferences("POST", "/unsubscribe")
    def unsubscribe(self, call: Call) -> Answer:
        return self._legacy_write(call, "UNSUBSCRIBED")

    def _legacy_write(self, call: Call, status: str) -> Answer:
        given = self.body(call)
        email, id_ = str(given.get("emailAddress", "")), str(given.get("subscriptionId", ""))
        full = {**given, "subscriberIdString": email, "subscriptionId": id_}
        full |= {"statusState": status, "channel": "EMAIL"}
        fault = self._fault(full)
        held = self.account.statuses.get(fold(email), {}).get(id_, NOT_SET)
        if not fault and status == "SUBSCRIBED" and held.status == "UNSUBSCRIBED":
            fault = ("CANNOT_RESUBSCRIBE", f"{email} has opted out of this type")
        if fault:
            raise self.refuse(400, "VALIDATION_ERROR", fault[1], code=fault[0])
        self._write(full)
        now = self.account.statuses[fold(email)][id_]
        one = self.account.definitions[id_]
        return Answer(200, self._legacy(one, now, subscribed=True, wide=False))

    # what a person does, for seeds and tests

    def person_sets(self, email: str, subscription: str, status: str, source: str) -> None:
        """A status set by someone: the person in a form or the preferences page, or staff."""
        held = self.account.statuses.setdefault(fold(email), {})
        held[subscription] = Status(status, source, self.ms())

    def opt_out_of_all(self, email: str, source: str, *, unit: str = "") -> None:
        """Unsubscribed from everything: shows on the contact too, which counts as a change."""
        self.account.opted_out.setdefault(
            (fold(email), unit), Status("UNSUBSCRIBED", source, self.ms())
        )
        contact = self.account.by_email(email)
        if contact is not None and contact.properties.get("hs_email_optout") != "true":
            self.account.update(contact, {"hs_email_optout": "true"}, self.ms())

    # rules

    def _fault(self, given: dict[str, Any]) -> tuple[str, str] | None:
        """Why a status cannot be written: a code and a message."""
        email, id_ = fold(given.get("subscriberIdString")), str(given.get("subscriptionId"))
        if "@" not in email:
            return "INVALID_EMAIL", "subscriberIdString must be an email address"
        if id_ not in self.account.definitions:
            return "INVALID_SUBSCRIPTION", f"subscription {id_} does not exist"
        if given.get("channel") != "EMAIL":
            return "INVALID_CHANNEL", "channel must be EMAIL"
        if given.get("statusState") not in STATUSES:
            return "INVALID_STATUS", "statusState is not one of the known ones"
        if given.get("legalBasis") not in (None, *LEGAL_BASES):
            return "INVALID_LEGAL_BASIS", "legalBasis is not one of the known ones"
        if given["statusState"] != "SUBSCRIBED":
            return None
        held = self.account.statuses.get(email, {}).get(id_, NOT_SET)
        # who said no themselves comes back only by an act of their own
        if held.status == "UNSUBSCRIBED" and held.source != BY_API:
            return "CANNOT_RESUBSCRIBE", "the contact unsubscribed and must opt in themselves"
        wide = self.account.opted_out.get((email, ""))
        if wide is not None and wide.source != BY_API:
            return "CANNOT_RESUBSCRIBE", "the contact unsubscribed from all email"
        return None

    def _write(self, given: dict[str, Any]) -> dict[str, Any]:
        email, id_ = str(given["subscriberIdString"]), str(given["subscriptionId"])
        held = self.account.statuses.setdefault(fold(email), {})
        before = held.get(id_, NOT_SET).status
        after = given["statusState"]
        reason = "REQUESTED_CHANGE_OCCURRED"
        if before == after:
            reason = "NO_STATUS_CHANGE"
        elif before == "UNSUBSCRIBED" and after == "SUBSCRIBED":
            reason = "RESUBSCRIBE_OCCURRED"
        if before != after:
            held[id_] = Status(
                after,
                BY_API,
                self.ms(),
                given.get("legalBasis"),
                given.get("legalBasisExplanation"),
            )
        return {**self._shown(email, id_), "setStatusSuccessReason": reason}

    # shapes

    def _statuses(self, email: str) -> list[dict[str, Any]]:
        return [self._shown(email, id_) for id_ in self.account.definitions]

    def _shown(self, email: str, id_: str) -> dict[str, Any]:
        status = self.account.statuses.get(fold(email), {}).get(id_, NOT_SET)
        shown: dict[str, Any] = {
            "channel": "EMAIL",
            "subscriberIdString": email,
            "subscriptionId": int(id_),
            "subscriptionName": self.account.definitions[id_]["name"],
            "status": status.status,
            "source": status.source,
            "timestamp": iso(status.at),
        }
        if status.legal_basis:
            shown["legalBasis"] = status.legal_basis
        if status.explanation:
            shown["legalBasisExplanation"] = status.explanation
        return shown

    def _wide(self, email: str, unit: str) -> list[dict[str, Any]]:
        kinds = [("PORTAL_WIDE", "")]
        if unit:
            kinds.append(("BUSINESS_UNIT_WIDE", unit))
        shown = []
        for kind, of in kinds:
            status = self.account.opted_out.get((fold(email), of), NOT_SET)
            shown.append(
                {
                    "channel": "EMAIL",
                    "subscriberIdString": email,
                    "wideStatusType": kind,
                    "status": status.status,
                    "timestamp": iso(status.at),
                }
            )
        return shown

    def _legacy(
        self, definition: dict[str, Any], status: Status, *, subscribed: bool, wide: bool
    ) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "id": definition["id"],
            "name": definition["name"],
            "description": definition["description"],
            "status": "SUBSCRIBED"
            if subscribed and status.status == "SUBSCRIBED"
            else "NOT_SUBSCRIBED",
            "sourceOfStatus": "PORTAL_WIDE_STATUS" if wide else "SUBSCRIPTION_STATUS",
        }
        if status.legal_basis:
            shown["legalBasis"] = status.legal_basis
        return shown

    @staticmethod
    def _unit(call: Call) -> str:
        return call.query.get("businessUnitId", "")
