"""Property definitions and groups in the sandbox."""

from __future__ import annotations

import re
from typing import Any

from hub.testing.sandbox import Answer, Call
from plugins.hubspot.sandbox_base import HubSpotBase, properties

NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
REQUIRED = ("name", "label", "type", "fieldType", "groupName")
STANDARD_GROUP = "contactinformation"

_TEXT = (
    *("email", "firstname", "lastname", "phone", "mobilephone", "jobtitle", "company"),
    *("address", "city", "zip", "country", "website", "hs_language", "message", "lifecyclestage"),
)
_READ_ONLY = {
    "hs_object_id": "number",
    "createdate": "datetime",
    "lastmodifieddate": "datetime",
    "hs_merged_object_ids": "enumeration",
    "hs_additional_emails": "enumeration",
    "hs_email_optout": "bool",
    "hs_email_hard_bounce_reason_enum": "enumeration",
    "hs_email_bounce": "number",
    "hs_searchable_calculated_phone_number": "string",
    "hs_searchable_calculated_mobile_number": "string",
}
_LEGAL_BASES = (
    "Legitimate interest – prospect/lead",
    "Legitimate interest – existing customer",
    "Freely given consent from contact",
    "Not applicable",
)


def definition(
    name: str,
    *,
    type: str = "string",  # noqa: A002 - the vendor's own word
    field_type: str = "text",
    group: str = STANDARD_GROUP,
    options: tuple[str, ...] = (),
    read_only: bool = False,
    custom: bool = False,
    **more: Any,
) -> dict[str, Any]:
    """A property as the API shows it."""
    return {
        "name": name,
        "label": name.replace("_", " ").capitalize(),
        "description": "",
        "type": type,
        "fieldType": field_type,
        "groupName": group,
        "options": [
            {"label": one, "value": one, "displayOrder": n, "hidden": False}
            for n, one in enumerate(options)
        ],
        "hubspotDefined": not custom,
        "hidden": False,
        "archived": False,
        "modificationMetadata": {
            "archivable": custom,
            "readOnlyDefinition": not custom,
            "readOnlyValue": read_only,
        },
        **more,
    }


def standard() -> dict[str, dict[str, Any]]:
    """The properties that every account has, as far as the hub meets them."""
    found = [definition(name) for name in _TEXT]
    found += [definition(name, type=kind, read_only=True) for name, kind in _READ_ONLY.items()]
    found.append(
        definition(
            "hs_legal_basis", type="enumeration", field_type="checkbox", options=_LEGAL_BASES
        )
    )
    return {one["name"]: one for one in found}


def standard_groups() -> dict[str, dict[str, Any]]:
    """The group that every account has."""
    return {STANDARD_GROUP: _group(STANDARD_GROUP, "Contact information")}


def _group(name: str, label: str) -> dict[str, Any]:
    return {"name": name, "label": label, "displayOrder": -1, "archived": False}


class PropertyRoutes(HubSpotBase):
    """`/crm/properties/2026-09/contacts…` and `/crm/v3/properties/contacts…`."""

    @properties("GET")
    def list_properties(self, call: Call) -> Answer:
        return Answer(200, {"results": list(self.account.fields.values())})

    @properties("GET", "/{name}")
    def get_property(self, call: Call) -> Answer:
        found = self.account.fields.get(call.path["name"])
        return Answer(200, found) if found else self.not_found(call)

    @properties("POST")
    def create_property(self, call: Call) -> Answer:
        return Answer(201, self._create(self.body(call)))

    @properties("POST", "/batch/create")
    def create_properties(self, call: Call) -> Answer:
        return self.batch_answer([self._create(one) for one in self.inputs(call)], status=201)

    @properties("GET", "/groups")
    def list_groups(self, call: Call) -> Answer:
        return Answer(200, {"results": list(self.account.groups.values())})

    @properties("POST", "/groups")
    def create_group(self, call: Call) -> Answer:
        given = self.body(call)
        name, label = given.get("name"), given.get("label")
        if not isinstance(name, str) or not NAME.fullmatch(name) or not label:
            raise self.refuse(400, "VALIDATION_ERROR", "a group needs a name and a label")
        if name in self.account.groups:
            raise self.refuse(409, "CONFLICT", f"group {name} already exists")
        self.account.groups[name] = _group(name, label)
        return Answer(201, self.account.groups[name])

    def _create(self, given: dict[str, Any]) -> dict[str, Any]:
        lacking = [key for key in REQUIRED if not given.get(key)]
        if lacking:
            raise self.refuse(400, "VALIDATION_ERROR", f"missing: {', '.join(lacking)}")
        name = given["name"]
        if not NAME.fullmatch(name):
            raise self.refuse(400, "VALIDATION_ERROR", "a name is lower-case letters, digits, _")
        if name in self.account.fields:
            raise self.refuse(
                409,
                "OBJECT_ALREADY_EXISTS",
                f'A property named "{name}" already exists',
                sub_category="Properties.PROPERTY_EXISTS",
            )
        if given["groupName"] not in self.account.groups:
            raise self.refuse(400, "VALIDATION_ERROR", "the property group does not exist")
        made = definition(name, custom=True)
        made |= {key: given[key] for key in (*REQUIRED, "description", "options") if key in given}
        self.account.fields[name] = made
        return made
