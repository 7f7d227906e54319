"""What the library says of Finnish days, year by year: looked at, not assumed."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from holidays import PUBLIC, country_holidays

from hub.domain.closed_days import closed_in_finland, holidays_of

YEARS = range(2024, 2036)

# Easter Sundays of the almanac of the University of Helsinki; the other moving days follow.
EASTER = {
    2024: date(2024, 3, 31),
    2025: date(2025, 4, 20),
    2026: date(2026, 4, 5),
    2027: date(2027, 3, 28),
    2028: date(2028, 4, 16),
    2029: date(2029, 4, 1),
    2030: date(2030, 4, 21),
    2031: date(2031, 4, 13),
    2032: date(2032, 3, 28),
    2033: date(2033, 4, 17),
    2034: date(2034, 4, 9),
    2035: date(2035, 3, 25),
}


def first(weekday: int, day: date) -> date:
    """That weekday (Monday is 0), on the day or after it."""
    return day + timedelta(days=(weekday - day.weekday()) % 7)


def by_hand(year: int) -> dict[date, str]:
    easter = EASTER[year]
    midsummer_eve = first(4, date(year, 6, 19))  # the Friday from 19 to 25 June
    return {
        date(year, 1, 1): "Uudenvuodenpäivä",
        date(year, 1, 6): "Loppiainen",
        easter - timedelta(days=2): "Pitkäperjantai",
        easter: "Pääsiäispäivä",
        easter + timedelta(days=1): "Toinen pääsiäispäivä",
        date(year, 5, 1): "Vappu",
        easter + timedelta(days=39): "Helatorstai",
        easter + timedelta(days=49): "Helluntaipäivä",
        midsummer_eve: "Juhannusaatto",
        midsummer_eve + timedelta(days=1): "Juhannuspäivä",
        first(5, date(year, 10, 31)): "Pyhäinpäivä",  # the Saturday from 31 October
        date(year, 12, 6): "Itsenäisyyspäivä",
        date(year, 12, 24): "Jouluaatto",
        date(year, 12, 25): "Joulupäivä",
        date(year, 12, 26): "Tapaninpäivä",
    }


@pytest.mark.parametrize("year", YEARS)
def test_the_librarys_public_holidays_with_the_two_eves(year: int) -> None:
    library = dict(country_holidays("FI", years=year, categories=PUBLIC, language="fi"))
    assert library == by_hand(year)
    assert holidays_of(year) == set(library)


@pytest.mark.parametrize("year", YEARS)
def test_ordinary_weekdays_are_open(year: int) -> None:
    """Flag days, the eves of New Year, May Day and Epiphany, Maundy Thursday: people work."""
    flag_days = [(2, 5), (2, 28), (4, 9), (4, 27), (6, 4), (7, 6), (10, 10), (10, 24)]
    eves = [(12, 31), (12, 30), (12, 23), (1, 2), (1, 5), (4, 30), (12, 27)]
    days = [date(year, month, day) for month, day in flag_days + eves]
    days.append(EASTER[year] - timedelta(days=3))
    for day in days:
        assert closed_in_finland(day) == (day.weekday() >= 5 or day in by_hand(year)), day


def test_saturdays_and_sundays_are_closed() -> None:
    assert [closed_in_finland(date(2026, 9, day)) for day in range(7, 14)] == [False] * 5 + [
        True,
        True,
    ]
