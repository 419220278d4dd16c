"""Time as the merchant's doors are open, with clocks that are put forward and back."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.business_time import (
    FARTHEST,
    Calendar,
    add,
    always,
    between,
    closing_after,
    is_open,
    read_spans,
    write_spans,
)
from tests.examples import tried

AUCKLAND = ZoneInfo("Pacific/Auckland")
ZERO, HOUR = timedelta(0), timedelta(hours=1)
NINE_TO_FIVE = read_spans("09:00-17:00")


def office(zone: ZoneInfo = AUCKLAND, closed: tuple[str, ...] = ()) -> Calendar:
    """Monday to Friday, nine to five."""
    return Calendar(zone, (NINE_TO_FIVE,) * 5 + ((), ()), frozenset(date.fromisoformat(day) for day in closed))


def local(text: str, zone: ZoneInfo = AUCKLAND) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


# --- the two days of the year ---


def test_the_day_on_which_auckland_puts_its_clocks_forward_has_23_hours():
    start, end = local("2026-09-27T00:00"), local("2026-09-28T00:00")

    assert between(always(AUCKLAND), start, end) == 23 * HOUR


def test_the_day_on_which_auckland_puts_its_clocks_back_has_25_hours():
    assert between(always(AUCKLAND), local("2026-04-05T00:00"), local("2026-04-06T00:00")) == 25 * HOUR


def test_opening_hours_over_the_lost_hour_are_an_hour_shorter():
    night = Calendar(AUCKLAND, ((),) * 6 + (read_spans("01:00-04:00"),))

    assert between(night, local("2026-09-27T00:00"), local("2026-09-28T00:00")) == 2 * HOUR


def test_an_hour_that_comes_twice_is_open_twice():
    night = Calendar(AUCKLAND, ((),) * 6 + (read_spans("01:00-03:00"),))

    assert between(night, local("2026-04-05T00:00"), local("2026-04-06T00:00")) == 3 * HOUR


def test_a_closing_that_comes_twice_is_the_second_one():
    night = Calendar(AUCKLAND, ((),) * 6 + (read_spans("01:00-02:30"),))

    assert between(night, local("2026-04-05T00:00"), local("2026-04-06T00:00")) == 2.5 * HOUR


def test_hours_that_the_clock_skips_are_never_less_than_nothing():
    night = Calendar(AUCKLAND, ((),) * 6 + (read_spans("02:15-02:45, 03:00-03:10"),))

    spans = night.spans(date(2026, 9, 27))

    assert all(start < end for start, end in spans)
    assert all(first[1] <= second[0] for first, second in itertools.pairwise(spans))


def test_friday_evening_to_monday_morning_over_the_change_takes_no_open_time():
    assert between(office(), local("2026-09-25T17:00"), local("2026-09-28T09:00")) == ZERO
    assert add(office(), local("2026-09-25T16:00"), 2 * HOUR) == local("2026-09-28T10:00")


# --- weekly hours and closed days ---


@pytest.mark.parametrize(
    ("start", "hours", "expected"),
    [
        ("2026-11-23T09:00", 8, "2026-11-23T17:00"),
        ("2026-11-23T16:00", 2, "2026-11-24T10:00"),
        ("2026-11-27T16:30", 1, "2026-11-30T09:30"),  # over the weekend
        ("2026-11-28T12:00", 1, "2026-11-30T10:00"),  # from a Saturday
        ("2026-12-24T16:00", 2, "2026-12-29T10:00"),  # Christmas, the weekend, Boxing Day's Monday
        ("2026-11-23T12:00", 0, "2026-11-23T12:00"),
    ],
)
def test_open_time_is_added(start: str, hours: int, expected: str):
    calendar = office(closed=("2026-12-25", "2026-12-28"))

    assert add(calendar, local(start), hours * HOUR) == local(expected)


def test_a_lunch_break_counts_as_nothing():
    calendar = Calendar(AUCKLAND, (read_spans("09:00-12:30, 13:30-17:00"),) * 7)

    assert between(calendar, local("2026-11-23T12:00"), local("2026-11-23T14:00")) == HOUR
    assert not is_open(calendar, local("2026-11-23T13:00"))


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [
        ("2026-11-23T10:00", 1, "2026-11-24T17:00"),
        ("2026-11-23T23:00", 1, "2026-11-24T17:00"),
        ("2026-11-27T10:00", 2, "2026-12-01T17:00"),  # Friday: Monday, Tuesday
        ("2026-11-28T10:00", 1, "2026-11-30T17:00"),  # Saturday: Monday
        ("2026-12-24T10:00", 1, "2026-12-29T17:00"),
    ],
)
def test_business_days_end_when_the_doors_close(start: str, days: int, expected: str):
    calendar = office(closed=("2026-12-25", "2026-12-28"))

    assert closing_after(calendar, local(start), days) == local(expected)


def test_hours_till_midnight_reach_the_next_day():
    calendar = Calendar(AUCKLAND, (read_spans("18:00-24:00"),) * 7)

    assert add(calendar, local("2026-11-23T20:00"), 5 * HOUR) == local("2026-11-24T19:00")


def test_a_door_that_never_opens_leads_nowhere_and_ends():
    calendar, start = Calendar(AUCKLAND, ((),) * 7), local("2026-11-23T10:00")

    assert add(calendar, start, HOUR) == start + FARTHEST
    assert closing_after(calendar, start, 1) == start + FARTHEST
    assert between(calendar, start, start + FARTHEST) == ZERO


# --- what is typed ---


@pytest.mark.parametrize("text", ["09:00-12:30, 13:30-17:00", "00:00-24:00", ""])
def test_hours_are_written_as_they_are_read(text: str):
    assert write_spans(read_spans(text)) == text


@pytest.mark.parametrize(
    "text", ["9-5", "09:00-09:00", "17:00-09:00", "09:00-12:00, 11:00-13:00", "24:00-24:00", "09:00-25:00", "x"]
)
def test_hours_that_make_no_sense_are_refused_in_words(text: str):
    with pytest.raises(ValueError, match="“"):
        read_spans(text)


# --- properties ---

EXAMPLES = 100
zones = st.sampled_from(
    [
        AUCKLAND,
        ZoneInfo("Europe/London"),
        ZoneInfo("America/St_Johns"),
        ZoneInfo("Australia/Lord_Howe"),
        ZoneInfo("UTC"),
    ]
)
instants = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))
amounts = st.timedeltas(ZERO, timedelta(days=12))  # with eight hours a week, two of them stay within FARTHEST


@st.composite
def days_of_hours(draw) -> tuple[tuple[int, int], ...]:
    edges = sorted(draw(st.sets(st.integers(0, 1440), max_size=4)))
    return tuple(zip(edges[::2], edges[1::2], strict=False))


@st.composite
def calendars(draw) -> Calendar:
    week = (*(draw(days_of_hours()) for _ in range(6)), ((540, 1020),))  # Sundays at least
    closed = draw(st.sets(st.dates(date(2026, 1, 1), date(2028, 1, 1)), max_size=5))
    return Calendar(draw(zones), week, frozenset(closed))


@tried(EXAMPLES)
@given(calendars(), instants, amounts)
def test_what_was_added_lies_between(calendar: Calendar, start: datetime, amount: timedelta):
    end = add(calendar, start, amount)

    assert between(calendar, start, end) == amount
    assert end >= start + amount


@tried(EXAMPLES)
@given(calendars(), instants, amounts, amounts)
def test_adding_in_two_steps_is_adding_at_once(calendar: Calendar, start: datetime, one: timedelta, two: timedelta):
    assert add(calendar, add(calendar, start, one), two) == add(calendar, start, one + two)


@tried(EXAMPLES)
@given(calendars(), instants, amounts, amounts)
def test_open_time_of_parts_is_that_of_the_whole(calendar: Calendar, start: datetime, one: timedelta, two: timedelta):
    middle, end = start + one, start + one + two

    assert between(calendar, start, end) == between(calendar, start, middle) + between(calendar, middle, end)


@tried(EXAMPLES)
@given(zones, instants, amounts)
def test_around_the_clock_is_the_time_itself(zone: ZoneInfo, start: datetime, amount: timedelta):
    assert between(always(zone), start, start + amount) == amount
    assert add(always(zone), start, amount) == start + amount


@tried(EXAMPLES)
@given(calendars(), instants)
def test_an_instant_is_open_when_the_time_after_it_counts(calendar: Calendar, at: datetime):
    moment = timedelta(microseconds=1)

    assert is_open(calendar, at) == (between(calendar, at, at + moment) == moment)


@tried(EXAMPLES)
@given(calendars(), instants, st.integers(1, 10))
def test_the_last_of_some_business_days_is_one_and_so_many_lie_before(calendar: Calendar, start: datetime, count: int):
    end = closing_after(calendar, start, count)

    day, days = calendar.local_day(start), 0
    while calendar.spans(day := day + timedelta(days=1)) == [] or calendar.spans(day)[-1][1] != end:
        days += bool(calendar.spans(day))
    assert days == count - 1
    assert not is_open(calendar, end) or datetime.combine(day, time.max, tzinfo=calendar.zone) <= end
