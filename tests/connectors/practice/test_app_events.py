"""The end of an app in a practice store, and what Shopify asks of apps about personal data: by buttons, to the portal."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.asserts import assertContains

from connectors.errors import CredentialsError
from connectors.models import Connection, ConnectionState, InboundEvent, PrivacyRequest
from connectors.practice import services, tasks
from connectors.practice.models import PracticeDelivery, PracticeOrder, PracticeShop
from connectors.services import clients
from orders.models import Order
from orders.services import inbound
from tests.connectors.practice.shop import create
from tests.factories import make_order

pytestmark = pytest.mark.django_db(transaction=True)


def open_shop(platform: str, variants) -> PracticeShop:
    return services.open_shop(
        slug="kauri", name="Kauri", platform=platform, currency="NZD", taxes_included=True, variants=variants
    )


@pytest.fixture(params=["shopify", "squarespace"])
def shop(request, browser) -> PracticeShop:
    variants = [{"sku": "STOOL", "title": "Oak stool", "price": "50.00"}]
    return open_shop(request.param, variants)


@pytest.fixture
def row(browser, shop) -> Connection:
    """A connection that came by approval."""
    browser.leave_for(f"/connections/new/{shop.platform}/authorize/", {"practice": "kauri"})
    browser.answer(approve="1")
    browser.come_back()
    return Connection.objects.get()


def click(name: str, **data) -> str:
    """What the page says after a button."""
    answer = Client().post(reverse(f"practice:{name}", args=["kauri"]), data, follow=True)
    return " ".join(str(message) for message in answer.context["messages"])


def arrive() -> list[str]:
    """The webhooks that are on their way are delivered and dealt with. Their answers."""
    rows = list(PracticeDelivery.objects.filter(answered_at=None).order_by("pk"))
    for delivery in rows:
        tasks.deliver(delivery.pk)
        delivery.refresh_from_db()
    for event in InboundEvent.objects.filter(state="new").order_by("pk"):
        inbound.process(event_id=event.pk, at=timezone.now())
    return [f"{delivery.topic} {delivery.outcome}" for delivery in rows]


def test_an_app_that_is_uninstalled_loses_its_access_and_asks_for_a_reconnect(row, shop):
    assert "uninstalled" in click("uninstall")

    topic = {"shopify": "app/uninstalled", "squarespace": "extension.uninstall"}[shop.platform]
    assert arrive() == [f"{topic} answered 200"]
    row.refresh_from_db()
    assert (row.state, row.state_reason) == (ConnectionState.AUTH_LOST, "The app was uninstalled in the store.")
    with pytest.raises(CredentialsError):
        clients.connector_for(row).check()
    assert not shop.webhooks.exclude(topic="").exists()


def test_a_store_that_is_connected_again_is_told_of_by_new_webhooks(row, shop, browser):
    click("uninstall")
    arrive()

    browser.leave_for(f"/connections/new/{shop.platform}/authorize/", {"practice": "kauri"})
    browser.answer(approve="1")
    browser.come_back()
    click("uninstall")

    assert [outcome.rpartition(" ")[2] for outcome in arrive()] == ["200"]


@pytest.mark.parametrize("shop", ["shopify"], indirect=True)
@pytest.mark.parametrize("topic", ["customers/data_request", "customers/redact"])
def test_a_customers_request_reaches_the_portal_with_the_orders_that_it_is_about(row, shop, topic):
    mine = [create(shop, email="mere@example.com") for _ in range(2)]
    create(shop, email="other@example.com")
    order = make_order(row.merchant, connections=[row])
    order.pushes.update(
        remote_id=f"gid://shopify/Order/{mine[0].pk}", status="pushed", wait_for="", pushed_at=timezone.now()
    )

    click("privacy", topic=topic, order_id=mine[1].pk)

    assert arrive() == [f"{topic} answered 200"]
    request = PrivacyRequest.objects.get()
    assert request.remote_order_ids == [f"gid://shopify/Order/{each.pk}" for each in mine]
    assert request.done_at is not None
    order.refresh_from_db()
    assert (order.customer_name == "Removed") is (topic == "customers/redact")


@pytest.mark.parametrize("shop", ["shopify"], indirect=True)
def test_the_shops_data_are_asked_to_be_removed_only_after_the_app_is_gone(row, shop):
    Connection.objects.update(connected_at=timezone.now() - timedelta(minutes=1))
    assert "Uninstall the app first" in click("privacy", topic="shop/redact")

    click("uninstall")
    click("privacy", topic="shop/redact")
    arrive()

    row.refresh_from_db()
    assert (row.state, row.base_url) == (ConnectionState.REMOVED, "")


@pytest.mark.parametrize("shop", ["shopify"], indirect=True)
def test_what_shopify_would_not_ask_is_refused(row, shop, settings):
    assert "Choose an order" in click("privacy", topic="customers/redact")
    assert "no such webhook" in click("privacy", topic="orders/create")
    assert "Choose what is asked for" in click("privacy")
    settings.SHOPIFY_APP_SECRETS = []
    assert "No app is registered" in click("privacy", topic="shop/redact")
    assert not PracticeDelivery.objects.exists()


def test_the_page_has_what_the_platform_has(client, shop):
    page = client.get(reverse("practice:app", args=["kauri"]))

    assertContains(page, "Uninstall Storeward")
    assert ("shop/redact" in page.content.decode()) is (shop.platform == "shopify")


@pytest.mark.django_db
def test_stores_without_apps_have_no_such_page(client):
    open_shop("woocommerce", [])

    assert client.get(reverse("practice:app", args=["kauri"])).status_code == 404
    assert not PracticeOrder.objects.exists()
    assert not Order.objects.exists()
