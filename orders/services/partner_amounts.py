"""What a partner is paid for sending: by the rules of the partnership, or as it was typed when the order was pushed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from connectors.models import Connection
from connectors.services import partner_settings
from orders.models import Order, OrderPush
from orders.services import shares
from orders.services.shares import ZERO, Share


def with_shipping(
    order: Order,
    connection: Connection | None,
    share: Share,
    *,
    typed: Decimal | None = None,
    items: Share | None = None,
) -> Share:
    """The share as the partner's store gets it; that of any other destination stays as it is.

    `items`: what of it is still to be sent, where that is less; the rules go by that.
    """
    if connection is None or connection.source_id is None:
        return share
    shipping = typed
    if shipping is None:
        shipping = partner_settings.shipping_for(connection, (items or share).subtotal, order.currency)
    return replace(share, shipping=shipping, total=share.total + shipping, carries_shipping=bool(shipping))


def customers_part(push: OrderPush) -> Decimal:
    """What of a push is the customer's money: not what a partner is paid for sending, nor what was given back before it
    was sent."""
    return of_order(push, shares.of(push)).total - push.given_back


def of_order(push: OrderPush, share: Share) -> Share:
    """What of a push's share is the order's own: a partner's shipping is none of it."""
    if push.connection.source_id is None:
        return share
    return replace(share, shipping=ZERO, total=share.total - share.shipping, carries_shipping=False)
