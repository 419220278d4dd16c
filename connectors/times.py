"""Which times are taken from outside. Others would overflow in some time zone, and break the pages that show them."""

from __future__ import annotations

from datetime import UTC, date, datetime

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)  # exclusive
RANGE = f"from {EARLIEST.year} to {LATEST.year - 1}"  # in words


def is_usable(moment: datetime) -> bool:
    """Of an aware time. Comparing overflows for none."""
    return EARLIEST <= moment < LATEST


def is_usable_day(day: date) -> bool:
    return EARLIEST.year <= day.year < LATEST.year
