"""The people of the benchmark: invented, seven fields each, the same for the same number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hub.testing.names import FINNISH_GIVEN, FINNISH_SURNAMES, JOB_TITLES

GIVEN = FINNISH_GIVEN[0] + FINNISH_GIVEN[1]
TRADES = ("Kone", "Rakennus", "Kuljetus", "Konsultointi", "Puutarha", "Ohjelmisto", "Metalli")
FOLDED = str.maketrans("åäöéÅÄÖ", "aaoeaao")

SUBSCRIBED, UNSUBSCRIBED, UNSTATED = "SUBSCRIBED", "UNSUBSCRIBED", "NOT_SPECIFIED"


@dataclass(frozen=True, slots=True)
class Person:
    """One contact of the CRM, and what it says of the newsletter."""

    email: str
    first_name: str
    last_name: str
    phone: str
    job_title: str
    company: str
    language: str
    newsletter: str


def people(count: int) -> Iterator[Person]:
    """The first `count` people: nine in ten subscribed by a form, the rest refused or were never
    asked. A fifth of the phones are written the national way."""
    for n in range(count):
        first = GIVEN[n % len(GIVEN)]
        last = FINNISH_SURNAMES[n // len(GIVEN) % len(FINNISH_SURNAMES)]
        company = f"{last} {TRADES[n % 7]} Oy"
        local = f"{first}.{last}.{n}".lower().translate(FOLDED)
        number = f"{40 + n % 11}{n:07d}"
        yield Person(
            email=f"{local}@{TRADES[n % 7].lower()}{n % 997}.example",
            first_name=first,
            last_name=last,
            phone=f"0{number[:2]} {number[2:5]} {number[5:]}" if n % 5 == 0 else f"+358{number}",
            job_title=JOB_TITLES[n % len(JOB_TITLES)],
            company=company,
            language=("fi", "fi", "fi", "fi", "sv", "fi", "fi", "en")[n % 8],
            newsletter=(UNSTATED if n % 20 == 7 else UNSUBSCRIBED) if n % 10 == 7 else SUBSCRIBED,
        )
