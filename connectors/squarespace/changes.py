"""What changed on a site, the oldest change first, out of lists that begin with the newest.

The time that has passed is read in windows that fit on one page each: one answer is a snapshot, so nothing moves from one
page to another while it is read. What changes meanwhile leaves its window for the last one, which is open to the future.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors.squarespace import reading

Row = Mapping[str, Any]

EDGE = timedelta(seconds=1)  # what two windows share: nobody says whether its ends belong to one, and how fine they are
SHORTEST = 2 * EDGE
FILLED = 35  # rows that the next window is to hold; 50 are a page, and a window that holds more costs a call
GROWTH = 8  # at the most, from one window to the next
LOOKS = 5  # at a moment in which more changed than a page holds


@dataclass(frozen=True, slots=True)
class Window:
    after: datetime
    before: datetime | None = None  # None: open to the future


FirstPage = Callable[[Window], tuple[list[Row], str]]  # the newest changes, and a cursor when there are more
AllPages = Callable[[Window], list[Row]]


def oldest_first(since: datetime, *, first_page: FirstPage, all_pages: AllPages) -> Iterator[list[Row]]:
    """Window after window, no call before its rows are wanted. Whoever stops goes on from the newest change that came.

    Raises RetryableError when so many orders change at one moment that its list never comes to rest.
    """
    window, newest, taken = Window(since.replace(microsecond=0) - EDGE), since, frozenset[tuple[str, str]]()
    while True:
        rows, more = first_page(window)
        if more:
            times = [_changed_at(row) for row in rows] or [newest]
            newest = max(newest, *times)
            narrower = _narrower(window, oldest=min(times), newest=newest)
            if narrower:
                window = narrower
                continue
            rows = _at_rest(window, all_pages)
        there = {_name(row): row for row in sorted(rows, key=_changed_at)}
        yield [row for name, row in there.items() if name not in taken]
        if window.before is None:
            return
        window, taken = _following(window.after, window.before, len(rows), newest=newest), frozenset(there)


def _narrower(window: Window, *, oldest: datetime, newest: datetime) -> Window | None:
    """Half of the time before the oldest row of a full page. None when it is as short as can be.

    A window never ends past a change that was seen: by the site's clock, that time has passed.
    """
    seconds = (oldest - window.after).total_seconds() // 2
    before = window.after + max(timedelta(seconds=seconds), SHORTEST)
    return Window(window.after, before) if before < (window.before or newest) else None


def _following(after: datetime, before: datetime, count: int, *, newest: datetime) -> Window:
    """From the end of a window that held so many rows on."""
    seconds = (before - after).total_seconds() * min(FILLED / max(count, 1), GROWTH)
    end = before - EDGE + max(timedelta(seconds=int(seconds)), SHORTEST)
    return Window(before - EDGE, end if end < newest else None)


def _at_rest(window: Window, all_pages: AllPages) -> list[Row]:
    """All rows of a moment with several pages, which are no snapshot: read until a reading brings nothing more."""
    found: dict[tuple[str, str], Row] = {}
    for _ in range(LOOKS):
        known = len(found)
        found |= {_name(row): row for row in all_pages(window)}
        if len(found) == known:
            return list(found.values())
    raise reading.MalformedAnswerError("So many orders of the site change at once that its list does not come to rest.")


@reading.shaped()
def _changed_at(row: Row) -> datetime:
    return reading.at(row["modifiedOn"])


@reading.shaped()
def _name(row: Row) -> tuple[str, str]:
    """One change of one order."""
    return row["id"], row["modifiedOn"]
