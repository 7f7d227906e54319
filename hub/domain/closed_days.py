"""Days on which nothing falls due in Finland: Saturdays, Sundays, public holidays and two eves.

Regulation (EEC, Euratom) 1182/71, Arts. 2 and 3(4): public holidays are those of the member state;
the Finnish Act 150/1930, section 5, names what moves a last day: church holidays, Independence Day,
May Day, Christmas Eve, Midsummer Eve and Saturdays. New Year's Eve is an ordinary day.

The one module of the domain that needs a library: it reckons Easter and Midsummer, opens no file of
ours and no connection. That its public holidays contain the eves is a test, not an assumption.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import lru_cache

from holidays import PUBLIC, country_holidays

Closed = Callable[[date], bool]
"""Whether a period that would end on that day goes on to the next working day."""

SATURDAY = 5  # date.weekday()


def closed_in_finland(day: date) -> bool:
    """Whether that day is a Saturday, a Sunday, a Finnish public holiday or one of the two eves."""
    return day.weekday() >= SATURDAY or day in holidays_of(day.year)


@lru_cache(maxsize=64)
def holidays_of(year: int) -> frozenset[date]:
    """The public holidays of that year and the eves of Midsummer and Christmas, Sundays or not."""
    return frozenset(country_holidays("FI", years=year, categories=PUBLIC))
