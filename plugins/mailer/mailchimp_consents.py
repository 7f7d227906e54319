"""Writing what a person wishes: the lane of permissions.

Before every YES the member is read. Someone who unsubscribed is left as they are and answered
REFUSED; Mailchimp itself guards only those who unsubscribed by their own hand. So is someone whose
address bounces, but that is no wish and so PERMANENT: the hub would record a refusal.

A NO asks nothing first and is always `unsubscribed`, never an archive: an archived member reads as
if nothing had been said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.api import WHOLE_SCOPE, ConnectorError, Consent, Outcome, Result, Stance, Verdict, Write
from plugins.mailer.mailchimp_client import COMPLIANCE, GONE, member_call, outcome, unread
from plugins.mailer.mailchimp_mapping import member_fields
from plugins.mailer.mailchimp_members import Batch, Members
from plugins.mailer.mailchimp_values import address_hash

Addressed = tuple[Write, str, str]
"""A write, its audience, and its member's contact id (or address hash)."""

_ASKS = (Stance.YES, Stance.PENDING)
_LEFT_ALONE = {
    "unsubscribed": Outcome(Verdict.REFUSED, "unsubscribed"),
    "cleaned": Outcome(Verdict.PERMANENT, "cleaned"),
    # put aside, which is no refusal to record, and not ours to undo
    "archived": Outcome(Verdict.PERMANENT, "archived"),
}
"""How a YES ends for a member of that status."""


@dataclass
class Plan:
    """What to send for one write, and how it ends if that goes well."""

    status: str = ""
    permissions: dict[str, bool] = field(default_factory=dict)
    ending: Outcome = field(default_factory=lambda: Outcome(Verdict.OK))

    @property
    def body(self) -> dict[str, Any]:
        """The PATCH; empty where there is nothing to change."""
        body: dict[str, Any] = {"status": self.status} if self.status else {}
        if self.permissions:
            body["marketing_permissions"] = [
                {"marketing_permission_id": topic, "enabled": enabled}
                for topic, enabled in self.permissions.items()
            ]
        return body

    @property
    def repeatable(self) -> bool:
        """A NO twice is a NO. A YES must not be repeated over a NO that came between."""
        return self.status in ("", "unsubscribed") and not any(self.permissions.values())


def plan(
    consents: Sequence[Consent], member: Mapping[str, Any] | None, double_opt_in: bool
) -> Plan:
    """What to send, given the member's present state, which is read where anything is asked for.

    Where a YES is refused, the NOs of the same write are carried out all the same.
    """
    made = Plan()
    status = str(member.get("status")) if member else ""
    ticked = {
        permission.get("marketing_permission_id")
        for permission in (member or {}).get("marketing_permissions") or ()
        if permission.get("enabled")
    }
    for consent in consents:
        whole = consent.topic == WHOLE_SCOPE
        if consent.stance is Stance.NO:
            if whole:
                made.status = "unsubscribed"
            else:
                made.permissions[consent.topic] = False
        elif consent.stance not in _ASKS:
            made.ending = Outcome(Verdict.PERMANENT, "stance-not-writable")
        elif status in _LEFT_ALONE:
            made.ending = _LEFT_ALONE[status]
        elif whole:
            asked = consent.stance is Stance.PENDING or double_opt_in
            if status != "subscribed" and not (asked and status == "pending"):
                made.status = "pending" if asked else "subscribed"
        elif consent.stance is Stance.YES and consent.topic not in ticked:
            made.permissions[consent.topic] = True
    if made.ending.verdict is not Verdict.OK:
        made.status = made.status if made.status == "unsubscribed" else ""
        made.permissions = {t: on for t, on in made.permissions.items() if not on}
    return made


class ConsentWriter:
    """Carries out `Write.consents` on existing members."""

    def __init__(self, members: Members, double_opt_in: frozenset[str]) -> None:
        self._members = members
        self._query = {"fields": member_fields(members.fields)}
        self._double_opt_in = double_opt_in

    def write(self, writes: Sequence[Write]) -> Sequence[Result]:
        """As `WritesConsents.write_consents`."""
        batch = Batch(writes)
        addressed: list[Addressed] = []
        for write in writes:
            ref = write.ref
            member = (ref.id or (ref.email and address_hash(ref.email))) if ref else ""
            if ref is None or not member:
                batch.settle(write, Outcome(Verdict.PERMANENT, "no-id"))
            else:
                addressed.append((write, ref.scope, member))
        present = self._read(batch, addressed)
        going: list[tuple[Addressed, Plan]] = []
        for one in addressed:
            write, scope, _ = one
            if batch.ended(write):
                continue
            found = present.get(write.key)
            made = plan(write.consents, found, scope in self._double_opt_in)
            if made.body:
                going.append((one, made))
            elif found is None:
                batch.settle(write, made.ending)
            else:
                self._members.settle(batch, scope, write, found, made.ending)
        self._send(batch, going)
        return batch.results()

    def _read(self, batch: Batch, addressed: Sequence[Addressed]) -> Mapping[str, Any]:
        """The members for whom anything is asked for, by the write's key; settles the writes of
        those that are not there or cannot be read."""
        asking = [
            one for one in addressed if any(consent.stance in _ASKS for consent in one[0].consents)
        ]
        found = self._members.client.get_many(
            [member_call("GET", scope, member, query=self._query) for _, scope, member in asking]
        )
        present: dict[str, Any] = {}
        for (write, _, _), member in zip(asking, found, strict=True):
            if member is None:
                batch.settle(write, Outcome(Verdict.PERMANENT, GONE))
            elif isinstance(member, ConnectorError):
                batch.settle(write, unread(member))
            else:
                present[write.key] = member
        return present

    def _send(self, batch: Batch, going: Sequence[tuple[Addressed, Plan]]) -> None:
        calls = [
            member_call("PATCH", scope, member, json=made.body, idempotent=made.repeatable)
            for (_, scope, member), made in going
        ]
        answers = self._members.client.http.many(calls) if calls else ()
        for ((write, scope, _), made), answer in zip(going, answers, strict=True):
            ended = outcome(answer)
            if ended.verdict is Verdict.OK:
                member = ended.body
                self._members.settle(batch, scope, write, member, _verified(made, member))
            else:
                batch.settle(write, ended)


def _verified(made: Plan, member: Mapping[str, Any]) -> Outcome:
    """How a write that was answered as a success ended, going by the state that was answered."""
    status = member.get("status")
    if made.status == "unsubscribed" and status != "unsubscribed":
        return Outcome(Verdict.UNKNOWN, "not-as-asked")
    if made.status in ("subscribed", "pending") and status == "unsubscribed":
        return Outcome(Verdict.REFUSED, COMPLIANCE)
    if made.status in ("subscribed", "pending") and status in _LEFT_ALONE:
        return _LEFT_ALONE[status]
    return made.ending
