"""Archived orders leave the lists, and nothing else changes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.models import Merchant
from orders import queries
from orders.enums import OrderStatus, PaymentStatus
from orders.errors import NeedsConsent
from orders.models import Order, OrderEvent
from orders.services import archiving, clock, decisions
from orders.services.readiness import REMOVED
from tests.factories import NOON, make_order
from tests.orders.drafts import BY

pytestmark = pytest.mark.django_db


def archive(*orders: Order, consent: bool = False) -> archiving.Archived:
    rows = Order.objects.filter(pk__in=[order.pk for order in orders])
    return archiving.archive(orders=rows, consent=consent, **BY)


def closed(merchant: Merchant, **fields: object) -> Order:
    return make_order(merchant, **{"status": OrderStatus.DECLINED, "payment_status": PaymentStatus.NONE, **fields})


def shown(merchant: Merchant, **query: str) -> list[Order]:
    return queries.order_page(merchant, queries.Wanted.from_query(query), at=NOON).orders


def test_an_archived_order_stands_in_its_own_tab_alone(merchant: Merchant):
    order, other = closed(merchant), closed(merchant)

    archive(order)

    assert shown(merchant) == [other]
    assert shown(merchant, tab="closed") == [other]
    assert shown(merchant, tab="archived") == [order]
    counts = queries.tab_counts(merchant, queries.Wanted(), at=NOON)
    assert (counts["all"], counts["closed"], counts["archived"]) == ("1", "1", "1")


def test_it_comes_back(merchant: Merchant):
    order = closed(merchant)
    archive(order)

    archiving.unarchive(orders=Order.objects.all(), **BY)

    assert shown(merchant) == [order]
    assert list(order.events.order_by("pk").values_list("text", flat=True)) == [
        "Archived by ana@kauri.example.",
        "Brought back by ana@kauri.example.",
    ]


def test_archiving_twice_is_one_line_in_the_history(merchant: Merchant):
    order = closed(merchant)

    assert [archive(order).done, archive(order).done] == [1, 0]
    assert OrderEvent.objects.count() == 1


@pytest.mark.parametrize(
    ("status", "payment"),
    [
        (OrderStatus.PENDING, PaymentStatus.AUTHORIZED),
        (OrderStatus.CONFIRMED, PaymentStatus.CAPTURED),
        (OrderStatus.DECLINED, PaymentStatus.AUTHORIZED),
    ],
)
def test_what_is_under_way_asks_first_and_then_nothing_is_archived(merchant: Merchant, status: str, payment: str):
    money = {"captured": 115, "captured_at": NOON} if payment == PaymentStatus.CAPTURED else None
    order = make_order(merchant, status=status, payment_status=payment, payment=money)

    with pytest.raises(NeedsConsent, match=r"1 order is still under way.*expires at its time"):
        archive(order, closed(merchant))

    assert not Order.objects.filter(is_archived=True).exists()


def test_with_consent_it_is_archived_and_still_expires_at_its_time(merchant: Merchant):
    order = make_order(merchant)

    archive(order, consent=True)
    clock.expire(at=order.confirm_by + timedelta(minutes=1))

    order.refresh_from_db()
    assert (order.is_archived, order.status) == (True, OrderStatus.EXPIRED)


def test_an_archived_order_is_not_accepted_by_itself(merchant: Merchant):
    Merchant.objects.update(auto_accept=True)
    order = make_order(merchant)
    archive(order, consent=True)

    assert decisions.auto_accept(order_id=order.pk, at=NOON) is False


def test_nobody_is_reminded_of_an_archived_order(merchant: Merchant):
    order = make_order(merchant)
    archive(order, consent=True)

    clock.remind(at=order.confirm_by - timedelta(hours=1))

    order.refresh_from_db()
    assert order.reminded_at is None


def test_all_without_a_shipping_address_are_found(merchant: Merchant):
    without, streetless = closed(merchant), closed(merchant)
    without.addresses.all().delete()
    streetless.addresses.update(address1="")
    closed(merchant)  # has one
    closed(merchant, delivery="pickup").addresses.all().delete()
    closed(merchant, customer_name=REMOVED).addresses.update(address1="")
    make_order().addresses.all().delete()  # another merchant's

    assert set(archiving.without_address(merchant)) == {without, streetless}
    assert set(shown(merchant, gap="no_address")) == {without, streetless}


def test_too_many_are_done_in_several_goes(merchant: Merchant, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(archiving, "AT_ONCE", 2)
    orders = [closed(merchant) for _ in range(3)]

    assert archive(*orders) == archiving.Archived(2, 1)
    assert archive(*orders) == archiving.Archived(1, 0)


def test_the_list_finds_orders_by_what_they_lack(merchant: Merchant):
    blocker = {"code": "invoice_missing", "message": "", "field": "invoice_number", "value": ""}
    order = make_order(merchant, status=OrderStatus.DRAFT, blockers=[blocker])
    make_order(merchant)

    assert shown(merchant, gap="invoice_missing") == [order]
    assert shown(merchant, gap="customs_missing") == []
