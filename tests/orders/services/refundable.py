"""An order whose payment is taken, in our rows and in the sandbox's books, for tests of refunds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils import timezone

from connectors.gateway import sandbox
from connectors.gateway.base import Gateway
from connectors.models import SandboxCharge
from connectors.money import to_minor
from orders import outbox
from orders.enums import OrderStatus, PaymentStatus, RefundReason
from orders.models import Order, Refund
from orders.services import refunds
from orders.services.refund_quotes import Wanted, WantedLine
from orders.world import World
from tests.factories import NOON, make_order
from tests.fakes import FakeClock

STOOLS = [{"sku": "A", "title": "Oak stool", "quantity": 3, "unit_price": "10.00"}, {"sku": "B", "title": "Vase"}]


def make_paid(merchant: Any = None, **fields: Any) -> Order:
    """Three oak stools at 10.00, a vase at 15.00 and 5.00 of shipping: 50.00 NZD, captured."""
    fields = {"lines": STOOLS, "shipping": Decimal("5.00"), "status": OrderStatus.CONFIRMED, **fields}
    order = make_order(merchant, payment_status=PaymentStatus.CAPTURED, **fields | {"payment": _taken(fields)})
    take(order)
    return order


def take(order: Order) -> None:
    """All of its total, in our row and in the books."""
    order.payment.captured = order.total
    order.payment.save()
    units = to_minor(order.total, order.currency)
    SandboxCharge.objects.create(
        reference=order.payment.reference, currency=order.currency, authorized=units, captured=units, state="succeeded",
        capture_before=timezone.now() + sandbox.WINDOW,
    )  # fmt: skip


def wanted(lines: dict[str, int] | None = None, **fields: Any) -> Wanted:
    """By the line's id: "1" is the stools, "2" the vase."""
    chosen = tuple(WantedLine(line, units) for line, units in (lines or {}).items())
    return Wanted(**{"lines": chosen, "reason": RefundReason.DAMAGED, **fields})


def issue(order: Order, lines: dict[str, int] | None = None, **fields: Any) -> Refund:
    return refunds.issue(order_id=order.pk, wanted=wanted(lines, **fields), by="ana", at=NOON)[0]


def drain(gateway: Gateway | None = None, *, clock: FakeClock | None = None) -> None:
    """Carry out what is due, with the sandbox or a gateway that stands before it."""
    gateway, clock = gateway or sandbox.SandboxGateway(), clock or FakeClock()
    world = World(clock=clock, connector_for=lambda connection: None, gateway_for=lambda name: gateway)
    outbox.drain(at=clock.now(), world=world)


def _taken(fields: dict[str, Any]) -> dict[str, Any]:
    return {"captured": 1, "captured_at": NOON, **fields.get("payment", {})}


def charge_of(order: Order) -> SandboxCharge:
    return SandboxCharge.objects.get(reference=order.payment.reference)
