"""All that HubSpot lets be read of a contact, for the rights of access and portability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub.api import Exported, Ref
from plugins.hubspot.client import Api
from plugins.hubspot.engagements import Engagements, Kept
from plugins.hubspot.mapping import EMAIL, FURTHER_EMAILS, MERGED, STREAM, Mapper, fold


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
        emails = list(dict.fromkeys(e for row in rows.values() for e in Mapper.addresses(row)))
        said = _by_email(self._api.asks(self._api.status_calls(emails, every_unit=True)))
        live = [id_ for id_, row in rows.items() if not row.get("archived")]
        kept = self._engagements.of(live)
        nothing = Kept([], [])
        return [_exported(id_, row, said, kept.get(id_, nothing)) for id_, row in rows.items()]


def _exported(
    id_: str,
    row: Mapping[str, Any],
    said: Mapping[str, Mapping[str, list[Any]]],
    kept: Kept,
) -> Exported:
    properties = {name: value for name, value in row["properties"].items() if value}
    values: dict[str, Any] = {"properties": properties}
    for name in ("createdAt", "updatedAt", "archived", "archivedAt"):
        if name in row:
            values[name] = row[name]
    addresses = list(dict.fromkeys(Mapper.addresses(row)))
    for name in ("subscriptions", "optOuts"):
        values[name] = [one for email in addresses for one in said.get(email, {}).get(name, ())]
    if kept.odd:
        values["engagements"] = kept.odd
    return Exported(Ref(STREAM, "", id_, properties.get(EMAIL)), values, kept.activities)


def _by_email(answers: Sequence[Any]) -> dict[str, dict[str, list[Any]]]:
    """Statuses as HubSpot words them, by folded address."""
    found: dict[str, dict[str, list[Any]]] = {}
    for answer in answers:
        for one in answer.get("results") or ():
            said = found.setdefault(
                fold(str(one.get("subscriberIdString"))), {"subscriptions": [], "optOuts": []}
            )
            said["subscriptions"] += one.get("statuses") or ()
            said["optOuts"] += one.get("wideStatuses") or ()
    return found
