"""Orders put out of sight. A flag and nothing more: what was promised for them goes on, and so does the time to confirm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Merchant
from orders.enums import AddressKind, Delivery, OrderStatus, PaymentStatus
from orders.errors import NeedsConsent
from orders.models import Order, OrderAddress
from orders.services import history
from orders.services.readiness import REMOVED

AT_ONCE = 500  # orders in one transaction
_OPEN = Q(status__in=[OrderStatus.DRAFT, OrderStatus.PENDING, OrderStatus.CONFIRMED]) | Q(
    payment_status=PaymentStatus.AUTHORIZED
)
WHAT_HAPPENS = (
    "Archiving changes nothing but the lists: an order that nobody decided about is not confirmed any more by itself and "
    "expires at its time, when the customer's authorization is released; a confirmed one goes on. To end one now, decline "
    "or cancel it."
)


@dataclass(frozen=True, slots=True)
class Archived:
    """What came of it."""

    done: int
    more: int  # that were left for the next time


def without_address(merchant: Merchant) -> QuerySet[Order]:
    """Orders to be sent that nobody knows where to, and that are not archived yet."""
    return Order.objects.of(merchant).filter(lacks_address(), is_archived=False)


def lacks_address() -> Q:
    """No shipping address, or one without a street. Not those whose customer asked that it be forgotten."""
    known = OrderAddress.objects.filter(order=OuterRef("pk"), kind=AddressKind.SHIPPING).exclude(address1="")
    return Q(~Exists(known), delivery=Delivery.SHIP) & ~Q(customer_name=REMOVED)


def asks_first(orders: QuerySet[Order]) -> QuerySet[Order]:
    """Those that are still under way, or for which money is set aside."""
    return orders.filter(_OPEN)


@transaction.atomic
def archive(*, orders: QuerySet[Order], consent: bool, by: str, at: datetime) -> Archived:
    """Put these orders, up to AT_ONCE of them, out of the lists; what is archived already stays as it is.

    Raises NeedsConsent when any is still under way and `consent` is not given; then none is archived.
    """
    rows, more = _locked(orders, archived=False)
    open_ones = asks_first(Order.objects.filter(pk__in=[order.pk for order in rows])).count()
    if open_ones and not consent:
        one = open_ones == 1
        raise NeedsConsent(f"{open_ones} {'order is' if one else 'orders are'} still under way. {WHAT_HAPPENS}")
    _flag(rows, archived=True, by=by, at=at)
    return Archived(len(rows), more)


@transaction.atomic
def unarchive(*, orders: QuerySet[Order], by: str, at: datetime) -> Archived:
    """Bring these orders, up to AT_ONCE of them, back into the lists."""
    rows, more = _locked(orders, archived=True)
    _flag(rows, archived=False, by=by, at=at)
    return Archived(len(rows), more)


def archive_one(*, order_id: int, consent: bool, by: str, at: datetime) -> Order:
    """The same for one order; nothing happens when it is archived already."""
    archive(orders=Order.objects.filter(pk=order_id), consent=consent, by=by, at=at)
    return Order.objects.get(pk=order_id)


def unarchive_one(*, order_id: int, by: str, at: datetime) -> Order:
    unarchive(orders=Order.objects.filter(pk=order_id), by=by, at=at)
    return Order.objects.get(pk=order_id)


def _locked(orders: QuerySet[Order], *, archived: bool) -> tuple[list[Order], int]:
    """In the order of their keys, so that two at once do not wait for each other for ever."""
    wanted = orders.filter(is_archived=archived)
    keys = wanted.order_by("pk").values_list("pk", flat=True)[:AT_ONCE]
    rows = Order.objects.select_for_update(of=("self",)).filter(pk__in=list(keys), is_archived=archived)
    found = list(rows.order_by("pk"))
    return found, max(wanted.count() - AT_ONCE, 0)


def _flag(orders: Sequence[Order], *, archived: bool, by: str, at: datetime) -> None:
    Order.objects.filter(pk__in=[order.pk for order in orders]).update(is_archived=archived)
    kind, text = (
        ("order.archived", f"Archived by {by}.") if archived else ("order.unarchived", f"Brought back by {by}.")
    )
    history.note_many(orders, kind=kind, text=text, by=by, at=at)
