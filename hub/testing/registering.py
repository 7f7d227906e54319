"""Who of the synthetic people registers to the webinars, and what they do there."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from hub.api import Stance
from hub.testing.world import ASKS, ASKS_BOTH, COMING, HELD, Entry, Human, Mess, Wish

HELD_BEFORE = timedelta(days=12)
COMING_AFTER = timedelta(days=30)
"""When the webinars are, before and after the end of the story."""

_OPEN = timedelta(days=45)
_NOTHING: Wish = (Stance.UNSTATED, None, None)
_QUESTIONS = (
    "Saako kalvot jälkikäteen?",
    "Sopiiko ratkaisu pienelle yritykselle?",
    "Milloin seuraava webinaari on?",
    "Kan man få materialet på svenska?",
)
TRADES = ("Teollisuus", "Kauppa", "Julkinen hallinto", "Palvelut")
"""What the poll of the webinar that was held asks for."""


def held_at(until: datetime) -> datetime:
    """When the first webinar was held: at noon."""
    return (until - HELD_BEFORE).replace(hour=12, minute=0, second=0, microsecond=0)


class Registrar:
    """Registers people; its answers are entries of the webinar tool."""

    def __init__(self, rng: random.Random, until: datetime) -> None:
        self.random = rng.random
        self.until = until
        self.held = held_at(until)

    def register(self, human: Human, mess: set[Mess]) -> list[Entry]:
        """The person's registrations. Adds to `mess` what comes of them."""
        share = self.random()
        webinars = (HELD,) if share < 0.6 else (COMING,) if share < 0.85 else (HELD, COMING)
        address = human.email
        if Mess.TWO_ADDRESSES in mess and self.random() < 0.5:
            address = human.old_email
        made = [self._entry(human, address, webinar) for webinar in webinars]
        if any(_one_consent(entry) for entry in made):
            mess.add(Mess.ONE_CONSENT)
        if any(entry.standing == "denied" for entry in made):
            mess.add(Mess.CANCELLED)
        if any(_absent(entry) for entry in made):
            mess.add(Mess.ABSENT)
        return made

    def _entry(self, human: Human, address: str, webinar: str) -> Entry:
        end = self.held if webinar == HELD else self.until
        at = (end - _OPEN * self.random()).replace(microsecond=0)
        yes: Wish = (Stance.YES, at, "form")
        crowst, bangeri, both = ((0.5, 0.45, 0.25)[n] > self.random() for n in range(3))
        share = self.random()
        standing = "denied" if share < 0.1 else "approved"
        if webinar == COMING and share > 0.9:
            standing = "pending"
        came = webinar == HELD and standing == "approved" and self.random() < 0.65
        return Entry(
            human=human.id,
            email=address,
            first_name=" ".join(human.first_names),
            last_name=human.last_name,
            phone=human.phone if self.random() < 0.4 else "",
            title=human.title if self.random() < 0.7 else "",
            employer=human.employer,
            lifecycle="",
            language="",
            tags=(),
            projects=(),
            scope=webinar,
            statuses={
                question: yes if ticked else _NOTHING
                for question, ticked in zip(
                    (*ASKS.values(), ASKS_BOTH), (crowst, bangeri, both), strict=True
                )
            },
            bounced=False,
            created_at=at,
            updated_at=at,
            standing=standing,
            came=came,
            asked=self._pick(_QUESTIONS) if came and self.random() < 0.2 else "",
            polled=self._pick(TRADES) if came and self.random() < 0.5 else "",
        )

    def _pick(self, choices: tuple[str, ...]) -> str:
        return choices[int(self.random() * len(choices))]


def _absent(entry: Entry) -> bool:
    return entry.scope == HELD and entry.standing == "approved" and not entry.came


def _one_consent(entry: Entry) -> bool:
    return sum(entry.statuses[question][0] is Stance.YES for question in ASKS.values()) == 1
