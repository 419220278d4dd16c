"""What the order's page offers beside a blocker."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Merchant, User
from orders.views import fixes
from tests.factories import make_connection, make_merchant, make_order

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("code", "platform", "page"),
    [
        ("unmapped_sku", "shopify", "orders:link_sku"),
        ("credentials_expired", "shopify", "connectors:reconnect"),
        ("scope_missing", "woocommerce", "connectors:reconnect"),
        ("out_of_stock", "shopify", "orders:order_data"),
        ("pickup_location_unmapped", "shopify", "orders:order_data"),
        ("pickup_location_unmapped", "ssactivewear", "connectors:setup"),
        ("payment_profile_missing", "ssactivewear", "connectors:setup"),
    ],
)
def test_a_blocker_leads_to_the_page_that_mends_it(code: str, platform: str, page: str):
    store = make_connection(platform=platform)

    fix = fixes.of(code, "BOWL 1", store)

    assert fix is not None
    assert fix.url.split("?")[0] == reverse(page, args=[store.public_id])


@pytest.mark.parametrize("code", ["internal_error", "custom_line", "shipping_method_unmapped"])
def test_what_no_page_mends_has_no_link(code: str):
    assert fixes.of(code, "", make_connection()) is None


def test_a_partner_s_access_is_not_ours_to_mend():
    partner = make_connection(make_merchant())
    store = make_connection(remote_id="", shop_domain="", source=partner)

    assert fixes.of("credentials_expired", "", store) is None


def test_the_order_s_page_shows_it(client: Client, owner: User, merchant: Merchant):
    store = make_connection(merchant, name="Kauri Shopify")
    order = make_order(merchant, connections=[store])
    blocker = {"code": "credentials_expired", "message": "A new token is needed.", "field": "", "value": ""}
    order.pushes.update(status="held", wait_for="", reason="Held.", blockers=[blocker])
    client.force_login(owner)

    text = client.get(reverse("orders:detail", args=[order.public_id])).content.decode()

    assert f'<a href="{reverse("connectors:reconnect", args=[store.public_id])}">Reconnect Kauri Shopify</a>' in text
