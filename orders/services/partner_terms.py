"""What is agreed with a partner, and what that makes of the orders that wait for it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from connectors.models import PartnerSettings, Partnership
from connectors.services import partner_settings
from connectors.services.partner_settings import Threshold
from orders.enums import PushStatus
from orders.models import OrderPush
from orders.services import part_amounts
from orders.services.transitions import lock

AT_ONCE = 200  # while somebody waits for the answer
_WAITING = (PushStatus.WAITING, PushStatus.QUEUED, PushStatus.HELD)


def save(
    *, partnership_id: int, by: str, at: datetime, rules: Iterable[Threshold] | None = None, **chosen: Any
) -> PartnerSettings:
    """Change some of the choices, and all shipping rules where some are given; what waits is charged by the new ones.

    Raises PartnerRefused, and then nothing is changed.
    """
    row = partner_settings.save(partnership_id=partnership_id, by=by, at=at, rules=rules, **chosen)
    if rules is not None:
        _charge_anew(partnership_id)
    return row


def replace_rules(*, partnership_id: int, rules: Iterable[Threshold], by: str, at: datetime) -> None:
    """Put these shipping rules in the place of those there are; what waits is charged by them. Raises PartnerRefused."""
    partner_settings.replace_rules(partnership_id=partnership_id, rules=rules, by=by, at=at)
    _charge_anew(partnership_id)


def _charge_anew(partnership_id: int) -> None:
    """Each order in its own transaction; one that this does not reach, as the rest of many, is charged anew when it is sent."""
    connection_id = Partnership.objects.values_list("connection_id", flat=True).get(pk=partnership_id)
    waiting = OrderPush.objects.filter(
        connection_id=connection_id, status__in=_WAITING, remote_id="", shipping_fee__isnull=True
    )
    for push_id, order_id in list(waiting.order_by("pk").values_list("pk", "order_id")[:AT_ONCE]):
        with transaction.atomic():
            lock(order_id)
            push = OrderPush.objects.select_related("order", "connection__merchant").get(pk=push_id)
            if not part_amounts.has_left(push):
                part_amounts.charge_by_rules(push)
