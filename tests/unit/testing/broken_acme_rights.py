"""Connectors that each fail a data subject in one way: what they find, and what they give out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hub.api import (
    Activity,
    ActivityKind,
    ConnectorError,
    Exported,
    Held,
    RecordState,
    Ref,
    Sought,
    Stance,
    Write,
)
from tests.unit.testing.acme import Acme

# finding


class LocatesByLinkOnly(Acme):
    """Looks only where the hub has been before."""

    def located(self, sought: Sought) -> Sequence[Held]:
        return super().located(replace(sought, emails=()))


class LocatesByAddressOnly(Acme):
    """Has no use for links."""

    def located(self, sought: Sought) -> Sequence[Held]:
        return super().located(replace(sought, refs=()))


class LocatesOnlyWhatIsConfigured(Acme):
    """Takes the configured scopes for the account."""

    def located(self, sought: Sought) -> Sequence[Held]:
        rooms = self.context.scopes["people"]
        return [one for one in super().located(sought) if one.ref.scope in rooms]


class LocatesOnlyTheLiving(Acme):
    """Archived counts as gone."""

    def located(self, sought: Sought) -> Sequence[Held]:
        return [one for one in super().located(sought) if one.state is RecordState.LIVE]


class LocatesOnlySubscribers(Acme):
    """Who unsubscribed is none of its people."""

    def located(self, sought: Sought) -> Sequence[Held]:
        found = super().located(sought)
        pairs = zip(found, self.fetch("people", [one.ref for one in found]), strict=True)
        left = [Stance.NO]
        return [h for h, r in pairs if r and [wish.stance for wish in r.consents] != left]


class LocatesTheFirstForAll(Acme):
    """Several people are one to it."""

    def locate(self, batch: Sequence[Sought]) -> Sequence[Sequence[Held]]:
        return [found for one in batch[:1] for found in [self.located(one)] * len(batch)]


class LocatesBySearch(Acme):
    """Asks the search, which lags."""

    def located(self, sought: Sought) -> Sequence[Held]:
        body = {"ids": [], "emails": list(sought.emails), "phones": []}
        answer = self.http.call("POST", "/people/search", json=body, idempotent=True).json()
        return [self.held(person, set(), set(sought.emails)) for person in answer["people"]]


class LocatesByTheLetter(Acme):
    """An address is another one in capitals."""

    def located(self, sought: Sought) -> Sequence[Held]:
        return [
            one
            for one in super().located(sought)
            if one.by != "email" or one.ref.email in sought.emails
        ]


class ForgetsWhatWasMerged(Acme):
    """A merged record is no longer anyone's."""

    def located(self, sought: Sought) -> Sequence[Held]:
        return [one for one in super().located(sought) if one.by != "alias"]


class SureOfAPhone(Acme):
    """A number is one person's."""

    def located(self, sought: Sought) -> Sequence[Held]:
        return [replace(one, certain=True) for one in super().located(sought)]


class LocatesEachWay(Acme):
    """Looks by link and by address, and adds the answers up."""

    def located(self, sought: Sought) -> Sequence[Held]:
        by_link = super().located(replace(sought, emails=()))
        return [*by_link, *super().located(replace(sought, refs=()))]


class LocatesWithATrace(Acme):
    """Leaves the sought one behind."""

    def located(self, sought: Sought) -> Sequence[Held]:
        found = super().located(sought)
        if not found:
            self.send([Write("trace", None, "main", {"email": one}) for one in sought.emails])
        return found


class LocatesWhoIsAlike(Acme):
    """Takes all that a search finds."""

    def located(self, sought: Sought) -> Sequence[Held]:
        everyone = [record for page in self.read("people", "main", None) for record in page.records]
        names = [email.split("@")[0] for email in sought.emails]
        alike = [r for r in everyone if any(name in str(r.ref.email) for name in names)]
        return [Held(record.ref, "email", record.state) for record in alike]


class LocatesNobodyInAnOutage(Acme):
    """Takes a vendor that fails for one that has nobody."""

    def located(self, sought: Sought) -> Sequence[Held]:
        try:
            return super().located(sought)
        except ConnectorError:
            return []


# giving out


class ExportsWhatIsMapped(Acme):
    """Takes the mapping for all that there is."""

    def export(self, refs: Sequence[Ref]) -> Sequence[Exported]:
        found = [record for record in self.fetch("people", refs) if record]
        return [Exported(record.ref, dict(record.fields)) for record in found]


class ExportsEveryone(Acme):
    """Gives out the page, not the row."""

    def export(self, refs: Sequence[Ref]) -> Sequence[Exported]:
        page = self.http.call("GET", "/people", query={"room": "main"}).json()
        return [replace(one, values=page) for one in super().export(refs)]


class ExportsNoPermissions(Acme):
    """Permissions are no data."""

    def export(self, refs: Sequence[Ref]) -> Sequence[Exported]:
        private = {"wishes", "updated"}
        return [
            replace(one, values={n: v for n, v in one.values.items() if n not in private})
            for one in super().export(refs)
        ]


class ExportsNoActivities(Acme):
    """What a person did is no data."""

    def history(self, person: Mapping[str, Any]) -> Sequence[Activity]:
        return ()


class ExportsEveryonesActivities(Acme):
    """What anybody did is theirs."""

    def history(self, person: Mapping[str, Any]) -> Sequence[Activity]:
        every = {"people": frozenset(ActivityKind)}
        self.context = replace(self.context, activities=every)
        pages = self.activities("people", person["room"], None)
        return [one for page in pages for one in page.activities]


class ExportsWithATrace(Acme):
    """Notes at the vendor that it was there."""

    def export(self, refs: Sequence[Ref]) -> Sequence[Exported]:
        found = super().export(refs)
        self.send([Write("note", one.ref, one.ref.scope, {"title": "exported"}) for one in found])
        return found


class ExportsOnlyTheLiving(Acme):
    """Archived counts as gone."""

    def lookup(self, refs: Sequence[Ref]) -> list[dict[str, Any] | None]:
        found = super().lookup(refs)
        return [None if person and person["archived"] else person for person in found]


class ExportsOnlyWhatIsConfigured(Acme):
    """Takes the configured scopes for the account."""

    def export(self, refs: Sequence[Ref]) -> Sequence[Exported]:
        rooms = self.context.scopes["people"]
        return super().export([ref for ref in refs if ref.scope in rooms])


class ExportsNothingInAnOutage(Acme):
    """Takes a vendor that fails for one that holds nothing."""

    def export(self, refs: Sequence[Ref]) -> Sequence[Exported]:
        try:
            return super().export(refs)
        except ConnectorError:
            return []
