"""Orders, an account at a carrier in memory, and pickups, for tests of what is asked of carriers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from connectors.carriers.base import Carrier, Confirmation, PickupRequest
from connectors.errors import OutcomeUnknownError, RejectedError, RetryableError
from connectors.gateway import sandbox
from connectors.models import CarrierAccount
from orders import outbox
from orders.models import CarrierPickup, Order
from orders.services import carrier_pickups
from orders.services.carrier_pickups import WantedOrder
from orders.world import World
from tests.factories import NOON
from tests.fakes import FakeClock
from tests.orders.services.refundable import make_paid

PLACE = {
    "company": "Kauri & Clay", "contact": "Ana", "phone": "+6491234567", "address1": "1 Karangahape Road",
    "city": "Auckland", "postcode": "1010", "country_code": "NZ",
}  # fmt: skip
OPENS = NOON + timedelta(hours=9)  # Tuesday 24 November, 10:00 in Auckland
CLOSES = OPENS + timedelta(hours=4)


class FakeCarrier(Carrier):
    """Drives nowhere. `next_fault` strikes the next asking: "lost" (taken, no answer), "down", "refused"."""

    key = "fake"
    label = "Fake carrier"
    looks_up = True
    looks_ahead_days = 1
    horizon_s = 60.0

    def __init__(self) -> None:
        self.asked: list[PickupRequest] = []
        self.standing: dict[str, str] = {}  # number by reference
        self.next_fault = ""
        self.refuses_cancel = False
        self.finds = 0

    def check(self) -> None:
        return None

    def schedule(self, request: PickupRequest) -> Confirmation:
        fault, self.next_fault = self.next_fault, ""
        self.asked.append(request)
        if fault == "down":
            raise RetryableError("The carrier cannot be reached.")
        if fault == "refused":
            raise RejectedError("The carrier does not drive there.")
        self.standing[request.reference] = f"PRN{len(self.asked)}"
        if fault == "lost":
            raise OutcomeUnknownError("The carrier did not answer in time.")
        return Confirmation(self.standing[request.reference], "6.65 USD")

    def find(self, request: PickupRequest) -> Confirmation | None:
        self.finds += 1
        number = self.standing.get(request.reference)
        return Confirmation(number) if number else None

    def cancel(self, request: PickupRequest, number: str) -> None:
        if self.refuses_cancel:
            raise RejectedError("The driver is on the way.")
        self.standing.pop(request.reference, None)

    def close(self) -> None:
        return None


def make_account(merchant: Any, **fields: Any) -> CarrierAccount:
    return CarrierAccount.objects.create(
        **{"merchant": merchant, "carrier": "mail", "name": "Kauri Couriers", "email": "desk@couriers.example"}
        | PLACE
        | fields
    )


def make_pickup(
    *orders: Order,
    account: CarrierAccount | None = None,
    opens_at: datetime = OPENS,
    closes_at: datetime = CLOSES,
    **fields: Any,
) -> CarrierPickup:
    """For an order of three stools and a vase unless others are given: two parcels, 3 kg each order."""
    chosen = orders or (make_paid(),)
    return carrier_pickups.schedule(
        account_id=(account or make_account(chosen[0].merchant)).pk,
        wanted=[WantedOrder(order.pk, 2, 3000) for order in chosen],
        opens_at=opens_at,
        closes_at=closes_at,
        **{"by": "ana", "at": NOON, **fields},
    )


def drain(carrier: Carrier | None = None, *, at: datetime = NOON) -> None:
    """Carry out what is due; without a carrier, with the account's own driver."""
    more = {} if carrier is None else {"carrier_for": lambda account: carrier}
    world = World(
        clock=FakeClock(at), connector_for=lambda connection: None, gateway_for=lambda name: sandbox.SandboxGateway(),
        **more,
    )  # fmt: skip
    outbox.drain(at=at, world=world)
