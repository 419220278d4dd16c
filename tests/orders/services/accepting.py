"""Merchants with opening hours and auto-accept rules."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from accounts.models import Merchant
from orders.accepting import Verdict
from orders.models import AcceptRule, BusinessHours, Order, OrderPush
from orders.services import accept_rules, decisions, opening_hours, preflight
from orders.services.accept_rules import NewRule
from orders.services.opening_hours import NewHours
from tests.factories import NOON, make_connection, make_order

OFFICE = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), "09:00-17:00")


def make_hours(merchant: Merchant, *, ship_within: dict[int, int] | None = None, **fields: Any) -> BusinessHours:
    """Monday to Friday, nine to five."""
    hours = NewHours(**{"week": OFFICE, **fields})
    return opening_hours.save(
        merchant_id=merchant.pk, hours=hours, ship_within=ship_within or {}, by="ana@kauri.example", at=NOON
    )


def make_rule(merchant: Merchant, verdict: str = Verdict.ACCEPT, **fields: Any) -> AcceptRule:
    return accept_rules.add(merchant_id=merchant.pk, rule=NewRule(verdict, **fields), by="ana@kauri.example", at=NOON)


def make_checked(merchant: Merchant, **fields: Any) -> Order:
    """An order that its store will take."""
    connections = fields.pop("connections", None) or [make_connection(merchant)]
    order = make_order(merchant, connections=connections, **fields)
    for push in order.pushes.all():
        with transaction.atomic():
            preflight.write_down(preflight.Finding(push.pk, ()), at=NOON)
    return order


def auto_accept(order: Order) -> bool:
    """What a green check ends with."""
    assert not OrderPush.objects.filter(order=order, checked_at=None).exists()
    return decisions.auto_accept(order_id=order.pk, at=NOON)
