"""What a mail about a connection says of it, and the page that it leads to."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import reverse

from connectors import conditions
from connectors.models import Connection
from orders.models import Order, OutboxMessage
from orders.services import sync_fault_mails
from orders.services.mails import one_line

PAGE = "connectors:detail"
PAGES = {"orders_unread": "orders:store_channel"}  # by what the mail is about, where it is another


def about(connection_id: int, *, kind: str) -> dict[str, Any]:
    """With how many orders wait for it as the mail is written."""
    connection = Connection.objects.get(pk=connection_id)
    keys = [conditions.token_renewed(connection.pk), conditions.pause_lifted(connection.pk)]
    waiting = Order.objects.filter(pk__in=OutboxMessage.objects.filter(wait_for__in=keys).values("order"))
    return {
        "connection": one_line(connection.name),
        "waiting": waiting.count(),
        "money": sync_fault_mails.money_of(waiting),
        "url": settings.BASE_URL + reverse(PAGES.get(kind, PAGE), args=[connection.public_id]),
    }
