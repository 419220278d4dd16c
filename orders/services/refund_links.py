"""The link with which a customer asks for a refund: signed, for one order, for a while. It is all that they need."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse

from orders.errors import TransitionNotAllowed
from orders.models import Order, Payment
from orders.models.payment import STORE
from orders.services import history
from orders.services.transitions import lock

VALID_FOR = timedelta(days=90)  # from the mail that carries it
_SALT = "orders.refund_request"


def url_for(order: Order) -> str:
    """Empty where nothing can be given back here: the customer paid in the store where it was placed, or not at all."""
    if not Payment.objects.filter(order=order).exclude(gateway=STORE).exists():
        return ""
    token = signing.dumps(order.public_id, salt=_SALT)
    return f"{settings.BASE_URL}{reverse('orders:refund_ask', args=[token])}"


@transaction.atomic
def hand_out(*, order_id: int, by: str, at: datetime) -> str:
    """The link, for a person or a system to pass on. Who took it stands in the history: with it one asks as the customer.

    Raises TransitionNotAllowed where there is nothing to ask back.
    """
    order = lock(order_id)
    if refusal := why_none(order, Payment.objects.filter(order=order).first()):
        raise TransitionNotAllowed(refusal)
    text = f"{by} took the link with which the customer asks for a refund."
    history.note(order, kind="refund.link_taken", text=text, by=by, at=at)
    return url_for(order)


def why_none(order: Order, payment: Payment | None) -> str:
    """Why there is no link to pass on; empty where there is one."""
    if payment is None or payment.captured_at is None:
        return f"No payment of order {order.number} was taken here: there is nothing to ask back."
    if payment.taken_in_store:
        return f"The customer paid in {order.channel.name}: money is asked back there."
    return ""


def order_of(token: str) -> Order | None:
    """None for a link that is wrong, was changed or has run out: nobody learns which."""
    try:
        public_id = signing.loads(token, salt=_SALT, max_age=VALID_FOR)
    except signing.BadSignature:
        return None
    return Order.objects.select_related("merchant", "channel").filter(public_id=public_id).first()
