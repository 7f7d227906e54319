"""Finding every contact of a person in the account, and reading back that one is gone.

Live contacts are asked for by id and by address in batches, which is authoritative. Archived ones
are listed and compared, because HubSpot finds them by address only in part: by neither a further
address nor the id of a contact merged into them. Search, which lags behind writes, only adds: by
telephone number, which is a weak match anyway, and by further addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hub.api import BadAnswer, Held, RecordState, Ref, Sought, Verification
from plugins.hubspot.answers import parts
from plugins.hubspot.client import SEARCH_PAGE, Api
from plugins.hubspot.mapping import EMAIL, FURTHER_EMAILS, MERGED, STREAM, Mapper, fold

NAMES = (EMAIL, FURTHER_EMAILS, MERGED, "phone", "mobilephone")
PHONES = ("hs_searchable_calculated_phone_number", "hs_searchable_calculated_mobile_number")
GROUPS = 6
"""Most groups of filters in one search."""

LEAST_DIGITS = 7
"""Digits that two numbers must share at least: a shorter one is an extension or a remnant."""

REMOVED = "removed-from-api"
"""The contact is no longer there by id. It is no proof of the purge, which HubSpot finishes within
30 days and tells of nowhere."""

_NO_DIGIT = re.compile(r"\D")
Filters = Sequence[Mapping[str, str]]


def where_of(row: Mapping[str, Any]) -> str:
    """Where a contact is that should be gone."""
    return "archived" if row.get("archived") else "present"


class Locator:
    """Carries out `Locates.locate` for one account."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def locate(self, batch: Sequence[Sought]) -> list[list[Held]]:
        """See `Locates.locate`. All of the batch is asked for together."""
        wanted = [_Wanted(sought) for sought in batch]
        ids = list(dict.fromkeys(id_ for one in wanted for id_ in one.ids))
        emails = list(dict.fromkeys(email for one in wanted for email in one.emails))
        phones = list(dict.fromkeys(phone for one in wanted for phone in one.phones))
        if not (ids or emails or phones):
            return [[] for _ in batch]
        for row in _whole(self._api.contacts(ids, NAMES)):
            # answered for one of the ids: where not by its own, by one merged into it
            _keep(wanted, row, "alias")
        lacking = set(emails)
        for row in _whole(self._api.contacts(emails, NAMES, by_email=True)):
            _keep(wanted, row, "email")
            lacking.difference_update(Mapper.addresses(row))
        for row in _whole(self._archived()):
            _keep(wanted, row)
        # searches are scarce, five a second: none for an address that answered already
        for row in _whole(self._searched(sorted(lacking), phones)):
            _keep(wanted, row)
        return [list(one.found.values()) for one in wanted]

    def gone(self, refs: Sequence[Ref]) -> list[Verification]:
        """Whether those contacts are there by id, live or archived."""
        rows = self._api.by_id([ref.id for ref in refs])
        return [
            Verification(ref, done=True, code=REMOVED)
            if row is None
            else Verification(ref, done=False, code=where_of(row))
            for ref, row in zip(refs, rows, strict=True)
        ]

    def _archived(self) -> Iterator[Any]:
        after: str | None = ""
        while after is not None:
            rows, after = self._api.page(after, NAMES, archived=True)
            yield from rows

    def _searched(self, emails: Sequence[str], phones: Sequence[str]) -> Iterator[Any]:
        wanted = [{FURTHER_EMAILS: email} for email in emails]
        for phone in phones:
            digits = _NO_DIGIT.sub("", phone)[-LEAST_DIGITS:]
            if len(digits) == LEAST_DIGITS:
                wanted += [{name: f"*{digits}"} for name in PHONES]
        groups = [
            {"propertyName": name, "operator": "CONTAINS_TOKEN", "value": value}
            for one in wanted
            for name, value in one.items()
        ]
        for some in parts(groups, GROUPS):
            behind = "0"
            while True:
                last = {"propertyName": "hs_object_id", "operator": "GT", "value": behind}
                filters: list[Filters] = [(one, last) for one in some]
                rows, more = self._api.search_any(filters, "hs_object_id", NAMES, SEARCH_PAGE)
                yield from rows
                if not more or not rows:
                    break
                behind = str(rows[-1].get("id"))


class _Wanted:
    """One person of a batch, and what was found of them."""

    def __init__(self, sought: Sought) -> None:
        refs = [ref for ref in sought.refs if ref.stream == STREAM]
        given = [*sought.emails, *(ref.email for ref in refs if ref.email)]
        self.ids = frozenset(ref.id for ref in refs if ref.id.isdigit())
        self.emails = frozenset(fold(one) for one in given)
        self.phones = tuple(sought.phones)
        self.found: dict[str, Held] = {}

    def by(self, row: Any) -> str | None:
        """By what the row is the person's; None where by nothing."""
        if row.get("id") in self.ids:
            return "link"
        if self.ids.intersection(Mapper.ids(row)):
            return "alias"
        if self.emails.intersection(Mapper.addresses(row)):
            return "email"
        properties = row.get("properties") or {}
        own = [properties.get("phone"), properties.get("mobilephone")]
        if any(_same(phone, str(one)) for phone in self.phones for one in own if one):
            return "phone"
        return None

    def keep(self, row: Any, by: str) -> None:
        """The row is the person's."""
        state = RecordState.ARCHIVED if row.get("archived") else RecordState.LIVE
        email = (row.get("properties") or {}).get(EMAIL) or None
        emails = tuple(Mapper.addresses(row))
        ref = Ref(STREAM, "", row["id"], email)
        held = Held(ref, by, state, certain=by != "phone", emails=emails)
        # the first that found it is the surest: link, alias, address, telephone
        self.found.setdefault(row["id"], held)


def _keep(wanted: Sequence[_Wanted], row: Any, answered: str = "") -> None:
    """Give a row to those whose it is. `answered`: by what it is somebody's for sure, though it
    need not show whose: that can be told of one person alone. Raises BadAnswer where it cannot."""
    theirs = [(one, by) for one in wanted if (by := one.by(row)) is not None]
    if answered and not any(by != "phone" for _, by in theirs):
        if len(wanted) > 1:
            raise BadAnswer("a contact was answered, and does not show for whom")
        theirs = [(wanted[0], answered)]
    for one, by in theirs:
        one.keep(row, by)


def _whole(rows: Iterable[Any]) -> Iterator[Any]:
    """The rows. Raises BadAnswer for one that is no contact: it may be the person's."""
    for row in rows:
        id_ = row.get("id") if isinstance(row, Mapping) else None
        if not isinstance(id_, str) or not id_.isdigit():
            raise BadAnswer("a contact without an id: what is held cannot be told for sure")
        yield row


def _same(phone: str, written: str) -> bool:
    """Whether a number as somebody wrote it may be that one, which is in E.164."""
    digits = _NO_DIGIT.sub("", written)
    whole = _NO_DIGIT.sub("", phone)
    if written.strip().startswith(("+", "00")):
        return digits.lstrip("0") == whole
    national = digits.lstrip("0")
    return len(national) >= LEAST_DIGITS and whole.endswith(national)
