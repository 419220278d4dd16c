"""Our order in the neutral shape that every driver gets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.urls import reverse

from connectors.base import Address, OutboundLine, OutboundOrder, OutboundTax, PickupPlace, PushOptions
from connectors.models import ProductLink
from connectors.money import total
from orders.enums import AddressKind, PaymentStatus
from orders.models import Order, OrderAddress, OrderLine, OrderPush

_PAID = {PaymentStatus.CAPTURED, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED}


def build(push: OrderPush) -> OutboundOrder:
    """The order as this push will send it, read fresh; lines without a product link have no variant."""
    order = Order.objects.select_related("channel", "payment").get(pk=push.order_id)
    lines = [row.line for row in push.push_lines.select_related("line").order_by("line__position")]
    links = _links(push, lines)
    addresses = {address.kind: _address(address) for address in order.addresses.all()}
    shipping = addresses.get(AddressKind.SHIPPING)
    return OutboundOrder(
        reference=push.reference,
        number=order.number,
        channel_name=order.channel.name,
        placed_at=order.placed_at,
        currency=order.currency,
        prices_include_tax=order.prices_include_tax,
        lines=tuple(_line(line, links.get(line.sku, "")) for line in lines),
        subtotal=total(line.amount for line in lines),
        discount=order.discount,
        shipping=order.shipping,
        shipping_title=order.shipping_title,
        shipping_taxes=_taxes(order.shipping_taxes),
        tax=order.tax,
        total=order.total,
        billing=addresses.get(AddressKind.BILLING) or shipping or Address(),
        shipping_address=None if order.has_pickup else shipping,
        pickup=_pickup(order),
        customer_name=order.customer_name,
        customer_email=order.customer_email,
        customer_phone=order.customer_phone,
        customer_note=order.customer_note,
        attributes=order.attributes,
        options=_options(order, push),
        paid_at=order.payment.captured_at if order.payment_status in _PAID else None,
    )


def order_url(order: Order) -> str:
    """The order's page in the portal, absolute."""
    return f"{settings.BASE_URL}{reverse('orders:detail', args=[order.public_id])}"


def _links(push: OrderPush, lines: Iterable[OrderLine]) -> dict[str, str]:
    links = ProductLink.objects.filter(connection_id=push.connection_id, sku__in={line.sku for line in lines})
    return dict(links.values_list("sku", "variant_id"))


def _line(line: OrderLine, variant_id: str) -> OutboundLine:
    return OutboundLine(
        line_id=line.public_id,
        sku=line.sku,
        title=line.title,
        quantity=line.quantity,
        unit_price=line.unit_price,
        variant_id=variant_id,
        taxes=_taxes(line.taxes),
        requires_shipping=line.requires_shipping,
    )


def _taxes(rows: Iterable[Mapping[str, Any]]) -> tuple[OutboundTax, ...]:
    return tuple(OutboundTax(row["title"], Decimal(row["rate"]), Decimal(row["amount"])) for row in rows)


def _address(address: OrderAddress) -> Address:
    return Address(
        first_name=address.first_name,
        last_name=address.last_name,
        company=address.company,
        address1=address.address1,
        address2=address.address2,
        city=address.city,
        province_code=address.province_code,
        postcode=address.postcode,
        country_code=address.country_code,
        phone=address.phone,
    )


def _pickup(order: Order) -> PickupPlace | None:
    if not order.has_pickup:
        return None
    return PickupPlace(order.pickup_name, order.pickup_address, order.pickup_instructions)


def _options(order: Order, push: OrderPush) -> PushOptions:
    chosen = push.connection.sync_settings
    url = order_url(order)
    return PushOptions(
        order_url=url,
        share_customer_email=chosen.share_customer_email,
        bypass_stock_check=chosen.bypass_stock_check,
        mark_paid=True,
        tag=f"{order.channel.name} Order",
        note=f"{order.channel.name} order {order.number}\n{url}",
    )
