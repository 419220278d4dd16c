"""A carrier in memory that sells labels, and labels of orders, for tests of what is bought from it."""

from __future__ import annotations

import base64
from datetime import datetime
from decimal import Decimal
from typing import Any

from connectors.carriers.base import Carrier
from connectors.carriers.labels import Box, BoxLabel, Label, LabelRequest, Rate
from connectors.errors import CredentialsError, OutcomeUnknownError, RejectedError, RetryableError
from connectors.models import CarrierAccount
from connectors.money import Money
from orders.models import Order, ShippingLabel
from orders.services import labels
from tests.factories import NOON
from tests.orders.services.collected import drain, make_account
from tests.orders.services.printed import send_to
from tests.orders.services.refundable import make_paid
from tests.orders.services.shippable import units

GIF = base64.b64decode("R0lGODdhAgABAIAAAAAAAP///ywAAAAAAgABAAACAgwKADs=")  # two pixels beside each other
GROUND, AIR = Money(Decimal("10.13"), "USD"), Money(Decimal("42.44"), "USD")


class FakeSeller(Carrier):
    """Sells labels. `next_fault` strikes the next buying: "lost" (sold, no answer), "down", "refused", "locked"."""

    key = "ups"
    label = "UPS"
    sells_labels = True
    horizon_s = 60.0

    def __init__(self) -> None:
        self.asked: list[LabelRequest] = []
        self.sold: dict[str, list[Label]] = {}  # by reference
        self.voided: list[str] = []
        self.next_fault = ""
        self.refuses = ""
        self.charges = GROUND
        self.looks = 0

    def check(self) -> None:
        return None

    def schedule(self, request: Any) -> Any:
        raise AssertionError("No pickup is asked for here.")

    def cancel(self, request: Any, number: str) -> None:
        raise AssertionError("No pickup is called off here.")

    def rates(self, request: LabelRequest) -> list[Rate]:
        if self.refuses:
            raise RejectedError(self.refuses)
        return [Rate("03", "UPS Ground", GROUND, None), Rate("01", "UPS Next Day Air", AIR, 1)]

    def buy_label(self, request: LabelRequest) -> Label:
        fault, self.next_fault = self.next_fault, ""
        self.asked.append(request)
        if fault == "down":
            raise RetryableError("The carrier cannot be reached.")
        if fault == "refused":
            raise RejectedError("The carrier does not know this street.")
        if fault == "locked":
            raise CredentialsError("The carrier does not let us in.")
        count = len(self.asked)
        boxes = tuple(BoxLabel(f"1Z{count}{index}", GIF) for index in range(len(request.boxes)))
        self.sold.setdefault(request.reference, []).append(Label(boxes[0].number, boxes, self.charges))
        if fault == "lost":
            raise OutcomeUnknownError("The carrier did not answer in time.")
        return self.sold[request.reference][-1]

    def find_label(self, request: LabelRequest) -> Label | None:
        self.looks += 1
        found = self.sold.get(request.reference) or []
        return Label(found[0].number, found[0].boxes, None) if found else None

    def void_label(self, number: str) -> None:
        if self.refuses:
            raise RejectedError(self.refuses)
        self.voided.append(number)

    def close(self) -> None:
        return None


def make_seller(merchant: Any, **fields: Any) -> CarrierAccount:
    """A UPS account; nothing answers at its address."""
    ups = {"carrier": "ups", "name": "UPS", "email": "", "base_url": "https://ups.test", "account_number": "A1B2C3"}
    return make_account(merchant, **(ups | fields))


def make_label(
    order: Order | None = None, *, account: CarrierAccount | None = None, lines: dict[str, int] | None = None,
    boxes: tuple[Box, ...] = (Box(2400, (400, 300, 200)),), at: datetime = NOON,
) -> ShippingLabel:  # fmt: skip
    """For three stools and a vase unless others are given; rates are asked for and not there yet."""
    if order is None:
        order = make_paid()
        send_to(order)
    return labels.ask(
        order_id=order.pk,
        account_id=(account or make_seller(order.merchant)).pk,
        lines=units(lines or {"1": 3, "2": 1}),
        boxes=boxes,
        by="ana",
        at=at,
    )


def make_rated(order: Order | None = None, **fields: Any) -> ShippingLabel:
    label = make_label(order, **fields)
    drain(FakeSeller())
    label.refresh_from_db()
    return label


def buy(label: ShippingLabel, *, service: str = "03", agreed: Money = GROUND, at: datetime = NOON) -> ShippingLabel:
    return labels.buy(label_id=label.pk, service=service, agreed=agreed, by="ana", at=at)


def make_bought(order: Order | None = None, **fields: Any) -> ShippingLabel:
    label = make_rated(order, **fields)
    buy(label)
    drain(FakeSeller())
    label.refresh_from_db()
    return label
