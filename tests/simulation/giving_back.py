"""Refunds of a unit in the simulation, before or after its order is sent, and whether all money is accounted for."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal

from orders import outbox
from orders.enums import OutboxStatus, RefundReason, RefundStatus, Topic
from orders.models import Order, OrderPush, OutboxMessage, Payment, Refund
from orders.services import refunds
from orders.services.refund_quotes import TAKEN, Wanted, WantedLine

BY = "ana@kauri.example"


class Refunding:
    """One of the two units of some orders: of one at once when its money is in, of another when it is sent."""

    def __init__(self, rng: random.Random) -> None:
        self._left = {pk: rng.choice(("paid", "sent", "never")) for pk in Order.objects.values_list("pk", flat=True)}
        self._left = {pk: when for pk, when in self._left.items() if when != "never"}

    def go_on(self, *, at: datetime) -> None:
        if not self._left:
            return
        paid = set(Payment.objects.filter(order__in=self._left, status__in=TAKEN).values_list("order", flat=True))
        sent = set(OrderPush.objects.filter(order__in=paid).exclude(remote_id="").values_list("order", flat=True))
        for pk, when in list(self._left.items()):
            if pk in (paid if when == "paid" else sent):
                del self._left[pk]
                line = Order.objects.get(pk=pk).lines.get()
                wanted = Wanted((WantedLine(line.external_id, 1),), reason=RefundReason.OUT_OF_STOCK)
                refunds.issue(order_id=pk, wanted=wanted, by=BY, at=at)

    def try_again(self, *, at: datetime) -> None:
        """One that failed, or whose message waits for a person, is tried again by one."""
        for pk in Refund.objects.filter(status=RefundStatus.FAILED).values_list("pk", flat=True):
            refunds.try_again(refund_id=pk, by=BY, at=at)
        held = OutboxMessage.objects.filter(topic=Topic.REFUND_PAYMENT, status=OutboxStatus.HELD)
        outbox.release_all(held, at=at)

    def is_over(self) -> bool:
        return not self._left and not Refund.objects.exclude(status=RefundStatus.DONE).exists()


def astray(
    pushes: Iterable[OrderPush], given: Mapping[str, Mapping[str, Decimal]], totals: Mapping[str, Decimal]
) -> Iterator[str]:
    """Orders of which the gateway gave another amount than our books say, or whose destination holds another."""
    for push in pushes:
        payment = push.order.payment
        there = sum(given.get(payment.reference, {}).values(), Decimal(0))
        ours = sum(Refund.objects.filter(order=push.order).values_list("amount", flat=True), Decimal(0))
        if not there == ours == payment.refunded or totals.get(push.reference) != push.total - push.given_back:
            yield push.reference
