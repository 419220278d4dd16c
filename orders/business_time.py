"""Time as a merchant's doors are open: pure reckoning over weekly opening hours, closed days and a time zone.

All instants are aware; what comes out is UTC. An opening that daylight saving skips begins when the hour it lies in is
over; an hour that comes twice is open twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY_MINUTES = 24 * 60
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
FARTHEST = timedelta(days=730)  # what is later than this is no deadline any more
_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\s*-\s*(?:([01]\d|2[0-3]):([0-5]\d)|(24:00))")
_DAY = timedelta(days=1)

Span = tuple[int, int]  # minutes since midnight on the wall, end exclusive; 1440 is the next midnight


@dataclass(frozen=True, slots=True)
class Calendar:
    """When a merchant works."""

    zone: ZoneInfo
    week: tuple[tuple[Span, ...], ...]  # Monday first
    closed: frozenset[date] = field(default_factory=frozenset)
    _reckoned: dict[date, list[tuple[datetime, datetime]]] = field(default_factory=dict, compare=False, repr=False)

    def is_business_day(self, day: date) -> bool:
        return bool(self.week[day.weekday()]) and day not in self.closed

    def spans(self, day: date) -> list[tuple[datetime, datetime]]:
        """The open times that begin on this day of the merchant's, in UTC and in order."""
        if day not in self._reckoned:
            self._reckoned[day] = [] if day in self.closed else self._spans(day)
        return self._reckoned[day]

    def local_day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def _spans(self, day: date) -> list[tuple[datetime, datetime]]:
        found: list[tuple[datetime, datetime]] = []
        for opens, closes in sorted(self.week[day.weekday()]):
            start, end = self._instants(day, opens)[0], max(self._instants(day, closes))
            if found:
                start = max(start, found[-1][1])  # what a skipped hour pushed into the one before
            if end > start:
                found.append((start, end))
        return found

    def _instants(self, day: date, minute: int) -> tuple[datetime, datetime]:
        """The wall's time as it comes first and last; the same but when clocks are put back."""
        whole, rest = divmod(minute, DAY_MINUTES)
        wall = datetime.combine(day + timedelta(days=whole), time(rest // 60, rest % 60), tzinfo=self.zone)
        return wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC)


def always(zone: ZoneInfo) -> Calendar:
    """Open day and night."""
    return Calendar(zone, (((0, DAY_MINUTES),),) * 7)


def is_open(calendar: Calendar, at: datetime) -> bool:
    day = calendar.local_day(at)
    return any(start <= at < end for near in (day - _DAY, day) for start, end in calendar.spans(near))


def between(calendar: Calendar, start: datetime, end: datetime) -> timedelta:
    """How much open time lies between two instants; none when the second is not later."""
    total = timedelta(0)
    for opens, closes in _from(calendar, start):
        if opens >= end:
            break
        total += min(closes, end) - opens
    return total


def add(calendar: Calendar, start: datetime, amount: timedelta) -> datetime:
    """The earliest instant at which `amount` of open time has gone since `start`; FARTHEST ahead at the latest."""
    if amount <= timedelta(0):
        return start.astimezone(UTC)
    left = amount
    for opens, closes in _from(calendar, start):
        if closes - opens >= left:
            return min(opens + left, _farthest(start))
        left -= closes - opens
    return _farthest(start)


def closing_after(calendar: Calendar, start: datetime, days: int) -> datetime:
    """When the doors close on the `days`th business day after the day of `start`; FARTHEST ahead at the latest."""
    day, last = calendar.local_day(start), calendar.local_day(_farthest(start))
    while day < last:
        day += _DAY
        spans = calendar.spans(day) if calendar.is_business_day(day) else []
        days -= bool(spans)
        if spans and days == 0:
            return spans[-1][1]
    return _farthest(start)


def read_spans(text: str) -> tuple[Span, ...]:
    """From "09:00-12:30, 13:30-17:00"; nothing is closed. Raises ValueError, in words."""
    spans: list[Span] = []
    for part in (piece.strip() for piece in text.split(",") if piece.strip()):
        found = _SPAN.fullmatch(part.replace("\N{EN DASH}", "-"))
        if found is None:
            raise ValueError(f"“{part}” is no time from and to, as 09:00-17:00.")
        opens = int(found[1]) * 60 + int(found[2])
        closes = DAY_MINUTES if found[5] else int(found[3]) * 60 + int(found[4])
        if closes <= opens:
            raise ValueError(f"“{part}” ends before it begins. Write two days for hours over midnight.")
        if spans and opens < spans[-1][1]:
            raise ValueError(f"“{part}” begins before the hours ahead of it end.")
        spans.append((opens, closes))
    return tuple(spans)


def write_spans(spans: Iterable[Span]) -> str:
    """As read_spans() takes it."""
    return ", ".join(f"{_wall(opens)}-{_wall(closes)}" for opens, closes in spans)


def _wall(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _farthest(start: datetime) -> datetime:
    return start.astimezone(UTC) + FARTHEST


def _from(calendar: Calendar, start: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Open times from `start` on, cut off there; none overlap, and none begin after FARTHEST."""
    now, end = start.astimezone(UTC), _farthest(start)
    day = calendar.local_day(start) - _DAY  # yesterday's may reach into today when clocks are changed at midnight
    while day <= calendar.local_day(end):
        for opens, closes in calendar.spans(day):
            if closes > now:
                yield max(opens, now), closes
                now = closes
        day += _DAY
