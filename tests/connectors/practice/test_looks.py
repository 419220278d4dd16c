"""Each platform's practice pages speak its own words."""

from __future__ import annotations

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains

from connectors.practice import looks, services
from connectors.practice.models import PracticeOrder, PracticeShop

pytestmark = pytest.mark.django_db
KEPT = {"status": "processing", "lines": {}, "shippingLines": []}


def opened(platform: str) -> PracticeShop:
    given = {"slug": platform.replace("_", "-"), "name": "Rimu", "currency": "NZD", "platform": platform}
    return services.open_shop(**given, taxes_included=True, variants=[{"sku": "A", "title": "Stool", "price": "5.00"}])


def placed(shop: PracticeShop, number: int = 1, **fields) -> PracticeOrder:
    given = {"financial_status": "PAID", "details": KEPT, "subtotal": 5, "total": 5, "taxes_included": True, **fields}
    at = timezone.now()
    row = shop.orders.create(name=f"#{number}", created_at=at, updated_at=at, currency="NZD", **given)
    row.lines.create(title="Stool", quantity=1, price=5)
    return row


def page(client, shop: PracticeShop, path: str = ""):
    return client.get(f"/practice/stores/{shop.slug}/{path}")


@pytest.mark.parametrize(
    ("platform", "label", "words", "others"),
    [
        ("shopify", "Shopify", ("Payment status", "Tags", "Paid", "Unfulfilled"), ("Processing", "PO number")),
        ("woocommerce", "WooCommerce", ("Status", "Processing"), ("Tags", "Unfulfilled", "Payment")),
        ("squarespace", "Squarespace", ("Paid", "Pending", "Products &amp; Services"), ("Tags", "Unfulfilled")),
        ("ssactivewear", "S&amp;S Activewear", ("PO number", "Warehouse", "In process", "Inventory"), ("Tags", "Paid")),
    ],
)
def test_the_list_has_the_platforms_columns_and_words(client, platform, label, words, others):
    shop = opened(platform)
    placed(shop)

    answer = page(client, shop)

    for word in (f'data-platform="{platform}"', f"<small>Practice {label}</small>", *words):
        assertContains(answer, word)
    for word in others:
        assertNotContains(answer, word)


@pytest.mark.parametrize(
    ("platform", "heading"),
    [("shopify", "Tags"), ("woocommerce", ""), ("squarespace", ""), ("ssactivewear", "Warehouse")],
)
def test_an_order_has_a_card_for_tags_where_the_platform_has_them(client, platform, heading):
    shop = opened(platform)
    answer = page(client, shop, f"orders/{placed(shop, tags=['north']).pk}/")

    assert (b"north" in answer.content) is bool(heading)
    assert (f"<h2>{heading}</h2>".encode() in answer.content) is bool(heading)


@pytest.mark.parametrize(
    ("fields", "fulfillment", "told"),
    [
        ({}, "UNFULFILLED", "Processing"),
        ({}, "FULFILLED", "Completed"),
        ({"details": {"status": "pending"}}, "UNFULFILLED", "Pending payment"),
        ({"details": {"status": "on-hold"}}, "UNFULFILLED", "On hold"),
        ({"refunded": 5}, "FULFILLED", "Refunded"),
        ({"cancelled_at": timezone.now()}, "UNFULFILLED", "Cancelled"),
    ],
)
def test_woocommerce_has_one_status_for_money_and_goods(fields, fulfillment, told):
    row = PracticeOrder(**{"details": KEPT, "total": 5, "financial_status": "PAID", **fields})

    assert [state.text for state in looks.states("woocommerce", row, fulfillment)] == [told]


def test_every_platform_has_as_many_states_as_columns():
    for cancelled_at in (None, timezone.now()):
        row = PracticeOrder(details=KEPT, total=5, financial_status="PAID", cancelled_at=cancelled_at)
        for platform, look in looks.LOOKS.items():
            assert len(looks.states(platform, row, "UNFULFILLED")) == len(look.columns)


def test_a_list_costs_the_same_however_long_it_is(client):
    shop = opened("woocommerce")
    counts = []
    for number in (1, 2, 3):
        placed(shop, number)
        with CaptureQueriesContext(database) as seen:
            page(client, shop)
        counts.append(len(seen))

    assert counts[0] == counts[2]
