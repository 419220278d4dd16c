"""Orders that go to the stores of partners: pushed by hand, held when a partnership ends, listed for either side."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Prefetch, QuerySet

from accounts.models import Merchant
from connectors.models import Connection, Partnership
from connectors.money import exponent, fits
from connectors.services import partners, plans
from orders.enums import FulfillmentStatus, OrderStatus, PushStatus
from orders.errors import FieldProblem, InvalidPush, TransitionNotAllowed
from orders.models import Order, OrderLine, OrderPush
from orders.services import by_hand, disconnected, limits_of_settings, marking, partner_amounts, shares, still_due
from orders.services.transitions import lock

_HOLDABLE = (PushStatus.WAITING, PushStatus.QUEUED)
_COUNTED_OUT = (PushStatus.SKIPPED, PushStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class PushState:
    """How much of an order is in its partners' stores."""

    key: str
    label: str
    tone: str  # a class of badges


NOT_PUSHED = PushState("not_pushed", "Not pushed", "")
PARTLY_PUSHED = PushState("partially_pushed", "Partially pushed", "warn")
PUSHED = PushState("pushed", "Pushed", "ok")


# --- pushing by hand ---------------------------------------------------------------------------------


@transaction.atomic
def push(*, push_id: int, by: str, at: datetime, shipping: Decimal | None = None) -> OrderPush:
    """Send a paid order's part to one partner. `shipping` is what sending costs; None: what the rules say.

    Raises TransitionNotAllowed when it does not wait for that, the add-on is off or nobody paid, InvalidPush for an
    amount that cannot be.
    """
    order_id = OrderPush.objects.values_list("order_id", flat=True).get(pk=push_id)
    order = lock(order_id)
    row = OrderPush.objects.select_related("order", "connection__merchant").get(pk=push_id)
    if order.status != OrderStatus.CONFIRMED or not row.waits_for_mark or row.connection.source_id is None:
        raise TransitionNotAllowed(f"This part of order {order.number} does not wait to be pushed.")
    if not plans.has_orders_addon(order.merchant_id):
        raise TransitionNotAllowed("The Orders add-on is off. An owner switches it on under Settings → Plan.")
    if unpaid := limits_of_settings.unpaid_for_partner(row, row.connection):
        raise TransitionNotAllowed(unpaid.message)
    if shipping is not None:
        _refuse_amount(row, shipping)
        _set_shipping(row, shipping)
    marking.send(row, by=by, at=at, text=f"{by} pushed it to {row.connection.name}.")
    return row


def _set_shipping(row: OrderPush, shipping: Decimal) -> None:
    own = partner_amounts.of_order(row, shares.of(row))
    share = partner_amounts.with_shipping(row.order, row.connection, own, typed=shipping)
    amounts = {**asdict(share), "shipping_fee": shipping}
    for name, value in amounts.items():
        setattr(row, name, value)
    row.save(update_fields=list(amounts))


def _refuse_amount(row: OrderPush, shipping: Decimal) -> None:
    currency = row.order.currency
    if not shipping.is_finite() or shipping < 0:
        text = "The shipping cost must be zero or more."
    elif not fits(shipping, currency):
        text = f"{currency} has {exponent(currency)} decimals."
    elif shipping > by_hand.FEE_MOST * row.subtotal:
        text = (
            f"The shipping cost is more than {by_hand.FEE_MOST} times what the items come to. Check the decimal point."
        )
    else:
        return
    raise InvalidPush([FieldProblem("shipping", "invalid_amount", text)])


# --- the end of a partnership ------------------------------------------------------------------------


@transaction.atomic
def revoke(*, partnership_id: int, merchant_id: int, by: str, at: datetime) -> Partnership:
    """End a partnership from either side, and hold what waits for it. Raises PartnerRefused."""
    partnership = partners.revoke(partnership_id=partnership_id, merchant_id=merchant_id, by=by, at=at)
    if partnership.connection_id is not None:
        waiting = OrderPush.objects.filter(connection_id=partnership.connection_id, status__in=_HOLDABLE)
        for push_id in list(waiting.order_by("order_id", "pk").values_list("pk", flat=True)):
            disconnected.hold(push_id, at=at)
    return partnership


# --- lists ---------------------------------------------------------------------------------------------


def orders_of(merchant: Merchant) -> QuerySet[Order]:
    """Orders with lines for partners, newest first, with all that a row of the list shows."""
    mine = OrderPush.objects.of_partners().select_related("connection").order_by("pk")
    rows = Order.objects.of(merchant).filter(pushes__connection__source__isnull=False).distinct()
    return (
        rows.select_related("channel")
        .prefetch_related(Prefetch("pushes", mine, to_attr="partner_pushes"))
        .order_by("-placed_at", "-pk")
    )


def shipments_for(merchant: Merchant) -> QuerySet[OrderPush]:
    """What partners pushed to the merchant's stores, newest first: the part of the order that it sends."""
    rows = OrderPush.objects.filter(connection__source__merchant=merchant).exclude(remote_id="")
    related = ("order", "connection__merchant", "connection__source")
    return (
        rows.select_related(*related)
        .prefetch_related("push_lines__line", "order__addresses", "fulfillments__lines", "fulfillments__parcels")
        .order_by("-pushed_at", "-pk")
    )


def state_of(pushes: list[OrderPush]) -> PushState:
    """In words for the list; what was left out or called off does not count."""
    counted = [push for push in pushes if push.status not in _COUNTED_OUT]
    there = [push for push in counted if push.remote_id]
    if not there:
        return NOT_PUSHED
    return PUSHED if len(there) == len(counted) else PARTLY_PUSHED


def sent_state(push: OrderPush) -> FulfillmentStatus:
    """How much of a push its partner has sent, from rows that are read already."""
    sent: dict[int, int] = {}
    for fulfillment in push.fulfillments.all():
        for row in fulfillment.lines.all() if fulfillment.status == "success" else ():
            sent[row.line_id] = sent.get(row.line_id, 0) + row.quantity
    asked = asked_of(push)
    if asked and all(sent.get(line.pk, 0) >= units for line, units in asked):
        return FulfillmentStatus.FULFILLED
    return FulfillmentStatus.PARTIAL if sent else FulfillmentStatus.UNFULFILLED


def asked_of(push: OrderPush) -> list[tuple[OrderLine, int]]:
    """The lines of a push that is there, and how many units of each its partner has to send, from rows read already."""
    rows = sorted(push.push_lines.all(), key=lambda row: row.line.position)
    asked = ((row.line, still_due.units_of(row, as_sent=True)) for row in rows)
    return [(line, units) for line, units in asked if units]


def connections_of(merchant: Merchant) -> list[Connection]:
    """The partners' stores that the merchant's orders can go to."""
    rows = Connection.objects.of(merchant).standing().filter(source__isnull=False)
    return list(rows.select_related("partnership__settings").order_by("name", "pk"))
