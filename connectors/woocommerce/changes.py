"""Orders by when they were changed, page by page."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from connectors.woocommerce import reading
from connectors.woocommerce.client import WooClient

Row = Mapping[str, Any]
Version = tuple[Any, str]  # an order's id, and when it was changed


_SECOND = timedelta(seconds=1)
_AT_ONCE = 50  # whole orders: their meta data can be long


class Step(NamedTuple):
    """Some changes of one list, and where to go on: those of the last second come once more."""

    rows: Sequence[Row]
    cursor: datetime
    is_last: bool


def after(client: WooClient, since: datetime, *statuses: str) -> Iterator[Row]:
    """Orders of these lists changed after `since`, oldest change first; the next page is asked for once those before it are taken.

    One that is changed meanwhile comes again.
    """
    return heapq.merge(*(_of_list(client, status, since) for status in statuses), key=_changed_at)


def _of_list(client: WooClient, status: str, since: datetime) -> Iterator[Row]:
    """Each step asks again from the newest change that was seen, not for a page by its number.

    An order that is changed meanwhile moves to the end, and what stood behind it to a page that has been read.
    """
    cursor, taken, is_last = since, set[Version](), False
    while not is_last:
        rows, cursor, is_last = step(client, status, cursor, fields=reading.ORDER_FIELDS, operation="orders_changed")
        with reading.shaped():
            new = {_version(row): row for row in rows if _version(row) not in taken}
            taken = set(map(_version, rows))
        yield from new.values()


def step(client: WooClient, status: str, cursor: datetime, *, fields: str, operation: str) -> Step:
    """The changes after `cursor` that come next: one page, or where one second has more than that, all of it.

    Such a second is read by the numbers of its pages, again and again until nothing of it is new.
    """
    ask = partial(_pages, client, status, cursor, fields, operation)
    rows, page_count, is_last = ask()
    with reading.shaped():
        newest = _newest(rows, cursor)
    while page_count > 1:
        again, _, is_last = ask()
        with reading.shaped():
            newest = min(newest, _newest(again, cursor))
            known, found = ({_version(row): row for row in each} for each in (rows, again))
            missed = [row for key, row in found.items() if key not in known and _is_of(row, cursor + _SECOND)]
            rows = sorted({**known, **found}.values(), key=_changed_at)
        if not missed:
            break
    return Step(rows, max(cursor, newest - _SECOND), is_last)


def _pages(
    client: WooClient, status: str, cursor: datetime, fields: str, operation: str
) -> tuple[list[Row], int, bool]:
    """Rows up to the first page that ends after the second behind the cursor; how many pages; whether that was the last."""
    rows, page = list[Row](), 0
    while True:
        page += 1
        asked = {**_params(status, cursor, page), "_fields": fields}
        found, is_last = client.page("orders", asked, operation=operation)
        rows.extend(found)
        with reading.shaped():
            if is_last or _newest(found, cursor) - _SECOND > cursor:
                return rows, page, is_last


def _newest(rows: Iterable[Row], otherwise: datetime) -> datetime:
    return max((reading.time(row["date_modified_gmt"]) or otherwise for row in rows), default=otherwise)


def _is_of(row: Row, at: datetime) -> bool:
    changed_at = reading.time(row["date_modified_gmt"])
    return changed_at is not None and changed_at <= at


def _changed_at(row: Row) -> str:
    return str(row["date_modified_gmt"] or "")


def _version(row: Row) -> Version:
    return row["id"], _changed_at(row)


def _params(status: str, at: datetime, page: int) -> dict[str, Any]:
    """The parameters of a page of changes, oldest first."""
    return {
        "status": status, "modified_after": time_text(at), "dates_are_gmt": "true", "orderby": "modified",
        "order": "asc", "per_page": _AT_ONCE, "page": page,
    }  # fmt: skip


def time_text(at: datetime) -> str:
    """Naive UTC: what `dates_are_gmt` expects. With a Z WooCommerce would shift it once more."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
