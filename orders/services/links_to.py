"""Addresses of the portal's own pages, absolute: for stores, mails and whoever reads outside."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse

from orders.models import Order


def order_url(order: Order) -> str:
    """The order's page in the portal."""
    return f"{settings.BASE_URL}{reverse('orders:detail', args=[order.public_id])}"
