"""Contacts in the sandbox: single records and batches, merges, archiving, erasure."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice
from typing import Any, NamedTuple

from hub.testing.sandbox import Answer, Call, FaultKind, Refusal
from plugins.hubspot.sandbox_account import Contact, fold, iso
from plugins.hubspot.sandbox_base import HubSpotBase, archived, contacts

DEFAULT_PROPERTIES = (
    "createdate",
    "email",
    "firstname",
    "hs_object_id",
    "lastmodifieddate",
    "lastname",
)
ALWAYS = ("createdate", "hs_object_id", "lastmodifieddate")
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


class Fault(NamedTuple):
    """Why one input cannot be carried out."""

    status: int
    category: str
    message: str
    code: str = ""
    context: dict[str, list[str]] = {}  # noqa: RUF012 - never changed


class Plan(NamedTuple):
    """One input of a batch, understood: what is to be done, or why it cannot be."""

    given: dict[str, Any]
    do: Callable[[], Contact] | None
    fault: Fault | None
    new: bool = False


class ContactRoutes(HubSpotBase):
    """`/crm/objects/2026-09/contacts…` and `/crm/v3/objects/contacts…`."""

    # single records

    @contacts("GET")
    def list_contacts(self, call: Call) -> Answer:
        limit = self._number(call.query.get("limit", "10"), 1, 100)
        after = self._number(call.query.get("after", "0"), 0, None)
        gone = archived(call)
        names = self.names(call)
        found = list(islice(self.account.after(after, archived=gone), limit + 1))
        body: dict[str, Any] = {"results": [one.row(names) for one in found[:limit]]}
        if len(found) > limit:
            body["paging"] = {"next": {"after": str(found[limit - 1].id), "link": "?after=…"}}
        return Answer(200, body)

    @contacts("POST")
    def create_contact(self, call: Call) -> Answer:
        given = self.properties_of(self.body(call))
        fault = self.fault(given, None)
        if fault:
            raise self.refusal(fault)
        return Answer(201, self.row(self.account.create(given, self.ms()), given))

    @contacts("GET", "/{id}")
    def get_contact(self, call: Call) -> Answer:
        found = self._addressed(call.path["id"], call.query.get("idProperty"))
        if found is None or (found.archived is not None) is not (archived(call)):
            return self.not_found(call)
        return Answer(200, found.row(self.names(call)))

    @contacts("PATCH", "/{id}")
    def update_contact(self, call: Call) -> Answer:
        found = self._addressed(call.path["id"], call.query.get("idProperty"))
        if found is None or found.archived is not None:
            return self.not_found(call)
        given = self.properties_of(self.body(call))
        fault = self.fault(given, found)
        if fault:
            raise self.refusal(fault)
        self.account.update(found, given, self.ms())
        return Answer(200, self.row(found, given))

    @contacts("DELETE", "/{id}")
    def archive_contact(self, call: Call) -> Answer:
        found = self._addressed(call.path["id"], None)
        if found is not None:
            self.account.archive(found, self.ms())
        return Answer(204)

    @contacts("POST", "/merge")
    def merge_contacts(self, call: Call) -> Answer:
        given = self.body(call)
        winner = self.account.find(str(given.get("primaryObjectId", "")))
        loser = self.account.find(str(given.get("objectIdToMerge", "")))
        if winner is None or loser is None or winner.archived or loser.archived:
            return self.not_found(call)
        if winner is loser:
            raise self.refuse(400, "VALIDATION_ERROR", "Cannot merge an object with itself")
        if self.merge_makes_new:
            kept = winner.properties
            address = kept.pop("email", None)
            made = self.account.create({**kept}, self.ms())
            self.account.merge(made, winner, self.ms())
            if address:
                made.properties["email"] = address
                self.account.emails[fold(address)] = made.id
                made.emails = [one for one in made.emails if one != fold(address)]
            winner = made
        self.account.merge(winner, loser, self.ms())
        return Answer(200, winner.row(list(DEFAULT_PROPERTIES)))

    @contacts("POST", "/gdpr-delete")
    def gdpr_delete(self, call: Call) -> Answer:
        given = self.body(call)
        id_, id_property = str(given.get("objectId", "")), given.get("idProperty")
        found = self._addressed(id_, id_property)
        if found is None and id_property == "email":
            found = self.account.archived_by_email(id_)
        if found is not None and found.archived is not None and not self.purge_archived:
            found = None
        if found is None:
            if id_property != "email":
                return self.not_found(call)
            # the trap: an address that is not held is kept on a list, and can never be added
            self.account.blocklist.add(fold(id_))
            return Answer(204)
        self.account.purging.append(
            {"id": str(found.id), "due": iso(self.ms() + self.purge_after * 1000)}
        )
        for email in filter(None, [found.email, *found.emails]):
            self.account.statuses.pop(email, None)
        self.forget_contact(found)
        for one in self.account.lists.values():
            one["members"].pop(found.id, None)
        self.account.remove(found)
        return Answer(204)

    # batches

    @contacts("POST", "/batch/read")
    def batch_read(self, call: Call) -> Answer:
        given, inputs = self.body(call), self.inputs(call)
        id_property = given.get("idProperty")
        gone = archived(call)
        names = self.shown(given.get("properties") or [])
        results: dict[int, dict[str, Any]] = {}
        missing: list[str] = []
        for one in inputs:
            id_ = str(one.get("id", ""))
            found = self._addressed(id_, id_property)
            if gone and id_property == "email":
                found = self.account.archived_by_email(id_)
            if found is None or (found.archived is not None) is not gone:
                missing.append(id_)
            else:
                results[found.id] = found.row(names)
        errors = []
        if missing:
            message = "Could not get some CONTACT objects, they may be deleted or not exist"
            errors.append(self.item_error("OBJECT_NOT_FOUND", message, {"ids": missing}))
        return self.batch_answer(list(results.values()), errors)

    @contacts("POST", "/batch/create")
    def batch_create(self, call: Call) -> Answer:
        def plan(one: dict[str, Any]) -> Plan:
            given = self.properties_of(one)
            fault = self.fault(given, None)
            return Plan(one, lambda: self.account.create(given, self.ms()), fault, new=True)

        return self._carry_out(call, [plan(one) for one in self.inputs(call)], status=201)

    @contacts("POST", "/batch/update")
    def batch_update(self, call: Call) -> Answer:
        def plan(one: dict[str, Any]) -> Plan:
            given = self.properties_of(one)
            found = self._addressed(str(one.get("id", "")), one.get("idProperty"))
            if found is None or found.archived is not None:
                return Plan(one, None, None)
            return Plan(one, lambda: self._updated(found, given), self.fault(given, found))

        inputs = self.inputs(call)
        self._refuse_duplicates(inputs)
        return self._carry_out(call, [plan(one) for one in inputs])

    @contacts("POST", "/batch/upsert")
    def batch_upsert(self, call: Call) -> Answer:
        def plan(one: dict[str, Any]) -> Plan:
            given, email = self.properties_of(one), str(one.get("id", ""))
            if one.get("idProperty") != "email":
                raise self.refuse(400, "VALIDATION_ERROR", "idProperty must be a unique property")
            found = self.account.by_email(email)
            if found is not None:
                if fold(given.get("email")) == fold(email):
                    given = {name: value for name, value in given.items() if name != "email"}
                return Plan(one, lambda: self._updated(found, given), self.fault(given, found))
            given = {"email": email, **given}
            fault = self.fault(given, None)
            return Plan(one, lambda: self.account.create(given, self.ms()), fault, new=True)

        inputs = self.inputs(call)
        self._refuse_duplicates(inputs)
        return self._carry_out(call, [plan(one) for one in inputs], upsert=True)

    @contacts("POST", "/batch/archive")
    def batch_archive(self, call: Call) -> Answer:
        for one in self.inputs(call):
            found = self.account.find(str(one.get("id", "")))
            if found is not None:
                self.account.archive(found, self.ms())
        return Answer(204)

    def _carry_out(
        self, call: Call, plans: list[Plan], *, status: int = 200, upsert: bool = False
    ) -> Answer:
        """All or nothing, unless single inputs may fail (`multi_status`, or the PARTIAL fault)."""
        claimed = [
            email for plan in plans if (email := fold(plan.given["properties"].get("email")))
        ]
        if len(set(claimed)) < len(claimed):
            raise self.refuse(409, "CONFLICT", "Multiple inputs set the same email")
        traced = all(plan.given.get("objectWriteTraceId") for plan in plans)
        if not (self.multi_status and traced):
            for plan in plans:
                if plan.fault:
                    raise self.refusal(plan.fault)
        results: list[dict[str, Any]] = []
        errors: list[dict[str, Any]] = []
        for plan in plans:
            context: dict[str, list[str]] = {}
            trace = plan.given.get("objectWriteTraceId")
            if trace:
                context["objectWriteTraceId"] = [str(trace)]
            if plan.fault:
                fault = plan.fault
                errors.append(
                    self.item_error(
                        fault.category, fault.message, fault.context | context, code=fault.code
                    )
                )
            elif self.failing(FaultKind.PARTIAL, call):
                errors.append(self.item_error("INTERNAL_ERROR", "internal error", context))
            elif plan.do is None:
                message = "resource not found"
                context["ids"] = [str(plan.given.get("id", ""))]
                errors.append(self.item_error("OBJECT_NOT_FOUND", message, context))
            else:
                row = self.row(plan.do(), plan.given.get("properties") or {})
                if trace:
                    row["objectWriteTraceId"] = trace
                if upsert:
                    row["new"] = plan.new
                results.append(row)
        return self.batch_answer(results, errors, status=status)

    def _refuse_duplicates(self, inputs: list[dict[str, Any]]) -> None:
        ids = [fold(str(one.get("id", ""))) for one in inputs]
        if len(set(ids)) < len(ids):
            raise self.refuse(400, "VALIDATION_ERROR", "Duplicate IDs found in batch input")

    def _updated(self, contact: Contact, given: dict[str, Any]) -> Contact:
        self.account.update(contact, given, self.ms())
        return contact

    # rules

    def properties_of(self, given: dict[str, Any]) -> dict[str, Any]:
        """The properties of an input."""
        found = given.get("properties")
        if not isinstance(found, dict):
            raise self.refuse(400, "VALIDATION_ERROR", "Invalid input JSON: properties is required")
        return found

    def fault(self, given: dict[str, Any], contact: Contact | None) -> Fault | None:
        """What is wrong with setting those properties, on that contact or on a new one."""
        for name, value in given.items():
            known = self.account.fields.get(name)
            if known is None:
                message = f'Property "{name}" does not exist'
                return self._invalid("PROPERTY_DOESNT_EXIST", name, message)
            if known.get("modificationMetadata", {}).get("readOnlyValue"):
                return self._invalid("READ_ONLY_VALUE", name, f'"{name}" is a read only property')
            if value is not None and not isinstance(value, str):
                return self._invalid("INVALID_FORMAT", name, f'"{name}" must be a string')
            options = {option["value"] for option in known.get("options", ())}
            if value and options and not options.issuperset(value.strip(";").split(";")):
                return self._invalid("INVALID_OPTION", name, "not one of the allowed options")
        email = fold(given.get("email"))
        if email and not ADDRESS.fullmatch(email):
            return self._invalid("INVALID_EMAIL", "email", "Email address is invalid")
        if email in self.account.blocklist:
            return self._invalid("BLOCKLISTED", "email", "this address cannot be added")
        lacking = [
            name
            for name in self.account.required
            if not (given.get(name) if contact is None or name in given else "kept")
        ]
        if lacking:
            message = "some required properties were not set"
            return Fault(
                400, "VALIDATION_ERROR", message, "REQUIRED_FIELDS_MISSING", {"properties": lacking}
            )
        owner = self.account.by_email(email) if email else None
        if owner is not None and owner is not contact:
            return Fault(409, "CONFLICT", f"Contact already exists. Existing ID: {owner.id}")
        return None

    @staticmethod
    def _invalid(code: str, name: str, message: str) -> Fault:
        return Fault(400, "VALIDATION_ERROR", message, code, {"propertyName": [name]})

    def refusal(self, fault: Fault) -> Refusal:
        """The error that refuses a whole call."""
        return self.refuse(
            fault.status,
            fault.category,
            fault.message,
            code=fault.code,
            context=fault.context or None,
        )

    # shapes

    def names(self, call: Call) -> list[str]:
        """The properties asked for in the query, repeated or separated by commas."""
        asked = call.queries.get("properties", [])
        return self.shown([name for part in asked for name in part.split(",") if name])

    def shown(self, asked: list[str]) -> list[str]:
        """The properties to answer: those asked for that exist, and those always there."""
        if not asked:
            return list(DEFAULT_PROPERTIES)
        return list(dict.fromkeys([n for n in asked if n in self.account.fields] + list(ALWAYS)))

    def row(self, contact: Contact, given: dict[str, Any]) -> dict[str, Any]:
        """A contact just written, with the properties that were given."""
        return contact.row(list(dict.fromkeys([*given, "email", *ALWAYS])))

    def _addressed(self, id_: str, id_property: Any) -> Contact | None:
        if id_property in (None, "", "hs_object_id"):
            return self.account.find(id_)
        return self.account.by_email(id_) if id_property == "email" else None

    def _number(self, text: str, least: int, most: int | None) -> int:
        if not text.isdigit() or int(text) < least or (most is not None and int(text) > most):
            raise self.refuse(400, "VALIDATION_ERROR", "a number of the query is out of range")
        return int(text)
