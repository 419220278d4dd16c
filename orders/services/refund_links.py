"""The link with which a customer asks for a refund: signed, for one order, for a while. It is all that they need."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.urls import reverse

from orders.models import Order, Payment
from orders.models.payment import STORE

VALID_FOR = timedelta(days=90)  # from the mail that carries it
_SALT = "orders.refund_request"


def url_for(order: Order) -> str:
    """Empty where nothing can be given back here: the customer paid in the store where it was placed, or not at all."""
    if not Payment.objects.filter(order=order).exclude(gateway=STORE).exists():
        return ""
    token = signing.dumps(order.public_id, salt=_SALT)
    return f"{settings.BASE_URL}{reverse('orders:refund_ask', args=[token])}"


def order_of(token: str) -> Order | None:
    """None for a link that is wrong, was changed or has run out: nobody learns which."""
    try:
        public_id = signing.loads(token, salt=_SALT, max_age=VALID_FOR)
    except signing.BadSignature:
        return None
    return Order.objects.select_related("merchant", "channel").filter(public_id=public_id).first()
