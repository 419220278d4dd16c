"""Lists, 50 rows a page. A cursor is no snapshot: it says where a page begins, and carries the filters."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from connectors.practice import dials
from connectors.practice.models import PracticeOrder, PracticeShop
from connectors.practice.squarespace import nodes, rules
from connectors.practice.squarespace.answers import MISSING, Refused

PAGE = 50
ALONE = "Cursor cannot be set while other parameters are present."
BOTH = "'modifiedBefore' and 'modifiedAfter' must both be specified."
_FILTERS = ("modifiedAfter", "modifiedBefore", "fulfillmentStatus")
_STATUSES = ("PENDING", "FULFILLED", "CANCELED")


def orders(shop: PracticeShop, query: Mapping[str, str], *, url: str) -> dict[str, Any]:
    """Newest change first. Raises Refused."""
    if query.get("cursor") and any(name in query for name in _FILTERS):
        raise Refused(ALONE)
    filters, start = _read(query["cursor"]) if query.get("cursor") else (dict(query.items()), 0)
    rows = [row for row in _orders(shop, filters) if _has_status(row, filters.get("fulfillmentStatus"))]
    kept = {name: filters[name] for name in _FILTERS if name in filters}
    return {
        "result": [nodes.order(row) for row in rows[start : start + PAGE]],
        **_pagination(len(rows), start, kept, url),
    }


def inventory(shop: PracticeShop, query: Mapping[str, str], *, url: str) -> dict[str, Any]:
    _, start = _read(query["cursor"]) if query.get("cursor") else ({}, 0)
    rows = shop.variants.order_by("pk")
    page = [nodes.stock(row) for row in rows[start : start + PAGE]]
    return {"inventory": page, **_pagination(rows.count(), start, {}, url)}


def with_all(rows: QuerySet[PracticeOrder]) -> QuerySet[PracticeOrder]:
    """With what nodes.order reads."""
    return rows.prefetch_related("lines__variant", "lines__fulfillment_lines__fulfillment", "fulfillments")


def _orders(shop: PracticeShop, filters: Mapping[str, str]) -> list[PracticeOrder]:
    rows = with_all(shop.orders.order_by("-updated_at", "-pk"))
    window = _window(filters)
    if window:
        rows = rows.filter(updated_at__gt=window[0], updated_at__lt=window[1])
    lag_s = dials.take(shop, "index_lag")
    return list(rows.filter(updated_at__lte=timezone.now() - timedelta(seconds=lag_s)) if lag_s else rows)


def _window(filters: Mapping[str, str]) -> tuple[datetime, datetime] | None:
    given = [name for name in ("modifiedAfter", "modifiedBefore") if name in filters]
    if len(given) == 1:
        raise Refused(BOTH, subtype=MISSING)
    if not given:
        return None
    after, before = (rules.moment(filters[name], name) for name in given)
    if after >= before:
        raise Refused("'modifiedAfter' must be before 'modifiedBefore'.")
    return after, before


def _has_status(row: PracticeOrder, status: str | None) -> bool:
    if status is not None and status not in _STATUSES:
        raise Refused(f"'fulfillmentStatus' must be one of {', '.join(_STATUSES)}.")
    return status is None or nodes.fulfillment_status(row) == status


def _pagination(total: int, start: int, filters: Mapping[str, str], url: str) -> dict[str, Any]:
    more = start + PAGE < total
    cursor = _write(filters, start + PAGE) if more else None
    return {
        "pagination": {
            "hasNextPage": more,
            "nextPageCursor": cursor,
            "nextPageUrl": f"{url}?cursor={cursor}" if more else None,
        }
    }


def _write(filters: Mapping[str, str], start: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([dict(filters), start]).encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[dict[str, str], int]:
    """What a cursor of ours says. Raises Refused for any other text."""
    try:
        filters, start = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return {str(name): str(value) for name, value in filters.items()}, max(int(start), 0)
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise Refused("The cursor is invalid.") from None
