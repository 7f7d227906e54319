"""Engagements in the sandbox: calls, notes, meetings…, and what they are associated with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from hub.testing.sandbox import Answer, Call, Endpoint, route
from plugins.hubspot.sandbox_account import Contact, Engagement, millis
from plugins.hubspot.sandbox_base import archived
from plugins.hubspot.sandbox_search import PAGE, SearchRoutes

TYPES = {  # plural as in paths -> numeric id, association type to a contact
    "calls": ("0-48", 194),
    "communications": ("0-18", 81),
    "emails": ("0-49", 198),
    "meetings": ("0-47", 200),
    "notes": ("0-46", 202),
    "postal_mail": ("0-116", 453),
    "tasks": ("0-27", 204),
}
OTHERS = ("companies", "deals", "tickets")
"""What else an engagement may be associated with; only the ids are kept."""

_BY_NUMBER = {number: name for name, (number, _) in TYPES.items()} | {"0-1": "contacts"}
_ALWAYS = ("hs_createdate", "hs_lastmodifieddate", "hs_object_id")
_CONTENT = ("hs_email_subject", "hs_email_text", "hs_email_html")
_REDACTED = "sales-email-read"
"""The scope without which e-mails come without their content."""


def objects(method: str, tail: str = "") -> Callable[[Endpoint], Endpoint]:
    """An endpoint of the objects API, under the dated path and under v3. The paths of contacts
    are literal and win over it."""

    def mark(endpoint: Endpoint) -> Endpoint:
        return route(method, f"/crm/objects/2026-09/{{type}}{tail}")(
            route(method, f"/crm/v3/objects/{{type}}{tail}")(endpoint)
        )

    return mark


class EngagementRoutes(SearchRoutes):
    """`/crm/objects/2026-09/{type}…`, `/crm/v3/objects/{type}…` and `/crm/v4/…associations…`."""

    # objects

    @objects("GET")
    def list_engagements(self, call: Call) -> Answer:
        held = self._held(call)
        limit = self._number(call.query.get("limit", "10"), 1, 100)
        after = self._number(call.query.get("after", "0"), 0, None)
        found = [
            one
            for id_, one in sorted(held.items())
            if id_ > after and (one.archived is not None) is archived(call)
        ]
        body: dict[str, Any] = {"results": [self._row(call, one) for one in found[:limit]]}
        if len(found) > limit:
            body["paging"] = {"next": {"after": str(found[limit - 1].id), "link": "?after=…"}}
        return Answer(200, body)

    @objects("POST")
    def create_engagement(self, call: Call) -> Answer:
        held, given = self._held(call), self.body(call)
        properties = self.properties_of(given)
        if not properties.get("hs_timestamp"):
            raise self.refuse(
                400,
                "VALIDATION_ERROR",
                "some required properties were not set",
                code="REQUIRED_FIELDS_MISSING",
                context={"properties": ["hs_timestamp"]},
            )
        made = self.account.engage(call.path["type"], properties, self.ms())
        for one in given.get("associations") or ():
            types = {spec.get("associationTypeId") for spec in one.get("types") or ()}
            if types != {TYPES[call.path["type"]][1]}:
                del held[made.id]
                raise self.refuse(400, "VALIDATION_ERROR", "unknown association type")
            made.contacts.append(str(one["to"]["id"]))
        return Answer(201, made.row([*properties, *_ALWAYS]))

    @objects("GET", "/{id}")
    def get_engagement(self, call: Call) -> Answer:
        found = self._engagement(call)
        if found is None or (found.archived is not None) is not archived(call):
            return self.not_found(call)
        return Answer(200, self._row(call, found))

    @objects("PATCH", "/{id}")
    def update_engagement(self, call: Call) -> Answer:
        found = self._engagement(call)
        if found is None or found.archived is not None:
            return self.not_found(call)
        given = self.properties_of(self.body(call))
        found.properties.update(given)
        found.modified = self.ms()
        return Answer(200, found.row([*given, *_ALWAYS]))

    @objects("DELETE", "/{id}")
    def archive_engagement(self, call: Call) -> Answer:
        found = self._engagement(call)
        if found is not None and found.archived is None:
            found.archived = self.ms()
        return Answer(204)

    @objects("POST", "/batch/read")
    def batch_read_engagements(self, call: Call) -> Answer:
        held, inputs = self._held(call), self.inputs(call)
        names = self.body(call).get("properties") or []
        results: list[dict[str, Any]] = []
        missing: list[str] = []
        for one in inputs:
            id_ = str(one.get("id", ""))
            found = held.get(int(id_)) if id_.isdigit() else None
            if found is None or (found.archived is not None) is not archived(call):
                missing.append(id_)
            else:
                results.append(self._engaged(call, found, names))
        errors = []
        if missing:
            message = "Could not get some objects, they may be deleted or not exist"
            errors.append(self.item_error("OBJECT_NOT_FOUND", message, {"ids": missing}))
        return self.batch_answer(results, errors)

    @objects("POST", "/search")
    def search_engagements(self, call: Call) -> Answer:
        given, held = self.body(call), self._held(call)
        limit, after = self._at_most(given.get("limit", 10), PAGE), self._offset(given)
        if after + limit > self.window:
            raise self.refuse(400, "VALIDATION_ERROR", f"results end at {self.window}")
        visible = self.ms() - round(max(self.search_lag(call), self.lag) * 1000)
        found = [one for one in held.values() if one.archived is None and one.modified <= visible]
        for group in self._listed(given, "filterGroups", 1, "filters"):
            for one in self._listed(group, "filters", 6, "propertyName"):
                if one["propertyName"] not in ("hs_lastmodifieddate", "hs_object_id"):
                    raise self.refuse(400, "VALIDATION_ERROR", "not searchable here")
                test = self._numeric(one["propertyName"], one.get("operator"), one)
                found = [engagement for engagement in found if test(engagement)]
        by, descending = self._sort(given)
        key = (lambda e: (e.modified, e.id)) if by == "hs_lastmodifieddate" else (lambda e: e.id)
        found.sort(key=key, reverse=descending)
        names = given.get("properties") or []
        rows = [self._engaged(call, one, names) for one in found[after : after + limit]]
        body: dict[str, Any] = {"total": len(found), "results": rows}
        if after + limit < len(found):
            body["paging"] = {"next": {"after": str(after + limit)}}
        return Answer(200, body)

    # associations

    @route("POST", "/crm/v4/associations/{source}/{target}/batch/read")
    def read_associations(self, call: Call) -> Answer:
        results, errors = [], []
        for one in self.inputs(call):
            id_ = str(one.get("id", ""))
            targets = self._targets(call.path["source"], id_, call.path["target"])
            page, rest = _page(targets, str(one.get("after") or "0"), self.associations_page)
            if page:
                row: dict[str, Any] = {"from": {"id": id_}, "to": self._labelled(call, page)}
                if rest:
                    row["paging"] = {"next": {"after": rest}}
                results.append(row)
            else:
                error = self.item_error(
                    "OBJECT_NOT_FOUND", "No associations were found", {"fromObjectId": [id_]}
                )
                errors.append(error | {"subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND"})
        return self.batch_answer(results, errors)

    @route("GET", "/crm/v4/objects/{source}/{id}/associations/{target}")
    def list_associations(self, call: Call) -> Answer:
        targets = self._targets(call.path["source"], call.path["id"], call.path["target"])
        page, rest = _page(targets, call.query.get("after", "0"), self.associations_page)
        body: dict[str, Any] = {"results": self._labelled(call, page)}
        if rest:
            body["paging"] = {"next": {"after": rest}}
        return Answer(200, body)

    @route("PUT", "/crm/v4/objects/{source}/{id}/associations/default/{target}/{other}")
    def associate(self, call: Call) -> Answer:
        held = self.account.engagements.get(_named(call.path["source"]), {})
        found = held.get(self._number(call.path["id"], 1, None))
        contact = self.account.find(call.path["other"])
        if found is None or contact is None or _named(call.path["target"]) != "contacts":
            return self.not_found(call)
        found.contacts.append(str(contact.id))
        spec = {"associationCategory": "HUBSPOT_DEFINED"} | {
            "associationTypeId": TYPES[_named(call.path["source"])][1]
        }
        pair = {"from": {"id": str(found.id)}, "to": {"id": str(contact.id)}}
        return self.batch_answer([pair | {"associationSpec": spec}])

    # helpers

    def _held(self, call: Call) -> dict[int, Engagement]:
        if call.path["type"] not in TYPES:
            raise self.refuse(400, "VALIDATION_ERROR", "Unable to infer object type")
        return self.account.engagements.setdefault(call.path["type"], {})

    def _engagement(self, call: Call) -> Engagement | None:
        id_ = call.path["id"]
        return self._held(call).get(int(id_)) if id_.isdigit() else None

    def _row(self, call: Call, found: Engagement) -> dict[str, Any]:
        asked = call.queries.get("properties", [])
        row = self._engaged(call, found, [name for part in asked for name in part.split(",")])
        wanted = {n for part in call.queries.get("associations", []) for n in part.split(",")}
        if "contacts" in wanted and (ids := self._contacts_of(found)):
            kind = f"{call.path['type'].removesuffix('s')}_to_contact"
            row["associations"] = {
                "contacts": {"results": [{"id": one, "type": kind} for one in ids]}
            }
        return row

    def _engaged(self, call: Call, found: Engagement, names: list[str]) -> dict[str, Any]:
        row = found.row(list(dict.fromkeys([*names, *_ALWAYS])))
        token = call.headers.get("authorization", "").partition(" ")[2]
        if call.path["type"] == "emails" and _REDACTED not in self.tokens[token]:
            row["properties"] |= {name: None for name in _CONTENT if name in row["properties"]}
        return row

    def _targets(self, source: str, id_: str, target: str) -> list[str]:
        source, target = _named(source), _named(target)
        if source == "contacts":
            wanted = self.account.find(id_)
            if wanted is None or wanted.archived is not None:
                return []
            return [
                str(one.id)
                for one in self.account.engagements.get(target, {}).values()
                if one.archived is None and str(wanted.id) in self._contacts_of(one)
            ]
        found = self.account.engagements.get(source, {}).get(int(id_) if id_.isdigit() else 0)
        if found is None or found.archived is not None:
            return []
        return self._contacts_of(found) if target == "contacts" else list(found.others)

    def _contacts_of(self, found: Engagement) -> list[str]:
        """The live contacts that an engagement is with; those merged away as the survivor."""
        there = (self.account.find(one) for one in found.contacts)
        return list(dict.fromkeys(str(c.id) for c in there if c and c.archived is None))

    def _labelled(self, call: Call, ids: Iterable[str]) -> list[dict[str, Any]]:
        ends = {_named(call.path["source"]), _named(call.path["target"])} - {"contacts"}
        type_id = TYPES[ends.pop()][1] if ends & TYPES.keys() else 0
        spec = {"category": "HUBSPOT_DEFINED", "typeId": type_id, "label": None}
        return [{"toObjectId": one, "associationTypes": [spec]} for one in ids]

    # acts at the vendor's own screen, for tests

    def engage(
        self,
        type: str,  # noqa: A002 - as in the paths
        contacts: Iterable[str],
        properties: dict[str, Any],
        *,
        others: Iterable[str] = (),
        modified: str | int | None = None,
    ) -> str:
        """Someone logs a call, note, … with those contacts; `others` are ids of companies or
        deals that it is associated with too. Answers its id."""
        at = self.ms() if modified is None else millis(modified)
        given = {"hs_timestamp": self.now().isoformat(), **properties}
        made = self.account.engage(type, given, at)
        made.contacts += [str(one) for one in contacts]
        made.others += [str(one) for one in others]
        return str(made.id)

    def forget_contact(self, contact: Contact) -> None:
        """What a permanent deletion does to engagements: those with nobody and nothing else go
        too, others stay, with their text, and are no longer associated with the contact."""
        for held in self.account.engagements.values():
            for id_, one in list(held.items()):
                mine = {c for c in one.contacts if self.account.find(c) is contact}
                if mine:
                    one.contacts = [c for c in one.contacts if c not in mine]
                    if not one.contacts and not one.others:
                        del held[id_]


def _named(type_: str) -> str:
    """A type by its plural, from that, its singular or its number."""
    known = (*TYPES, *OTHERS, "contacts")
    for name in known:
        if type_ in (name, name.removesuffix("s")):
            return name
    return _BY_NUMBER.get(type_, type_)


def _page(ids: list[str], after: str, size: int) -> tuple[list[str], str]:
    """Some ids from an offset on, and the offset behind them; "" at the end."""
    start = int(after) if after.isdigit() else 0
    rest = start + size
    return ids[start:rest], str(rest) if rest < len(ids) else ""
