"""Filters of the list, by name; an unknown one is refused rather than ignored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils.dateparse import parse_datetime
from rest_framework.exceptions import ValidationError

from connectors.base import BlockerCode
from orders import queries
from orders.due import DueKind
from orders.enums import ExportStatus, FulfillmentStatus, Headline, OrderStatus, PaymentStatus, PushStatus
from orders.models import Order
from orders.models.export import export_status_is
from orders.services import archiving

_CHOICES: Mapping[str, list[str]] = {
    "status": OrderStatus.values,
    "headline": Headline.values,
    "payment_status": PaymentStatus.values,
    "push_status": PushStatus.values,
    "fulfillment_status": FulfillmentStatus.values,
    "due_kind": DueKind.values,
}
_TOLD = {
    "placed_after": "From this time on, as 2026-11-21T09:00:00+13:00.",
    "placed_before": "Before this time.",
    "due_before": "The nearest deadline that still counts is before this time.",
    "archived": "true or false; without it, both.",
    "needs_look": "true or false: whether a person should look, as at a change in a store, a refund that failed or is asked for.",
    "merchant": "A merchant's short name.",
    "blocker": "A blocker's code.",
    "channel": "The channel's name.",
    "search": "Words of the order, all of which must be there: number, customer, SKUs, as in the Order Manager.",
    "destination": "The id of a connection that a part of the order goes to.",
    "tab": "What stands behind this tab of the Order Manager; but for `archived`, archived orders do not.",
    "without_address": "true or false: whether an address lacks that it could be shipped to.",
}
_EXACT: Mapping[str, str] = {
    "merchant": "merchant__slug",
    "channel": "channel__name",
    "external_id": "external_id",
    "number": "number",
}
_TIMES: Mapping[str, str] = {
    "placed_after": "placed_at__gte",
    "placed_before": "placed_at__lt",
    "due_before": "due_at__lt",
}
PAGING = frozenset({"cursor", "page_size", "sort"})
_TRUTHS: Mapping[str, str] = {"archived": "is_archived", "needs_look": "needs_look"}
_TABS: Mapping[str, queries.Tab] = {tab.key: tab for tab in queries.TABS}
_FLAGS: Mapping[str, bool] = {"true": True, "false": False}
_ALONE = (
    "blocker",
    "export_status",
    "search",
    "destination",
    "without_address",
    "tab",
)  # each has a condition of its own
NAMES = (*_CHOICES, *_EXACT, *_TIMES, *_TRUTHS, *_ALONE)
_TAKES: Mapping[str, list[str]] = {
    **_CHOICES,
    "blocker": [code.value for code in BlockerCode],
    "export_status": ExportStatus.values,
    "tab": list(_TABS),
}


def choices(name: str) -> list[str] | None:
    """The values that a filter takes; None where any text may stand."""
    return _TAKES.get(name)


def told(name: str) -> str:
    """What the API's description says of a filter."""
    return _TOLD.get(name, "")


def apply(orders: QuerySet[Order], query: QueryDict) -> QuerySet[Order]:
    """Raises ValidationError for a name or value that means nothing."""
    for name in query:
        if name not in PAGING:
            orders = orders.filter(_condition(name, query.get(name, "")))
    return orders


def _condition(name: str, value: str) -> Q:
    match name:
        case "export_status":
            return export_status_is(_choice(name, value))
        case "blocker":
            return queries.has_blocker(_blocker(name, value))
        case "tab":
            return queries.behind(_TABS[_choice(name, value)])
        case "search":
            return queries.says(_text(name, value))
        case "destination":
            return queries.goes_to(_text(name, value))
        case "without_address":
            lacking = archiving.lacks_address()
            return lacking if _flag(name, value) else ~lacking
    column, read = _reader(name)
    return Q((column, read(name, value)))


def _reader(name: str) -> tuple[str, Callable[[str, str], str | bool | datetime]]:
    if name in _TRUTHS:
        return _TRUTHS[name], _flag
    if name in _CHOICES:
        return name, _choice
    if name in _EXACT:
        return _EXACT[name], _text
    if name in _TIMES:
        return _TIMES[name], _moment
    raise ValidationError(
        {name: f"There is no such filter. There are: {', '.join(sorted(NAMES))}."}, code="unknown_filter"
    )


def _choice(name: str, value: str) -> str:
    if value not in _TAKES[name]:
        raise ValidationError({name: f"This is one of: {', '.join(_TAKES[name])}."}, code="unknown_value")
    return value


def _flag(name: str, value: str) -> bool:
    if value not in _FLAGS:
        raise ValidationError({name: "This is true or false."}, code="unknown_value")
    return _FLAGS[value]


def _blocker(name: str, value: str) -> str:
    if value not in _TAKES[name]:
        raise ValidationError({name: "There is no such code."}, code="unknown_value")
    return value


def _text(name: str, value: str) -> str:
    if "\x00" in value or len(value) > 200:
        raise ValidationError({name: "This cannot be looked for."}, code="bad_value")
    return value


def _moment(name: str, value: str) -> datetime:
    try:
        moment = parse_datetime(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValidationError({name: "This must be a time with its offset."}, code="not_a_time")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValidationError({name: "This time does not exist."}, code="not_a_time") from error
