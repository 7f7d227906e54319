"""Where synthetic people are held: their records in each system, and what went wrong in them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from hub.api import WHOLE_SCOPE, Stance
from hub.testing import names
from hub.testing.registering import Registrar
from hub.testing.world import (
    BANGERI,
    CRM,
    EVENTS,
    EVENTS_AUDIENCE,
    LIVE_PROJECT,
    MAILER,
    NEWS_AUDIENCE,
    NEWSLETTER,
    SYSTEMS,
    WEBINAR,
    Entry,
    Human,
    Mess,
    Wish,
    decomposed,
)

NOTHING: Wish = (Stance.UNSTATED, None, None)

_DAY = 86_400.0
_LIFECYCLES = ("subscriber", "lead", "lead", "opportunity", "customer", "customer")
_TAGS = ("vip", "kumppani", "alumni", "jälleenmyyjä")
_IN_CRM = frozenset({Mess.CHANGED_EMAIL, Mess.TORN_WISH, Mess.DUPLICATE, Mess.TWO_ADDRESSES})
_IN_MAILER = frozenset({Mess.CHANGED_EMAIL, Mess.TORN_WISH, Mess.HARD_BOUNCE, Mess.ENDED_MEMBER})
"""What can only be seen in such a system. Membership in the ended project is read from tags."""


def phone_notations(number: int) -> tuple[str, str, str, str, str]:
    """The number of that person (by the last six digits) as people write it, E.164 first."""
    six = f"{number % 1_000_000:06}"
    return (
        f"+358480{six}",
        f"0480{six}",
        f"048 0{six[:2]} {six[2:]}",
        f"+358 48 0{six[:2]} {six[2:]}",
        f"00358-48-0{six}",
    )


class Placer:
    """Puts people into `placements`; `address` makes addresses that nobody else has."""

    def __init__(
        self, rng: random.Random, until: datetime, address: Callable[[str, str], str]
    ) -> None:
        self.random = rng.random
        self.until = until
        self.address = address
        self.placements: dict[str, list[Entry]] = {system: [] for system in SYSTEMS}
        self.registrar = Registrar(rng, until)

    def place(self, human: Human, mess: set[Mess], *, second: bool) -> None:
        """Put the person into the systems of their companies. Adds to `mess` what comes of it."""
        made: list[Entry] = []
        for company in sorted(human.companies):
            made += self._at(company, human, mess, second=second)
        if mess & {Mess.REGISTERED, Mess.NEWCOMER, Mess.TWO_ADDRESSES}:
            registered = self.registrar.register(human, mess)
            self.placements[WEBINAR] += registered
            made += registered
        if any(_without_act(wish) for entry in made for wish in entry.statuses.values()):
            mess.add(Mess.NO_ACT)
        if len({entry.phone for entry in made if entry.phone}) > 1:
            mess.add(Mess.PHONE_NOTATIONS)

    def _at(self, company: str, human: Human, mess: set[Mess], *, second: bool) -> list[Entry]:
        created = self.until - timedelta(seconds=int((30 + self.random() * 1970) * _DAY))
        news, events = self._wish(created), self._wish(created)
        in_crm = self.random() < 0.85 or bool(mess & _IN_CRM)
        in_mailer = (news is not NOTHING and self.random() < 0.85) or bool(mess & _IN_MAILER)
        if Mess.SHARED_EMAIL in mess:
            in_crm, in_mailer = not second, second
        in_crm = in_crm or not in_mailer
        known = news if self.random() < 0.7 else NOTHING
        if Mess.TORN_WISH in mess:
            known, news = self._torn(created)
        made: list[Entry] = []
        if in_crm:
            statuses = {NEWSLETTER[company]: known, EVENTS[company]: events}
            made.append(self._crm(company, human, mess, created, statuses))
            if Mess.DUPLICATE in mess:
                made.append(self._double(company, human, made[0]))
        if in_mailer:
            audience = NEWS_AUDIENCE[company]
            made.append(self._member(company, audience, human, mess, created, news, in_crm=in_crm))
            if company in EVENTS_AUDIENCE and events is not NOTHING and self.random() < 0.5:
                audience = EVENTS_AUDIENCE[company]
                made.append(
                    self._member(company, audience, human, mess, created, events, in_crm=in_crm)
                )
        return made

    # wishes

    def _later(self, than: datetime) -> datetime:
        """Some moment between that one and the end of the story."""
        left = (self.until - than).total_seconds()
        return than + timedelta(seconds=int(left * self.random()))

    def _wish(self, created: datetime) -> Wish:
        share = self.random()
        if share < 0.45:
            return (Stance.YES, self._later(created), "form")
        if share < 0.55:
            return (Stance.YES, self._later(created), None)
        if share < 0.67:
            return (Stance.NO, self._later(created), None)
        return NOTHING

    def _torn(self, created: datetime) -> tuple[Wish, Wish]:
        """A subscription in one tool, and a later refusal in the other."""
        before = self._later(created)
        yes: Wish = (Stance.YES, before, "form")
        no: Wish = (Stance.NO, self._later(before), None)
        return (yes, no) if self.random() < 0.5 else (no, yes)

    # records

    def _names(self, human: Human, mess: set[Mess]) -> tuple[str, str]:
        first, last = " ".join(human.first_names), human.last_name
        if Mess.NO_NAME in mess:
            return ("", "")
        if Mess.NFD in mess:
            return (decomposed(first), decomposed(last))
        if Mess.WHITESPACE in mess:
            return (f" {first}", f"{last}  ")
        return (first, last)

    def _phone(self, human: Human, share: float) -> str:
        if not human.phone or self.random() >= share:
            return ""
        return phone_notations(int(human.phone[-6:]))[int(self.random() * 5)]

    def _crm(
        self,
        company: str,
        human: Human,
        mess: set[Mess],
        created: datetime,
        statuses: dict[str, Wish],
    ) -> Entry:
        first, last = self._names(human, mess)
        if Mess.CASE in mess:
            first, last = first.upper(), last.upper()
        known = human.old_email if Mess.TWO_ADDRESSES in mess and company == BANGERI else ""
        entry = Entry(
            human=human.id,
            email=known or human.email,
            first_name=first,
            last_name=last,
            phone=self._phone(human, 0.9),
            title=human.title,
            employer=human.employer,
            lifecycle=_LIFECYCLES[int(self.random() * len(_LIFECYCLES))],
            language="",
            tags=(),
            projects=human.projects,
            scope="",
            statuses={topic: wish for topic, wish in statuses.items() if wish is not NOTHING},
            bounced=False,
            created_at=created,
            updated_at=self._later(created),
        )
        self.placements[CRM[company]].append(entry)
        return entry

    def _double(self, company: str, human: Human, first: Entry) -> Entry:
        """The same human once more: another address, another way to write name and phone."""
        given = human.first_names[-1]
        local = names.ascii_fold(f"{given[0]}.{human.last_name}")
        number = phone_notations(int(human.phone[-6:])) if human.phone else ("",) * 5
        entry = replace(
            first,
            email=self.address(local, names.PRIVATE_DOMAINS[int(self.random() * 4)]),
            first_name=names.NICKNAMES.get(given, given),
            phone=next((one for one in number if one != first.phone), ""),
            projects=(),
            statuses={},
            created_at=self._later(first.created_at),
            updated_at=self.until - timedelta(seconds=int(self.random() * _DAY)),
        )
        entry.created_at = min(entry.created_at, entry.updated_at)
        self.placements[CRM[company]].append(entry)
        return entry

    def _member(
        self,
        company: str,
        audience: str,
        human: Human,
        mess: set[Mess],
        created: datetime,
        wish: Wish,
        *,
        in_crm: bool,
    ) -> Entry:
        first, last = self._names(human, mess)
        email = human.old_email or human.email
        if Mess.TWO_ADDRESSES in mess and company != BANGERI:
            email = human.email
        if Mess.CASE in mess:
            local, _, domain = email.partition("@")
            email = f"{local.title()}@{domain.capitalize()}"
        own = (_TAGS[int(self.random() * len(_TAGS))],) if self.random() < 0.2 else ()
        # a member of the live project whom a CRM shows as one has often no tag of it here
        shown = human.projects
        if in_crm and self.random() < 0.4:
            shown = tuple(one for one in shown if one != LIVE_PROJECT)
        entry = Entry(
            human=human.id,
            email=email,
            first_name=first,
            last_name=last,
            phone=self._phone(human, 0.4),
            title=human.title if self.random() < 0.5 else "",
            employer=human.employer if self.random() < 0.6 else "",
            lifecycle="",
            language=human.language if self.random() < 0.8 else "",
            tags=(*own, *shown),
            projects=(),
            scope=audience,
            statuses={WHOLE_SCOPE: wish},
            bounced=Mess.HARD_BOUNCE in mess,
            created_at=created,
            updated_at=self._later(wish[1] or created),
        )
        self.placements[MAILER[company]].append(entry)
        return entry


def _without_act(wish: Wish) -> bool:
    return wish[0] is Stance.YES and wish[2] is None
