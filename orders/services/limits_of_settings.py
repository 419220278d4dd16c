"""What the connection's own settings hold back, whatever the destination would say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from connectors.base import Blocker, BlockerCode, OutboundOrder
from connectors.models import Connection
from connectors.money import plain, total
from orders.enums import PaymentStatus
from orders.models import OrderLine, OrderPush
from orders.services import terms


def too_old(push: OrderPush, connection: Connection, *, at: datetime) -> Iterator[Blocker]:
    """It counts before the money is taken; what is paid goes out at whatever age."""
    days, placed_at = connection.sync_settings.max_age_days, push.order.placed_at
    if days is None or at - placed_at <= timedelta(days=days):
        return
    age = (at - placed_at).days
    message = (
        f"The order is {age} days old, and {connection.name} takes none older than {days}. "
        "Decline it, or raise the age limit in the connection's settings."
    )
    yield Blocker(BlockerCode.TOO_OLD, message, "placed_at", str(age))


def unpaid(push: OrderPush, connection: Connection) -> Iterator[Blocker]:
    """An order that came without a payment must not stand there as paid."""
    offers = terms.offers_of(connection)
    if push.order.payment_status != PaymentStatus.NONE or offers.supplier or not push.order.total:
        return
    fulfilled = terms.is_fulfilled(connection)
    if not offers.unpaid or (fulfilled and not offers.unpaid_fulfilled):
        how = "fulfilled orders" if offers.unpaid else "orders"
        message = (
            f"The order is not paid, and {connection.name} takes {how} as paid only. Send it yourself, or decline it."
        )
        yield Blocker(BlockerCode.NOT_PAID, message, "payment")


def unpaid_for_partner(push: OrderPush, connection: Connection) -> Blocker | None:
    """Partners are sent paid orders alone, whatever the merchant asks of its own."""
    if connection.source_id is None or push.order.payment_status != PaymentStatus.NONE:
        return None
    text = (
        f"The order is not paid, and partners get paid orders only: it cannot go to {connection.name}. "
        "Move its lines elsewhere, or send them yourself."
    )
    return Blocker(BlockerCode.NOT_PAID, text, "payment")


def tax_differs(push: OrderPush, order: OutboundOrder) -> Iterator[Blocker]:
    """The tax that the settings put on the lines is not what the order says: which of the two is wrong, a person knows."""
    taxes = (*(tax for line in order.lines for tax in line.taxes), *order.shipping_taxes)
    put_on = total(tax.amount for tax in taxes)
    untold = order.prices_include_tax and not order.tax
    if not put_on or put_on == order.tax or untold or _names_taxes(push):
        return
    ours, theirs = (f"{plain(amount, order.currency)} {order.currency}" for amount in (put_on, order.tax))
    message = (
        f"The tax of the settings comes to {ours}, the order says {theirs}. "
        "Correct the rate for this country in the connection's settings, or remove it."
    )
    yield Blocker(BlockerCode.TOTAL_MISMATCH, message, "tax", plain(put_on, order.currency))


def _names_taxes(push: OrderPush) -> bool:
    lines = OrderLine.objects.filter(push_lines__push=push).exclude(taxes=[])
    return bool(push.order.shipping_taxes) or lines.exists()
