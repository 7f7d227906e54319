"""The sandbox world as values: synthetic people, and where each of them is held.

The names of systems, audiences, topics, tags and credentials are those of `config/sandbox.yaml`.
"""

from __future__ import annotations

import gc
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from hub.api import Stance

CROWST, BANGERI = "crowst", "bangeri"
CRM = {CROWST: "crowst-crm", BANGERI: "bangeri-crm"}
MAILER = {CROWST: "crowst-mailer", BANGERI: "bangeri-mailer"}
WEBINAR = "joint-webinar"
"""The webinar tool that both companies share."""
SYSTEMS = (*CRM.values(), *MAILER.values(), WEBINAR)

NEWSLETTER = {CROWST: "1001", BANGERI: "2001"}
"""Subscription types in the CRMs."""
EVENTS = {CROWST: "1002", BANGERI: "2002"}

NEWS_AUDIENCE = {CROWST: "crowst-uutiset", BANGERI: "bangeri-uutiset"}
"""Audiences in the mailers; Bängeri has none for events."""
EVENTS_AUDIENCE = {CROWST: "crowst-tapahtumat"}

HELD, COMING = "91000000001", "91000000002"
"""The two webinars: one was held, one is to come."""
ASKS = {
    CROWST: "Saako Crowst lähettää uutiskirjeen?",
    BANGERI: "Saako Bängeri lähettää uutiskirjeen?",
}
"""The form's question about each company's newsletter."""
ASKS_BOTH = "Saavatko Crowst ja Bängeri profiloida sinua?"

LIVE_PROJECT = "webinaari-syksy-2026"
ENDED_PROJECT = "messut-kevat-2025"

UNTIL = datetime(2026, 11, 1, 6, 0, tzinfo=UTC)
"""The latest thing that has happened in a world, unless another moment is given."""


class Mess(StrEnum):
    """What makes real registers hard. A person may have several."""

    CHANGED_EMAIL = "changed-email"  # the CRM has the new address, the mailer the old one
    SHARED_EMAIL = "shared-email"  # two people, one address
    DUPLICATE = "duplicate-in-crm"  # one human, two contacts in one CRM
    PHONE_NOTATIONS = "phone-notations"  # one number written in different ways
    COMPANY_MAILBOX = "company-mailbox"  # info@…: not a person
    TORN_WISH = "unsubscribed-here-subscribed-there"  # in the tools of one company
    HARD_BOUNCE = "hard-bounce"
    NO_ACT = "subscribed-without-an-act"  # an import, a tick by staff
    CASE = "case-noise"
    WHITESPACE = "whitespace-noise"
    NO_NAME = "missing-name"
    NFD = "decomposed-unicode"  # ä as a + ¨
    SEVERAL_NAMES = "several-first-names"
    LETTERS = "letters-å-ä-ö"
    ONE_COMPANY = "of-one-company"
    BOTH_COMPANIES = "of-both-companies"
    LIVE_MEMBER = "member-of-live-project"
    ENDED_MEMBER = "member-of-ended-project"
    TWO_ADDRESSES = "two-addresses-in-two-crms"  # each company knows another one
    NEWCOMER = "registered-and-in-no-crm"
    REGISTERED = "known-and-registered"  # to a webinar
    ONE_CONSENT = "consent-to-one-company-only"  # of a webinar's two questions
    ABSENT = "registered-and-did-not-come"
    CANCELLED = "registration-cancelled"


@dataclass(slots=True)
class Human:
    """One synthetic person (or company mailbox), as they truly are."""

    id: int
    first_names: tuple[str, ...]
    last_name: str
    language: str  # "fi", "sv"
    email: str  # the present one
    old_email: str  # "" where it never changed; of TWO_ADDRESSES the one that Bängeri knows
    phone: str  # E.164, "" where nobody has it
    title: str
    employer: str
    companies: frozenset[str]
    projects: tuple[str, ...]
    mess: frozenset[Mess]


Wish = tuple[Stance, datetime | None, str | None]
"""What a tool holds of a wish: stance, when, and by what act of the person if any."""


@dataclass(slots=True)
class Entry:
    """One person's record in one system, in no vendor's words."""

    human: int  # Human.id; the tools do not know it
    email: str
    first_name: str
    last_name: str
    phone: str
    title: str
    employer: str
    lifecycle: str  # "subscriber", "lead", "customer"; CRMs only
    language: str  # mailers only
    tags: tuple[str, ...]  # mailers only; projects are among them
    projects: tuple[str, ...]  # CRMs only
    scope: str  # the audience or webinar; "" in a CRM
    statuses: dict[str, Wish]  # by topic; of a registration, by question
    bounced: bool
    created_at: datetime
    updated_at: datetime
    # of a registration only
    standing: str = ""  # "approved", "pending", "denied" (cancelled)
    came: bool = False
    asked: str = ""  # a question put to the speaker
    polled: str = ""  # the answer to the poll


@dataclass(frozen=True, slots=True)
class World:
    """People, and what each system holds of them."""

    people: Sequence[Human]
    placements: Mapping[str, Sequence[Entry]]  # by system
    until: datetime = UNTIL
    seed: int = 1

    def mess(self) -> Mapping[Mess, int]:
        """How many people have each kind of it."""
        counts = Counter(kind for human in self.people for kind in human.mess)
        return {kind: counts[kind] for kind in Mess}

    def held(self, human: int) -> Mapping[str, Sequence[Entry]]:
        """The entries of one human, by system; systems without any are left out."""
        found = {
            system: [entry for entry in entries if entry.human == human]
            for system, entries in self.placements.items()
        }
        return {system: entries for system, entries in found.items() if entries}


def decomposed(text: str) -> str:
    """The same text in NFD, as some programs of Apple's write it."""
    return unicodedata.normalize("NFD", text)


@contextmanager
def collecting_later() -> Iterator[None]:
    """Hold back the garbage collector while much is made and nothing thrown away: it would walk
    over all of it again and again, and find nothing."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
