"""Our order in the neutral shape that every driver gets."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.base import Address, OutboundLine, OutboundOrder, PickupPlace, PushOptions
from connectors.models import EmailPolicy
from connectors.money import total
from connectors.services import suppliers
from orders.enums import AddressKind, PaymentStatus
from orders.models import Order, OrderAddress, OrderPush
from orders.services import loading, partner_outbound, shares, still_due, terms, text_templates
from orders.services.links_to import order_url

_PAID = {PaymentStatus.CAPTURED, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED}


def build(push: OrderPush, *, as_sent: bool = False) -> OutboundOrder:
    """This push's part of the order as it will be sent; lines without a product link have no variant.

    What was given back before it was sent is not in it; with `as_sent`, what was given back since still is.
    """
    rows, links = loading.rows_and_links(push)
    return build_of(push, still_due.of(push, rows, shares.of(push), as_sent=as_sent), links)


def build_of(push: OrderPush, due: still_due.Due, links: Mapping[str, str]) -> OutboundOrder:
    """The same of a part that is not, or not yet, the push's own."""
    order = push.order
    addresses = {address.kind: _address(address) for address in order.addresses.all()}
    shipping = addresses.get(AddressKind.SHIPPING)
    billing = addresses.get(AddressKind.BILLING) or shipping or Address()
    amounts = terms.amounts(push, order, due, billing.country_code)
    whole = OutboundOrder(
        reference=push.reference,
        number=order.number,
        channel_name=order.channel.name,
        placed_at=order.placed_at,
        currency=order.currency,
        prices_include_tax=order.prices_include_tax,
        lines=tuple(
            _line(row, links.get(row.line.sku, ""), taxes) for row, taxes in zip(due.lines, amounts.lines, strict=True)
        ),
        subtotal=total(row.amount for row in due.lines),
        discount=due.share.discount,
        shipping=amounts.shipping,
        shipping_title=order.shipping_title,
        shipping_taxes=amounts.shipping_taxes,
        tax=amounts.tax,
        total=amounts.total,
        billing=billing,
        shipping_address=None if order.has_pickup else shipping,
        pickup=_pickup(order),
        customer_name=order.customer_name,
        customer_email=terms.email(order, push.connection.sync_settings),
        customer_phone=order.customer_phone,
        customer_note=order.customer_note,
        attributes=order.attributes,
        options=_options(order, push),
        paid_at=order.payment.captured_at if order.payment_status in _PAID else None,
    )
    return whole if push.connection.source_id is None else partner_outbound.for_partner(whole, push)


def _line(row: still_due.DueLine, variant_id: str, taxes: terms.Taxes) -> OutboundLine:
    line = row.line
    return OutboundLine(
        line_id=line.public_id,
        sku=line.sku,
        title=line.title,
        quantity=row.quantity,
        unit_price=line.unit_price,
        variant_id=variant_id,
        taxes=taxes,
        requires_shipping=line.requires_shipping,
    )


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
    connection, chosen = push.connection, push.connection.sync_settings
    offers, values = terms.offers_of(connection), text_templates.values_of(order)
    fulfilled = terms.is_fulfilled(connection)
    return PushOptions(
        order_url=order_url(order),
        share_customer_email=chosen.email_policy != EmailPolicy.NONE,
        bypass_stock_check=chosen.bypass_stock_check,
        mark_paid=terms.is_paid(order, connection),
        fulfilled=fulfilled,
        location_id=terms.location_id(chosen) if fulfilled and offers.locations else "",
        create_customer=chosen.create_customer and chosen.email_policy == EmailPolicy.CUSTOMER,
        tag=text_templates.fill_line(chosen.tag_template, values),
        note=text_templates.fill(chosen.note_template, values),
        supplier=suppliers.options_of(connection),
    )
