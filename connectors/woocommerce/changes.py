"""Orders by when they were changed, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.woocommerce import reading
from connectors.woocommerce.client import WooClient

_SECOND = timedelta(seconds=1)
_AT_ONCE = 50  # whole orders: their meta data can be long


def after(client: WooClient, status: str, since: datetime) -> Iterator[Mapping[str, Any]]:
    """Orders changed after `since`, oldest change first.

    Each step asks again from the newest change that was seen, not for a page by its number: an order that is
    changed meanwhile moves to the end, and what stood behind it moves to a page that has been read.
    """
    cursor, page, seen = since, 1, dict[int, Mapping[str, Any]]()
    while True:
        asked = {**params(status, cursor, page), "_fields": reading.ORDER_FIELDS}
        rows, is_last = client.page("orders", asked, operation="orders_changed")
        with reading.shaped():
            seen.update({row["id"]: row for row in rows})
            newest = max((reading.time(row["date_modified_gmt"]) or cursor for row in rows), default=cursor)
        if is_last:
            return iter(seen.values())
        cursor, page = (newest - _SECOND, 1) if newest - _SECOND > cursor else (cursor, page + 1)


def params(status: str, at: datetime, page: int) -> dict[str, Any]:
    """The parameters of a page of changes, oldest first."""
    return {
        "status": status, "modified_after": time_text(at), "dates_are_gmt": "true", "orderby": "modified",
        "order": "asc", "per_page": _AT_ONCE, "page": page,
    }  # fmt: skip


def time_text(at: datetime) -> str:
    """Naive UTC: what `dates_are_gmt` expects. With a Z WooCommerce would shift it once more."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
