"""Contact lists in the sandbox: manual ones, and who is on them."""

from __future__ import annotations

from typing import Any

from hub.testing.sandbox import Answer, Call, route
from plugins.hubspot.sandbox_account import iso
from plugins.hubspot.sandbox_base import HubSpotBase

CONTACT = "0-1"


class ListRoutes(HubSpotBase):
    """`/crm/v3/lists…`, which has no dated contract yet."""

    @route("POST", "/crm/v3/lists/")
    @route("POST", "/crm/v3/lists")
    def create_list(self, call: Call) -> Answer:
        given = self.body(call)
        lacking = [k for k in ("name", "objectTypeId", "processingType") if not given.get(k)]
        if lacking or given["processingType"] not in ("MANUAL", "SNAPSHOT", "DYNAMIC"):
            raise self.refuse(400, "VALIDATION_ERROR", "a list needs a name, an object, a type")
        if self._by_name(given["name"]):
            raise self.refuse(
                400,
                "VALIDATION_ERROR",
                "List names must be unique",
                sub_category="ILS.DUPLICATE_LIST_NAMES",
            )
        id_ = str(len(self.account.lists) + 1)
        at = iso(self.ms())
        self.account.lists[id_] = {
            "listId": id_,
            "listVersion": 1,
            "name": given["name"],
            "objectTypeId": given["objectTypeId"],
            "processingType": given["processingType"],
            "processingStatus": "COMPLETE",
            "createdAt": at,
            "updatedAt": at,
            "members": {},
        }
        return Answer(200, {"list": self._list(id_)})

    @route("GET", "/crm/v3/lists/object-type-id/{object}/name/{name}")
    def get_list_by_name(self, call: Call) -> Answer:
        found = self._by_name(call.path["name"])
        if found is None or call.path["object"] != CONTACT:
            return self.not_found(call)
        return Answer(200, {"list": self._list(found)})

    @route("GET", "/crm/v3/lists/{list}")
    def get_list(self, call: Call) -> Answer:
        if call.path["list"] not in self.account.lists:
            return self.not_found(call)
        return Answer(200, {"list": self._list(call.path["list"])})

    @route("GET", "/crm/v3/lists/{list}/memberships")
    def list_members(self, call: Call) -> Answer:
        found = self.account.lists.get(call.path["list"])
        if found is None:
            return self.not_found(call)
        results = [
            {"recordId": str(id_), "membershipTimestamp": iso(at)}
            for id_, at in sorted(found["members"].items())
        ]
        return Answer(200, {"results": results, "total": len(results)})

    @route("PUT", "/crm/v3/lists/{list}/memberships/add")
    def add_members(self, call: Call) -> Answer:
        return self._change(call, adding=True)

    @route("PUT", "/crm/v3/lists/{list}/memberships/remove")
    def remove_members(self, call: Call) -> Answer:
        return self._change(call, adding=False)

    @route("GET", "/crm/v3/lists/records/{object}/{record}/memberships")
    def memberships_of(self, call: Call) -> Answer:
        found = self.account.find(call.path["record"])
        if found is None or call.path["object"] != CONTACT:
            return Answer(200, {"results": []})
        results = [
            {
                "listId": one["listId"],
                "listVersion": one["listVersion"],
                "firstAddedTimestamp": iso(one["members"][found.id]),
                "lastAddedTimestamp": iso(one["members"][found.id]),
            }
            for one in self.account.lists.values()
            if found.id in one["members"]
        ]
        return Answer(200, {"results": results})

    def _change(self, call: Call, *, adding: bool) -> Answer:
        found = self.account.lists.get(call.path["list"])
        if found is None:
            return self.not_found(call)
        if found["processingType"] == "DYNAMIC":
            raise self.refuse(400, "VALIDATION_ERROR", "members of a dynamic list are computed")
        given = call.json()
        if not isinstance(given, list):
            raise self.refuse(400, "VALIDATION_ERROR", "Invalid input JSON: a list is expected")
        changed: list[str] = []
        missing: list[str] = []
        for record in given:
            contact = self.account.find(str(record))
            if contact is None:
                missing.append(str(record))
            elif adding and contact.id not in found["members"]:
                found["members"][contact.id] = self.ms()
                changed.append(str(record))
            elif not adding and found["members"].pop(contact.id, None) is not None:
                changed.append(str(record))
        body: dict[str, Any] = {
            "recordsIdsAdded": changed if adding else [],
            "recordIdsRemoved": [] if adding else changed,
            "recordIdsMissing": missing,
        }
        return Answer(200, body)

    def _by_name(self, name: str) -> str | None:
        wanted = name.lower()
        ids = (id_ for id_, one in self.account.lists.items() if one["name"].lower() == wanted)
        return next(ids, None)

    def _list(self, id_: str) -> dict[str, Any]:
        found = self.account.lists[id_]
        shown = {name: value for name, value in found.items() if name != "members"}
        return {**shown, "size": len(found["members"])}

    # acts at the vendor's own screen, for tests

    def on_list(self, name: str) -> set[str]:
        """The ids of the contacts on the list of that name."""
        id_ = self._by_name(name)
        return set() if id_ is None else {str(one) for one in self.account.lists[id_]["members"]}
