"""An order as the store of a partner gets it: what must be sent and where to, who sold it, and nothing else."""

from __future__ import annotations

from dataclasses import replace

from django.conf import settings
from django.urls import reverse

from connectors.base import Address, OutboundOrder
from connectors.services import partner_settings
from orders.models import OrderPush

TAG_MAX = 40  # characters, Shopify's limit for a tag


def for_partner(order: OutboundOrder, push: OrderPush) -> OutboundOrder:
    """The neutral order without what is the destination's own: notes, billing, details, links into its portal."""
    seller = seller_of(push)
    email = partner_settings.address_for(push.connection, push.order.customer_email)
    to = order.shipping_address or Address()
    return replace(
        order,
        channel_name=seller,
        shipping_title=order.shipping_title if push.shipping else "",
        shipping_taxes=(),
        billing=to,
        customer_email=email,
        customer_phone=to.phone,
        customer_note="",
        attributes={},
        options=replace(
            order.options,
            order_url=f"{settings.BASE_URL}{reverse('orders:partner_shipments')}#{push.public_id}",
            share_customer_email=bool(email),
            create_customer=False,
            tag=tag_of(push),
            note=note_of(push),
        ),
    )


def seller_of(push: OrderPush) -> str:
    """The destination, as the source knows it."""
    return push.connection.merchant.name


def tag_of(push: OrderPush) -> str:
    """The destination's name and order number; of a long name as much as a tag can hold."""
    number = push.order.number[: TAG_MAX - 1]
    return f"{seller_of(push)[: TAG_MAX - len(number) - 1].strip()} {number}".strip()


def note_of(push: OrderPush) -> str:
    return f"{seller_of(push)} order {push.order.number}"
