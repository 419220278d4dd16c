"""GET /orders: what its parameters mean, and those that it ignores without a word."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import F, OrderBy, Q, QuerySet
from django.db.models.functions import TruncSecond

from connectors.practice.models import PracticeOrder, PracticeShop
from connectors.practice.woocommerce import documents, rules
from connectors.practice.woocommerce.refusal import invalid

_ORDER_BY = {"date": "created_at", "id": "pk", "modified": "updated_at", "include": "pk", "title": "pk", "slug": "pk"}
_DATES = {
    "after": "created_at",
    "before": "created_at",
    "modified_after": "updated_at",
    "modified_before": "updated_at",
}


def orders(shop: PracticeShop, query: Mapping[str, str]) -> list[PracticeOrder]:
    """All that fit, in order. Raises Refusal."""
    rows = _dated(shop, shop.orders.select_related("shop"), query)
    if query.get("search"):
        rows = rows.filter(_search(shop, query["search"]))
    found = [row for row in rows.order_by(*_sorting(query)) if _has_status(row, query.get("status", "any"))]
    if query.get("created_via") and tuple(map(int, shop.settings["version"].split(".")[:2])) >= (9, 9):
        wanted = query["created_via"].split(",")
        found = [row for row in found if row.details["created_via"] in wanted]
    return found


def page_of(query: Mapping[str, str]) -> tuple[int, int]:
    """Page and size. Raises Refusal."""
    sizes = {}
    for name, otherwise, most in (("page", "1", 10**6), ("per_page", "10", 100)):
        text = query.get(name, otherwise)
        if not text.isdigit() or not 1 <= int(text) <= most:
            raise invalid(name, f"{name} must be between 1 (inclusive) and {most} (inclusive)")
        sizes[name] = int(text)
    return sizes["page"], sizes["per_page"]


def _has_status(row: PracticeOrder, wanted: str) -> bool:
    """ "any" leaves out the trash, also beside "trash"."""
    names = wanted.split(",")
    for name in names:
        if name not in ("any", "trash", *rules.STATUSES):
            raise invalid("status[0]", f"status[0] is not one of any, trash, {', '.join(rules.STATUSES)}.")
    actual = documents.status(row)
    return actual != "trash" if "any" in names else actual in names


def _sorting(query: Mapping[str, str]) -> tuple[OrderBy, OrderBy]:
    """Times are whole seconds there too: what was changed within one is in no order of time."""
    by, direction = query.get("orderby", "date"), query.get("order", "desc")
    if by not in _ORDER_BY:
        raise invalid("orderby", f"orderby is not one of {', '.join(_ORDER_BY)}.")
    if direction not in ("asc", "desc"):
        raise invalid("order", "order is not one of asc, and desc.")
    descending, column = direction == "desc", _ORDER_BY[by]
    first = F(column) if column == "pk" else TruncSecond(column)
    return OrderBy(first, descending=descending), OrderBy(F("pk"), descending=descending)


def _search(shop: PracticeShop, text: str) -> Q:
    """A part of it is enough. Meta data and notes are not searched; the transaction id only in order tables."""
    in_addresses = Q()
    for kind in ("billing", "shipping"):
        for part in ("first_name", "last_name", "company", "address_2", "phone"):
            in_addresses |= Q(**{f"details__{kind}__{part}__icontains": text})
    return in_addresses | Q(source_identifier__icontains=text) if shop.settings["hpos"] else in_addresses


def _dated(shop: PracticeShop, rows: QuerySet[PracticeOrder], query: Mapping[str, str]) -> QuerySet[PracticeOrder]:
    """Exclusive, in whole seconds."""
    for name, column in _DATES.items():
        if query.get(name):
            at = _moment(shop, name, query[name], are_gmt=query.get("dates_are_gmt") == "true")
            later = name.endswith("after")
            condition = {f"{column}__gte": at + timedelta(seconds=1)} if later else {f"{column}__lt": at}
            rows = rows.filter(**condition)
    return rows


def _moment(shop: PracticeShop, name: str, text: str, *, are_gmt: bool) -> datetime:
    """A time without zone is the store's own unless `dates_are_gmt`; with a Z that flag shifts it once too often."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)?", text):
        raise invalid(name, "Invalid date.", "rest_invalid_date")
    at, zone = datetime.fromisoformat(text), ZoneInfo(shop.time_zone)
    if at.tzinfo is None:
        return at.replace(tzinfo=UTC if are_gmt else zone)
    return at.astimezone(zone).replace(tzinfo=UTC) if are_gmt else at
