"""Who is told by e-mail that something was sent.

What a partner sends is told to the address that its store got. The customer of a marketplace is told besides; the
customer of a store is told by that store, unless it was the customer's address that the partner's store got.
"""

from __future__ import annotations

from connectors.services import partner_settings
from orders.models import Order, OrderPush


def addresses(order: Order, push: OrderPush | None) -> list[str]:
    """Each gets a mail of its own; none more than one."""
    if push is None or push.connection.source_id is None:
        return [order.customer_email]
    chosen = partner_settings.address_for(push.connection, order.customer_email)
    customer = order.customer_email if order.channel.connection_id is None else ""
    return list(dict.fromkeys(address for address in (chosen, customer) if address))


def customer_is_told(order: Order, push: OrderPush | None) -> bool:
    """Whether our own mail reaches the customer, so that the store where the order was placed need send none."""
    return bool(order.customer_email) and order.customer_email in addresses(order, push)


def whom(order: Order, push: OrderPush | None) -> str:
    """In words for the history."""
    told = addresses(order, push)
    if told == [order.customer_email]:
        return "the customer"
    chosen = f"the address chosen for {push.connection.name}" if push else "the customer"
    return f"{chosen} and the customer" if order.customer_email in told else chosen
