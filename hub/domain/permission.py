"""Permission to market: an append-only ledger of events, and the fold that says what stands.

The rules are DESIGN 3.4; the law is Act 917/2014 sections 200 and 202 and GDPR Art. 7 and 21(2).
Permission is per person (so per controller) and purpose; a purpose has one channel.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from hub.domain.landscape import Ground, Purpose


class EventKind(StrEnum):
    """What happened to a permission."""

    CONSENT = "consent"
    WITHDRAWAL = "withdrawal"
    OBJECTION = "objection"  # GDPR Art. 21(2)-(3): absolute for direct marketing
    GROUND = "ground"  # a ground other than consent was seen
    GROUND_ENDED = "ground-ended"

    @property
    def prohibits(self) -> bool:
        return self in (EventKind.WITHDRAWAL, EventKind.OBJECTION)


@dataclass(frozen=True, slots=True)
class PermissionEvent:
    """One row of the ledger. `at` is the source's time, a hint; `seen_at` is the hub's own."""

    purpose: str
    kind: EventKind
    seen_at: datetime
    at: datetime | None = None
    ground: Ground | None = None
    act: str | None = None  # what the person did: "form", "double-opt-in"
    system: str = ""

    def effective(self) -> datetime:
        """When a prohibition began. Without a time it counts from when it was seen, and a source
        whose clock runs ahead cannot push it past that."""
        return self.seen_at if self.at is None else min(self.at, self.seen_at)

    def consented(self, tolerance: timedelta) -> datetime | None:
        """When the person consented, or None where that is not shown: without an act of the
        person, without a time, or with a time that cannot be true, a consent never counts."""
        if self.act is None or self.at is None or self.at > self.seen_at + tolerance:
            return None
        return min(self.at, self.seen_at)


@dataclass(frozen=True, slots=True)
class Permission:
    """What stands for one purpose, and why."""

    allowed: bool
    rule: str  # a short code: "consent", "customer", "prohibited", "no-ground"…
    ground: Ground | None = None
    since: datetime | None = None
    prohibited_at: datetime | None = None


NO_GROUND = Permission(False, "no-ground")


def fold(
    purpose: Purpose,
    events: Iterable[PermissionEvent],
    *,
    tolerance: timedelta,
    mailbox: bool = False,
    domain_prohibited_at: datetime | None = None,
) -> Permission:
    """What the events of one person come to for `purpose`.

    The order of the events does not matter: they are compared by their times. `mailbox` says that
    the address is a company's and no person's; `domain_prohibited_at` that the whole company
    forbade marketing then. Events of other purposes are passed over.
    """
    prohibited = domain_prohibited_at
    consent: datetime | None = None
    grounds: dict[Ground, tuple[datetime, bool]] = {}
    for event in events:
        if event.purpose != purpose.id:
            continue
        if event.kind.prohibits:
            at = event.effective()
            if prohibited is None or at > prohibited:
                prohibited = at
        elif event.kind is EventKind.CONSENT:
            given = event.consented(tolerance)
            if given is not None and (consent is None or given > consent):
                consent = given
        elif event.ground is not None:
            known = grounds.get(event.ground)
            stands = event.kind is EventKind.GROUND
            # seen at the same moment: the end of a ground wins, the doubt is the person's
            if known is None or (event.seen_at, not stands) > (known[0], not known[1]):
                grounds[event.ground] = (event.seen_at, stands)
    if (
        consent is not None
        and Ground.CONSENT in purpose.grounds
        and (prohibited is None or consent > prohibited)
    ):
        return Permission(True, "consent", Ground.CONSENT, consent, prohibited)
    if prohibited is not None:
        return Permission(False, "prohibited", None, prohibited, prohibited)
    for ground in (Ground.CUSTOMER, Ground.WORK_ROLE):
        seen = grounds.get(ground)
        if seen is not None and seen[1] and ground in purpose.grounds:
            return Permission(True, ground.value, ground, seen[0])
    if mailbox and Ground.COMPANY_MAILBOX in purpose.grounds:
        return Permission(True, Ground.COMPANY_MAILBOX.value, Ground.COMPANY_MAILBOX)
    return NO_GROUND


def objects(
    purposes: Iterable[Purpose], events: Collection[PermissionEvent], *, tolerance: timedelta
) -> bool:
    """Whether the person objects to every one of those purposes (Art. 21(2)): to each an objection
    stands that no consent came after. A withdrawal is none: it takes one consent back."""
    objections = [one for one in events if one.kind is EventKind.OBJECTION]
    if not objections:  # nearly always
        return False
    standing: set[str] = set()
    for one in objections:
        consents = [
            given
            for other in events
            if other.kind is EventKind.CONSENT
            and other.purpose == one.purpose
            and (given := other.consented(tolerance)) is not None
        ]
        if one.effective() >= max(consents, default=one.effective()):
            standing.add(one.purpose)
    wanted = {one.id for one in purposes}
    return bool(wanted) and wanted <= standing
