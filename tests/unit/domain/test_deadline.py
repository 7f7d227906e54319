"""Deadlines against dates worked out by hand from Regulation 1182/71, with the reasoning."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.closed_days import closed_in_finland
from hub.domain.deadline import (
    Deadline,
    Due,
    Escalation,
    Extension,
    ExtensionReason,
    IdentityQuestion,
    answer_by,
    helsinki_day,
    may_extend,
    months_after,
    notice_by,
    stops_the_clock,
)


def noon(day: str) -> datetime:
    """About noon of that day in Helsinki."""
    return datetime.fromisoformat(f"{day}T10:00+00:00")


def asked(day: str, answered: str | None = None) -> IdentityQuestion:
    return IdentityQuestion(noon(day), None if answered is None else noon(answered))


def extended(day: str) -> Extension:
    return Extension(noon(day), ExtensionReason.COMPLEX)


def days(due: Due) -> tuple[str, str]:
    assert due.target is not None
    assert due.ends is not None
    return due.target.isoformat(), due.ends.isoformat()


# received, the same date next month, the last day in law, why
BY_HAND = [
    ("2026-09-10", "2026-10-10", "2026-10-12", "10 October 2026 is a Saturday"),
    ("2026-08-31", "2026-09-30", "2026-09-30", "September has no 31st; a Wednesday"),
    ("2026-09-30", "2026-10-30", "2026-10-30", "the same date, not the end of the month; a Friday"),
    ("2026-02-28", "2026-03-28", "2026-03-30", "the same date; a Saturday"),
    ("2026-01-31", "2026-02-28", "2026-03-02", "February has no 31st; the 28th is a Saturday"),
    ("2027-01-29", "2027-02-28", "2027-03-01", "no leap year; the 28th is a Sunday"),
    ("2028-01-29", "2028-02-29", "2028-02-29", "a leap year has the 29th; a Tuesday"),
    ("2028-01-31", "2028-02-29", "2028-02-29", "the last day of a leap year's February"),
    ("2024-02-29", "2024-03-29", "2024-04-02", "Good Friday 2024, to the Tuesday after Easter"),
    ("2026-03-03", "2026-04-03", "2026-04-07", "Good Friday 2026, Easter Monday is the 6th"),
    ("2026-03-05", "2026-04-05", "2026-04-07", "Easter Sunday"),
    ("2026-03-06", "2026-04-06", "2026-04-07", "Easter Monday"),
    ("2026-03-02", "2026-04-02", "2026-04-02", "Maundy Thursday is a working day"),
    ("2026-04-14", "2026-05-14", "2026-05-15", "Ascension Day is a Thursday, the Friday is open"),
    ("2027-04-06", "2027-05-06", "2027-05-07", "Ascension Day 2027"),
    ("2026-04-01", "2026-05-01", "2026-05-04", "May Day is a Friday"),
    ("2027-04-01", "2027-05-01", "2027-05-03", "May Day is a Saturday, no day is given for it"),
    ("2026-03-30", "2026-04-30", "2026-04-30", "May Day's eve is a working day"),
    ("2026-05-18", "2026-06-18", "2026-06-18", "the Thursday before Midsummer Eve"),
    ("2026-05-19", "2026-06-19", "2026-06-22", "Midsummer Eve, Friday 19 June"),
    ("2027-05-25", "2027-06-25", "2027-06-28", "Midsummer Eve at its latest, Friday 25 June"),
    ("2026-10-01", "2026-11-01", "2026-11-02", "a Sunday; All Saints' is Saturday 31 October"),
    ("2024-11-06", "2024-12-06", "2024-12-09", "Independence Day is a Friday"),
    ("2026-11-06", "2026-12-06", "2026-12-07", "Independence Day is a Sunday: the Monday is open"),
    ("2025-11-06", "2025-12-06", "2025-12-08", "Independence Day is a Saturday: to Monday"),
    ("2027-11-06", "2027-12-06", "2027-12-07", "Independence Day is a Monday"),
    ("2025-11-24", "2025-12-24", "2025-12-29", "Wednesday to Friday is Christmas, then a weekend"),
    ("2026-11-23", "2026-12-23", "2026-12-23", "the day before Christmas Eve is a working day"),
    ("2026-11-24", "2026-12-24", "2026-12-28", "Christmas Eve, a Thursday"),
    ("2026-11-25", "2026-12-25", "2026-12-28", "Christmas Day, a Friday"),
    ("2027-11-24", "2027-12-24", "2027-12-27", "Christmas Eve is a Friday"),
    ("2026-11-30", "2026-12-30", "2026-12-30", "between the years people work"),
    ("2025-12-01", "2026-01-01", "2026-01-02", "New Year's Day is a Thursday"),
    ("2025-11-30", "2025-12-30", "2025-12-30", "received on a Sunday: the receipt is not moved"),
    ("2026-12-01", "2027-01-01", "2027-01-04", "New Year's Day is a Friday"),
    ("2026-12-31", "2027-01-31", "2027-02-01", "over the end of the year; a Sunday"),
    ("2026-12-06", "2027-01-06", "2027-01-07", "Epiphany is a Wednesday"),
]


@pytest.mark.parametrize(("received", "target", "ends", "why"), BY_HAND)
def test_one_month(received: str, target: str, ends: str, why: str) -> None:
    assert days(answer_by(noon(received))) == (target, ends), why


def test_new_years_eve_is_a_working_day() -> None:
    """No month ends on it but from 30 or 31 November on; an extension does: 30 September + 3 = 30
    December, 1 October 2026 + 3 = Friday 1 January. By pause: 30 November + 1 month + 1 day."""
    answer = answer_by(noon("2026-11-30"), questions=[asked("2026-12-01", "2026-12-02")])
    assert days(answer) == ("2026-12-31", "2026-12-31")


class TestDaysAreHelsinkis:
    """The server keeps UTC; midnight in Helsinki is at 22 UTC in winter and at 21 in summer."""

    @pytest.mark.parametrize(
        ("moment", "day"),
        [
            ("2026-01-15T21:59:59+00:00", "2026-01-15"),
            ("2026-01-15T22:00:00+00:00", "2026-01-16"),
            ("2026-07-15T20:59:59+00:00", "2026-07-15"),
            ("2026-07-15T21:00:00+00:00", "2026-07-16"),
            # summer time begins on 29 March 2026 at 3: that midnight is still at 22 UTC, the next
            # one at 21
            ("2026-03-28T21:59:59+00:00", "2026-03-28"),
            ("2026-03-28T22:00:00+00:00", "2026-03-29"),
            ("2026-03-29T20:59:59+00:00", "2026-03-29"),
            ("2026-03-29T21:00:00+00:00", "2026-03-30"),
            # it ends on 25 October 2026 at 4: a day of 25 hours, from 21 to 22 UTC
            ("2026-10-24T21:00:00+00:00", "2026-10-25"),
            ("2026-10-25T21:59:59+00:00", "2026-10-25"),
            ("2026-10-25T22:00:00+00:00", "2026-10-26"),
            ("2026-12-31T23:30:00+01:00", "2027-01-01"),
        ],
    )
    def test_midnight(self, moment: str, day: str) -> None:
        assert helsinki_day(datetime.fromisoformat(moment)).isoformat() == day

    def test_a_minute_decides_a_month(self) -> None:
        """31 March 23:30 in Helsinki is 20:30 UTC; half an hour into 1 April is still March in
        UTC, and the end goes from 30 April to 1 May, May Day, so to Monday 4 May."""
        before = answer_by(datetime(2026, 3, 31, 20, 30, tzinfo=UTC))
        after = answer_by(datetime(2026, 3, 31, 21, 30, tzinfo=UTC))
        assert days(before) == ("2026-04-30", "2026-04-30")
        assert days(after) == ("2026-05-01", "2026-05-04")

    def test_late_begins_at_helsinkis_midnight(self) -> None:
        due = answer_by(noon("2026-08-31"))  # ends on 30 September, summer time
        assert not due.late(datetime(2026, 9, 30, 20, 59, 59, tzinfo=UTC))
        assert due.late(datetime(2026, 9, 30, 21, 0, tzinfo=UTC))

    def test_without_a_zone_there_is_no_day(self) -> None:
        with pytest.raises(ValueError, match="time zone"):
            answer_by(datetime(2026, 9, 1, 12, 0))


class TestExtension:
    """Two further months, counted from the receipt (not from the end of the first)."""

    @pytest.mark.parametrize(
        ("received", "target", "ends", "why"),
        [
            ("2026-01-31", "2026-04-30", "2026-04-30", "from the 31st, not from 28 February"),
            ("2026-11-30", "2027-02-28", "2027-03-01", "February has no 30th; a Sunday"),
            ("2027-11-30", "2028-02-29", "2028-02-29", "in a leap year the 29th; a Tuesday"),
            ("2026-10-01", "2027-01-01", "2027-01-04", "New Year's Day, a Friday"),
            ("2026-03-19", "2026-06-19", "2026-06-22", "Midsummer Eve"),
            ("2026-09-24", "2026-12-24", "2026-12-28", "Christmas Eve"),
            ("2026-05-10", "2026-08-10", "2026-08-10", "its own Sunday does not matter; a Monday"),
        ],
    )
    def test_three_months(self, received: str, target: str, ends: str, why: str) -> None:
        answer = answer_by(noon(received), extension=extended(received))
        assert answer.extended
        assert days(answer) == (target, ends), why

    def test_the_first_month_stays_for_a_refusal(self) -> None:
        answer = answer_by(noon("2026-05-19"), extension=extended("2026-05-20"))
        assert days(answer.first) == ("2026-06-19", "2026-06-22")
        assert days(answer) == ("2026-08-19", "2026-08-19")

    def test_the_person_is_told_within_the_first_month(self) -> None:
        """Received 19 May 2026: the month ends on Midsummer Eve, rolled to Monday 22 June."""
        assert answer_by(noon("2026-05-19"), extension=extended("2026-06-22")).extended
        late = answer_by(noon("2026-05-19"), extension=extended("2026-06-23"))
        assert not late.extended
        assert days(late) == ("2026-06-19", "2026-06-22")

    def test_once_and_in_time(self) -> None:
        plain = answer_by(noon("2026-05-19"))
        assert may_extend(plain, noon("2026-06-22"))
        assert not may_extend(plain, noon("2026-06-23"))
        assert not may_extend(
            answer_by(noon("2026-05-19"), extension=extended("2026-05-20")), noon("2026-05-21")
        )

    def test_a_pause_moves_the_first_month_too(self) -> None:
        """Received 1 September 2026, asked the same day, answered ten days later: 1 October + 10
        days is Sunday 11 October, so Monday the 12th; three months: 1 December + 10 days."""
        questions = [asked("2026-09-01", "2026-09-11")]
        answer = answer_by(
            noon("2026-09-01"), questions=questions, extension=extended("2026-10-12")
        )
        assert answer.extended
        assert days(answer.first) == ("2026-10-11", "2026-10-12")
        assert days(answer) == ("2026-12-11", "2026-12-11")

    def test_while_the_clock_stands_still_it_is_in_time(self) -> None:
        answer = answer_by(noon("2026-09-01"), questions=[asked("2026-09-02")])
        assert may_extend(answer, noon("2026-12-01"))


class TestPause:
    """Only from a promptly asked identity question to its answer."""

    def paused(self, *questions: IdentityQuestion) -> Deadline:
        """Received on Tuesday 1 September 2026: without a pause due on Thursday 1 October."""
        return answer_by(noon("2026-09-01"), questions=questions)

    def test_none(self) -> None:
        answer = self.paused()
        assert (answer.paused_days, answer.paused) == (0, False)
        assert days(answer) == ("2026-10-01", "2026-10-01")

    def test_from_the_question_to_the_answer(self) -> None:
        """2 to 7 September are five days: 1 + 5 = 6 October, a Tuesday."""
        answer = self.paused(asked("2026-09-02", "2026-09-07"))
        assert (answer.paused_days, answer.paused) == (5, False)
        assert days(answer) == ("2026-10-06", "2026-10-06")

    def test_the_moved_end_rolls_too(self) -> None:
        """Two days: 3 October is a Saturday. Rolled after the days are added, not before."""
        assert days(self.paused(asked("2026-09-02", "2026-09-04"))) == ("2026-10-03", "2026-10-05")

    def test_answered_on_the_same_day_moves_nothing(self) -> None:
        assert days(self.paused(asked("2026-09-02", "2026-09-02"))) == ("2026-10-01", "2026-10-01")

    def test_an_open_question_has_no_end_yet(self) -> None:
        answer = self.paused(asked("2026-09-02"))
        assert answer.paused
        assert (answer.target, answer.ends, answer.first.ends) == (None, None, None)
        assert answer.days_left(date(2027, 9, 1)) is None
        assert answer.escalation(date(2027, 9, 1)) is Escalation.NONE
        assert not answer.late(noon("2027-09-01"))

    def test_prompt_is_within_three_days(self) -> None:
        """Tuesday + 3 = Friday 4 September."""
        assert self.paused(asked("2026-09-04", "2026-09-08")).paused_days == 4
        late = self.paused(asked("2026-09-05", "2026-09-09"))
        assert late.paused_days == 0
        assert days(late) == ("2026-10-01", "2026-10-01")
        assert not self.paused(asked("2026-09-05")).paused

    def test_prompt_over_a_weekend_is_until_monday(self) -> None:
        """Received Thursday 3 September: the third day is a Sunday. Over Midsummer 2026: received
        Tuesday the 16th, the third day is the eve, so until Monday the 22nd."""
        assert stops_the_clock(noon("2026-09-03"), noon("2026-09-07"))
        assert not stops_the_clock(noon("2026-09-03"), noon("2026-09-08"))
        assert stops_the_clock(noon("2026-06-16"), noon("2026-06-22"))
        assert not stops_the_clock(noon("2026-06-16"), noon("2026-06-23"))

    def test_several(self) -> None:
        """2 to 7 September are five days; the answer did not suffice, asked again on the 9th,
        answered on the 19th: ten more. 1 October + 15 = Friday the 16th. Order does not matter."""
        first, second = asked("2026-09-02", "2026-09-07"), asked("2026-09-09", "2026-09-19")
        for answer in (self.paused(first, second), self.paused(second, first)):
            assert answer.paused_days == 15
            assert days(answer) == ("2026-10-16", "2026-10-16")

    def test_a_second_question_must_follow_the_answer_promptly(self) -> None:
        """Answered Monday the 7th: the next one stops the clock until Thursday the 10th."""
        first = asked("2026-09-02", "2026-09-07")
        assert stops_the_clock(noon("2026-09-01"), noon("2026-09-10"), earlier=[first])
        assert not stops_the_clock(noon("2026-09-01"), noon("2026-09-11"), earlier=[first])
        assert self.paused(first, asked("2026-09-11", "2026-09-25")).paused_days == 5

    def test_one_that_came_late_makes_the_next_no_prompter(self) -> None:
        late, after_it = asked("2026-09-10", "2026-09-12"), asked("2026-09-13", "2026-09-20")
        assert self.paused(late, after_it).paused_days == 0

    def test_days_that_overlap_are_counted_once(self) -> None:
        """2 to 10 and 3 to 12 September: the days from the 2nd to the 12th are ten."""
        overlapping = [asked("2026-09-02", "2026-09-10"), asked("2026-09-03", "2026-09-12")]
        assert self.paused(*overlapping).paused_days == 10
        inside = [asked("2026-09-02", "2026-09-12"), asked("2026-09-03", "2026-09-05")]
        assert self.paused(*inside).paused_days == 10

    def test_a_question_after_the_end_stops_nothing(self) -> None:
        """Nine prompt rounds, each answered the same day, lead past 1 October."""
        rounds = [asked(f"2026-09-{day:02}", f"2026-09-{day:02}") for day in range(2, 31, 3)]
        assert self.paused(*rounds, asked("2026-10-01")).paused
        assert not self.paused(*rounds, asked("2026-10-02")).paused

    def test_a_question_before_the_receipt_cannot_be(self) -> None:
        with pytest.raises(ValueError, match="before the request"):
            self.paused(asked("2026-08-31"))

    def test_an_answer_before_the_question_cannot_be(self) -> None:
        with pytest.raises(ValueError, match="before it was asked"):
            asked("2026-09-02", "2026-09-01")


@pytest.mark.parametrize(
    ("today", "left", "level"),
    [
        ("2026-09-19", 11, Escalation.NONE),
        ("2026-09-20", 10, Escalation.TEN_DAYS),
        ("2026-09-24", 6, Escalation.TEN_DAYS),
        ("2026-09-25", 5, Escalation.FIVE_DAYS),
        ("2026-09-27", 3, Escalation.FIVE_DAYS),
        ("2026-09-28", 2, Escalation.TWO_DAYS),
        ("2026-09-30", 0, Escalation.TWO_DAYS),
        ("2026-10-01", -1, Escalation.LATE),
    ],
)
def test_escalation(today: str, left: int, level: Escalation) -> None:
    due = answer_by(noon("2026-08-31"))  # ends on 30 September
    assert due.days_left(date.fromisoformat(today)) == left
    assert due.escalation(date.fromisoformat(today)) is level


def test_days_left_count_to_the_last_day_in_law() -> None:
    due = answer_by(noon("2026-05-19"))  # Midsummer Eve, rolled to Monday 22 June
    assert due.days_left(date(2026, 6, 20)) == 2
    assert not due.late(noon("2026-06-22"))


class TestNoticeOfDataFromElsewhere:
    """Art. 14(3)."""

    def test_one_month(self) -> None:
        assert days(notice_by(noon("2026-05-19"))) == ("2026-06-19", "2026-06-22")

    def test_the_first_message_is_the_occasion(self) -> None:
        """A Saturday: an occasion is no period and gives way to no Monday."""
        due = notice_by(noon("2026-05-19"), first_message=noon("2026-05-30"))
        assert days(due) == ("2026-05-30", "2026-05-30")

    def test_so_is_the_first_disclosure(self) -> None:
        due = notice_by(
            noon("2026-05-19"),
            first_message=noon("2026-06-10"),
            first_disclosure=noon("2026-06-01"),
        )
        assert days(due) == ("2026-06-01", "2026-06-01")

    def test_a_message_after_the_month_comes_too_late_to_matter(self) -> None:
        due = notice_by(noon("2026-05-19"), first_message=noon("2026-06-23"))
        assert days(due) == ("2026-06-19", "2026-06-22")

    def test_a_message_on_a_day_given_by_rolling(self) -> None:
        due = notice_by(noon("2026-05-19"), first_message=noon("2026-06-22"))
        assert days(due) == ("2026-06-19", "2026-06-22")

    def test_one_between_the_target_and_the_rolled_day_comes_earlier_than_that(self) -> None:
        """The Saturday after Midsummer Eve."""
        due = notice_by(noon("2026-05-19"), first_message=noon("2026-06-20"))
        assert days(due) == ("2026-06-19", "2026-06-20")

    def test_a_message_before_the_data_came_counts_from_then(self) -> None:
        due = notice_by(noon("2026-05-19"), first_message=noon("2026-05-01"))
        assert days(due) == ("2026-05-19", "2026-05-19")


MOMENTS = st.datetimes(
    datetime(2024, 1, 1), datetime(2035, 6, 30), timezones=st.just(UTC), allow_imaginary=False
)


class TestWhateverTheDay:
    @given(MOMENTS, st.booleans())
    def test_never_backwards_never_on_a_closed_day_never_far(
        self, received: datetime, extend: bool
    ) -> None:
        extension = Extension(received, ExtensionReason.NUMBER) if extend else None
        answer = answer_by(received, extension=extension)
        assert answer.target is not None
        assert answer.ends is not None
        assert not closed_in_finland(answer.ends)
        assert timedelta(0) <= answer.ends - answer.target <= timedelta(days=5)
        # whatever lies between was closed: the next working day, and no later one
        between = (answer.ends - answer.target).days
        assert all(closed_in_finland(answer.target + timedelta(days=n)) for n in range(between))
        assert 28 <= (answer.target - helsinki_day(received)).days <= (92 if extend else 31)

    @given(MOMENTS, MOMENTS)
    def test_who_came_later_is_not_answered_earlier(self, one: datetime, other: datetime) -> None:
        first, second = sorted((one, other))
        for earlier, later in (
            (answer_by(first), answer_by(second)),
            (
                answer_by(first, extension=Extension(first, ExtensionReason.COMPLEX)),
                answer_by(second, extension=Extension(second, ExtensionReason.COMPLEX)),
            ),
        ):
            assert earlier.target is not None
            assert later.target is not None
            assert earlier.target <= later.target
            assert earlier.ends is not None
            assert later.ends is not None
            assert earlier.ends <= later.ends

    @given(
        MOMENTS,
        st.lists(st.tuples(st.integers(0, 40), st.one_of(st.none(), st.integers(0, 40)))),
        st.randoms(use_true_random=False),
    )
    def test_a_pause_moves_the_end_by_its_days_and_never_back(
        self, received: datetime, asked_after: list[tuple[int, int | None]], random: Random
    ) -> None:
        questions = [
            IdentityQuestion(
                received + timedelta(days=after),
                None if took is None else received + timedelta(days=after + took),
            )
            for after, took in asked_after
        ]
        answer = answer_by(received, questions=questions)
        shuffled = list(questions)
        random.shuffle(shuffled)
        assert answer_by(received, questions=shuffled) == answer
        assert answer.paused == (answer.ends is None)
        if answer.target is not None:
            plain = months_after(helsinki_day(received), 1)
            assert (answer.target - plain).days == answer.paused_days >= 0
            assert all(q.answered for q in questions if q.asked - received < timedelta(days=3))
            covered = sum(took for _, took in asked_after if took is not None)
            assert answer.paused_days <= covered

    @given(MOMENTS)
    def test_months_after_keeps_the_date_or_takes_the_last(self, received: datetime) -> None:
        day = helsinki_day(received)
        then = months_after(day, 1)
        next_day = then + timedelta(days=1)
        assert then.day == day.day or (then.day < day.day and next_day.day == 1)
