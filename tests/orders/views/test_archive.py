"""Archiving from the list and from the order's page; requirements in the settings."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Merchant, Role, User
from orders.enums import OrderStatus, PaymentStatus
from orders.models import Order, OrderRequirements
from tests.factories import make_channel, make_marketplace, make_member, make_merchant, make_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(owner: User, client: Client) -> Client:
    client.force_login(owner)
    return client


def closed(merchant: Merchant) -> Order:
    return make_order(merchant, status=OrderStatus.DECLINED, payment_status=PaymentStatus.NONE)


def archive(client: Client, *orders: Order, **data: str):
    chosen = {"orders": [order.public_id for order in orders], **data}
    return client.post(reverse("orders:archive"), chosen, follow=True)


def archived() -> set[Order]:
    return set(Order.objects.filter(is_archived=True))


def test_closed_orders_are_archived_at_once(page: Client, merchant: Merchant):
    orders = [closed(merchant), closed(merchant)]

    text = archive(page, *orders).content.decode()

    assert "2 archived." in text
    assert archived() == set(orders)


def test_an_order_under_way_is_asked_about_first(page: Client, merchant: Merchant):
    order = make_order(merchant)

    text = archive(page, order, next="/orders/?tab=all").content.decode()

    assert "Archive 1 order?" in text
    assert "the customer&#x27;s authorization is released" in text
    assert order.number in text
    assert archived() == set()
    assert "1 archived." in archive(page, order, consent="1").content.decode()


def test_all_without_a_shipping_address_go_together(page: Client, merchant: Merchant):
    without, other = closed(merchant), closed(merchant)
    without.addresses.all().delete()

    text = archive(page, other, scope="no_address").content.decode()

    assert "1 archived." in text
    assert archived() == {without}


def test_the_archived_tab_brings_orders_back(page: Client, merchant: Merchant):
    order = closed(merchant)
    archive(page, order)
    assert reverse("orders:unarchive") in page.get("/orders/", {"tab": "archived"}).content.decode()

    page.post(reverse("orders:unarchive"), {"orders": [order.public_id]})

    assert archived() == set()


def test_the_order_itself_says_that_it_is_archived(page: Client, merchant: Merchant):
    order = closed(merchant)
    archive(page, order)

    text = page.get(reverse("orders:detail", args=[order.public_id])).content.decode()

    assert "Archived: this order stands in no list" in text
    assert "Bring back" in text


def test_an_empty_choice_is_said(page: Client):
    assert "No order was archived" in archive(page).content.decode()


def test_another_merchants_order_stays(page: Client):
    order = closed(make_merchant())

    archive(page, order, consent="1")

    assert archived() == set()


def test_a_viewer_may_not_archive(merchant: Merchant, client: Client):
    client.force_login(make_member(merchant, Role.VIEWER, email="vera@kauri.example"))

    assert archive(client, closed(merchant)).status_code == 403
    assert archived() == set()


def test_it_goes_back_to_a_page_of_ours_alone(page: Client, merchant: Merchant):
    response = page.post(
        reverse("orders:archive"), {"orders": [closed(merchant).public_id], "next": "https://evil.example/"}
    )

    assert response.url == reverse("orders:list")


# --- requirements --------------------------------------------------------------------------------------

SETTINGS = "/settings/requirements/"


def test_a_payment_and_a_value_are_switches_that_are_on_at_first(page: Client, merchant: Merchant):
    html = page.get(SETTINGS).content.decode()
    assert html.count('name="every-payment"') == html.count('name="every-value"') == 1

    page.post(SETTINGS, {"channel": "every", "every-address": "on", "every-value": "on"})

    row = OrderRequirements.objects.get()
    assert (row.needs_payment, row.needs_value) == (False, True)


def test_requirements_are_saved_for_every_channel(page: Client, merchant: Merchant):
    response = page.post(SETTINGS, {"channel": "every", "every-address": "on", "every-invoice": "on"}, follow=True)

    row = OrderRequirements.objects.get()
    assert (row.channel, row.needs_address, row.needs_invoice, row.needs_customs) == (None, True, True, False)
    assert "Orders that wait for a decision are looked at again." in response.content.decode()


def test_a_channel_has_its_own_until_it_goes_by_the_common_ones(page: Client, merchant: Merchant):
    make_channel(make_marketplace(name="ArchiPro", slug="archipro", merchants=[merchant]))

    page.post(SETTINGS, {"channel": "archipro", "archipro-customs": "on"})
    assert "has requirements of its own" in page.get(SETTINGS).content.decode()
    page.post(reverse("orders:requirements_follow"), {"channel": "archipro"})

    assert not OrderRequirements.objects.exists()


def test_a_merchant_without_channels_is_told(page: Client):
    assert "No channel sends you orders yet." in page.get(SETTINGS).content.decode()


def test_another_merchants_channel_is_not_there(page: Client):
    make_channel(make_marketplace(slug="other"))

    for address in (SETTINGS, reverse("orders:requirements_follow")):
        assert page.post(address, {"channel": "other"}).status_code == 404


def test_a_viewer_looks_at_requirements_and_changes_none(merchant: Merchant, client: Client):
    client.force_login(make_member(merchant, Role.VIEWER, email="vera@kauri.example"))

    assert "Save</button>" not in client.get(SETTINGS).content.decode()
    assert client.post(SETTINGS, {"channel": "every"}).status_code == 403
