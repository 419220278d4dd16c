"""Orders come in: stored once, with all that follows from them, whatever is sent twice."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from accounts.formed import Read
from accounts.models import Marketplace, Merchant
from connectors import rows
from connectors.base import Blocker, BlockerCode
from orders.enums import AddressKind, Delivery, OrderStatus, PaymentStatus, PushStatus
from orders.errors import FieldProblem, IdempotencyConflict, InvalidOrder
from orders.models import Channel, IntakeKey, Order, OrderAddress, OrderLine, Payment
from orders.models.fields import ZERO
from orders.models.payment import STORE
from orders.services import deadlines, draft_faults, history, preflight, readiness, requirements, routing, summary
from orders.services.new_order import NewAddress, NewLine, NewOrder, NewPayment

CUSTOMS = ("hs_code", "origin_country", "customs_value")
_ADDRESS_FIELDS = tuple(NewAddress.__dataclass_fields__)


def channel_of(marketplace: Marketplace) -> Channel:
    """The channel of a marketplace, made on its first order."""
    found = _channels([marketplace.pk])
    return (
        found[0]
        if found
        else Channel.objects.get_or_create(marketplace=marketplace, defaults={"name": marketplace.name})[0]
    )


_channels: Read[Channel] = Read(lambda keys: Channel.objects.filter(marketplace__in=keys))


def merchant_for(marketplace: Marketplace, slug: str) -> Merchant:
    """A merchant that sells on the marketplace. Raises InvalidOrder; others do not exist for it."""
    for merchant in _merchants([slug], marketplace.pk):
        return merchant
    raise InvalidOrder([FieldProblem("merchant", "unknown_merchant", "No such merchant sells on this marketplace.")])


_merchants: Read[Merchant] = Read(
    lambda keys, of: Merchant.objects.filter(marketplaces=of, slug__in=keys, is_active=True), text=True, of=True
)


def place(
    *, channel: Channel, merchant: Merchant, new: NewOrder, by: str, at: datetime, idempotency_key: str = ""
) -> tuple[Order, bool]:
    """Store an order, or find the one that the same body made before. True when it is new.

    The unique keys decide, not a look beforehand: repeats are rare, and of two simultaneous calls one stores and the
    other finds. Raises IdempotencyConflict when the key or the order's id came with another body, InvalidOrder when its payment
    belongs to another order.
    """
    try:
        with transaction.atomic():
            given = _without_empty_payment(_not_ahead(new, at=at))
            return _store(channel, merchant, given, by=by, at=at, idempotency_key=idempotency_key), True
    except IntegrityError:
        known = _known(channel, new, idempotency_key, at)
        if known is not None:
            return known, False
        _refuse_used_payment(new)
        raise


def _known(channel: Channel, new: NewOrder, idempotency_key: str, at: datetime) -> Order | None:
    if idempotency_key:
        keys = IntakeKey.objects.select_related("order__merchant", "order__channel")
        used = keys.filter(channel=channel, key=idempotency_key).first()
        if used is not None:
            return _same(used.order, used.body_digest, new, "This Idempotency-Key was used with another body.")
    orders = Order.objects.select_related("merchant", "channel")
    order = orders.filter(channel=channel, external_id=new.external_id).first()
    if order is None:
        return None
    _same(order, order.body_digest, new, f"Order {new.external_id} came before with another body.")
    if idempotency_key:
        IntakeKey.objects.get_or_create(
            channel=channel,
            key=idempotency_key,
            defaults={"body_digest": new.digest, "order": order, "created_at": at},
        )
    return order


def _same(order: Order, digest: str, new: NewOrder, refusal: str) -> Order:
    if digest != new.digest:
        raise IdempotencyConflict(refusal)
    return order


def _store(
    channel: Channel, merchant: Merchant, new: NewOrder, *, by: str, at: datetime, idempotency_key: str
) -> Order:
    """Few statements, since every order passes here: nothing is read that this very transaction wrote."""
    book = routing.read_book(merchant, (line.sku for line in new.lines), source_id=channel.connection_id)
    facts = routing_facts(new)
    routes = [book.route(line.sku, facts) for line in new.lines]
    gaps = gaps_of(channel, merchant, new)
    lost = routing.nowhere(book.lost(new.lines, routes))
    order = Order(
        merchant=merchant,
        channel=channel,
        received_at=at,
        **asdict(deadlines.of_new(new, merchant, channel, at=at)),
        status=OrderStatus.DRAFT if gaps else OrderStatus.PENDING,
        push_status=summary.push_summary([PushStatus.HELD] if lost else routing.first_statuses(routes)),
        blockers=[blocker.as_json() for blocker in (*gaps, *lost)],
        **as_placed(new),
        payment_status=payment_status(new),
    )
    rows.store([order])
    lines = _store_parts(order, new)
    if idempotency_key:
        IntakeKey.objects.create(
            channel=channel, key=idempotency_key, body_digest=new.digest, order=order, created_at=at
        )
    if gaps:
        draft_faults.report(order, gaps, at=at)
    history.note(order, kind="order.arrived", text=f"Arrived from {by}.", by=by, at=at)
    pushes = routing.plan(order, lines, routes, checking=not gaps, at=at)
    if not gaps:
        preflight.ask_first(order, pushes, at=at)
    elif preflight.is_payment_unread(order) or any(gap.code == BlockerCode.UNMAPPED_SKU for gap in gaps):
        preflight.ask_alone(order, at=at)
    return order


def gaps_of(channel: Channel, merchant: Merchant, new: NewOrder) -> tuple[Blocker, ...]:
    """What the merchant asks of this channel's orders and this one lacks, and what is wrong with it besides."""
    needs = requirements.needs_of(merchant, channel)
    is_linked = needs.link and requirements.has_link(
        merchant, (line.sku for line in new.lines), source_id=channel.connection_id
    )
    lacking = readiness.missing(readiness.facts_of(new, home=merchant.country_code, is_linked=is_linked), needs)
    return (*lacking, *new.doubts)


_COPIED = (
    "external_id", "number", "placed_at", "currency", "prices_include_tax", "subtotal", "discount", "shipping",
    "shipping_title", "tax", "total", "customer_name", "customer_email", "customer_phone", "customer_note", "delivery",
    "pickup_name", "pickup_address", "pickup_instructions", "invoice_number", "invoice_key",
)  # fmt: skip


def _not_ahead(new: NewOrder, *, at: datetime) -> NewOrder:
    """A channel's clock may run ahead of ours. Stores refuse an order of the future, and by then it is paid for."""
    return replace(new, placed_at=min(new.placed_at, at))


def _without_empty_payment(new: NewOrder) -> NewOrder:
    """An authorization of nothing is none: there is no money to take."""
    return new if new.total or new.payment is None or new.payment.gateway == STORE else replace(new, payment=None)


def payment_status(new: NewOrder) -> PaymentStatus:
    if new.payment is None:
        return PaymentStatus.NONE
    return PaymentStatus.CAPTURED if new.payment.captured_at else PaymentStatus.AUTHORIZED


def as_placed(new: NewOrder) -> dict[str, Any]:
    """The columns that hold what the customer placed."""
    return {
        **{name: getattr(new, name) for name in _COPIED},
        "body_digest": new.digest,
        "shipping_taxes": [tax.as_json() for tax in new.shipping_taxes],
        "attributes": dict(new.attributes),
        "search_text": search_text(new),
    }


def _store_parts(order: Order, new: NewOrder) -> list[OrderLine]:
    lines = [OrderLine(order=order, position=position, **line_columns(line)) for position, line in enumerate(new.lines)]
    rows.store(lines)
    store_addresses(order, new)
    if new.payment:
        store_payment(order, new.payment)
    return lines


def line_columns(line: NewLine) -> dict[str, Any]:
    names = ("external_id", "sku", "title", "quantity", "unit_price", "requires_shipping", *CUSTOMS)
    return {**{name: getattr(line, name) for name in names}, "taxes": [tax.as_json() for tax in line.taxes]}


def store_addresses(order: Order, new: NewOrder) -> None:
    given = {AddressKind.SHIPPING: new.shipping_address, AddressKind.BILLING: new.billing_address}
    rows.insert(
        [
            OrderAddress(order=order, kind=kind, **{name: getattr(address, name) for name in _ADDRESS_FIELDS})
            for kind, address in given.items()
            if address is not None
        ]
    )


def store_payment(order: Order, payment: NewPayment) -> Payment:
    taken = payment.captured_at is not None
    stored = Payment(
        order=order,
        gateway=payment.gateway,
        reference=payment.reference,
        status=PaymentStatus.CAPTURED if taken else PaymentStatus.AUTHORIZED,
        currency=order.currency,
        authorized=payment.amount,
        captured=payment.amount if taken else ZERO,
        authorized_at=payment.authorized_at,
        expires_at=payment.expires_at,
        captured_at=payment.captured_at,
    )
    rows.store([stored])
    return stored


def routing_facts(new: NewOrder) -> routing.Facts:
    address = new.shipping_address if new.delivery == Delivery.SHIP else None
    return routing.Facts(new.attributes, address.country_code if address else "")


def search_text(new: NewOrder) -> str:
    """What the list's search looks through, in lower case."""
    words = [new.number, new.external_id, new.customer_name, new.customer_email, new.attributes.get("po_number", "")]
    return " ".join(filter(None, [*words, *(line.sku for line in new.lines)])).lower()[:4000]


def _refuse_used_payment(new: NewOrder) -> None:
    if new.payment is None:
        return
    used = Payment.objects.filter(gateway=new.payment.gateway, reference=new.payment.reference)
    if used.exists():
        problem = FieldProblem("payment.reference", "already_used", "This payment belongs to another order.")
        raise InvalidOrder([problem])
