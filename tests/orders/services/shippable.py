"""Orders that are paid and kept here, for tests of shipping and of click and collect."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connectors.gateway import sandbox
from orders import outbox
from orders.enums import Delivery
from orders.models import Fulfillment, Order
from orders.services import collecting, shipping
from orders.services.open_units import WantedLine
from orders.services.shipping import Wanted, WantedParcel
from orders.world import World
from tests.factories import NOON
from tests.fakes import FakeClock
from tests.orders.services.refundable import make_paid

PLACE = {
    "delivery": Delivery.PICKUP,
    "pickup_name": "Kauri & Clay, Newmarket",
    "pickup_address": "8 Broadway, Auckland",
    "pickup_instructions": "Ring the bell.",
}
DHL = WantedParcel("dhl", "JD014600", weight_g=2400, size_mm=(400, 300, 200))


def make_collectable(merchant: Any = None, **fields: Any) -> Order:
    """Three oak stools and a vase that the customer collects; paid."""
    return make_paid(merchant, **PLACE, **fields)


def units(lines: dict[str, int]) -> tuple[WantedLine, ...]:
    """By the line's id: "1" is the stools, "2" the vase."""
    return tuple(WantedLine(line, quantity) for line, quantity in lines.items())


def ship(order: Order, lines: dict[str, int] | None = None, *parcels: WantedParcel, key: str = "") -> Fulfillment:
    """All of it unless `lines` says less."""
    wanted = Wanted(units(lines or {"1": 3, "2": 1}), parcels)
    return shipping.ship(order_id=order.pk, wanted=wanted, by="ana", at=NOON, key=key)[0]


def set_aside(order: Order, lines: dict[str, int] | None = None) -> Fulfillment:
    return collecting.set_aside(order_id=order.pk, lines=units(lines or {"1": 3, "2": 1}), by="ana", at=NOON)


def drain(*, at: datetime = NOON) -> None:
    """Carry out what is due: mails."""
    clock = FakeClock(at)
    world = World(clock=clock, connector_for=lambda connection: None, gateway_for=lambda name: sandbox.SandboxGateway())
    outbox.drain(at=clock.now(), world=world)
