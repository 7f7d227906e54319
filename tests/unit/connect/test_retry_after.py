"""The Retry-After header in the three forms that vendors send."""

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.connect.retry import retry_after

NOW = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
moments = st.datetimes(
    min_value=datetime(2001, 1, 1), max_value=datetime(2099, 1, 1), timezones=st.just(UTC)
).map(lambda at: at.replace(microsecond=0))
zones = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))


@given(st.integers(0, 10**6))
def test_seconds(seconds):
    assert retry_after(f" {seconds} ", NOW) == seconds


@given(moments, zones)
def test_dates_in_every_form_and_zone_mean_the_same_moment(at, zone):
    expected = max(0.0, (at - NOW).total_seconds())
    assert retry_after(at.astimezone(zone).isoformat(), NOW) == expected
    assert retry_after(at.isoformat().replace("+00:00", "Z"), NOW) == expected
    assert retry_after(at.replace(tzinfo=None).isoformat(), NOW) == expected
    assert retry_after(format_datetime(at, usegmt=True), NOW) == expected


@given(st.text())
def test_anything_else_is_a_number_of_seconds_or_nothing(text):
    seconds = retry_after(text, NOW)
    assert seconds is None or 0 <= seconds < float("inf")


@pytest.mark.parametrize("text", [None, "", " ", "soon", "nan", "inf", "-inf", "Mon, 32 Foo 2026"])
def test_what_is_not_understood(text):
    assert retry_after(text, NOW) is None


@pytest.mark.parametrize("text", ["-5", "0", "Sat, 01 Jan 2000 00:00:00 GMT"])
def test_the_past_is_now(text):
    assert retry_after(text, NOW) == 0.0
