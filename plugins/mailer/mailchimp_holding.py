"""What the account holds of a person: found, read as a whole, and read back after an act.

Every audience of the account is asked, configured or not, whatever the member's status. A member
is asked for by the hash of the address, or by contact id where the hub has linked one and the
address may have changed since. `search-members` is not used: it lags, and says nothing of what it
leaves out. A phone number finds nobody here: Mailchimp cannot be asked for one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hub.api import (
    Act,
    Activity,
    BadAnswer,
    ConnectorError,
    Exported,
    Held,
    RecordState,
    Ref,
    Sought,
    Unavailable,
    Verification,
)
from plugins.mailer.mailchimp_campaigns import activity
from plugins.mailer.mailchimp_client import LIST, MEMBER, Client, member_call
from plugins.mailer.mailchimp_mapping import EMAIL, STREAM
from plugins.mailer.mailchimp_reading import PAGE
from plugins.mailer.mailchimp_values import Malformed, address_hash

LISTS = "/3.0/lists"

KEPT = {
    "tags": "tags",
    "notes": "notes",
    "activity": "activity-feed",
    "events": "events",
    "goals": "goals",
}
"""What is kept with a member: its name in the answer, and the end of its route."""

CATEGORIES = {
    "tags": "profile",
    "notes": "communications",
    "activity": "activities",
    "events": "activities",
    "goals": "activities",
}

REMOVED = "removed-from-api"
"""A GET gives 404. It is the same as if the member had never been."""

QUIET = ("unsubscribed", "cleaned", "pending")
"""Statuses to which nothing is sent, beside the archived one."""


class Holdings:
    """Reads what the account holds of a person."""

    def __init__(self, client: Client) -> None:
        self._client = client

    # finding

    def locate(self, batch: Sequence[Sought]) -> Sequence[Sequence[Held]]:
        """As `Locates.locate`. What several ask for is asked once."""
        audiences = [str(row.get("id")) for row in self._all(LISTS, {}, "lists", "id")]
        linked = [_linked(sought, audiences) for sought in batch]
        members = self._each({link: link for links in linked for link in links})
        # an address is in an audience once: whom a link has shown is not asked for by it again
        shown = {
            (scope, _normal(str(member.get(EMAIL) or ""))): member
            for (scope, _), member in members.items()
            if member is not None
        }
        addresses = [
            _addresses(sought, (members[link] for link in links))
            for sought, links in zip(batch, linked, strict=True)
        ]
        asked = {
            (scope, email): (scope, address_hash(email))
            for some in addresses
            for email in some
            for scope in audiences
            if (scope, email) not in shown
        }
        by_address = {**self._each(asked), **shown}
        answers: list[Sequence[Held]] = []
        for links, some in zip(linked, addresses, strict=True):
            found: dict[tuple[str, str], Held] = {}
            for scope, id_ in links:
                _hold(found, scope, members[scope, id_], "link")
            for email, by in some.items():
                for scope in audiences:
                    _hold(found, scope, by_address[scope, email], by)
            answers.append(list(found.values()))
        return answers

    def _each(
        self, asked: Mapping[tuple[str, str], tuple[str, str]]
    ) -> dict[tuple[str, str], dict[str, Any] | None]:
        """The members by the same keys, asked for by (audience, contact id or hash)."""
        return dict(zip(asked, self._members(list(asked.values())), strict=True))

    def _members(self, asked: Sequence[tuple[str, str]]) -> Sequence[dict[str, Any] | None]:
        """The members of (audience, contact id or hash). Raises ConnectorError where one of them
        cannot be asked for: a list with gaps would pass for a whole one."""
        query = {"fields": f"contact_id,{EMAIL},status"}
        calls = [member_call("GET", scope, member, query=query) for scope, member in asked]
        found: list[dict[str, Any] | None] = []
        for member in self._client.get_many(calls) if calls else ():
            if isinstance(member, ConnectorError):
                raise member
            found.append(member)
        return found

    # reading all of it

    def export(self, refs: Sequence[Ref]) -> Sequence[Exported]:
        """As `Exports.export`: the member as Mailchimp shows it, and all that is kept with it."""
        audiences: dict[str, Any] = {}
        exported: list[Exported] = []
        for ref in refs:
            member = self._client.get(MEMBER, {"list": ref.scope, "member": _handle(ref)})
            if member is None:
                continue
            if ref.scope not in audiences:
                query = {"fields": "id,name"}
                audiences[ref.scope] = self._client.get(LIST, {"list": ref.scope}, query)
            path = {"list": ref.scope, "member": str(member.get("id"))}
            values = {"audience": audiences[ref.scope], "member": _unlinked(member)}
            for name, end in KEPT.items():
                values[name] = [_unlinked(row) for row in self._all(f"{MEMBER}/{end}", path, name)]
            contact = str(member.get("contact_id"))
            exported.append(
                Exported(
                    Ref(STREAM, ref.scope, contact, member.get(EMAIL) or None),
                    values,
                    list(_mails(ref.scope, contact, values["activity"])),
                    CATEGORIES,
                )
            )
        return exported

    def _all(
        self, route: str, path: Mapping[str, str], name: str, fields: str = ""
    ) -> Sequence[Any]:
        """Every row of a listing. Raises ConnectorError."""
        rows: list[Any] = []
        while True:
            query: dict[str, str | int] = {"count": PAGE, "offset": len(rows)}
            if fields:
                query["fields"] = f"{name}.{fields}"
            body = self._client.get(route, path, query)
            if body is None:
                raise Unavailable(f"{route} was there a moment ago")
            some = body.get(name)
            if not isinstance(some, list):
                raise BadAnswer(f"{route} answered without {name}")
            rows += some
            if len(some) < PAGE:
                return rows

    # reading back

    def verify(self, refs: Sequence[Ref], act: Act) -> Sequence[Verification]:
        """As `Verifies.verify`.

        A restriction also shows its effect in someone who unsubscribed meanwhile, whose address
        bounces or who has not confirmed; the end of one in any member who is not archived.
        """
        verified: list[Verification] = []
        asked = [(ref.scope, _handle(ref)) for ref in refs]
        for ref, member in zip(refs, self._members(asked), strict=True):
            status = str(member.get("status")) if member is not None else REMOVED
            match act:
                case Act.ERASE:
                    done = member is None
                case Act.RESTRICT:
                    done = member is None or status == "archived" or status in QUIET
                case Act.LIFT:
                    done = member is not None and status != "archived"
            verified.append(Verification(ref, done, status))
        return verified


def _linked(sought: Sought, audiences: Sequence[str]) -> list[tuple[str, str]]:
    """(audience, contact id) of the records that the hub has linked, each once."""
    links = [
        (scope, ref.id)
        for ref in sought.refs
        if ref.stream == STREAM and ref.id
        for scope in ([ref.scope] if ref.scope else audiences)
    ]
    return list(dict.fromkeys(links))


def _addresses(sought: Sought, linked: Iterable[Mapping[str, Any] | None]) -> dict[str, str]:
    """The addresses under which the person may be a member, and what each is to them."""
    addresses = {_normal(email): "email" for email in sought.emails if email.strip()}
    for member in linked:
        if member is not None:
            addresses.setdefault(_normal(str(member.get(EMAIL) or "")), "alias")
    for ref in sought.refs:
        if ref.email:
            addresses.setdefault(_normal(ref.email), "alias")
    addresses.pop("", None)
    return addresses


def _hold(
    found: dict[tuple[str, str], Held], scope: str, member: Mapping[str, Any] | None, by: str
) -> None:
    if member is None:
        return
    contact = member.get("contact_id")
    if not isinstance(contact, str) or not contact:
        raise BadAnswer("a member was answered without its contact_id")
    state = RecordState.ARCHIVED if member.get("status") == "archived" else RecordState.LIVE
    ref = Ref(STREAM, scope, contact, member.get(EMAIL) or None)
    found.setdefault((scope, contact), Held(ref, by, state))


def _handle(ref: Ref) -> str:
    """The contact id; the address's hash where only the address is known. Raises BadAnswer."""
    if ref.id:
        return ref.id
    if ref.email:
        return address_hash(ref.email)
    raise BadAnswer("a member was asked for without an id and an address")


def _normal(email: str) -> str:
    return email.strip().lower()


def _mails(scope: str, contact: str, feed: Sequence[Any]) -> Iterator[Activity]:
    """The mails among a member's activities, with the ids that reports give them too."""
    for entry in feed:
        try:
            action = {
                "action": entry["activity_type"],
                "timestamp": entry.get("created_at_timestamp"),
                "url": entry.get("link_clicked"),
                "campaign_title": entry.get("campaign_title"),
            }
            made = activity(scope, contact, str(entry.get("campaign_id") or ""), action)
        except (Malformed, KeyError, TypeError, AttributeError):
            continue  # it is exported among the values as it is
        if made is not None:
            yield made


def _unlinked(row: Any) -> Any:
    """Without the API's links, which tell of the API and not of the person."""
    return {k: v for k, v in row.items() if k != "_links"} if isinstance(row, dict) else row
