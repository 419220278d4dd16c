"""Orders come in: stored once, with all that follows from them, whatever is sent twice."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.models import Marketplace, Merchant
from orders.enums import AddressKind, OrderStatus, PaymentStatus
from orders.errors import FieldProblem, IdempotencyConflict, InvalidOrder
from orders.models import Channel, IntakeKey, Order, OrderAddress, OrderLine, Payment
from orders.services import decisions, history, readiness, routing
from orders.services.new_order import NewAddress, NewOrder

_ADDRESS_FIELDS = tuple(NewAddress.__dataclass_fields__)


def channel_of(marketplace: Marketplace) -> Channel:
    """The channel of a marketplace, made on its first order."""
    return Channel.objects.get_or_create(marketplace=marketplace, defaults={"name": marketplace.name})[0]


def merchant_for(marketplace: Marketplace, slug: str) -> Merchant:
    """A merchant that sells on the marketplace. Raises InvalidOrder; others do not exist for it."""
    merchant = Merchant.objects.filter(marketplaces=marketplace, slug=slug, is_active=True).first()
    if merchant is None:
        raise InvalidOrder(
            [FieldProblem("merchant", "unknown_merchant", "No such merchant sells on this marketplace.")]
        )
    return merchant


def place(
    *, channel_id: int, merchant_id: int, new: NewOrder, by: str, at: datetime, idempotency_key: str = ""
) -> tuple[Order, bool]:
    """Store an order, or find the one that the same body made before. True when it is new.

    Raises IdempotencyConflict when the key or the order's id came with another body, InvalidOrder when its payment
    belongs to another order. Of two simultaneous calls one stores, the other finds.
    """
    known = _known(channel_id, new, idempotency_key, at)
    if known is not None:
        return known, False
    try:
        with transaction.atomic():
            stored = _store(
                channel_id=channel_id, merchant_id=merchant_id, new=new, by=by, at=at, idempotency_key=idempotency_key
            )
            return stored, True
    except IntegrityError:
        known = _known(channel_id, new, idempotency_key, at)
        if known is not None:
            return known, False
        raise


def _known(channel_id: int, new: NewOrder, idempotency_key: str, at: datetime) -> Order | None:
    if idempotency_key:
        used = IntakeKey.objects.select_related("order").filter(channel_id=channel_id, key=idempotency_key).first()
        if used is not None:
            return _same(used.order, used.body_digest, new, "This Idempotency-Key was used with another body.")
    order = Order.objects.filter(channel_id=channel_id, external_id=new.external_id).first()
    if order is None:
        return None
    _same(order, order.body_digest, new, f"Order {new.external_id} came before with another body.")
    if idempotency_key:
        IntakeKey.objects.get_or_create(
            channel_id=channel_id,
            key=idempotency_key,
            defaults={"body_digest": new.digest, "order": order, "created_at": at},
        )
    return order


def _same(order: Order, digest: str, new: NewOrder, refusal: str) -> Order:
    if digest != new.digest:
        raise IdempotencyConflict(refusal)
    return order


def _store(*, channel_id: int, merchant_id: int, new: NewOrder, by: str, at: datetime, idempotency_key: str) -> Order:
    merchant = Merchant.objects.get(pk=merchant_id)
    _refuse_used_payment(new)
    gaps = readiness.missing(new)
    order = Order.objects.create(
        merchant=merchant,
        channel_id=channel_id,
        external_id=new.external_id,
        number=new.number,
        body_digest=new.digest,
        status=OrderStatus.DRAFT if gaps else OrderStatus.PENDING,
        payment_status=PaymentStatus.AUTHORIZED if new.payment else PaymentStatus.NONE,
        blockers=[gap.as_json() for gap in gaps],
        placed_at=new.placed_at,
        received_at=at,
        confirm_by=confirm_by(new, merchant, at),
        currency=new.currency,
        prices_include_tax=new.prices_include_tax,
        subtotal=new.subtotal,
        discount=new.discount,
        shipping=new.shipping,
        shipping_title=new.shipping_title,
        shipping_taxes=[tax.as_json() for tax in new.shipping_taxes],
        tax=new.tax,
        total=new.total,
        customer_name=new.customer_name,
        customer_email=new.customer_email,
        customer_phone=new.customer_phone,
        customer_note=new.customer_note,
        delivery=new.delivery,
        pickup_name=new.pickup_name,
        pickup_address=new.pickup_address,
        pickup_instructions=new.pickup_instructions,
        attributes=dict(new.attributes),
        search_text=search_text(new),
    )
    _store_parts(order, new)
    if idempotency_key:
        IntakeKey.objects.create(
            channel_id=channel_id, key=idempotency_key, body_digest=new.digest, order=order, created_at=at
        )
    history.note(order, kind="order.arrived", text=f"Arrived from {by}.", by=by, at=at)
    routing.plan(order, at=at)
    if not gaps:
        decisions.ask_check(order, at=at)
    return order


def _store_parts(order: Order, new: NewOrder) -> None:
    OrderLine.objects.bulk_create(
        OrderLine(
            order=order,
            position=position,
            external_id=line.external_id,
            sku=line.sku,
            title=line.title,
            quantity=line.quantity,
            unit_price=line.unit_price,
            taxes=[tax.as_json() for tax in line.taxes],
            requires_shipping=line.requires_shipping,
        )
        for position, line in enumerate(new.lines)
    )
    given = {AddressKind.SHIPPING: new.shipping_address, AddressKind.BILLING: new.billing_address}
    OrderAddress.objects.bulk_create(
        OrderAddress(order=order, kind=kind, **{name: getattr(address, name) for name in _ADDRESS_FIELDS})
        for kind, address in given.items()
        if address is not None
    )
    if new.payment:
        Payment.objects.create(
            order=order,
            gateway=new.payment.gateway,
            reference=new.payment.reference,
            status=PaymentStatus.AUTHORIZED,
            currency=new.currency,
            authorized=new.payment.amount,
            authorized_at=new.payment.authorized_at,
            expires_at=new.payment.expires_at,
        )


def confirm_by(new: NewOrder, merchant: Merchant, at: datetime) -> datetime:
    """The merchant's own limit, or earlier when the authorization runs out before."""
    limit = new.placed_at + timedelta(hours=merchant.confirm_within_hours)
    if new.payment and new.payment.expires_at:
        limit = min(limit, new.payment.expires_at - settings.CONFIRM_MARGIN)
    return limit


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
