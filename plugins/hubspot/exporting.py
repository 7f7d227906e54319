"""All that HubSpot lets be read of a contact, for the rights of access and portability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.api import Exported, Ref
from plugins.hubspot.answers import rows_of
from plugins.hubspot.client import Api
from plugins.hubspot.engagements import Engagements, Kept
from plugins.hubspot.lists import memberships
from plugins.hubspot.mapping import EMAIL, FURTHER_EMAILS, MERGED, STREAM, Mapper, fold

CATEGORIES = {
    "subscriptions": "permissions",
    "optOuts": "permissions",
    "lists": "profile",
    "engagements": "communications",
}


class Exporter:
    """Carries out `Exports.export` for one account."""

    def __init__(self, api: Api, engagements: Engagements) -> None:
        self._api = api
        self._engagements = engagements

    def export(self, refs: Sequence[Ref]) -> list[Exported]:
        """See `Exports.export`. `values` holds:

        `properties`     every property of the account that has a value, mapped or not
        `createdAt`, `updatedAt`, `archived`, `archivedAt`
        `subscriptions`  the status of every subscription type, for each address
        `optOuts`        whether an address has opted out of all e-mail
        `lists`          the contact lists (segments) that hold the contact, with their names
        `engagements`    those that could not be told as activities, where there are such
        """
        ids = list(dict.fromkeys(ref.id for ref in refs if ref.id.isdigit()))
        if not ids:
            return []
        names = list(dict.fromkeys([EMAIL, FURTHER_EMAILS, MERGED, *self._api.properties()]))
        rows: dict[str, Any] = {}
        for archived in (False, True):
            for row in self._api.contacts(ids, names, archived=archived):
                rows.setdefault(str(row["id"]), row)
        rows = _in_order(ids, rows)
        emails = list(dict.fromkeys(e for row in rows.values() for e in Mapper.addresses(row)))
        said = _by_email(self._api.asks(self._api.status_calls(emails, every_unit=True)))
        live = [id_ for id_, row in rows.items() if not row.get("archived")]
        kept = self._engagements.of(live)
        lists = memberships(self._api, live)
        return [
            _exported(id_, row, said, kept.get(id_, Kept([], [])), lists.get(id_, ()))
            for id_, row in rows.items()
        ]


def _in_order(ids: Sequence[str], rows: Mapping[str, Any]) -> dict[str, Any]:
    """The rows in the order of the ids that they answer; a survivor once."""
    by_id = {one: id_ for id_, row in rows.items() for one in (*Mapper.ids(row), id_)}
    wanted = [by_id[one] for one in ids if one in by_id]
    return {id_: rows[id_] for id_ in (*wanted, *rows)}


def _exported(
    id_: str,
    row: Mapping[str, Any],
    said: Mapping[str, Mapping[str, list[Any]]],
    kept: Kept,
    lists: Sequence[Mapping[str, Any]],
) -> Exported:
    properties = {name: value for name, value in row["properties"].items() if value}
    values: dict[str, Any] = {"properties": properties}
    for name in ("createdAt", "updatedAt", "archived", "archivedAt"):
        if name in row:
            values[name] = row[name]
    addresses = list(dict.fromkeys(Mapper.addresses(row)))
    for name in ("subscriptions", "optOuts"):
        values[name] = [one for email in addresses for one in said.get(email, {}).get(name, ())]
    values["lists"] = list(lists)
    if kept.odd:
        values["engagements"] = kept.odd
    return Exported(
        Ref(STREAM, "", id_, properties.get(EMAIL)), values, kept.activities, CATEGORIES
    )


def _by_email(answers: Sequence[Any]) -> dict[str, dict[str, list[Any]]]:
    """Statuses as HubSpot words them, by folded address."""
    found: dict[str, dict[str, list[Any]]] = {}
    for answer in answers:
        for one in rows_of(answer):
            said = found.setdefault(
                fold(str(one.get("subscriberIdString"))), {"subscriptions": [], "optOuts": []}
            )
            said["subscriptions"] += one.get("statuses") or ()
            said["optOuts"] += one.get("wideStatuses") or ()
    return found
