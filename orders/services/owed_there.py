"""What a destination says is still to be paid for an order that it was given as paid."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from connectors.base import RemoteOrder
from connectors.money import Money, round_half_up
from orders.models import OrderPush
from orders.models.fields import ZERO
from orders.services import history, notices, terms


def amount(push: OrderPush, remote: RemoteOrder) -> Decimal | None:
    """None where it does not say; a currency other than the order's is a difference of the total already."""
    if remote.outstanding is None or remote.currency != push.order.currency:
        return None
    return max(round_half_up(remote.outstanding, remote.currency), ZERO)


def record(push: OrderPush, owed: Decimal | None, *, known: Decimal | None, explained: bool, at: datetime) -> None:
    """Keep what is owed there; more than is known is told, once per amount. Inside a transaction, under the order's lock.

    `known` is None for what stood there before anybody wrote it down: that tells nothing. `explained`: what changed there
    with it is told already.
    """
    if owed is None:
        return
    if push.remote_outstanding != owed:
        push.remote_outstanding = owed
        push.save(update_fields=["remote_outstanding"])
    if known is not None and owed > known and not explained:
        tell(push, owed, at=at)


def tell(push: OrderPush, owed: Decimal, *, at: datetime) -> None:
    """Nothing where orders go as unpaid: those owe what they are meant to."""
    if not owed or not terms.is_paid(push.order, push.connection):
        return
    name, money = push.connection.name, Money(owed, push.order.currency)
    text = f"{name} says that {money} of {push.remote_name} are still to be paid; it was sent there as paid."
    history.note(push.order, kind="push.owed_in_store", text=text, by=name, at=at, push=push.public_id)
    cause = f"{push.public_id}:owed:{money}"
    notices.promise_merchant(push.order, kind="owed_in_store", cause_key=cause, at=at, reason=text, push=push)
