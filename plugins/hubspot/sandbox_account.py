"""The HubSpot account that the sandbox stands in for: its records and indexes, no HTTP."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

FIRST_ID = 100_001


def iso(ms: int) -> str:
    """Milliseconds since 1970 as HubSpot writes a time: ISO 8601, UTC, milliseconds."""
    at = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03}Z"


def millis(value: str | int) -> int:
    """The reverse of `iso`; takes milliseconds as text or number too. Raises ValueError."""
    if isinstance(value, int):
        return value
    if value.lstrip("-").isdigit():
        return int(value)
    return round(datetime.fromisoformat(value).timestamp() * 1000)


def fold(email: Any) -> str:
    """The form in which HubSpot stores and looks up an address."""
    return email.strip().lower() if isinstance(email, str) else ""


def _digits(phone: Any) -> str | None:
    return "".join(c for c in str(phone or "") if c.isdigit()).lstrip("0") or None


@dataclass(slots=True)
class Contact:
    """One contact. `properties` holds what was set; empty ones are left out."""

    id: int
    properties: dict[str, Any]
    created: int
    modified: int
    archived: int | None = None  # when
    merged: list[str] = field(default_factory=list)  # ids that were merged into this one
    emails: list[str] = field(default_factory=list)  # further addresses, from merges

    @property
    def email(self) -> str:
        return fold(self.properties.get("email"))

    def value(self, name: str) -> Any:
        """A property as the API shows it, None where it is empty."""
        match name:
            case "hs_object_id":
                return str(self.id)
            case "createdate":
                return iso(self.created)
            case "lastmodifieddate":
                return self.properties.get(name) or iso(self.modified)
            case "hs_merged_object_ids":
                return ";".join(self.merged) or None
            case "hs_additional_emails":
                return ";".join(self.emails) or None
            case "hs_searchable_calculated_phone_number":
                return _digits(self.properties.get("phone"))
            case "hs_searchable_calculated_mobile_number":
                return _digits(self.properties.get("mobilephone"))
        return self.properties.get(name)

    def row(self, names: list[str]) -> dict[str, Any]:
        """The contact as the API answers it, with those properties."""
        shown: dict[str, Any] = {
            "id": str(self.id),
            "properties": {name: self.value(name) for name in names},
            "createdAt": iso(self.created),
            "updatedAt": iso(self.modified),
            "archived": self.archived is not None,
        }
        if self.archived is not None:
            shown["archivedAt"] = iso(self.archived)
        return shown


@dataclass(slots=True)
class Engagement:
    """A call, note, meeting…; `contacts` may hold ids that were merged away or erased since."""

    id: int
    properties: dict[str, Any]
    created: int
    modified: int
    archived: int | None = None  # when
    contacts: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)  # companies, deals

    def row(self, names: list[str]) -> dict[str, Any]:
        """The engagement as the API answers it, with those properties."""
        own = {
            "hs_object_id": str(self.id),
            "hs_createdate": iso(self.created),
            "hs_lastmodifieddate": iso(self.modified),
        }
        shown: dict[str, Any] = {
            "id": str(self.id),
            "properties": {name: own.get(name, self.properties.get(name)) for name in names},
            "createdAt": iso(self.created),
            "updatedAt": iso(self.modified),
            "archived": self.archived is not None,
        }
        if self.archived is not None:
            shown["archivedAt"] = iso(self.archived)
        return shown


@dataclass(slots=True)
class Status:
    """What the account holds of one address on one subscription type."""

    status: str
    source: str
    at: int
    legal_basis: str | None = None
    explanation: str | None = None


class Account:
    """Contacts with their indexes, engagements, lists, subscription statuses by address,
    properties, traps."""

    def __init__(self) -> None:
        self.contacts: dict[int, Contact] = {}
        self.emails: dict[str, int] = {}  # live contacts, further addresses included
        self.merged: dict[int, int] = {}  # merged away -> into which
        self.statuses: dict[str, dict[str, Status]] = {}  # address -> subscription type
        self.opted_out: dict[tuple[str, str], Status] = {}  # (address, business unit or "")
        self.definitions: dict[str, dict[str, Any]] = {}  # subscription types
        self.fields: dict[str, dict[str, Any]] = {}  # property name -> definition
        self.groups: dict[str, dict[str, Any]] = {}  # property groups
        self.required: list[str] = []
        self.blocklist: set[str] = set()  # addresses that a gdpr-delete did not find
        self.purging: list[dict[str, Any]] = []  # erased from the API, not yet from the stores
        self.engagements: dict[str, dict[int, Engagement]] = {}  # type -> id
        self.lists: dict[str, dict[str, Any]] = {}  # contact lists, `members` beside the fields
        self._ids: list[int] = []
        self._by_time: list[tuple[int, int]] = []  # (modified, id) of live contacts
        self._next = FIRST_ID

    # looking up

    def find(self, id: str | int) -> Contact | None:  # noqa: A002 - the vendor's own word
        """The contact with that id, or the one that it was merged into."""
        try:
            number = int(id)
        except ValueError:
            return None
        while number in self.merged:
            number = self.merged[number]
        return self.contacts.get(number)

    def by_email(self, email: str) -> Contact | None:
        """The live contact that has that address, as its first or as a further one."""
        found = self.emails.get(fold(email))
        return None if found is None else self.contacts[found]

    def archived_by_email(self, email: str) -> Contact | None:
        """The contact archived last that had the address."""
        wanted = fold(email)
        found = [
            c
            for c in self.contacts.values()
            if c.archived is not None and wanted in (c.email, *c.emails)
        ]
        return max(found, key=lambda c: c.archived or 0, default=None)

    def after(self, id: int, *, archived: bool) -> Iterator[Contact]:  # noqa: A002 - as above
        """Contacts in the order of id, from behind that one."""
        for at in range(bisect_right(self._ids, id), len(self._ids)):
            contact = self.contacts[self._ids[at]]
            if (contact.archived is not None) is archived:
                yield contact

    def live(self) -> Iterator[Contact]:
        """Live contacts, oldest change first."""
        return (self.contacts[one] for _, one in self._by_time)

    def span(
        self, low: tuple[int, int], high: tuple[int, int], start: int, count: int, *, newest: bool
    ) -> tuple[list[Contact], int]:
        """Of the live contacts with low <= (modified, id) < high, in that order or from its end:
        `count` from `start` on, and how many there are in all."""
        first, end = bisect_left(self._by_time, low), bisect_left(self._by_time, high)
        total = max(end - first, 0)
        if newest:
            last = end - start
            keys = self._by_time[max(first, last - count) : max(first, last)][::-1]
        else:
            keys = self._by_time[first + start : min(first + start + count, end)]
        return [self.contacts[one] for _, one in keys], total

    # changing

    def create(self, properties: dict[str, Any], at: int, *, id: int | None = None) -> Contact:  # noqa: A002 - as above
        """A new live contact. The caller has checked the rules."""
        if id is None:
            id = self._next  # noqa: A001 - as above
        self._next = max(self._next, id + 1)
        contact = Contact(id, {}, at, at)
        self.contacts[id] = contact
        insort(self._ids, id)
        self._by_time_add(contact)
        self._set(contact, properties)
        return contact

    def engage(self, type: str, properties: dict[str, Any], at: int) -> Engagement:  # noqa: A002 - the vendor's own word
        """A new engagement of that type, with nobody yet."""
        made = Engagement(self._next, dict(properties), at, at)
        self._next += 1
        self.engagements.setdefault(type, {})[made.id] = made
        return made

    def update(self, contact: Contact, properties: dict[str, Any], at: int) -> None:
        """Set the given properties; an empty one is taken away."""
        self._set(contact, properties)
        self.touch(contact, at)

    def touch(self, contact: Contact, at: int) -> None:
        """The contact was modified."""
        if contact.archived is None:
            self._by_time_remove(contact)
        contact.modified = at
        if contact.archived is None:
            self._by_time_add(contact)

    def archive(self, contact: Contact, at: int) -> None:
        """Put aside: restorable, its address free for a new contact."""
        if contact.archived is None:
            self._by_time_remove(contact)
            self._free_emails(contact)
            contact.archived = at

    def restore(self, contact: Contact, at: int) -> None:
        """Bring back an archived contact."""
        if contact.archived is not None:
            contact.archived = None
            contact.modified = at
            self._by_time_add(contact)
            for email in filter(None, [contact.email, *contact.emails]):
                self.emails.setdefault(email, contact.id)

    def merge(self, winner: Contact, loser: Contact, at: int) -> None:
        """Make two contacts one: the loser's id and address live on as the winner's."""
        for name, value in loser.properties.items():
            if name not in ("email", "lastmodifieddate"):
                winner.properties.setdefault(name, value)
        self.remove(loser)
        gained = [str(loser.id), *loser.merged]
        winner.merged += [one for one in gained if one != str(winner.id)]
        if not winner.email and loser.email:
            winner.properties["email"] = loser.email
            self.emails[loser.email] = winner.id
        for email in filter(None, [loser.email, *loser.emails]):
            if email != winner.email and email not in winner.emails:
                winner.emails.append(email)
            self.emails[email] = winner.id
        self.merged[loser.id] = winner.id
        self.touch(winner, at)

    def remove(self, contact: Contact) -> None:
        """Take the contact out of the account."""
        if contact.archived is None:
            self._by_time_remove(contact)
            self._free_emails(contact)
        del self.contacts[contact.id]
        del self._ids[bisect_left(self._ids, contact.id)]

    def _set(self, contact: Contact, properties: dict[str, Any]) -> None:
        before = contact.email
        for name, value in properties.items():
            kept = value.strip() if isinstance(value, str) else value
            if name == "email" and isinstance(kept, str):
                kept = kept.lower()
            if kept in ("", None):
                contact.properties.pop(name, None)
            else:
                contact.properties[name] = kept
        after = contact.email
        if before != after and contact.archived is None:
            if self.emails.get(before) == contact.id:
                del self.emails[before]
            if after:
                self.emails[after] = contact.id

    def _free_emails(self, contact: Contact) -> None:
        for email in [contact.email, *contact.emails]:
            if self.emails.get(email) == contact.id:
                del self.emails[email]

    def _by_time_add(self, contact: Contact) -> None:
        insort(self._by_time, (contact.modified, contact.id))

    def _by_time_remove(self, contact: Contact) -> None:
        del self._by_time[bisect_left(self._by_time, (contact.modified, contact.id))]
